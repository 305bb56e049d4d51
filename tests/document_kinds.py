"""The kinds of documents that tests draw: a random generator goes in, a Sheet with known lines comes out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from document_sheet import BOLD, MONO, NAMES, SANS, SERIF, WHITE, Sheet, sentence, width_of, words


def fonts(rng: np.random.Generator) -> str:
    return str(rng.choice([SANS, SERIF, MONO]))


def title(rng: np.random.Generator, count: int = 4) -> str:
    return " ".join(sentence(rng, count)).rstrip(".")


def money(rng: np.random.Generator) -> str:
    return f"{rng.uniform(1, 900):.2f}"


def page(rng: np.random.Generator) -> Sheet:
    """One column of 10 to 12-point print in paragraphs: the main case."""
    sheet = Sheet(font=fonts(rng))
    size, leading, top = float(rng.choice([10, 11, 12])), float(rng.uniform(1.15, 1.5)), 60.0
    while True:
        said = words(rng, int(rng.integers(30, 90)))
        if top + (len(sheet.wrapped(said, 455, size, sheet.font)) + 1) * size * leading > 790:
            break
        top = sheet.paragraph(said, 70, top, 455, size, leading=leading, justify=bool(rng.integers(0, 2))) + size * 0.8
    return sheet


def lines(rng: np.random.Generator) -> Sheet:
    """Twenty-four lines of 11 points that have nothing to do with each other."""
    sheet = Sheet(font=fonts(rng))
    sheet.next_block()
    for number in range(24):
        text = sheet.wrapped(words(rng, int(rng.integers(6, 11))), 455, 11, sheet.font)[0]
        sheet.put((70, 80 + 16 * number), text, 11)
    return sheet


def small(rng: np.random.Generator) -> Sheet:
    """Small print set tight: 7 points, lines 1.1 em apart."""
    sheet, top = Sheet(font=str(rng.choice([SANS, SERIF]))), 60.0
    for _ in range(5):
        top = sheet.paragraph(words(rng, 240), 60, top, 475, 7, leading=1.1, justify=True) + 7
    return sheet


def large(rng: np.random.Generator) -> Sheet:
    """A notice in letters of 24 to 48 points."""
    sheet, top = Sheet(font=fonts(rng)), 70.0
    for size in (48, 24, 36):
        top = sheet.paragraph(words(rng, 9), 60, top, 475, size, leading=1.2) + 20
    return sheet


def letter(rng: np.random.Generator) -> Sheet:
    """An address, a date at the right, an underlined subject, paragraphs, a name."""
    sheet, size = Sheet(font=fonts(rng)), float(rng.choice([10, 11, 12]))
    sheet.next_block()
    for number, text in enumerate(("Ms. Ada Brown", "14 Garden Street", "8005 Zürich")):
        sheet.put((70, 90 + number * size * 1.3), text, size)
    sheet.next_block()
    sheet.right(525, 190, "Zürich, 3 March 1998", size)
    sheet.next_block()
    subject = sheet.put((70, 235), title(rng, 5), size + 1, "heading", font=BOLD[sheet.font])
    sheet.rule(70, 237.5, 70 + subject.width, 237.5)
    top = 250.0
    for _ in range(3):
        top = sheet.paragraph(words(rng, 55), 70, top, 455, size, leading=1.35) + size
    sheet.next_block()
    sheet.put((70, top + 60), "Yours sincerely,", size)
    return sheet


def columned(rng: np.random.Generator, count: int, top: float, sheet: Sheet) -> None:
    """Running text in columns down to the foot of the page, each column's lines set free of the others'."""
    size, gutter = float(rng.choice([9, 10] if count == 2 else [8, 9])), float(rng.uniform(16, 26))
    width = (495 - gutter * (count - 1)) / count
    justify, same = bool(rng.integers(0, 2)), bool(rng.integers(0, 2))
    for number in range(count):
        sheet.column = number + 1
        leading, y = (1.25 if same else float(rng.uniform(1.2, 1.35))), top
        while True:
            said = words(rng, int(rng.integers(25, 60)))
            if y + (len(sheet.wrapped(said, width, size, sheet.font)) + 1) * size * leading > 780:
                break
            left = 50 + number * (width + gutter)
            y = sheet.paragraph(said, left, y, width, size, leading=leading, justify=justify) + size * 0.7
    sheet.column = 0


def columns2(rng: np.random.Generator) -> Sheet:
    """A headline over two columns."""
    sheet = Sheet(font=str(rng.choice([SANS, SERIF])))
    top = sheet.paragraph(sentence(rng, 5), 50, 50, 495, 22, kind="heading", font=BOLD[sheet.font])
    columned(rng, 2, top + 16, sheet)
    return sheet


def columns3(rng: np.random.Generator) -> Sheet:
    """Three narrow columns."""
    sheet = Sheet(font=str(rng.choice([SANS, SERIF])))
    columned(rng, 3, 60, sheet)
    return sheet


def magazine(rng: np.random.Generator) -> Sheet:
    """A headline, a line of its author, a drop capital, two columns, a picture above the second, page number."""
    sheet = Sheet(font=SERIF)
    top = sheet.paragraph(sentence(rng, 4), 50, 40, 495, 34, kind="heading", font=BOLD[SERIF])
    top = sheet.paragraph(sentence(rng, 6), 50, top + 4, 495, 14, font="tiit") + 18
    sheet.column, size, width = 1, 10.0, 236.0
    sheet.next_block()
    capital = sheet.put((50, top + 33.6), "T", 46, "drop")
    said = ["hings", *words(rng, 500)]
    for number in range(40):
        inset = capital.width + 4 if number < 3 else 0
        text = sheet.wrapped(said, width - inset, size, sheet.font)[0]
        said = said[len(text.split(" ")) :]
        sheet.put((50 + inset, top + size * (0.86 + 1.25 * number)), text, size)
    sheet.column = 2
    sheet.pictures.append(((309, top, 545, top + 150), photograph(rng)))
    y = top + 162
    for _ in range(3):
        y = sheet.paragraph(words(rng, 60), 309, y, width, size, justify=True) + 8
    sheet.column = 0
    sheet.next_block()
    sheet.put((292, 815), "12", 9, "footer")
    return sheet


def photograph(rng: np.random.Generator, width: int = 320, height: int = 200) -> np.ndarray:
    """Something with soft and hard edges, light and dark, uint8 (height, width, 3)."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    scene = 120 + 60 * np.sin(x / rng.uniform(15, 60)) + 50 * np.cos(y / rng.uniform(10, 50))
    for _ in range(25):
        at, radius = rng.uniform(0, width), rng.uniform(4, 40)
        hit = (x - at) ** 2 + (y - rng.uniform(0, height)) ** 2 < radius**2
        scene[hit] = rng.uniform(0, 255)
    grain = rng.normal(0, 6, (height, width, 3))
    return np.clip(scene[:, :, None] * np.array([1, 0.95, 0.85]) + grain, 0, 235).astype(np.uint8)


