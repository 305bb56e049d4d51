"""Plain pages: words, lines, signs, paragraphs, two columns, and what may be asked of any page with text."""

from .. import prompts
from ..geometry import Layout
from . import fonts, words
from .canvas import Line, join, unseen
from .colours import LEAST_CONTRAST, any_colour, luma
from .hard import window
from .sheet import Drawn, Sheet

WINDOWS = 0.06  # share of the paragraphs of training that stand in a program's window: what is round there is no text
SMALLEST_WINDOW_PX = 200


def word_page(rng, layout: Layout, held: bool = False) -> Drawn:
    """One or two large words."""
    sizes = (60, 220) if layout.rows and not held and rng.random() < 0.2 else (22, 90)
    return _stack(Sheet.blank(rng, layout, held), [1] * rng.choice([1, 1, 2]), sizes)


def line_page(rng, layout: Layout, held: bool = False) -> Drawn:
    """One to three lines of up to four words."""
    counts = [rng.randrange(1, 5) for _ in range(rng.choice([1, 1, 2, 3]))]
    return _stack(Sheet.blank(rng, layout, held), counts, (19, 44))


def sign_page(rng, layout: Layout, held: bool = False) -> Drawn:
    """Up to four lines of differing sizes, letters and colours."""
    counts = [rng.randrange(1, 4) for _ in range(rng.randrange(1, 5))]
    return _stack(Sheet.blank(rng, layout, held), counts, (19, 50), mixed=True)


def _stack(sheet: Sheet, counts: list[int], sizes: tuple[int, int], mixed: bool = False) -> Drawn:
    """Lines of `counts` words, one under the other; what does not fit at a readable size is cut short or left out."""
    rng, canvas = sheet.rng, sheet.canvas
    if rng.random() < 0.1:
        sheet.clutter()
    base = sheet.any_px(*sizes)
    lines = []
    for count in counts:
        if mixed and rng.random() < 0.5:
            sheet.source = fonts.pick(rng, sheet.held)
        size = max(sheet.least(), int(base * rng.choice([1, 1, 0.7, 1.4]))) if mixed else base
        text, font = _shortened(sheet, words.phrase(rng, count, sheet.held), size)
        if text:
            lines.append((text, font))
    lines, spacing = _as_many_as_fit(lines, canvas.size[1], rng.uniform(1.12, 1.9))
    if not lines:
        return _stack(Sheet.blank(rng, sheet.layout, sheet.held), counts, sizes, mixed)
    free = max(0.0, canvas.size[1] - sum(font.size for _, font in lines) * spacing)
    y = free * (rng.random() if rng.random() < 0.5 else 0.5)
    align, indent = rng.choice([0, 0.5, 0.5, 1]), rng.uniform(0, canvas.size[0] * 0.18)
    drawn, ink = [], sheet.ink
    for text, font in lines:
        room = max(0.0, sheet.room - font.width(text))
        x = sheet.margin + (align * room if align else min(indent, room))
        baseline = y + font.size * (0.88 + (spacing - 1) * 0.4)
        drawn.append(canvas.text(x, min(baseline, canvas.size[1] - 1), text, font, ink))
        y += font.size * spacing
        if mixed and rng.random() < 0.2:
            ink = _another_ink(sheet, ink)
    return _asked(rng, sheet, drawn)


def _shortened(sheet: Sheet, text_words: list[str], size: int):
    """As many of the words as fit on one line at `size` or, at need, at the least size; and their font."""
    while text_words:
        text = " ".join(text_words)
        font = sheet.fitting(text, size, sheet.room)
        if font:
            return text, font
        text_words = text_words[:-1] if len(text_words) > 1 else _cut(text, sheet.held)
    return "", None


def _cut(text: str, held: bool) -> list[str]:
    """One word less its last letter, or more where that would make a word that is held out; none when it is used up."""
    text = text[:-1]
    while not held and words.holds_held_out(text):
        text = text[:-1]
    return [text] if text else []


def _as_many_as_fit(lines: list, height: int, spacing: float) -> tuple[list, float]:
    total = sum(font.size for _, font in lines)
    if total * spacing > height:
        spacing = 1.15
    while len(lines) > 1 and total * spacing > height:
        total -= lines.pop()[1].size
    return lines, spacing


def _another_ink(sheet: Sheet, ink):
    other = any_colour(sheet.rng)
    return other if abs(luma(other) - luma(sheet.canvas.paper)) > LEAST_CONTRAST else ink


