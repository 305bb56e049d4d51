"""What a page was found to hold: blocks in reading order, their lines, a table's cells. Boxes are in pixels.

A box in pixels is (left, top, right, bottom), the last two exclusive, on the page that was looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

PixelBox = tuple[int, int, int, int]
BlockKind = Literal["text", "table", "picture"]


def around(boxes: Sequence[PixelBox]) -> PixelBox:
    """The box around boxes."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of print. box_px: its ink, from ascender to descender.

    em_px: its letter size; ink from ascender to descender is 0.93 of it. gaps_px: (left, right) of the spaces that are
    wide enough to cut at, from left to right. dark: light letters on dark ground. base_px: the level of letters' feet.
    joints_px: where a word that is very long can be cut between two of its letters.
    """

    box_px: PixelBox
    em_px: float
    gaps_px: tuple[tuple[int, int], ...] = ()
    dark: bool = False
    base_px: float = 0.0
    joints_px: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together, from top to bottom; a picture has none."""

    kind: BlockKind
    box_px: PixelBox
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: 0-based row and column, how many of each it spans, its lines (none where it is empty)."""

    box_px: PixelBox
    row: int
    column: int
    row_span: int = 1
    column_span: int = 1
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Table(Block):
    """A block whose lines stand in cells. rows: of cells from left to right. ruled: found by its rules, not by gaps."""

    rows: tuple[tuple[Cell, ...], ...] = ()
    ruled: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """A page. blocks: in reading order. em_px: the letter size of most of its print, 0.0 where it is blank."""

    blocks: tuple[Block, ...]
    em_px: float = 0.0

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines in reading order."""
        return tuple(line for block in self.blocks for line in block.lines)

    @property
    def tables(self) -> tuple[Table, ...]:
        """Its tables in reading order."""
        return tuple(block for block in self.blocks if isinstance(block, Table))

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing to read: no line; a page may be blank and have pictures."""
        return not any(block.lines for block in self.blocks)
