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
SPACE = 0.2  # ems: the narrowest space between words


def sized(rows: Sequence[Row], letters: Letters, mask: Mask) -> list[Row]:
    """The rows, each with its letter size."""
    if not rows:
        return []
    shapes = np.array([_shape(row, letters) for row in rows])  # above the feet, below them, lower letters
    above, below, lower = shapes.T
    for number in np.flatnonzero(
        above <= RISE * lower
    ).tolist():  # where letters touch, words are as high as each other
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


def spaces_of(row: Row, letters: Letters) -> list[tuple[int, int]]:
    """(left, right) of a row's spaces between words, in working pixels.

    Where a row's gaps fall apart into narrow and wide ones, the wide ones are its spaces: type-written letters stand as
    far apart as words do in print.
    """
    widths, right, left = gaps_of(row, letters)
    wide = np.flatnonzero(widths >= narrowest_space(widths, row.em))
    return [(int(right[i]), int(left[i])) for i in wide]


def gaps_of(row: Row, letters: Letters) -> tuple[Any, Any, Any]:
    """The widths of a row's gaps from letter to letter, where each begins and where it ends; below 0 they overlap."""
    part = letters.take(row.members)
    order = np.argsort(part.left, kind="stable")
    left, right = part.left[order][1:], np.maximum.accumulate(part.right[order])[:-1]
    return left - right, right, left


def narrowest_space(widths: Any, em: float) -> float:
    """The width from which on a row's gaps are spaces: amid the widest step between its gaps of about such a width."""
    likely = np.sort(widths[(widths > 0.08 * em) & (widths < 0.9 * em)])
    if len(likely) < 4:
        return max(2.0, SPACE * em)
    steps = np.diff(likely)
    amid = (likely[1:] + likely[:-1]) / 2
    fits = (amid > 0.13 * em) & (amid < 0.55 * em)
    if not fits.any():
        return max(2.0, SPACE * em)
    best = int(np.argmax(np.where(fits, steps, -1)))
    return max(2.0, float(amid[best])) if steps[best] >= 0.06 * em else max(2.0, SPACE * em)
