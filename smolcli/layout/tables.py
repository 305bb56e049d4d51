"""Lines side by side go in; the table that they are, by its gaps or its rules, comes out. Running text is no table."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from smolcli.layout.ink import Ink, Mask
from smolcli.layout.nouns import Cell, Line, PixelBox, Table, around

SAME_ROW = 0.5  # ems: feet of a row's cells differ by less
FEWEST_ROWS = 3  # of a table of two columns; one of more may have two
FULL = 0.6  # of a table's rows have more than one cell
WORDY_GAPS = 2  # spaces: a line of running text has as many
FILLED = 0.75  # of the width of its column: most lines of running text are so wide
MARK = 2.2  # ems: a list's marks are not wider


def rows_of(lines: Sequence[Line], em: float) -> list[list[Line]]:
    """The lines by the level of their feet, from top to bottom."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.base_px):
        if rows and line.base_px - rows[-1][0].base_px < SAME_ROW * em:
            rows[-1].append(line)
        else:
            rows.append([line])
    return rows


def is_running(column: Sequence[Line]) -> bool:
    """Whether a column is running text: most of its lines are of some words and reach over most of its width."""
    if len(column) < 3:
        return False
    widths = np.array([line.box_px[2] - line.box_px[0] for line in column])
    spaces = np.array([len(line.gaps_px) for line in column])
    return bool(np.median(spaces) >= WORDY_GAPS and np.mean(widths >= FILLED * widths.max()) >= FULL)


def listed(columns: Sequence[Sequence[Line]], em: float) -> list[Line] | None:
    """The lines of a list, each with its mark, where a column of marks stands before one of text; else None."""
    if len(columns) != 2:
        return None
    marks, texts = columns
    narrow = all(line.box_px[2] - line.box_px[0] < MARK * em for line in marks)
    wordy = np.median([len(line.gaps_px) for line in texts]) >= WORDY_GAPS
    if not (narrow and wordy):
        return None
    merged: list[Line] = []
    for row in rows_of([*marks, *texts], em):
        mark = [line for line in row if line in marks]
        text = [line for line in row if line not in marks]
        if len(mark) != 1 or len(text) != 1:
            merged += sorted(row, key=lambda line: line.box_px[0])
            continue
        first, rest = mark[0], text[0]
        gaps = (*first.gaps_px, (first.box_px[2], rest.box_px[0]), *rest.gaps_px)
        box = around([first.box_px, rest.box_px])
        merged.append(Line(box, rest.em_px, gaps, rest.dark, rest.base_px))
    return merged


def table_by_gaps(columns: Sequence[Sequence[Line]], em: float) -> tuple[list[Line], Table, list[Line]] | None:
    """The table that columns of lines are, with the lines above it and those beneath; None where they are none."""
    rows = rows_of([line for column in columns for line in column], em)
    of = {line: number for number, column in enumerate(columns) for line in column}
    full = [number for number, row in enumerate(rows) if len({of[line] for line in row}) > 1]
    if len(full) < (2 if len(columns) > 2 else FEWEST_ROWS):
        return None
    inner = rows[full[0] : full[-1] + 1]
    if len(full) < FULL * len(inner) or sum(map(is_running, columns)) > 1:
        return None
    spans = [(min(line.box_px[0] for line in c), max(line.box_px[2] for line in c)) for c in columns]
    cells = []
    for number, row in enumerate(inner):
        _, top, _, bottom = around([line.box_px for line in row])
        cells.append(
            tuple(
                Cell((left, top, right, bottom), number, place, lines=_in(row, of, place))
                for place, (left, right) in enumerate(spans)
            )
        )
    lines = tuple(line for row in cells for cell in row for line in cell.lines)
    table = Table("table", around([line.box_px for line in lines]), lines, tuple(cells))
    above, beneath = rows[: full[0]], rows[full[-1] + 1 :]
    return [line for row in above for line in row], table, [line for row in beneath for line in row]


def _in(row: Sequence[Line], of: dict[Line, int], place: int) -> tuple[Line, ...]:
    """Those lines of a row that are in a column, from left to right."""
    return tuple(sorted((line for line in row if of[line] == place), key=lambda line: line.box_px))


def tables_by_rules(ink: Ink, lines: Sequence[Line], em: float) -> list[Table]:
    """The tables whose cells have rules around them. em: in pixels of the page, as lines are."""
    grid = cv2.dilate(cv2.bitwise_or(ink.across, ink.down), np.ones((3, 3), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(grid, connectivity=8, ltype=cv2.CV_32S)
    size, found = em / ink.scale, []
    for left, top, width, height, _ in stats[1:].tolist():
        part = slice(top, top + height), slice(left, left + width)
        if width < 4 * size or height < 1.5 * size or not (ink.across[part].any() and ink.down[part].any()):
            continue
        boxes = [
            tuple(round(side * ink.scale) for side in (left + a, top + b, left + c, top + d))
            for a, b, c, d in cells_of(grid[part], size)
        ]
        table = table_of_cells(boxes, lines, em)
        if table is not None:
            found.append(table)
    return found


def cells_of(grid: Mask, em: float) -> list[PixelBox]:
    """The boxes that the rules of a grid leave free, its edge taken for a rule."""
    free = cv2.bitwise_not(grid)
    cv2.rectangle(free, (0, 0), (free.shape[1] - 1, free.shape[0] - 1), 0, 1)
    _, _, stats, _ = cv2.connectedComponentsWithStats(free, connectivity=4, ltype=cv2.CV_32S)
    return [
        (left, top, left + width, top + height)
        for left, top, width, height, area in stats[1:].tolist()
        if width >= em and height >= 0.8 * em and area >= 0.8 * width * height
    ]


def table_of_cells(boxes: Sequence[PixelBox], lines: Sequence[Line], em: float) -> Table | None:
    """The table of some cells; None where they are too few, or boxes around running text."""
    columns, rows = (_edges([side for box in boxes for side in box[axis::2]], 0.6 * em) for axis in (0, 1))
    if len(boxes) < 4 or len(columns) < 3 or len(rows) < 3:
        return None
    cells = []
    for box in boxes:
        left, right = (int(np.argmin(np.abs(columns - side))) for side in box[0::2])
        top, bottom = (int(np.argmin(np.abs(rows - side))) for side in box[1::2])
        held = tuple(sorted((line for line in lines if _holds(box, line)), key=lambda line: line.base_px))
        cells.append(Cell(box, top, left, max(1, bottom - top), max(1, right - left), held))
    cells.sort(key=lambda cell: (cell.row, cell.column))
    inside = tuple(line for cell in cells for line in cell.lines)
    if not inside or np.median([len(cell.lines) for cell in cells if cell.lines]) > 4:
        return None
    levels = sorted({cell.row for cell in cells})
    by_row = tuple(tuple(cell for cell in cells if cell.row == level) for level in levels)
    return Table("table", around(boxes), inside, by_row, ruled=True)


def _edges(sides: Sequence[int], within: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The places where sides are, those that are near to each other taken together, ascending."""
    ordered = np.sort(np.array(sides, float))
    heaps = np.split(ordered, np.flatnonzero(np.diff(ordered) > within) + 1)
    return np.array([heap.mean() for heap in heaps if len(heap)])


def _holds(box: PixelBox, line: Line) -> bool:
    x, y = (line.box_px[0] + line.box_px[2]) / 2, (line.box_px[1] + line.box_px[3]) / 2
    return box[0] <= x < box[2] and box[1] <= y < box[3]