def report(rng: np.random.Generator) -> Sheet:
    """Header, footer, headings of two sizes, paragraphs and a list."""
    sheet = Sheet(font=str(rng.choice([SANS, SERIF])))
    bold = BOLD[sheet.font]
    sheet.next_block()
    sheet.put((70, 40), "Annual report 1998", 8, "header")
    sheet.next_block()
    sheet.right(525, 40, "The Garden Company", 8, "header")
    sheet.rule(70, 46, 525, 46)
    top = sheet.paragraph(sentence(rng, 4), 70, 60, 455, 20, kind="heading", font=bold) + 6
    for number in range(2):
        top = sheet.paragraph(sentence(rng, 4), 70, top, 455, 13, kind="heading", font=bold) + 3
        top = sheet.paragraph(words(rng, 60), 70, top, 455, 10.5, leading=1.3, justify=True) + 8
        sheet.next_block()
        for item in range(4):
            top += 14.5
            marker = f"{item + 1}." if number else "\x95"
            text = sheet.wrapped(sentence(rng, 8), 400, 10.5, sheet.font)[0]
            sheet.put((78, top), f"{marker}  {text}", 10.5, "list")
        top += 16
    sheet.paragraph(words(rng, 40), 70, top, 455, 10.5, leading=1.3)
    sheet.next_block()
    sheet.put((285, 815), f"Page {rng.integers(1, 90)}", 8, "footer")
    return sheet


