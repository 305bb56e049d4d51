"""Lines go in, blocks in reading order come out: columns from left to right, what spans them before and after.

Lines that lie beside each other make a band. Neighbouring bands with a common gutter are columns, or a table where
what stands side by side are cells and not running text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

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


def columns_of(lines: Sequence[Line], em: float) -> list[list[Line]]:
    """The lines by the columns between which no line reaches; one list where there is no gutter."""
    spans = intervals([(line.box_px[0], line.box_px[2]) for line in lines], GUTTER * em)
    starts = np.array([low for low, _ in spans])
    found: list[list[Line]] = [[] for _ in spans]
    for line in lines:
        found[int(np.searchsorted(starts, line.box_px[0], side="right")) - 1].append(line)
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
    """The lines from top to bottom."""
    return sorted(lines, key=lambda line: (line.box_px[1], line.box_px[0]))


def side_by_side(bands: list[list[Line]], em: float) -> list[list[Line]]:
    """Bands put together as long as one gutter goes through all of them, and some of them have lines side by side."""
    groups: list[list[list[Line]]] = []
    for band in bands:
        if groups and _goes_on(groups[-1], band, em):
            groups[-1].append(band)
        else:
            groups.append([band])
    number = 1
    while number < len(groups):
        if len(groups[number - 1]) == 1 and _is_headed(groups[number - 1][0], groups[number], em):
            groups[number - 1 : number + 1] = [groups[number - 1] + groups[number]]
            number = max(1, number - 1)
        else:
            number += 1
    return [[line for band in group for line in band] for group in groups]


def _is_split(lines: Sequence[Line], em: float) -> bool:
    return len(columns_of(lines, em)) > 1


def _is_deep(group: Sequence[list[Line]], em: float) -> bool:
    """Whether bands are columns, and not one line of some parts: two bands, or one of several lines side by side."""
    split = [[len(column) for column in columns_of(band, em)] for band in group if _is_split(band, em)]
    return len(split) > 1 or any(min(counts) > 1 or max(counts) > 2 for counts in split)


def _goes_on(group: list[list[Line]], band: list[Line], em: float) -> bool:
    """Whether a band belongs to the columns above it: near enough, and the gutter goes through it."""
    if not any(_is_split(part, em) for part in group):
        return False
    lines = [line for part in group for line in part]
    near = _beneath(lines, band) < 2.5 * em and _is_deep(group, em)
    return (near or _is_split(band, em)) and _is_split([*lines, *band], em)


def _is_headed(above: list[Line], group: Sequence[list[Line]], em: float) -> bool:
    """Whether lines that stand close above columns, on one side of the gutter, are part of them."""
    lines = [line for band in group for line in band]
    alike = all(0.8 < line.em_px / em < 1.25 for line in above)
    return alike and _is_deep(group, em) and _beneath(above, lines) < 1.2 * em and _is_split([*above, *lines], em)


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
    alike = 0.8 < line.em_px / max(above.em_px, 1e-6) < 1.25
    return overlap > 0 and alike and above.dark == line.dark and line.base_px > above.base_px
