"""A drawn page and what was found on it go in; how many lines are right, and whether their order is, come out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from documents import Drawn

from smolcli.layout import Layout, find_layout, find_skew, straightened

LEAST_IOU = 0.5


@dataclass(frozen=True)
class Score:
    """Lines drawn, found, and matched (IoU of at least 0.5); the pairs in order of the drawn ones."""

    drawn: int
    found: int
    pairs: tuple[tuple[int, int], ...]

    @property
    def recall(self) -> float:
        return len(self.pairs) / self.drawn if self.drawn else 1.0

    @property
    def precision(self) -> float:
        return len(self.pairs) / self.found if self.found else 1.0

    @property
    def in_order(self) -> float:
        """The share of neighbouring drawn lines that were found one behind the other."""
        steps = np.diff([found for _, found in self.pairs])
        return float((steps > 0).mean()) if len(steps) else 1.0


def ious(drawn: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Of every drawn box (n, 4) with every found one (m, 4): overlap over union, float (n, m)."""
    a, b = drawn[:, None, :].astype(float), found[None, :, :].astype(float)
    overlap = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None).prod(-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).prod(-1) for boxes in (a, b)]
    return overlap / (areas[0] + areas[1] - overlap)


def score(page: Drawn, layout: Layout) -> Score:
    """Every drawn line with at most one found line, the best pairs first."""
    drawn = np.array([line.straight_px for line in page.lines]).reshape(-1, 4)
    found = np.array([line.box_px for line in layout.lines]).reshape(-1, 4)
    table = ious(drawn, found) if len(drawn) and len(found) else np.zeros((len(drawn), len(found)))
    pairs = []
    while table.size and table.max() >= LEAST_IOU:
        one, other = np.unravel_index(np.argmax(table), table.shape)
        pairs.append((int(one), int(other)))
        table[one, :] = table[:, other] = 0
    return Score(len(drawn), len(found), tuple(sorted(pairs)))


def looked_at(page: Drawn) -> Layout:
    """The layout of a drawn page, made upright by what is known and level by what is found."""
    upright = straightened(page.rgb, page.wear.turn, 0.0)
    return find_layout(straightened(upright, 0, find_skew(upright)))
