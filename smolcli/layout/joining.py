"""Rows go in, whole lines come out: rows that go on beside each other are put together, but not over a gutter.

A wide space of a justified line is a gutter only where lines above or beneath have one in the same place, wider than
the spaces of the print around.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from smolcli.layout.ink import Ink, Letters
from smolcli.layout.rows import Row, row_of
from smolcli.layout.sizes import gaps_of, sized, two_classes

JOIN = 1.5  # ems: rows side by side that are nearer than this are one line, unless a gutter goes between them
JUSTIFIED = 4.0  # ems: as wide as a space gets where few words fill a line
NEXT_LINE = 1.9  # ems: a line that is nearer than this is the one above or beneath
NARROWEST = 0.75  # ems: no gutter is narrower
AROUND = 6.0  # ems: how far above and beneath the lines stand that make a space a gutter
WITNESSES = 2  # of them
LED = 0.6  # of a gap has dots in it


@dataclass(frozen=True, slots=True)
class Gap:
    """The white between two rows (their numbers) side by side, and the level that it is on, in working pixels."""

    before: int
    after: int
    left: int
    right: int
    level: float
    em: float


def weighted_em(rows: Sequence[Row]) -> float:
    """The letter size of most letters, in working pixels."""
    return float(np.median(np.repeat([row.em for row in rows], [len(row.members) for row in rows])))


def typical_space(rows: Sequence[Row], letters: Letters, em: float) -> float:
    """The width of most spaces between words, in or between rows, in working pixels.

    Gaps fall into two classes, those between letters and those between words: in type-writing the former are as wide
    as the latter are in print.
    """
    widths = [gaps_of(row, letters)[0] for row in rows]
    left, middle = np.array([row.left for row in rows]), np.array([(row.top + row.bottom) / 2 for row in rows])
    for row in rows:
        beside = (left > row.right) & (left < row.right + 1.2 * em) & (middle > row.top) & (middle < row.bottom)
        if beside.any():
            widths.append(np.array([left[beside].min() - row.right]))
    pooled = np.sort(np.concatenate(widths)).astype(float)
    pooled = pooled[(pooled > 0.04 * em) & (pooled < 1.2 * em)]
    if len(pooled) < 4:
        return 0.3 * em
    low, high = two_classes(pooled / em)
    wide = pooled[pooled > (low + high) / 2 * em]
    return float(np.median(wide)) if len(wide) else 0.3 * em


def gaps_between(rows: Sequence[Row], ink: Ink) -> list[Gap]:
    """The gaps from every row to the next one on its line, unless a rule stands between them."""
    left, top, bottom = (np.array([getattr(row, side) for row in rows], float) for side in ("left", "top", "bottom"))
    found = []
    for number, row in enumerate(rows):
        shared = np.minimum(bottom, row.bottom) - np.maximum(top, row.top)
        beside = shared > 0.5 * np.minimum(bottom - top, row.bottom - row.top)
        beside &= (left >= row.right - 0.3 * row.em) & (left > row.left)
        if not beside.any():
            continue
        after = int(np.argmin(np.where(beside, left, np.inf)))
        other = rows[after]
        level = (max(row.top, other.top) + min(row.bottom, other.bottom)) / 2
        alike = 0.55 < other.em / max(row.em, 1e-6) < 1.8
        if alike and not ink.down[int(level), row.right : other.left].any():
            found.append(Gap(number, after, row.right, other.left, level, _shared_em(row, other)))
    return found


def _shared_em(row: Row, other: Row) -> float:
    """The letter size of the row that has more letters to say it by."""
    return row.em if len(row.members) >= len(other.members) else other.em


def joined(rows: list[Row], letters: Letters, ink: Ink, leaders: Sequence[Row]) -> list[Row]:
    """Rows that go on beside each other put together: over wide spaces of justified lines, over leaders.

    Twice: spaces that are as wide as a gutter belong to a line only if a line close above or beneath goes on over them,
    and such a line has to be whole before that can be seen.
    """
    if len(rows) < 2:
        return rows
    space = typical_space(rows, letters, weighted_em(rows))
    for widest in (JOIN, JUSTIFIED):
        gaps = gaps_between(rows, ink)
        near = [gap for gap in gaps if gap.right - gap.left <= max(JOIN * gap.em, 2 * space)]
        bridges = [gap for gap in near if not is_gutter(gap, gaps, space) or is_spanned(gap, rows)]
        if widest > JOIN:
            wide = [gap for gap in gaps if JOIN * gap.em < gap.right - gap.left <= widest * gap.em]
            bridges += [gap for gap in wide if is_spanned(gap, rows)]
        bridges += [gap for gap in gaps if is_led(gap, leaders, ink)]
        rows = bridged(rows, bridges, letters, ink)
    return rows


def bridged(rows: list[Row], bridges: Sequence[Gap], letters: Letters, ink: Ink) -> list[Row]:
    """The rows, put together over some gaps."""
    parent = list(range(len(rows)))

    def root(number: int) -> int:
        while parent[number] != number:
            number = parent[number]
        return number

    for gap in bridges:
        parent[root(gap.after)] = root(gap.before)
    groups: dict[int, list[Row]] = {}
    for number, row in enumerate(rows):
        groups.setdefault(root(number), []).append(row)
    return sized([merged(group, letters) for group in groups.values()], letters, ink.mask)


def is_gutter(gap: Gap, gaps: Sequence[Gap], space: float) -> bool:
    """Whether a gap stands between columns: wide, and other lines near it have one at the same place."""
    least = max(NARROWEST * gap.em, 1.7 * space)
    if gap.right - gap.left < least:
        return False
    witnesses = 0
    for other in gaps:
        shared = min(gap.right, other.right) - max(gap.left, other.left)
        witnesses += shared >= least and 0.3 * gap.em < abs(other.level - gap.level) < AROUND * gap.em
    return witnesses >= WITNESSES


def is_spanned(gap: Gap, rows: Sequence[Row]) -> bool:
    """Whether a line of the same size close above or beneath a gap goes on over it."""
    for row in rows:
        away = abs((row.top + row.bottom) / 2 - gap.level)
        if 0.5 * gap.em < away < NEXT_LINE * gap.em and 0.75 < row.em / gap.em < 1.33:
            margin = 0.3 * gap.em
            if row.left < gap.left - margin and row.right > gap.right + margin:
                return True
    return False


def is_led(gap: Gap, leaders: Sequence[Row], ink: Ink) -> bool:
    """Whether dots, or dots that have run into a rule, lead from one end of a gap to the other at the letters' feet."""
    if gap.right - gap.left <= gap.em:
        return False
    dots = [row for row in leaders if row.top - 0.5 * gap.em < gap.level < row.bottom + gap.em]
    led = np.zeros(gap.right - gap.left, bool)
    for row in dots:
        led[max(0, row.left - gap.left) : max(0, row.right - gap.left)] = True
    feet = slice(max(0, int(gap.level - 0.1 * gap.em)), int(gap.level + 0.5 * gap.em) + 1)
    led |= ink.across[feet, gap.left : gap.right].any(axis=0)
    return bool(led.mean() > LED)


def merged(rows: Sequence[Row], letters: Letters) -> Row:
    """One row of some."""
    if len(rows) == 1:
        return rows[0]
    row = row_of(letters, np.concatenate([row.members for row in rows]))
    return replace(row, top=min(part.top for part in rows), bottom=max(part.bottom for part in rows))
