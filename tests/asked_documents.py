"""Documents with questions whose answers are known: forms of a page, reports of many in which few pages tell.

    form = draw_form(seed)
    invoice = draw_invoice(seed)
    report = draw_report(seed, pages=60)
    path.write_bytes(pdf_of_sheets(report.sheets, "scanned"))
    report.asked[0].question, report.asked[0].answer, report.asked[0].page, report.asked[0].box

Letters of forms and small reports are as large as the built-in model reads them on a whole page; invoices, and reports
on A4, are printed as offices print them, in 10 to 12 points.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pymupdf
from document_sheet import BOLD, NAMES, PROSE, SANS, SERIF, Sheet, ink_boxes, words
from PIL import Image

SIZE = 400.0, 300.0  # points
KEYS = ("Name", "Date", "Total", "City", "Order", "Phone", "Room", "Tax", "Invoice", "Amount")
PEOPLE = ("Anna Weber", "Omar Haddad", "Lin Chen", "Maria Rossi", "John Miller", "Priya Nair")
CITIES = ("Berlin", "Oslo", "Lisbon", "Boston", "Vienna", "Dublin")
DPI = 150


@dataclass(frozen=True)
class Asked:
    """A question and its answer, None where the document does not tell; page: from 1; box: of its line, in shares."""

    question: str
    answer: str | None
    page: int = 0
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class AskedDocument:
    """The pages as they are drawn, and what is asked of them."""

    sheets: tuple[Sheet, ...]
    asked: tuple[Asked, ...]


def value(rng: np.random.Generator, key: str) -> str:
    """Something that may stand behind a key."""
    if key == "Name":
        return str(rng.choice(PEOPLE))
    if key == "City":
        return str(rng.choice(CITIES))
    if key == "Date":
        return f"20{rng.integers(10, 30)}-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}"
    if key in ("Total", "Tax", "Amount"):
        return f"${rng.integers(1, 900)}.{rng.integers(100):02d}"
    return f"555-{rng.integers(1000, 9999)}" if key == "Phone" else str(rng.integers(100, 9999))


def fields(rng: np.random.Generator, keys: Sequence[str]) -> tuple[Sheet, dict[str, str]]:
    """A page of keys beside values, and what they are."""
    sheet = Sheet(size=SIZE, font=str(rng.choice([SANS, SERIF])))
    said = {key: value(rng, key) for key in keys}
    step = float(rng.uniform(36, 48))
    for number, key in enumerate(keys):
        sheet.next_block()
        sheet.put((24, 40 + step * number), f"{key}: {said[key]}", 20)
    return sheet, said


def prose(rng: np.random.Generator) -> Sheet:
    """A page of words that tells nothing that is asked for, though it may hold the words of a question."""
    sheet, words = Sheet(size=SIZE, font=str(rng.choice([SANS, SERIF]))), PROSE.split()
    begin = int(rng.integers(len(words)))
    said = [words[(begin + number) % len(words)] for number in range(45)]
    sheet.paragraph([f"Chapter {rng.integers(2, 90)}"], 24, 16, 350, 22, kind="heading", font=BOLD[sheet.font])
    sheet.paragraph(said[:32], 24, 70, 350, 18)
    return sheet


def draw_form(seed: int, answerable: int = 2, unanswerable: int = 2) -> AskedDocument:
    """A page, asked for what it says and for what it does not."""
    rng = np.random.default_rng([seed, 1])
    keys = [str(key) for key in rng.permutation(KEYS)]
    shown = keys[: int(rng.integers(answerable, 6))]
    sheet, said = fields(rng, shown)
    asked = [known(sheet, 1, key, said[key]) for key in shown[:answerable]]
    missing = [Asked(question(key), None) for key in keys[-unanswerable:]] if unanswerable else []
    return AskedDocument((sheet,), (*asked, *missing))


def draw_words(seed: int, count: int = 3) -> AskedDocument:
    """A page of words, asked for what it does not say."""
    rng = np.random.default_rng([seed, 3])
    keys = [str(key) for key in rng.permutation(KEYS)]
    return AskedDocument((prose(rng),), tuple(Asked(question(key), None) for key in keys[:count]))


def draw_invoice(seed: int) -> AskedDocument:
    """A page of A4: a letterhead, fields, a table of goods, sums at the right margin, small print."""
    rng = np.random.default_rng([seed, 4])
    sheet, size = Sheet(font=str(rng.choice([SANS, SERIF]))), float(rng.choice([10, 11, 12]))
    bold, apart = BOLD[sheet.font], bool(rng.integers(2))
    sheet.put((56, 80), str(rng.choice(["Northwind Traders", "Harbour Foods Ltd", "Granite Works"])), 20, font=bold)
    sheet.right(540, 80, "INVOICE", 18, font=bold)
    said: dict[str, tuple[str, int]] = {}  # value, and the number of its line
    keys = ["Invoice number", "Date", "Due date", "Customer", "Order", "Phone"]
    y = 130.0
    for key in keys:
        kind = {"Customer": "Name", "Invoice number": "Order", "Due date": "Date"}.get(key, key)
        shown = value(rng, kind)
        sheet.next_block()
        sheet.put((56, y), key if apart else f"{key}: {shown}", size)
        if apart:
            sheet.put((210, y), shown, size)
        said[key] = shown, len(sheet.texts) - 1
        y += 1.6 * size
    y = _goods(sheet, rng, (y + 24, size))
    for key in ("Subtotal", "Tax", "Total"):
        sheet.next_block()
        sheet.put((400, y), key, size, font=bold if key == "Total" else sheet.font)
        shown = value(rng, "Total")
        sheet.right(540, y, shown, size, font=bold if key == "Total" else sheet.font)
        said[key] = shown, len(sheet.texts) - 1
        y += 1.6 * size
    sheet.paragraph(words(rng, 50), 56, y + 30, 480, size - 1)
    asked = [Asked(question(key), *_where(sheet, 1, said[key])) for key in map(str, rng.permutation(list(said))[:4])]
    missing = [Asked(question(key), None) for key in map(str, rng.permutation(["Weight", "City", "Email", "Age"])[:2])]
    return AskedDocument((sheet,), (*asked, *missing))


def _goods(sheet: Sheet, rng: np.random.Generator, at: tuple[float, float]) -> float:
    """A table of goods; the height beneath it. at: its top, and the letters' size."""
    y, size = at
    ends, bold = (330, 420, 540), BOLD[sheet.font]
    sheet.next_block()
    sheet.put((56, y), "Item", size, font=bold)
    for x, head in zip(ends, ("Quantity", "Price", "Amount"), strict=True):
        sheet.right(x, y, head, size, font=bold)
    sheet.rule(56, y + 5, 540, y + 5)
    for name in rng.permutation(NAMES)[: int(rng.integers(3, 7))]:
        y += 1.7 * size
        sheet.put((56, y), str(name), size)
        for x, cell in zip(ends, (str(rng.integers(1, 30)), value(rng, "Total"), value(rng, "Total")), strict=True):
            sheet.right(x, y, cell, size)
    return y + 3 * size


