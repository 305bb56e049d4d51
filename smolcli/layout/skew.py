"""A page goes in, how it has to be turned comes out: the quarter turns worth trying, and the degrees that level it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from smolcli.datatypes import RGB
from smolcli.layout.ink import Letters, em_of, letters_of, reduced, standing_out

MOST_SKEW_DEG = 10.0
LEAST_SKEW_DEG = 0.1
COARSE_DEG, FINE_DEG = 0.5, 0.05
FEWEST_LETTERS = 12
FEWEST_TO_TELL = 60  # letters, before their feet and heads say how a page stands: a line or two can say anything
MOST_LETTERS = 6000  # more say no more
SURE_SKEW = 1.15  # times as crowded as at most angles
STRIP = 12.0  # ems: a part of a page so wide is within one column
APART_DEG = 0.3  # by which what all of a page says of its skew may differ from what its parts say


def letters_on(rgb: RGB) -> tuple[Letters, float]:
    """What may be letters on a page, and their size, in working pixels: neither specks nor rules nor pictures."""
    grey, _ = reduced(rgb)
    letters = letters_of(standing_out(grey)[0])
    em = em_of(letters, min(grey.shape) / 4)
    alike = (letters.height > 0.28 * em) & (letters.height < 2.5 * em) & (letters.width < 8 * em)
    found = letters.take(alike & (letters.width > 0.1 * em))
    if len(found) > MOST_LETTERS:
        found = found.take(np.linspace(0, len(found) - 1, MOST_LETTERS).astype(np.int64))
    return found, em


def concentration(along: Any, across: Any, degrees: Any, bin_px: float) -> Any:
    """For every angle, how much the points crowd on lines along it: 1 for points strewn evenly, float (angles,).

    along, across: the points' places in the direction of the lines and from line to line, in pixels.
    """
    angles = np.radians(degrees)[:, None]
    levels = across * np.cos(angles) + along * np.sin(angles)  # y points down: a clockwise turn adds x·sin
    bins = np.floor((levels - levels.min()) / bin_px).astype(np.int64)
    count = int(bins.max()) + 2
    flat = bins + np.arange(len(bins))[:, None] * count
    heights = np.bincount(flat.ravel(), minlength=count * len(bins)).reshape(len(bins), count).astype(float)
    heights[:, 1:] += heights[:, :-1].copy()  # bins of twice the width, half overlapping: where one begins is no matter
    filled = (levels.max(1) - levels.min(1)) / bin_px + 1
    return (heights**2).sum(1) * filled / (4.0 * len(across) ** 2)


def best_angle(along: Any, across: Any, em: float) -> tuple[float, float]:
    """The angle in degrees (clockwise, at most MOST_SKEW_DEG) that crowds the points most, and how much it does."""
    coarse = np.arange(-MOST_SKEW_DEG, MOST_SKEW_DEG + 1e-9, COARSE_DEG)
    crowd = concentration(along, across, coarse, max(1.0, em * 0.2))
    first = float(coarse[int(np.argmax(crowd))])
    fine = first + np.arange(-COARSE_DEG, COARSE_DEG + 1e-9, FINE_DEG)
    close = concentration(along, across, fine, max(0.75, em * 0.06))
    level = close >= close.max() * 0.995
    return float(fine[level].mean()), float(crowd.max() / np.median(crowd))


def find_skew(rgb: RGB) -> float:
    """By how many degrees clockwise an upright page (uint8 (H, W, 3)) must be turned for its lines to be level.

    Between -10 and 10; 0.0 where it is less than 0.1, or where nothing says it.
    """
    letters, em = letters_on(rgb)
    if len(letters) < FEWEST_LETTERS:
        return 0.0
    along, feet = letters.left + letters.width / 2, letters.bottom.astype(float)
    angle, sure = best_angle(along, feet, em)
    if abs(angle) > APART_DEG:
        angle = _of_parts(angle, along, feet, em)
    if sure < SURE_SKEW or abs(angle) < LEAST_SKEW_DEG or abs(angle) > MOST_SKEW_DEG:
        return 0.0
    return round(angle, 2)


def _of_parts(angle: float, along: Any, feet: Any, em: float) -> float:
    """The skew that all of a page says, or the one that its parts say, each for itself, where that is another one.

    All of it says it more exactly; but lines of columns that stand a step lower from column to column crowd along that
    slope, too.
    """
    strips = np.floor((along - along.min()) / max(1.0, STRIP * em))
    apart = 2.0 * (np.ptp(along) + np.ptp(feet)) + 1.0  # at no angle do lines of two strips meet
    own, sure = best_angle(along - along.min() - strips * STRIP * em, feet + strips * apart, em)
    return own if sure > SURE_SKEW and abs(own - angle) > APART_DEG else angle


def upright_turns(rgb: RGB) -> tuple[int, ...]:
    """The turns (degrees clockwise) that may make a page stand upright, likeliest first; one alone where it is plain.

    Lines crowd along the direction of writing. In Latin print more letters reach above the lower ones than below the
    line, so that feet stand level and heads do not; print of capitals and figures alone does not say. Of few letters
    every way may be meant, and most pages stand upright.
    """
    letters, em = letters_on(rgb)
    if len(letters) < FEWEST_LETTERS:
        return (0,)
    if len(letters) < FEWEST_TO_TELL:
        return (0, 180, 90, 270)
    x, y = letters.left + letters.width / 2, letters.top + letters.height / 2
    level, upright = (
        max(best_angle(along, a, em)[1] for a in sides)
        for along, sides in (
            (x, (letters.bottom.astype(float), letters.top.astype(float))),
            (y, (letters.right.astype(float), letters.left.astype(float))),
        )
    )
    if level >= upright:
        first = _feet_or_heads(x, letters.top.astype(float), letters.bottom.astype(float), em)
        turns = (0, 180) if first >= 1 else (180, 0)
    else:
        first = _feet_or_heads(y, letters.left.astype(float), letters.right.astype(float), em)
        turns = (90, 270) if first >= 1 else (270, 90)
    sure_lines = max(level, upright) > 1.3 * min(level, upright)
    sure_feet = abs(math.log(max(first, 1e-6))) > 0.25
    if sure_lines:
        return turns[:1] if sure_feet else turns
    others = (90, 270) if turns[0] % 180 == 0 else (0, 180)
    return (*turns, *others)


def _feet_or_heads(along: Any, heads: Any, feet: Any, em: float) -> float:
    """How many times more crowded the letters' lower ends are than their upper ends; above 1 the page is upright."""
    angle, _ = best_angle(along, feet, em)
    narrow = np.array([angle])
    bin_px = max(1.0, em * 0.06)
    return float(concentration(along, feet, narrow, bin_px)[0] / concentration(along, heads, narrow, bin_px)[0])
