"""An upright, level page goes in, its layout comes out: ink → rows → lines → blocks in reading order."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from smolcli.datatypes import RGB
from smolcli.layout.ink import Ink, Letters, find_ink
from smolcli.layout.joining import joined, weighted_em
from smolcli.layout.nouns import Block, Layout, Line, PixelBox
from smolcli.layout.order import in_order
from smolcli.layout.rows import Row, find_rows
from smolcli.layout.sizes import joints_of, sized, spaces_of
from smolcli.layout.tables import tables_by_rules

Cuts = tuple[list[tuple[int, int]], list[int]]
FEWEST_LETTERS = 8  # of a page, before its own print says how small its print is
LEAST_LETTER_PX = 8  # in working pixels: a capital of 4 points at 150 dpi
EDGE_PX = 6  # in working pixels: from the side of the page


def find_layout(rgb: RGB) -> Layout:
    """The blocks, lines and tables of an upright, level page (uint8 (H, W, 3)), in reading order."""
    ink = find_ink(rgb)
    letters, rows, leaders = find_rows(ink, ink.down)
    rows = printed(sized(rows, letters, ink.mask), letters, ink.mask.shape[1])
    rows = printed(joined(rows, letters, ink, leaders), letters, ink.mask.shape[1])
    pictures = [Block("picture", scaled(box, ink.scale, rgb.shape)) for box in ink.pictures]
    if not rows:
        return Layout(tuple(pictures))
    spaces = spaces_of(rows, letters)
    joints = [joints_of(row, gaps, letters) for row, gaps in zip(rows, spaces, strict=True)]
    lines = [
        line_of(row, cuts, ink, rgb.shape) for row, cuts in zip(rows, zip(spaces, joints, strict=True), strict=True)
    ]
    em = float(np.median(np.repeat([line.em_px for line in lines], [len(row.members) for row in rows])))
    return Layout(tuple(arranged(lines, em, tables_by_rules(ink, lines, em), pictures)), em)


def arranged(lines: list[Line], em: float, tables: Sequence[Block], pictures: Sequence[Block]) -> list[Block]:
    """All blocks in reading order: a table or a picture stands where a line of its size would stand."""
    inside = {line for table in tables for line in table.lines}
    free = [line for line in lines if line not in inside]
    placed = {Line(block.box_px, em, base_px=float(block.box_px[3])): block for block in (*tables, *pictures)}
    return in_order([*free, *placed], em, placed)


def scaled(box: PixelBox, scale: float, shape: tuple[int, ...]) -> PixelBox:
    """A box of working pixels in pixels of a page of a shape (H, W, …)."""
    left, top, right, bottom = (side * scale for side in box)
    return int(left), int(top), min(math.ceil(right), shape[1]), min(math.ceil(bottom), shape[0])


def printed(rows: list[Row], letters: Letters, width: int) -> list[Row]:
    """The rows that are print, and neither specks, dirt nor what the edge of the scan left; width: of the page."""
    if not rows:
        return []
    counts = np.array([len(row.members) for row in rows])
    long = [row for row in rows if len(row.members) > 3]
    em = weighted_em(long) if long else 0.0
    least = 0.4 * em if counts[counts > 3].sum() >= FEWEST_LETTERS else LEAST_LETTER_PX
    return [
        row
        for row, count in zip(rows, counts.tolist(), strict=True)
        if row.height >= 4 and (count > 3 or (row.height > least and not is_dirt(row, letters, width, em)))
    ]


def is_dirt(row: Row, letters: Letters, width: int, em: float) -> bool:
    """Whether a row of hardly any letters is a solid blot, or a sliver at the side of the page."""
    wide = row.right - row.left
    if wide < 0.15 * row.height and (row.left < EDGE_PX or row.right > width - EDGE_PX):
        return True
    part = letters.take(row.members)
    fill = np.where(part.height < 0.45 * em, 0.5, 0.7)
    solid = part.area > fill * part.width * part.height
    return bool(np.all(solid & (part.width > 0.5 * part.height) & (part.width < 2.0 * part.height)))


def line_of(row: Row, cuts: Cuts, ink: Ink, shape: tuple[int, ...]) -> Line:
    """A row in pixels of the page. cuts: its spaces, and the joints of its long words."""
    scale = ink.scale
    box = scaled((row.left, row.top, row.right, row.bottom), scale, shape)
    starts = [(math.ceil(left * scale), int(right * scale)) for left, right in cuts[0]]
    gaps = tuple((left, max(left + 1, right)) for left, right in starts)
    joints = tuple(round(x * scale) for x in cuts[1])
    part = ink.light[row.top : row.bottom, row.left : row.right]
    dark = bool(part.size and np.count_nonzero(part) > part.size / 2)
    return Line(box, float(row.em * scale), gaps, dark, float(row.base * scale), joints)
