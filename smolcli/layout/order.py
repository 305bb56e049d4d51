"""Lines go in, blocks in reading order come out: columns from left to right, what spans them before and after.

Lines that lie beside each other make a band. Neighbouring bands with a common gutter are columns, or a table where
what stands side by side are cells and not running text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from smolcli.layout.nouns import Block, Line, around
from smolcli.layout.tables import listed, table_by_gaps

GUTTER = 0.8  # ems: wider than any space in running text
DEEPEST = 12  # columns within bands within columns

Placed = Mapping[Line, Block]  # what is a block already, a table or a picture, by the line that stands for it


def intervals(spans: Sequence[tuple[int, int]], least: float) -> list[tuple[int, int]]:
    """Spans melted where they overlap or are nearer than `least` to one another, ascending."""
    melted: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if melted and low < melted[-1][1] + least:
            melted[-1] = melted[-1][0], max(melted[-1][1], high)
        else:
            melted.append((low, high))
    return melted


def spans_of(lines: Sequence[Line], em: float) -> list[tuple[int, int]]:
    """From where to where columns reach: between them there is a gutter that no line reaches into."""
    return intervals([(line.box_px[0], line.box_px[2]) for line in lines], GUTTER * em)


def columns_of(lines: Sequence[Line], em: float) -> list[list[Line]]:
    """The lines by their columns; one list where there is no gutter."""
    spans = spans_of(lines, em)
    starts = [low for low, _ in spans]
    found: list[list[Line]] = [[] for _ in spans]
    for line in lines:
        found[bisect_right(starts, line.box_px[0]) - 1].append(line)
    return found


def bands_of(lines: Sequence[Line]) -> list[list[Line]]:
    """The lines by bands from top to bottom: what overlaps by more than a third of its height is in one band."""
    bands: list[list[Line]] = []
    end = -1.0
    for line in downwards(lines):
        top, bottom = line.box_px[1], line.box_px[3]
        third = (bottom - top) / 3
        if bands and top + third < end:
            bands[-1].append(line)
            end = max(end, bottom)
        else:
            bands.append([line])
            end = bottom
    return bands


def in_order(lines: Sequence[Line], em: float, placed: Placed, depth: int = 0) -> list[Block]:
    """Blocks in reading order. em: the letter size of most lines."""
    if depth > DEEPEST:
        return blocks_of(downwards(lines), placed)
    done: list[Block] = []
    plain: list[Line] = []
    for group in side_by_side(bands_of(lines), em):
        columns = columns_of(group, em)
        if len(columns) < 2:
            plain += downwards(group)
            continue
        marked = listed(columns, em)
        if marked is not None:
            plain += marked
            continue
        done += blocks_of(plain, placed)
        plain = []
        table = None if any(line in placed for line in group) else table_by_gaps(columns, em)
        if table is not None:
            above, cells, beneath = table
            done += [*in_order(above, em, placed, depth + 1), cells, *in_order(beneath, em, placed, depth + 1)]
        else:
            for column in columns:
                done += in_order(column, em, placed, depth + 1)
    return done + blocks_of(plain, placed)


def downwards(lines: Sequence[Line]) -> list[Line]:
    """The lines from top to bottom; a drop capital, whose top is about that of the line beside it, comes first."""

    def place(line: Line) -> tuple[float, int]:
        left, top, _, bottom = line.box_px
        return top - 0.15 * (bottom - top), left

    return sorted(lines, key=place)


@dataclass(slots=True)
class Group:
    """Bands that are put together. spans: of their columns; deep: whether they are columns, and not one line of parts.

    Columns are two bands of lines side by side, or one in which several lines stand beside others.
    """

    lines: list[Line]
    spans: list[tuple[int, int]]
    bands: int
    split: int
    deep: bool

    @classmethod
    def of(cls, band: list[Line], em: float) -> Group:
        """A group of one band."""
        spans = spans_of(band, em)
        counts = [len(column) for column in columns_of(band, em)] if len(spans) > 1 else [0]
        return cls(band, spans, 1, int(len(spans) > 1), min(counts) > 1 or max(counts) > 2)

    def with_below(self, other: Group, em: float) -> Group:
        """Both together, whether they belong together or not."""
        split = self.split + other.split
        spans = intervals([*self.spans, *other.spans], GUTTER * em)
        return Group(
            self.lines + other.lines, spans, self.bands + other.bands, split, self.deep or split > 1 or other.deep
        )


def side_by_side(bands: list[list[Line]], em: float) -> list[list[Line]]:
    """Bands put together as long as one gutter goes through all of them, and some of them have lines side by side."""
    groups: list[Group] = []
    for band in bands:
        group = Group.of(band, em)
        if groups and _goes_on(groups[-1], group, em):
            groups[-1] = groups[-1].with_below(group, em)
        else:
            groups.append(group)
    number = 1
    while number < len(groups):
        if groups[number - 1].bands == 1 and _is_headed(groups[number - 1], groups[number], em):
            groups[number - 1 : number + 1] = [groups[number - 1].with_below(groups[number], em)]
            number = max(1, number - 1)
        else:
            number += 1
    return [group.lines for group in groups]


def _goes_on(group: Group, band: Group, em: float) -> bool:
    """Whether a band belongs to the columns above it: near enough, and the gutter goes through it."""
    if not group.split:
        return False
    near = group.deep and _beneath(group.lines, band.lines) < 2.5 * em
    return (near or band.split > 0) and len(group.with_below(band, em).spans) > 1


def _is_headed(above: Group, group: Group, em: float) -> bool:
    """Whether lines that stand close above columns, on one side of the gutter, are part of them."""
    if not group.deep or _beneath(above.lines, group.lines) >= 1.2 * em:
        return False
    alike = all(0.8 < line.em_px / em < 1.25 for line in above.lines)
    return alike and len(above.with_below(group, em).spans) > 1


def _beneath(above: Sequence[Line], lines: Sequence[Line]) -> int:
    """How much white there is between lines and those beneath them, in pixels."""
    return min(line.box_px[1] for line in lines) - max(line.box_px[3] for line in above)


def blocks_of(lines: Sequence[Line], placed: Placed) -> list[Block]:
    """Lines in reading order, cut into blocks where size, ground, column or the distance of lines changes."""
    if not lines:
        return []
    steps = [b.base_px - a.base_px for a, b in pairwise(lines)]
    found: list[list[Line]] = [[lines[0]]]
    for number, (above, line) in enumerate(pairwise(lines)):
        usual = sorted(step for step in steps[max(0, number - 3) : number + 4] if 0 < step < 1.8 * line.em_px)
        step = usual[(len(usual) - 1) // 2] if len(usual) > 1 else 1.5 * line.em_px
        apart = above in placed or line in placed
        if not apart and _belong(above, line) and steps[number] < 1.25 * step + 2:
            found[-1].append(line)
        else:
            found.append([line])
    return [
        placed.get(block[0]) or Block("text", around([line.box_px for line in block]), tuple(block)) for block in found
    ]


def _belong(above: Line, line: Line) -> bool:
    """Whether a line may go on with the block of the line above it, but for their distance."""
    overlap = min(above.box_px[2], line.box_px[2]) - max(above.box_px[0], line.box_px[0])
    alike = 0.84 < line.em_px / max(above.em_px, 1e-6) < 1.19  # a heading of 13 points is none of a text of 11
    return overlap > 0 and alike and above.dark == line.dark and line.base_px > above.base_px
