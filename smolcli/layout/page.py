"""An upright, level page goes in, its layout comes out: ink → rows → lines → blocks in reading order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smolcli.datatypes import RGB
from smolcli.layout.ink import Ink, Letters, find_ink
from smolcli.layout.joining import joined, weighted_em
from smolcli.layout.nouns import Block, Layout, Line, PixelBox
from smolcli.layout.order import in_order
from smolcli.layout.rows import Row, find_rows
from smolcli.layout.sizes import sized, spaces_of
from smolcli.layout.tables import tables_by_rules


def find_layout(rgb: RGB) -> Layout:
    """The blocks, lines and tables of an upright, level page (uint8 (H, W, 3)), in reading order."""
    ink = find_ink(rgb)
    letters, rows, leaders = find_rows(ink, ink.down)
    rows = joined(sized(rows, letters), letters, ink, leaders)
    rows = printed(rows)
    pictures = [Block("picture", scaled(box, ink.scale, rgb.shape)) for box in ink.pictures]
    if not rows:
        return Layout(tuple(pictures))
    lines = [line_of(row, letters, ink, rgb.shape) for row in rows]
    em = float(np.median(np.repeat([line.em_px for line in lines], [len(row.members) for row in rows])))
    return Layout(tuple(arranged(lines, em, tables_by_rules(ink, lines, em), pictures)), em)


def arranged(lines: list[Line], em: float, tables: Sequence[Block], pictures: Sequence[Block]) -> list[Block]:
    """All blocks in reading order: a table or a picture stands where a line of its size would stand."""
    inside = {line for table in tables for line in table.lines}
    free = [line for line in lines if line not in inside]
    placed = {Line(block.box_px, em, base_px=float(block.box_px[3])): block for block in (*tables, *pictures)}
    return in_order([*free, *placed], em, placed)


def scaled(box: PixelBox, scale: int, shape: tuple[int, ...]) -> PixelBox:
    """A box of working pixels in pixels of a page of a shape (H, W, …)."""
    left, top, right, bottom = box
    return left * scale, top * scale, min(right * scale, shape[1]), min(bottom * scale, shape[0])


def printed(rows: list[Row]) -> list[Row]:
    """The rows that are more than specks: as high as print is here, or of several letters."""
    if not rows:
        return []
    em = weighted_em(rows)
    return [row for row in rows if row.height >= 4 and (len(row.members) > 3 or row.height > 0.4 * em)]


def line_of(row: Row, letters: Letters, ink: Ink, shape: tuple[int, ...]) -> Line:
    """A row in pixels of the page."""
    scale = ink.scale
    box = scaled((row.left, row.top, row.right, row.bottom), scale, shape)
    gaps = tuple((a * scale, b * scale) for a, b in spaces_of(row, letters))
    part = ink.light[row.top : row.bottom, row.left : row.right]
    dark = bool(part.size and np.count_nonzero(part) > part.size / 2)
    return Line(box, float(row.em * scale), gaps, dark, float(row.base * scale))