def _where(sheet: Sheet, page: int, said: tuple[str, int]):
    """(answer, page, box) of a value in a line of a sheet."""
    (width, height), (left, top, right, bottom) = sheet.size, ink_boxes(sheet, 72)[said[1]]
    return said[0], page, (left / width, top / height, (right - left) / width, (bottom - top) / height)


def draw_report(seed: int, pages: int = 60, telling: int = 3, a4: bool = False) -> AskedDocument:
    """Many pages of words, a few of which hold fields; each field stands on one of them. a4: printed as usual."""
    rng = np.random.default_rng([seed, 2])
    keys = [str(key) for key in rng.permutation(KEYS)]
    blank = printed if a4 else prose
    sheets, asked = [blank(rng) for _ in range(pages)], []
    for number, page in enumerate(sorted(int(page) for page in rng.choice(pages, telling, replace=False))):
        own = keys[2 * number : 2 * number + 2]
        sheets[page], said = printed_fields(rng, own) if a4 else fields(rng, own)
        asked.append(known(sheets[page], page + 1, own[0], said[own[0]]))
    missing = Asked(question(keys[2 * telling]), None)
    return AskedDocument(tuple(sheets), (*asked, missing))


def printed(rng: np.random.Generator) -> Sheet:
    """A page of A4 full of words in 11 points."""
    sheet = Sheet(font=str(rng.choice([SANS, SERIF])))
    sheet.paragraph([f"Chapter {rng.integers(2, 90)}"], 56, 60, 480, 16, kind="heading", font=BOLD[sheet.font])
    y = 100.0
    while y < 640:
        y = sheet.paragraph(words(rng, int(rng.integers(40, 90))), 56, y + 8, 480, 11)
    return sheet


def printed_fields(rng: np.random.Generator, keys: Sequence[str]) -> tuple[Sheet, dict[str, str]]:
    """The same with keys and their values at its end, each a line."""
    sheet, said = printed(rng), {key: value(rng, key) for key in keys}
    for number, key in enumerate(keys):
        sheet.next_block()
        sheet.put((56, 790 + 16 * number), f"{key}: {said[key]}", 11)
    return sheet, said


def question(key: str) -> str:
    return f"What is the {key.lower()}?"


def known(sheet: Sheet, page: int, key: str, answer: str) -> Asked:
    """A question about a field, with the box of its line."""
    boxes, (width, height) = ink_boxes(sheet, 72), sheet.size
    at = next(n for n, text in enumerate(sheet.texts) if text.text.startswith(f"{key}: "))
    left, top, right, bottom = boxes[at]
    return Asked(
        question(key), answer, page, (left / width, top / height, (right - left) / width, (bottom - top) / height)
    )


def pdf_of_sheets(sheets: Sequence[Sheet], mode: str) -> bytes:
    """A PDF: "born" with text, "scanned" as pictures, "mixed" by turns."""
    with pymupdf.open() as pdf:
        for number, sheet in enumerate(sheets):
            page = pdf.new_page(width=sheet.size[0], height=sheet.size[1])
            if mode == "born" or (mode == "mixed" and number % 2):
                sheet.draw_on(page)
                continue
            data = io.BytesIO()
            Image.fromarray(sheet.pixels(DPI)).save(data, "PNG")
            page.insert_image(page.rect, stream=data.getvalue())
        return pdf.tobytes(deflate=True)


def anls(said: str, truth: str) -> float:
    """Average normalised Levenshtein similarity of one answer (DocVQA): 0 below a half."""
    one, other = " ".join(said.lower().split()), " ".join(truth.lower().split())
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        before, row[0] = row[0], number
        for at, wanted in enumerate(other, 1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (letter != wanted))
    likeness = 1 - row[-1] / max(len(one), len(other), 1)
    return likeness if likeness >= 0.5 else 0.0


def iou(one, other) -> float:
    """Intersection over union of two boxes (left, top, width, height)."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(0.0, across) * max(0.0, down)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)
