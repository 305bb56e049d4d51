"""A line goes in, boxes of at most a width come out, cut where there are spaces."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from smolcli.errors import UsageError
from smolcli.layout.nouns import Line, PixelBox

CLEAR = 0.75  # of most spaces of a line: beside a 1 or a type-written l a gap is narrower, and within a word
EVEN = 0.5  # of an even share, the narrowest piece that is cut for the sake of a clear space


def pieces(line: Line, widest_px: float) -> tuple[PixelBox, ...]:
    """The line's box cut at its spaces into boxes at most widest_px wide, as even as the spaces allow.

    They go from left to right and hold all of the line's ink. A narrow gap, which may be one within a word, is cut at
    where no other is near enough. A word that is wider than that is cut into even parts, between two letters where
    there is a gap near enough. Raises UsageError for a width below one pixel.
    """
    if not widest_px >= 1:
        raise UsageError(f"A piece of a line is at least a pixel wide, not {widest_px}.")
    widest = int(min(widest_px, 1 << 30))
    left, top, end, bottom = line.box_px
    gaps = [(max(a, left), min(b, end)) for a, b in line.gaps_px if left < a < b < end]
    clear = _clear(gaps, line.em_px)
    found: list[PixelBox] = []
    while end - left > widest:
        even = (end - left) / math.ceil((end - left) / widest)
        fits = [(a, b) for a, b in gaps if a > left and a - left <= widest]
        if fits:
            fits = [gap for gap in fits if gap[1] - gap[0] >= clear and gap[0] - left >= even * EVEN] or fits
            stop, start = min(fits, key=lambda gap: (abs(gap[0] - left - even), gap))
        else:  # no space is near enough: the word ends where the next one begins, and is cut on its way there
            word = min([a for a, _ in gaps if a > left], default=end) - left
            part = math.ceil(word / math.ceil(word / widest))
            joints = [x for x in line.joints_px if left + part // 2 < x <= left + widest]
            stop = start = min(joints, key=lambda x: abs(x - left - part), default=left + min(widest, part))
        found.append((left, top, stop, bottom))
        left = start
        gaps = [gap for gap in gaps if gap[0] > left]
    return (*found, (left, top, end, bottom))


def _clear(gaps: Sequence[tuple[int, int]], em_px: float) -> float:
    """The width from which on a line's gaps are no doubt spaces; what is wider than a letter stands between cells."""
    widths = [right - left for left, right in gaps if right - left < em_px]
    return CLEAR * statistics.median(widths) if widths else 0.0
