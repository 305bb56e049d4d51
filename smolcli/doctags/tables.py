"""OTSL in, a table's cells out: `<fcel>` and `<ecel>` begin a cell, `<lcel>`, `<ucel>`, `<xcel>` belong to the one on
their left, above, or both; `<nl>` ends a row; `<ched>`, `<rhed>`, `<srow>` are cells that head columns, a row, a part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from smolcli.datatypes import Box
from smolcli.doctags.markup import CELLS, Element, Mark
from smolcli.regions import Region

_OWN = {"fcel": "", "ecel": "", "ched": "column header", "rhed": "row header", "srow": "section"}  # → its label


@dataclass(slots=True)
class _Cell:
    kind: str
    text: str = ""


def has_cells(element: Element) -> bool:
    """Whether OTSL stands in it."""
    return any(isinstance(part, Mark) and part.name in CELLS for part in element.inside)


def cells(element: Element, box: Box) -> tuple[Region, ...]:
    """The cells of a table, row by row. Their boxes are even shares of its own: OTSL says only how they lie."""
    rows = _rows(element)
    columns = max(map(len, rows), default=0)
    right, down = [_right(row) for row in rows], _down(rows)
    left, top, width, height = box
    found = []
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            if cell.kind not in _OWN:
                continue
            across = 1 + (right[y][x + 1] if x + 1 < len(row) else 0)
            below = 1 + (down[y + 1][x] if y + 1 < len(rows) and x < len(rows[y + 1]) else 0)
            place = (left + width * x / columns, top + height * y / len(rows))
            whole: Box = (*place, width * across / columns, height * below / len(rows))
            text = " ".join(cell.text.split())
            region = Region("cell", whole, text, label=_OWN[cell.kind], row=y, column=x, row_span=below)
            found.append(replace(region, column_span=across))
    return tuple(found)


def _rows(element: Element) -> list[list[_Cell]]:
    """The table's grid as it is written; rows may differ in length, empty ones are none."""
    rows: list[list[_Cell]] = [[]]
    for part in element.inside:
        if isinstance(part, Mark) and part.name == "nl":
            rows.append([])
        elif isinstance(part, Mark) and part.name in CELLS:
            rows[-1].append(_Cell(part.name))
        elif isinstance(part, str) and part.strip() and rows[-1]:
            cell = rows[-1][-1]
            cell.text += part
            cell.kind = cell.kind if cell.kind in _OWN else "fcel"  # what has a text is no part of another cell
    return [row for row in rows if row]


def _right(row: list[_Cell]) -> list[int]:
    """For every place of a row, how many cells from there on belong to the one on their left."""
    runs = [0] * (len(row) + 1)
    for x in range(len(row) - 1, -1, -1):
        runs[x] = runs[x + 1] + 1 if row[x].kind in ("lcel", "xcel") else 0
    return runs


def _down(rows: list[list[_Cell]]) -> list[list[int]]:
    """The same down the columns."""
    runs: list[list[int]] = [[]]
    for row in reversed(rows):
        below = runs[-1]
        runs.append(
            [
                (below[x] if x < len(below) else 0) + 1 if cell.kind in ("ucel", "xcel") else 0
                for x, cell in enumerate(row)
            ]
        )
    return runs[:0:-1]