def paragraph_page(rng, layout: Layout, held: bool = False) -> Drawn:
    """One to nine wrapped lines, at times under a heading."""
    sheet = Sheet.blank(rng, layout, held)
    size = sheet.any_px(19, 27)
    width = sheet.room * rng.uniform(0.7, 1)
    x = sheet.margin + rng.uniform(0, sheet.room - width)
    lines, y = [], size * rng.uniform(1, 1.6)
    windowed = not held and min(sheet.canvas.size) >= SMALLEST_WINDOW_PX and rng.random() < WINDOWS
    if windowed:
        x, top, width = window(sheet.canvas, rng)
        y += top
    elif rng.random() < 0.4:
        y += rng.uniform(0, max(0, sheet.canvas.size[1] - 4 * size)) * 0.6
    if not windowed and rng.random() < 0.2:
        text, font = _shortened(sheet, words.phrase(rng, rng.randrange(1, 4), held), int(size * 1.3))
        if text:
            lines.append(sheet.canvas.text(sheet.margin, y + 0.3 * size, text, font, sheet.ink))
            y += 2 * font.size
    lines += wrap(sheet, size, (x, y, width), rng.randrange(2, 9))
    return _asked(rng, sheet, lines) if lines else paragraph_page(rng, layout, held)


def columns_page(rng, layout: Layout, held: bool = False) -> Drawn:
    """Two columns of wrapped lines, read left column first."""
    sheet = Sheet.blank(rng, layout, held)
    size, gutter = sheet.any_px(19, 22), sheet.room * rng.uniform(0.05, 0.09)
    width, top = (sheet.room - gutter) / 2, size * rng.uniform(1, 1.5)
    count = rng.randrange(2, 6)
    left = wrap(sheet, size, (sheet.margin, top, width), count)
    right = wrap(sheet, size, (sheet.margin + width + gutter, top, width), count)
    if not left or not right:
        return columns_page(rng, layout, held)
    if rng.random() < 0.4:
        x = sheet.margin + width + gutter / 2
        sheet.canvas.pen.line((x, size * 0.4, x, top + size * count), fill=sheet.ink)
    return _asked(rng, sheet, left + right)


def dense_page(rng, layout: Layout, held: bool = False) -> Drawn:
    """A page full of text in changing sizes and letters, for the tower alone."""
    sheet = Sheet.blank(rng, layout, held)
    lines, y = [], 0.0
    while y < sheet.canvas.size[1]:
        size = sheet.any_px(19, 34)
        block = wrap(sheet, size, (sheet.margin, y + size, sheet.room), rng.randrange(1, 5), prose=0.3)
        lines += block
        y = sheet.canvas.letters[-1].y + 0.6 * size if block else y + 2 * size
        sheet.source = fonts.pick(rng, held)
    return Drawn([sheet.canvas], rng.choice(prompts.READ), join(lines)) if lines else dense_page(rng, layout, held)


def wrap(sheet: Sheet, size: int, box: tuple[float, float, float], most: int, prose: float = 0.6) -> list[Line]:
    """At most `most` lines of running text in `box` (x, first baseline, width), broken at words."""
    rng, font, (x, y, width) = sheet.rng, sheet.font(size), box
    step, lines, waiting = size * rng.uniform(1.12, 1.55), [], []
    while len(lines) < most and y < sheet.canvas.size[1] - 0.25 * size:
        line = ""
        while True:
            waiting = waiting or words.phrase(rng, rng.randrange(6, 14), sheet.held, prose)
            longer = f"{line} {waiting[0]}".strip()
            if font.width(longer) > width:
                break
            line = longer
            waiting.pop(0)
        if not line:  # a word wider than the column
            waiting.pop(0)
            continue
        lines.append(sheet.canvas.text(x, y, line, font, sheet.ink))
        y += step
    return lines


def _asked(rng, sheet: Sheet, lines: list[Line]) -> Drawn:
    """Mostly "what does it say", at times a caption or a question for one word."""
    kind = rng.random()
    if kind < 0.86:
        return Drawn([sheet.canvas], rng.choice(prompts.READ), join(lines))
    if kind < 0.92:
        opening, closing = unseen('A sign that says "' if len(lines) < 4 else 'A page that begins with "'), unseen('".')
        return Drawn([sheet.canvas], rng.choice(prompts.DESCRIBE), join([opening, lines[0], closing], by=""))
    if kind < 0.95:
        return Drawn([sheet.canvas], rng.choice(prompts.ANY_TEXT), unseen(prompts.YES))
    shown = " ".join(line.text for line in lines).split()
    there = rng.random() < 0.5
    wanted = rng.choice(shown) if there else words.word(rng, sheet.held)
    answer = prompts.YES if wanted in shown else prompts.NO
    return Drawn([sheet.canvas], f'Does it say "{wanted}"?', unseen(answer))
