"""An upright, level page goes in, its layout comes out: ink → rows → lines → blocks in reading order."""

from __future__ import annotations

import numpy as np

from smolcli.datatypes import RGB
from smolcli.layout.ink import Ink, Letters, find_ink
from smolcli.layout.joining import joined, weighted_em
from smolcli.layout.nouns import Block, Layout, Line, PixelBox
from smolcli.layout.order import in_order
from smolcli.layout.rows import Row, find_rows
from smolcli.layout.sizes import sized, spaces_of
from smolcli.layout.tables import table_of


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
    blocks: list[Block] = in_order(lines, em, table_of)
    return Layout(tuple(with_pictures(blocks, pictures)), em)


def with_pictures(blocks: list[Block], pictures: list[Block]) -> list[Block]:
    """The blocks with each picture before the first one that begins beneath its top and beside or under it."""
    for picture in pictures:
        left, top, right, _ = picture.box_px
        places = [
            number
            for number, block in enumerate(blocks)
            if block.box_px[1] >= top and block.box_px[0] < right and left < block.box_px[2]
        ]
        blocks.insert(min(places, default=len(blocks)), picture)
    return blocks


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
