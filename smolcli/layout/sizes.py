"""Rows go in, rows with their letter size and their spaces come out.

A row that has ascenders and descenders says its size itself; another is measured by the rows around it that do: print
of capitals, of figures, or without ascenders is of the size of the print beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from smolcli.layout.ink import Letters, Mask
from smolcli.layout.rows import Row

INK = 0.93  # ems from ascender to descender
CAPITALS = 0.72  # ems; letters with ascenders are as high within 0.03
LOWER = 0.5  # ems: 0.45 in Times, 0.52 in Helvetica
RISE = 1.18  # times higher than the lower letters are those with ascenders
DENSE = 0.62  # of the ink of its densest levels has a level of the lower letters, and no other
SPACE = 0.2  # ems: the narrowest space between words, where no row says it
WIDEST = 0.6  # ems: a space that is wider is as wide as this
LEAST_SPREAD = 0.03  # ems: gaps of one kind differ by as much
NEIGHBOURS = 10  # rows
LONG_WORD = 6.0  # ems: a shorter word is never cut
LONG = 14  # gaps: a row that has so many has some between words


def sized(rows: Sequence[Row], letters: Letters, mask: Mask) -> list[Row]:
    """The rows, each with its letter size."""
    if not rows:
        return []
    shapes = np.array([_shape(row, letters) for row in rows])  # above the feet, below them, lower letters
    above, below, lower = shapes.T
    for number in np.flatnonzero(above <= RISE * lower).tolist():  # letters that touch hide it
        lower[number] = min(lower[number], _core(rows[number], mask, above[number]))
    rises, hangs = above > RISE * lower, below > 0.12 * np.maximum(above, 1)
    ems = np.where(rises & hangs, (above + below) / INK, np.where(rises, above / CAPITALS, 0.0))
    told = rises & (lower > 0)
    ratio = float(np.median(ems[told] / lower[told])) if told.any() else 1 / LOWER
    middle = np.array([(row.top + row.bottom) / 2 for row in rows])
    for number in np.flatnonzero(~rises).tolist():
        small, capitals = lower[number] * ratio, above[number] / CAPITALS
        if hangs[number] and below[number] > 0.34 * above[number]:
            ems[number] = small
            continue
        near = np.flatnonzero(told & (ems < 1.6 * small) & (ems > 0.6 * capitals))
        near = near[np.argsort(np.abs(middle[near] - middle[number]), kind="stable")[:8]]
        around = float(np.median(ems[near])) if len(near) else capitals
        ems[number] = min((capitals, small), key=lambda em: abs(np.log(max(em, 1e-6) / max(around, 1e-6))))
    return [replace(row, em=float(em)) for row, em in zip(rows, ems.tolist(), strict=True)]


def _core(row: Row, mask: Mask, above: float) -> float:
    """The height in which most of a row's ink is: that of letters without ascender; `above` where it cannot be told."""
    top, base = row.top, round(row.base)
    ink = np.count_nonzero(mask[top:base, row.left : row.right], axis=1)
    if len(ink) < 5 or not ink.any():
        return above
    dense = np.flatnonzero(ink >= DENSE * np.sort(ink)[-max(1, len(ink) // 4)])
    core = float(len(ink) - dense[0])
    return core if core < above / RISE else above


def _shape(row: Row, letters: Letters) -> tuple[float, float, float]:
    """How far a row's ink reaches above the feet and below, and the height of its lower letters, in working pixels."""
    part = letters.take(row.members)
    likely = part.height >= 0.5 * row.lower
    if not likely.any():
        return row.base - row.top, row.bottom - row.base, row.lower
    return row.base - float(part.top[likely].min()), float(part.bottom[likely].max()) - row.base, row.lower


def spaces_of(rows: Sequence[Row], letters: Letters) -> list[list[tuple[int, int]]]:
    """Of every row: (left, right) of its spaces between words, in working pixels.

    A row's gaps are those between letters and those between words, and fall apart into the two: type-written letters
    stand as far apart as words do in print. A row of few letters is told by those of its size around it.
    """
    gaps = [gaps_of(row, letters) for row in rows]
    ems, tops = np.array([row.em for row in rows]), np.array([row.top for row in rows])
    found = []
    for row, (widths, right, left) in zip(rows, gaps, strict=True):
        share = space_share(widths, row.em)
        if not share:
            alike = np.flatnonzero((ems > 0.8 * row.em) & (ems < 1.25 * row.em))
            near = alike[np.argsort(np.abs(tops[alike] - row.top), kind="stable")[:NEIGHBOURS]]
            share = space_share(np.concatenate([gaps[i][0] for i in near.tolist()]), row.em) or SPACE
        wide = np.flatnonzero(widths >= max(1.5, share * row.em))
        found.append([(int(right[i]), int(left[i])) for i in wide])
    return found


def joints_of(row: Row, spaces: Sequence[tuple[int, int]], letters: Letters) -> list[int]:
    """Amid the gaps between the letters of a row's very long words: where such a word can be cut and no letter is."""
    edges = [row.left, *(side for space in spaces for side in space), row.right]
    long = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > LONG_WORD * row.em]
    if not long:
        return []
    widths, right, left = gaps_of(row, letters)
    amid = ((right + left) // 2)[widths > 0].tolist()
    return [x for x in amid if any(a < x < b for a, b in long)]


def gaps_of(row: Row, letters: Letters) -> tuple[Any, Any, Any]:
    """The widths of a row's gaps from letter to letter, where each begins and where it ends; below 0 they overlap."""
    part = letters.take(row.members)
    order = np.argsort(part.left, kind="stable")
    left, right = part.left[order][1:], np.maximum.accumulate(part.right[order])[:-1]
    return left - right, right, left


def space_share(widths: Any, em: float) -> float:
    """The width in ems from which on a row's gaps are spaces, amid its two classes; 0.0 where it does not say."""
    if len(widths) < LONG or em <= 0:
        return 0.0
    low, high = two_classes(np.clip(widths / em, 0.0, WIDEST))
    return (low + high) / 2 if high - low >= 0.12 and high >= 0.17 else 0.0


def two_classes(values: Any) -> tuple[float, float]:
    """The means of the two classes that values (in ems) fall apart into, by the rule of least error.

    Kittler and Illingworth 1986: unlike Otsu's rule it finds a class of few members, as spaces are among figures.
    """
    ordered = np.sort(np.asarray(values, float))
    counts = np.arange(1, len(ordered))
    sums, squares = np.cumsum(ordered), np.cumsum(ordered**2)
    found = []
    for count, total, square in (
        (counts, sums[:-1], squares[:-1]),
        (counts[::-1], sums[-1] - sums[:-1], squares[-1] - squares[:-1]),
    ):
        mean = total / count
        spread = np.sqrt(np.maximum(square / count - mean**2, LEAST_SPREAD**2))
        share = count / len(ordered)
        found.append((mean, share * np.log(spread / share)))
    (low, low_cost), (high, high_cost) = found
    best = int(np.argmin(low_cost + high_cost))
    return float(low[best]), float(high[best])