def contents(rng: np.random.Generator) -> Sheet:
    """A table of contents: dotted leaders to page numbers at the right."""
    sheet, size = Sheet(font=str(rng.choice([SANS, SERIF]))), 11.0
    top = sheet.paragraph(["Contents"], 70, 60, 455, 20, kind="heading", font=BOLD[sheet.font]) + 10
    sheet.next_block()
    for number in range(20):
        text, last = title(rng, int(rng.integers(2, 6))), str(3 + number * 7)
        room = 455 - width_of(f"{text}   {last}", sheet.font, size)
        dots = "." * int(room / width_of(".", sheet.font, size))
        line = sheet.put((70, top + 20 * (number + 1)), f"{text} {dots} {last}", size)
        sheet.texts[-1] = replace(line, space=(455 - line.width) / line.text.count(" "))
    return sheet


def ruled(rng: np.random.Generator, sheet: Sheet, top: float, rows: int, edges: list[float]) -> float:
    """A table with all its rules; gives the height beneath it."""
    sheet.next_block()
    high = 20.0
    for row in range(rows):
        y = top + row * high
        for column in range(len(edges) - 1):
            text = str(rng.choice(NAMES)) if column == 0 else money(rng)
            if row == 0:
                text = ("Item", "Price", "Tax", "Total", "Sum")[column]
            sheet.put((edges[column] + 5, y + 14), text, 10, "cell", row=row)
    for row in range(rows + 1):
        sheet.rule(edges[0], top + row * high, edges[-1], top + row * high)
    for edge in edges:
        sheet.rule(edge, top, edge, top + rows * high)
    return top + rows * high


def table(rng: np.random.Generator) -> Sheet:
    """A paragraph, a ruled table, a paragraph."""
    sheet = Sheet(font=str(rng.choice([SANS, SERIF])))
    top = sheet.paragraph(words(rng, 40), 70, 60, 455, 11) + 16
    top = ruled(rng, sheet, top, int(rng.integers(4, 12)), [70, 250, 340, 430, 525]) + 14
    sheet.paragraph(words(rng, 50), 70, top, 455, 11)
    return sheet


def invoice(rng: np.random.Generator) -> Sheet:
    """Sender, number and date, a table without rules, the total, the terms."""
    sheet, size = Sheet(font=str(rng.choice([SANS, SERIF]))), 10.0
    sheet.paragraph(["Invoice"], 70, 50, 200, 24, kind="heading", font=BOLD[sheet.font])
    sheet.next_block()
    for number, text in enumerate(("The Garden Company", "14 Long Street, Zürich", f"Invoice No. {rng.integers(1e5)}")):
        sheet.put((70, 120 + 14 * number), text, size)
    sheet.next_block()
    rows, top = int(rng.integers(4, 14)), 200.0
    for row in range(rows + 1):
        y = top + 18 * row
        head = BOLD[sheet.font] if row == 0 else sheet.font
        name = f"{rng.choice(NAMES)} No. {rng.integers(10, 99)}"
        cells = (
            ("Description", "Qty", "Price", "Amount")
            if row == 0
            else (name, str(rng.integers(1, 40)), money(rng), money(rng))
        )
        sheet.put((70, y), cells[0], size, "cell", row=row, font=head)
        for text, right in zip(cells[1:], (330, 430, 525), strict=True):
            sheet.right(right, y, text, size, "cell", row=row, font=head)
    sheet.next_block()
    y = top + 18 * rows + 34
    sheet.right(525, y, f"Total amount due: {money(rng)} EUR", 12, font=BOLD[sheet.font])
    sheet.paragraph(words(rng, 30), 70, y + 30, 455, 9)
    return sheet


