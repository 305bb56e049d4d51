"""An upright, level page goes in, its layout comes out: ink → rows → lines → blocks in reading order."""

from __future__ import annotations

import numpy as np

from smolcli.datatypes import RGB
from smolcli.layout.ink import Ink, Letters, find_ink
from smolcli.layout.joining import joined
from smolcli.layout.nouns import Block, Layout, Line
from smolcli.layout.order import in_order
from smolcli.layout.rows import Row, find_rows
from smolcli.layout.sizes import sized, spaces_of
from smolcli.layout.tables import table_of


def find_layout(rgb: RGB) -> Layout:
    """The blocks, lines and tables of an upright, level page (uint8 (H, W, 3)), in reading order."""
    ink = find_ink(rgb)
    letters, rows = find_rows(ink, ink.down)
    rows = joined(sized(rows, letters), letters, ink)
    rows = [row for row in rows if is_print(row, letters, ink)]
    if not rows:
        return Layout(())
    lines = [line_of(row, letters, ink, rgb.shape) for row in rows]
    em = float(np.median(np.repeat([line.em_px for line in lines], [len(row.members) for row in rows])))
    blocks: list[Block] = in_order(lines, em, table_of)
    return Layout(tuple(blocks), em)


def is_print(row: Row, letters: Letters, ink: Ink) -> bool:
    """Whether a row is more than a speck: high enough, and not one lone blot among print."""
    return row.height >= 4 and row.right - row.left >= 2 and (len(row.members) > 1 or row.height >= 0.4 * ink.em)


def line_of(row: Row, letters: Letters, ink: Ink, shape: tuple[int, ...]) -> Line:
    """A row in pixels of the page."""
    scale = ink.scale
    height, width = shape[:2]
    box = (row.left * scale, row.top * scale, min(row.right * scale, width), min(row.bottom * scale, height))
    gaps = tuple((a * scale, b * scale) for a, b in spaces_of(row, letters))
    part = ink.light[row.top : row.bottom, row.left : row.right]
    dark = bool(part.size and np.count_nonzero(part) > part.size / 2)
    return Line(box, float(row.em * scale), gaps, dark)
