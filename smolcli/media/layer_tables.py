"""The lines of a page's own text go in, in reading order; the tables among them come out: rows of cells in columns.

There is nothing to go by but where the lines stand: a table is rows one below the other, of two or more short texts,
with gaps in common from the first row to the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from smolcli.datatypes import Box
from smolcli.regions import list_marker

ROWS = 3  # a table has at least so many
GAP = 1.2  # letters: the least between two columns
APART = 2.5  # letter sizes between two rows: more is the end of a table
CLOSE = 0.5  # of the usual room between rows: less is between the lines of one
FILLED = 0.6  # of its places, in a table
LONG = 60  # letters: texts longer than that are no cells, but prose
SAME_ROW = 0.5  # of the lower one's height


@dataclass(frozen=True, slots=True)
class Piece:
    """A line that may be a cell. box: shares of the upright page."""

    box: Box
    text: str
    is_free: bool = True


@dataclass(frozen=True, slots=True)
class Cell:
    """Where lines (by their numbers) stand in a table."""

    row: int
    column: int
    span: int
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A run of lines, from the first to before the last number, that is a table."""

    start: int
    end: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    numbers: tuple[int, ...]
    top: float
    bottom: float


def tables_in(pieces: Sequence[Piece]) -> list[Table]:
    """The tables among lines that are in reading order."""
    found: list[Table] = []
    run: list[_Row] = []
    for row in [*_rows(pieces), None]:
        if row is not None and run and _goes_on(run[-1], row, pieces):
            run.append(row)
            continue
        table = _table(run, pieces)
        if table is not None:
            found.append(table)
        run = [row] if row is not None else []
    return found


def _rows(pieces: Sequence[Piece]) -> Iterator[_Row]:
    """Lines that follow one another and stand in one row."""
    numbers: list[int] = []
    top = bottom = 0.0
    for number, piece in enumerate(pieces):
        _, start, _, height = piece.box
        shared = min(bottom, start + height) - max(top, start)
        if numbers and shared >= SAME_ROW * min(height, bottom - top):
            numbers.append(number)
            top, bottom = min(top, start), max(bottom, start + height)
            continue
        if numbers:
            yield _Row(tuple(numbers), top, bottom)
        numbers, top, bottom = [number], start, start + height
    if numbers:
        yield _Row(tuple(numbers), top, bottom)


def _goes_on(before: _Row, row: _Row, pieces: Sequence[Piece]) -> bool:
    """Whether a row can be of the table of the row before it: below it, near, of short texts."""
    height = min(before.bottom - before.top, row.bottom - row.top)
    short = all(
        pieces[number].is_free and len(pieces[number].text) <= LONG for number in (*before.numbers, *row.numbers)
    )
    return short and -0.5 * height <= row.top - before.bottom <= APART * height


def _table(rows: Sequence[_Row], pieces: Sequence[Piece]) -> Table | None:
    """Rows as a table, without those at its ends that have but one text; None where they are none."""
    several = [at for at, row in enumerate(rows) if len(row.numbers) > 1]
    if len(several) < ROWS:
        return None
    rows = rows[several[0] : several[-1] + 1]
    columns = _columns(rows, pieces)
    if len(columns) < 2 or 2 * sum(len(row.numbers) > 1 for row in rows) <= len(rows):
        return None
    first = [pieces[number].text for row in rows for number in row.numbers if _span(number, pieces, columns)[0] == 0]
    if all(list_marker(f"{text} x") == text for text in first):  # a list, whose marks stand apart
        return None
    cells = tuple(_cells(rows, pieces, columns))
    taken = {(cell.row, column) for cell in cells for column in range(cell.column, cell.column + cell.span)}
    if len(taken) < FILLED * len(columns) * (max(cell.row for cell in cells) + 1):
        return None
    return Table(rows[0].numbers[0], rows[-1].numbers[-1] + 1, cells)


def _columns(rows: Sequence[_Row], pieces: Sequence[Piece]) -> list[tuple[float, float]]:
    """Where the columns are, left and right: what the rows with the most texts leave free is between two of them."""
    most = max(len(row.numbers) for row in rows)
    full = [row for row in rows if 2 * len(row.numbers) > most and len(row.numbers) > 1]
    cells = [pieces[number] for row in full for number in row.numbers]
    boxes = sorted(cell.box for cell in cells)
    gap = GAP * median(cell.box[2] / len(cell.text) for cell in cells)
    columns: list[tuple[float, float]] = []
    for left, _, width, _ in boxes:
        if columns and left - columns[-1][1] < gap:
            columns[-1] = (columns[-1][0], max(columns[-1][1], left + width))
        else:
            columns.append((left, left + width))
    return columns


def _span(number: int, pieces: Sequence[Piece], columns: Sequence[tuple[float, float]]) -> tuple[int, int]:
    """The first column that a text is in, and how many it reaches into."""
    left, _, width, _ = pieces[number].box
    within = [at for at, (start, end) in enumerate(columns) if min(end, left + width) - max(start, left) > 0]
    if not within:
        middle = left + width / 2
        within = [min(range(len(columns)), key=lambda at: abs(sum(columns[at]) / 2 - middle))]
    return within[0], within[-1] - within[0] + 1


def _cells(rows: Sequence[_Row], pieces: Sequence[Piece], columns: Sequence[tuple[float, float]]) -> Iterator[Cell]:
    """The cells of a table. A row that begins in no first column and is close to the one before goes on with it."""
    gaps = [below.top - above.bottom for above, below in pairwise(rows)]
    usual = median(gaps)
    made: dict[tuple[int, int], tuple[int, list[int]]] = {}
    number = -1
    for at, row in enumerate(rows):
        spans = {line: _span(line, pieces, columns) for line in row.numbers}
        begins = any(column == 0 for column, _ in spans.values())
        close = at > 0 and usual > 0 and gaps[at - 1] < CLOSE * usual
        number += 0 if close and not begins else 1
        for line, (column, span) in spans.items():
            wide, lines = made.get((number, column), (span, []))
            made[number, column] = (max(wide, span), [*lines, line])
    for (row_number, column), (span, lines) in sorted(made.items()):
        yield Cell(row_number, column, span, tuple(lines))
