"""Letters go in, rows of them come out: letters that stand side by side, tight boxes, letter size, spaces.

A letter reaches for its neighbours from the middle half of its height, so that what hangs from one line and what
stands up from the next do not meet; it reaches as far as its own height says, so that print of any size holds together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from smolcli.layout.ink import Ink, Letters, Mask, letters_of

REACH = 0.55  # of its height, to each side: spaces between words are 0.5 to 0.6 of a letter without ascender
CORE = 0.25, 0.75
SPECK = 0.26  # ems: what is lower is a stop, a comma, a hyphen, a dot: it joins a row, and makes none
DOTS = 5  # at least, in a leader
SMALL_PX, RUN, LOWER, UNLIKE = 6, 8, 0.4, 0.2  # small print: letters so high, in runs of so many, such a share of them
# too low for print of the usual size, and their widths as unlike as letters' are (a leader's dots are all alike)


@dataclass(frozen=True, slots=True)
class Row:
    """Letters side by side. left, top, right, bottom: their ink in working pixels. members: their numbers.

    base: the level of their feet; lower: the height of letters without ascender, or of all where all are as high;
    em: their size; 0.0 where it is not yet known.
    """

    left: int
    top: int
    right: int
    bottom: int
    members: Any
    base: float = 0.0
    lower: float = 0.0
    em: float = 0.0

    @property
    def height(self) -> int:
        """Of its ink."""
        return self.bottom - self.top


def chained(letters: Letters, shape: tuple[int, ...], walls: Mask | None) -> Any:
    """For each letter the number of the chain that it is in, int (n,). walls: where no chain goes through."""
    reach = np.maximum(2, REACH * letters.height).astype(np.int64)
    top = (letters.top + CORE[0] * letters.height).astype(np.int64)
    bottom = np.maximum(top, (letters.top + CORE[1] * letters.height).astype(np.int64))
    return strung(np.stack([letters.left - reach, top, letters.right + reach, bottom], 1), shape, walls)


def strung(boxes: Any, shape: tuple[int, ...], walls: Mask | None = None) -> Any:
    """For each box (int (n, 4): left, top, right, bottom, inclusive) the number of the heap of boxes that it is in."""
    field = np.zeros(shape, np.uint8)
    for left, top, right, bottom in boxes.tolist():
        cv2.rectangle(field, (left, top), (right, bottom), 255, -1)
    if walls is not None:
        field[walls > 0] = 0
    _, labels = cv2.connectedComponents(field, connectivity=4, ltype=cv2.CV_32S)
    x, y = (boxes[:, 0] + boxes[:, 2]) // 2, (boxes[:, 1] + boxes[:, 3]) // 2
    return labels[np.clip(y, 0, shape[0] - 1), np.clip(x, 0, shape[1] - 1)]


def grouped(numbers: Any) -> list[Any]:
    """The indices of every group of equal numbers, ascending."""
    order = np.argsort(numbers, kind="stable")
    edges = np.flatnonzero(np.diff(numbers[order])) + 1
    return np.split(order, edges) if len(order) else []


def row_of(letters: Letters, members: Any) -> Row:
    """The row of some letters: its box, the level of its feet, the height of its lower letters."""
    part = letters.take(members)
    bottoms, heights = part.bottom, part.height
    middle = float(np.median(heights))
    tall = heights >= 0.6 * middle
    base = _crowded(bottoms[tall].astype(float), max(1.0, 0.12 * middle))
    standing = tall & (np.abs(bottoms - base) <= max(1.0, 0.15 * middle))
    rises = (base - part.top[standing]).astype(float)
    lower = _crowded(rises, max(1.0, 0.1 * middle)) if len(rises) else middle
    left, top = int(part.left.min()), int(part.top.min())
    return Row(left, top, int(part.right.max()), int(bottoms.max()), members, base, lower)


def _crowded(values: Any, within: float) -> float:
    """The mean of the values where most of them are within a distance of one another."""
    ordered = np.sort(values)
    counts = np.searchsorted(ordered, ordered + within, side="right") - np.arange(len(ordered))
    first = int(np.argmax(counts))
    return float(ordered[first : first + counts[first]].mean())


def find_rows(ink: Ink, walls: Mask | None) -> tuple[Letters, list[Row], list[Row]]:
    """The letters of a page, its rows from top to bottom, and its dotted leaders."""
    letters = letters_of(ink.mask)
    em = ink.em
    size = np.maximum(letters.height, letters.width)
    makes = (letters.height >= max(3, SPECK * em)) & (letters.height < 0.4 * min(ink.mask.shape)) & (size < 30 * em)
    makes |= _small_print(letters, makes, em, walls, ink.mask.shape)
    main = np.flatnonzero(makes)
    rows: list[Row] = []
    if len(main):
        for chain in grouped(chained(letters.take(main), ink.mask.shape, walls)):
            rows += _levelled(letters, main[chain], ink.mask.shape, walls)
    specks, leaders = without_leaders(letters, np.flatnonzero(~makes & (letters.height < em)), em, ink.mask.shape)
    rows, blots = _without_blots(rows, em)
    rows = _with_specks(letters, rows, np.concatenate([specks, *blots]), em)
    return letters, sorted(rows, key=lambda row: (row.top, row.left)), leaders


def _small_print(letters: Letters, makes: Any, em: float, walls: Mask | None, shape: tuple[int, ...]) -> Any:
    """Which letters are of print so much smaller than most that the lower ones would be specks of that, bool (n,)."""
    low = ~makes & (letters.height >= SMALL_PX) & (letters.width < em)
    small = np.zeros(len(letters), bool)
    if np.count_nonzero(low) < RUN:
        return small
    some = np.flatnonzero(low | (makes & (letters.height < em)))
    for run in grouped(chained(letters.take(some), shape, walls)):
        members = some[run]
        widths = letters.width[members]
        if len(members) >= RUN and low[members].mean() >= LOWER and widths.std() > UNLIKE * widths.mean():
            small[members] = True
    return small & low


def without_leaders(letters: Letters, specks: Any, em: float, shape: tuple[int, ...]) -> tuple[Any, list[Row]]:
    """The specks that are no dots of a leader, and the leaders: five dots or more in a row, three ems or longer."""
    if len(specks) < DOTS:
        return specks, []
    part = letters.take(specks)
    spread = np.stack([part.left - 0.45 * em, part.top + 0.3 * part.height, part.right + 0.45 * em, part.bottom - 1], 1)
    dots, leaders = np.zeros(len(specks), bool), []
    for run in grouped(strung(spread.astype(np.int64), shape)):
        edges = np.sort(part.left[run])
        pitch = np.diff(edges)
        if len(run) < DOTS or edges[-1] - edges[0] < 3 * em:
            continue
        usual = np.median(pitch)
        even = np.mean(np.abs(pitch - usual) <= max(1.5, 0.3 * usual)) > 0.6
        melted = part.width[run].sum() > 0.5 * (edges[-1] - edges[0])  # some dots run into each other
        if even or melted:
            dots[run] = True
            leaders.append(row_of(letters, specks[run]))
    return specks[~dots], leaders


def _levelled(letters: Letters, members: Any, shape: tuple[int, ...], walls: Mask | None) -> list[Row]:
    """A chain as one row, or as several where something tall held rows together: a drop capital, letters that touch."""
    row = row_of(letters, members)
    heights = letters.height[members]
    middle = float(np.median(heights))
    tall = heights > 2.05 * middle
    if row.height < 2.4 * middle or not tall.any() or tall.all():
        return [row]
    lower = members[~tall]
    parts = [row_of(letters, lower[chain]) for chain in grouped(chained(letters.take(lower), shape, walls))]
    levels = len({round(part.base / (1.2 * middle)) for part in parts})
    if levels < 2 and heights.max() < 1.7 * max(part.height for part in parts):
        return [row]
    return parts + _left_over(letters, members[tall], parts)


def _left_over(letters: Letters, tall: Any, parts: list[Row]) -> list[Row]:
    """Rows of the tall things of a chain that stand beside its rows; what goes through them stays with none."""
    alone = []
    for number in tall.tolist():
        one = row_of(letters, np.array([number]))
        inside = [
            part
            for part in parts
            if part.left < (one.left + one.right) / 2 < part.right and part.top < one.bottom and one.top < part.bottom
        ]
        if not inside:
            alone.append(one)
    return alone


def sides_of(rows: list[Row]) -> tuple[Any, Any, Any, Any]:
    """Left, top, right and bottom of rows, each int (n,)."""
    left, top, right, bottom = np.array([(row.left, row.top, row.right, row.bottom) for row in rows]).reshape(-1, 4).T
    return left, top, right, bottom


def ceilings(rows: list[Row], em: float) -> Any:
    """The levels up to which rows reach with their accents and quotes, whether they have any or not, float (n,)."""
    top = np.array([row.top - 0.1 * row.height for row in rows])
    base, lower, high = np.array([(row.base, row.lower, row.height) for row in rows], float).reshape(-1, 3).T
    without = (lower < 0.62 * em) | (high > 1.25 * lower)  # its lower letters are no capitals or figures
    return np.minimum(top, base - np.where(without, 1.8, 1.25) * lower)


def _without_blots(rows: list[Row], em: float) -> tuple[list[Row], list[Any]]:
    """The rows without those that are a stop or a comma in or beside a row of larger print; and their members."""
    left, top, right, bottom = sides_of(rows)
    ceiling = ceilings(rows, em)
    kept, blots = [], []
    for row in rows:
        x, y = (row.left + row.right) / 2, (row.top + row.bottom) / 2
        high = bottom - top
        host = (high > 1.9 * row.height) & (high < 12 * row.height) & (y > ceiling) & (y < bottom + 0.15 * high)
        host &= (x > left - 0.6 * high) & (x < right + 0.6 * high)
        if len(row.members) <= 2 and host.any():
            blots.append(row.members)
        else:
            kept.append(row)
    return kept, blots


def _with_specks(letters: Letters, rows: list[Row], specks: Any, em: float) -> list[Row]:
    """The rows with the stops, commas, dots and accents that stand in or beside them."""
    if not rows or not len(specks):
        return rows
    left, top, right, bottom = sides_of(rows)
    high, ceiling = bottom - top, ceilings(rows, em)
    x = letters.left[specks] + letters.width[specks] / 2
    y = letters.top[specks] + letters.height[specks] / 2
    mine = np.full(len(specks), -1)
    order = np.argsort(top)
    for number in order.tolist():
        row = rows[number]
        reach = max(0.5 * high[number], 1.1 * row.lower) if len(row.members) > 2 else 0.3 * high[number]
        inside = (x > left[number] - 0.6 * reach) & (x < right[number] + reach)
        inside &= (y > ceiling[number]) & (y < bottom[number] + 0.15 * high[number])
        mine[inside & (mine < 0)] = number
    grown = list(rows)
    for number in np.unique(mine[mine >= 0]).tolist():
        row, more = rows[number], specks[mine == number]
        part = letters.take(more)
        members = np.concatenate([row.members, more])
        grown[number] = replace(
            row,
            members=members,
            left=min(row.left, int(part.left.min())),
            right=max(row.right, int(part.right.max())),
            top=min(row.top, int(part.top.min())),
            bottom=max(row.bottom, int(part.bottom.max())),
        )
    return grown
