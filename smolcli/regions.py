"""What a page was read as: a tree of regions, between whatever read it and the writers that show it.

A page's regions are its blocks in reading order; a block's children are its lines, a line's its words, a table's its
cells. Every box is in shares of the page as `Media.frame` gives it (0 to 1), however the page was turned to be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from smolcli.datatypes import Box, Size

RegionKind = Literal[
    "heading", "paragraph", "list_item", "code", "formula", "caption", "header", "footer",
    "table", "cell", "picture", "line", "word",
]  # fmt: skip
TextFrom = Literal["", "layer", "model", "mixed"]


def turned(box: Box, quarters: int) -> Box:
    """A box of a picture, where it is when the picture is turned by so many quarters clockwise."""
    for _ in range(quarters % 4):
        left, top, width, height = box
        box = (1 - top - height, left, height, width)
    return box


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a page that was read.

    confidence: 0 to 1, the geometric mean of its tokens' probabilities; None where nothing was guessed (a text layer).
    level: of a heading, 1 for the largest. row, column: of a cell, 0-based, with how many it spans. label: what is
    known beside its kind: which language code is in, what a picture shows, what a cell heads.
    """

    kind: RegionKind
    box: Box
    text: str = ""
    confidence: float | None = None
    children: tuple[Region, ...] = ()
    level: int = 0
    row: int = 0
    column: int = 0
    row_span: int = 1
    column_span: int = 1
    label: str = ""

    def walk(self) -> Iterator[Region]:
        """Itself, then everything in it, in reading order."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class PageReading:
    """One page as it was read.

    text_from: its own text layer, the model, both; "" for a blank page. regions: its blocks in reading order.
    rotation: degrees clockwise (0, 90, 180, 270) by which it was turned to stand upright, skew_deg: by which it was
    then turned further, clockwise, to have its lines level. size_px: of the page as it was looked at. markup: what a
    model wrote of it, where that is markup (DocTags).
    """

    text_from: TextFrom
    regions: tuple[Region, ...]
    size_px: Size
    rotation: int = 0
    skew_deg: float = 0.0
    markup: str = field(default="", compare=False, repr=False)

    def of_kind(self, *kinds: RegionKind) -> Iterator[Region]:
        """All regions of some kinds, in reading order."""
        return (region for block in self.regions for region in block.walk() if region.kind in kinds)

    @property
    def confidence(self) -> float | None:
        """The mean of its lines' confidences, weighted by their letters; None where nothing was guessed."""
        lines = [
            (line.confidence, len(line.text)) for line in self.of_kind("line", "cell") if line.confidence is not None
        ]
        letters = sum(count for _, count in lines)
        return sum(share * count for share, count in lines) / letters if letters else None


_MARKER = re.compile(r"(?:[•‣◦▪▫■□●○◆◇▶►➢➤✓✔·∙–—*+-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{2,5})[.)])(?=\s+\S)")


def list_marker(text: str) -> str:
    """What stands before an item of a list ("•", "-", "3.", "(b)"), "" where a text does not begin as one."""
    found = _MARKER.match(text)
    return found.group() if found else ""


def page_text(reading: PageReading) -> str:
    """What a page says: lines as they stand, blocks apart by an empty line, the cells of a table's row by a tab."""
    return "\n\n".join(filter(None, (_block_text(block) for block in reading.regions)))


def _block_text(block: Region) -> str:
    if block.kind != "table":
        return block.text
    rows: dict[int, list[Region]] = {}
    for cell in block.children:
        rows.setdefault(cell.row, []).append(cell)
    by_column = (sorted(cells, key=lambda cell: cell.column) for _, cells in sorted(rows.items()))
    return "\n".join("\t".join(" ".join(cell.text.split()) for cell in cells) for cells in by_column)
