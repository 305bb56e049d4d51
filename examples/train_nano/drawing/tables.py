"""Small tables: named columns, a few rows, ruled or not, and questions for one cell."""

from .. import prompts
from ..geometry import Layout
from .canvas import Line, join, unseen
from .sheet import Drawn, Sheet
from .values import FIELDS, GOODS, value_for
from .words import NAMES

_HEADS = ("Item", "Product", "Name", "Name", "Person")
_COLUMNS = ("Price", "Quantity", "City", "Age", "Code", "Color", "Size", "Date", "Time", "Room", "Year", "Total")


def table_page(rng, layout: Layout, held: bool = False) -> Drawn:
    """Two or three columns and two to five rows under a head."""
    sheet = Sheet.blank(rng, layout, held)
    size = sheet.any_px(19, 24)
    step = size * rng.uniform(1.3, 1.8)
    count = min(rng.randrange(2, 6), int(sheet.canvas.size[1] / step) - 1)
    head = rng.choice(_HEADS)
    columns = rng.sample(_COLUMNS, rng.choice([1, 2, 2]))
    if count < 1:
        return table_page(rng, layout, held)
    keys = rng.sample(GOODS if head in ("Item", "Product") else NAMES, count)
    cells = [[head, *columns], *([key, *(value_for(rng, column, held) for column in columns)] for key in keys)]
    drawn = _draw(sheet, size, step, cells)
    return _asked(sheet, drawn) if drawn else table_page(rng, layout, held)


def _draw(sheet: Sheet, size: int, step: float, cells: list[list[str]]) -> list[list[Line]] | None:
    """Draw the grid; None when a row is wider than the page."""
    canvas, rng, font = sheet.canvas, sheet.rng, sheet.font(size)
    widths = [max(font.width(row[i]) for row in cells) + size * 0.9 for i in range(len(cells[0]))]
    if sum(widths) > sheet.room:
        return None
    spread = 1 + (sheet.room / sum(widths) - 1) * rng.random()
    lefts = [sheet.margin + sum(widths[:i]) * spread for i in range(len(widths) + 1)]
    top = rng.uniform(0, max(0.0, canvas.size[1] - step * len(cells)) * 0.6)
    ruled = rng.random()
    for i in range(len(cells) + 1):
        if ruled < 0.4 or (ruled < 0.7 and i == 1):
            canvas.pen.line((lefts[0], top + i * step, lefts[-1], top + i * step), fill=sheet.ink)
    for left in lefts if ruled < 0.4 else []:
        canvas.pen.line((left, top, left, top + step * len(cells)), fill=sheet.ink)
    drawn = []
    for i, row in enumerate(cells):
        y = top + i * step + (step + size * 0.7) / 2
        drawn.append(
            [canvas.text(x + size * 0.35, y, text, font, sheet.ink) for x, text in zip(lefts, row, strict=False)]
        )
        canvas.lines -= len(row) - 1
    return drawn


def _asked(sheet: Sheet, cells: list[list[Line]]) -> Drawn:
    """Transcription row by row, or the value of one cell."""
    rng, kind = sheet.rng, sheet.rng.random()
    if kind < 0.35:
        return Drawn([sheet.canvas], rng.choice(prompts.READ), join([join(row, by=" ") for row in cells]))
    if kind < 0.4:
        caption = f"A table with {len(cells[0])} columns and {len(cells)} rows."
        return Drawn([sheet.canvas], rng.choice(prompts.DESCRIBE), unseen(caption))
    i, j = rng.randrange(1, len(cells)), rng.randrange(1, len(cells[0]))
    key, column, answer = cells[i][0].text, cells[0][j].text, cells[i][j]
    if kind < 0.5:  # something that the table does not hold
        shown = {line.text for line in cells[0]}
        column, answer = rng.choice([field for field in FIELDS if field not in shown]), unseen(prompts.NOT_FOUND)
    question = rng.choice([f"What is the {column.lower()} of {key}?", f"What is the {column.lower()} for {key}?"])
    return Drawn([sheet.canvas], question, join([answer]))