def receipt(rng: np.random.Generator) -> Sheet:
    """A narrow strip of paper: a shop's name, items and prices far apart, a total."""
    count = int(rng.integers(5, 16))
    sheet = Sheet(size=(226, 190 + 14.0 * count), font=str(rng.choice([MONO, SANS])))
    sheet.next_block()
    for number, (text, size) in enumerate((("CORNER SHOP", 14), ("12 Garden Street", 9), ("8005 Zürich", 9))):
        known = sheet.put((0, 30 + 14 * number), text, size, font=BOLD[sheet.font] if not number else sheet.font)
        sheet.texts[-1] = replace(known, x=113 - known.width / 2)
    sheet.next_block()
    y = 90.0
    for row in range(count):
        sheet.put((14, y), str(rng.choice(NAMES)), 9, "cell", row=row)
        sheet.right(212, y, money(rng), 9, "cell", row=row)
        y += 14
    sheet.rule(14, y - 6, 212, y - 6, 0.7)
    sheet.put((14, y + 10), "TOTAL EUR", 11, "cell", row=count, font=BOLD[sheet.font])
    sheet.right(212, y + 10, money(rng), 11, "cell", row=count, font=BOLD[sheet.font])
    sheet.next_block()
    sheet.put((14, y + 46), "Thank you, please come again", 9)
    return sheet


def form(rng: np.random.Generator) -> Sheet:
    """Labels in ruled boxes with what was filled in beneath, lines to write on, boxes to tick."""
    sheet = Sheet(font=SANS)
    sheet.paragraph(["Application", "for", "a", "library", "card"], 50, 40, 495, 18, kind="heading", font=BOLD[SANS])
    labels = (
        "Family name",
        "First name",
        "Date of birth",
        "Place of birth",
        "Street and number",
        "Town",
        "Telephone",
        "Profession",
    )
    filled = ("Brown", "Ada", "12.08.1956", "Zürich", "14 Garden Street", "Jagdfeld", "044 291 22 91", "Teacher")
    sheet.next_block()
    for number, (label, text) in enumerate(zip(labels, filled, strict=True)):
        left, top = 50 + 247.5 * (number % 2), 90 + 42 * (number // 2)
        sheet.outline((left, top, left + 247.5, top + 42))
        sheet.put((left + 5, top + 11), label, 7, "cell", row=number // 2)
        sheet.put((left + 9, top + 31), text, 12, "cell", row=number // 2, font=MONO)
    sheet.next_block()
    for number, (label, text) in enumerate(
        (("Guardian", title(rng, 2)), ("Remarks", title(rng, 4)), ("Signed in", "Jagdfeld"))
    ):
        y = 300 + 30.0 * number
        sheet.put((50, y), f"{label}:  {text}", 11)
        sheet.rule(115, y + 3, 545, y + 3, 0.6)
    for number, text in enumerate(("I have read the rules.", "I want letters by post.")):
        sheet.next_block()
        y = 410 + 24.0 * number
        sheet.outline((50, y - 9, 60, y + 1))
        sheet.put((70, y), text, 11)
    sheet.paragraph(words(rng, 50), 50, 450, 495, 8)
    return sheet


def dark(rng: np.random.Generator) -> Sheet:
    """Light letters on dark paper."""
    sheet, top = Sheet(font=SANS, paper=(0.1, 0.12, 0.2), ink=(0.95, 0.95, 0.85)), 60.0
    top = sheet.paragraph(sentence(rng, 4), 60, top, 475, 24, kind="heading", font=BOLD[SANS]) + 10
    for _ in range(4):
        top = sheet.paragraph(words(rng, 50), 60, top, 475, 12, leading=1.35) + 12
    return sheet


def inverse(rng: np.random.Generator) -> Sheet:
    """Headings in light letters on dark bars over paragraphs, and one dark box with a paragraph in it."""
    sheet, top = Sheet(font=SANS), 50.0
    for _ in range(3):
        sheet.fill((60, top, 535, top + 26), (0.15, 0.2, 0.35))
        sheet.next_block()
        sheet.put((68, top + 18), title(rng), 14, "heading", colour=WHITE, font=BOLD[SANS])
        top = sheet.paragraph(words(rng, 50), 60, top + 32, 475, 11) + 14
    sheet.fill((60, top, 535, top + 120), (0.05, 0.05, 0.05))
    sheet.paragraph(words(rng, 45), 74, top + 12, 447, 11, colour=WHITE)
    return sheet


def blank(rng: np.random.Generator) -> Sheet:
    """An empty page of paper that is more or less white."""
    return Sheet(paper=(1.0, 1.0, float(rng.uniform(0.85, 1))))


KINDS = {
    draw.__name__: draw
    for draw in (
        page, lines, small, large, letter, columns2, columns3, magazine, report, contents, table, invoice, receipt,
        form, dark, inverse, blank,
    )
}  # fmt: skip
