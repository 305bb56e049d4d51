"""Small pictures of a clip go in, one after another; the moments at which something else is shown come out.

Each detector is told a moment and its picture, uint8 (h, w, 3), and says what has changed, a little later.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from smolcli.datatypes import RGB

CELL_PX = 8  # of the small picture: about a letter of a slide
FLOOR = 8.0  # levels of 255 that a cell differs by because of its coding
NOISE = 3.0  # a cell has changed where it differs by so many times what it usually does
MOST_USUAL = 16.0  # levels that count as usual, so that captions that follow one another do not become usual
BUSY = 0.6  # a cell that changes in so many of the pictures says nothing
MEMORY = 32  # pictures from which what is usual is known
FEWEST_CELLS = 2  # that change when a word does
OF_STEPS = 0.5  # of what is other after a change, so much has changed in its steps
REST_S = 0.4  # of nothing, before a change and after it
SUDDEN_S, SLOW_S = 2.0, 3.0  # a change that takes longer is motion; one of small steps, a drift
DARK = 16  # levels, of a picture between a fade out and a fade in
BINS, REGIONS, NEIGHBOURS = 4, 4, 2
DISTANCE, RATIO = 0.3, 3.0  # of histograms, 0 to 1, and how much more than that of neighbours

Cells = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Change:
    """A scene begins at `time_s`; None where it was looked at, and the same scene goes on. All in seconds.

    from_s, to_s: what is known of, so that what others say of a moment in between is the same change.
    """

    time_s: float | None
    from_s: float
    to_s: float


class Detector(Protocol):
    """What finds the moments at which a scene begins."""

    def see(self, time_s: float, rgb: RGB) -> list[Change]:
        """The next picture; what is known now."""


def cells_apart(one: RGB, other: RGB) -> Cells:
    """float32 (h / 8, w / 8): by how many levels the cells of two pictures differ, in the colour that differs most."""
    apart = np.abs(one.astype(np.int16) - other)
    height, width = apart.shape[:2]
    rows, columns = -(-height // CELL_PX), -(-width // CELL_PX)
    if (rows * CELL_PX, columns * CELL_PX) != (height, width):
        apart = np.pad(apart, ((0, rows * CELL_PX - height), (0, columns * CELL_PX - width), (0, 0)), "edge")
    means = apart.reshape(rows, CELL_PX, columns, CELL_PX, 3).mean((1, 3), dtype=np.float32)
    return np.asarray(means.max(-1), np.float32)


class _Usual:
    """What each cell usually does: by how many levels it differs, in what share of the pictures it changes."""

    def __init__(self, apart: Cells) -> None:
        self._levels = np.full_like(apart, min(MOST_USUAL, float(np.median(apart))))
        self._share = np.zeros_like(apart)
        self._seen = 1

    def changed(self, apart: Cells) -> Flags:
        """Which cells differ by more than they usually do."""
        return np.asarray((apart > np.maximum(FLOOR, NOISE * self._levels)) & (self._share <= BUSY))

    def learn(self, apart: Cells) -> None:
        """One more picture."""
        moved = apart > np.maximum(FLOOR, NOISE * np.median(self._levels))  # by more than noise moves all cells
        self._seen += 1
        part = max(1 / self._seen, 1 / MEMORY)
        self._levels += part * (np.minimum(apart, MOST_USUAL) - self._levels)
        self._share += max(part / 4, 1 / MEMORY) * (moved - self._share)


@dataclass(slots=True)
class _Run:
    """A change that goes on. before: the picture before it; largest: of its steps, which was at `step_s`.

    slow: no step of it is seen alone. dark: the picture went dark in it. rested: nothing happened before it.
    stepped: the cells that changed in one of its steps.
    pictures: how many it has had.
    """

    before: RGB
    began_s: float
    step_s: float
    rested: bool = True
    pictures: int = 0
    largest: float = 0.0
    slow: bool = False
    dark: bool = False
    stepped: Flags | None = None


class Steps:
    """A change between two times at which nothing happens: another shot, a slide, a word on an unchanged ground.

    What is usual is learned for each cell, so that noise, a ticker or somebody who speaks in a corner changes nothing.
    Slow transitions are found by what was shown a second before; motion and flashes are no change.
    """

    def __init__(self, rate: float) -> None:
        self._recent: deque[tuple[float, RGB]] = deque(maxlen=max(2, round(rate)))  # a second of rest
        self._rest = max(1, round(rate * REST_S))  # pictures
        self._longest = max(1, round(rate * SUDDEN_S)) + self._rest  # pictures of a run
        self._gradual = rate >= 4
        self._still = 0  # pictures since the last step
        self._usual: _Usual | None = None
        self._previous: RGB | None = None
        self._run: _Run | None = None

    def see(self, time_s: float, rgb: RGB) -> list[Change]:
        """The next picture; at most one change."""
        before, self._previous = self._previous, rgb
        if before is None or before.shape != rgb.shape:
            self._still = 1
            return []
        apart = cells_apart(before, rgb)
        self._usual = self._usual or _Usual(apart)
        changed = self._usual.changed(apart)
        moves = int(changed.sum()) >= FEWEST_CELLS or _is_dark(rgb)
        if moves:
            self._moved(time_s, rgb, before, changed, float(apart[changed].sum()))
        self._usual.learn(apart)
        return [] if moves else self._rested(time_s, rgb)

    def _moved(self, time_s: float, rgb: RGB, before: RGB, changed: Flags, size: float) -> None:
        run = self._run
        if run is None or run.slow:
            rested = self._still >= self._rest
            run = self._run = _Run(run.before if run else before, run.began_s if run else time_s, time_s, rested)
            self._recent.clear()
        self._still = 0
        run.pictures += 1
        run.stepped = changed if run.stepped is None else run.stepped | changed
        if _is_dark(rgb):
            run.dark, run.largest = True, 0.0
        elif run.dark and run.largest == 0.0:
            run.step_s, run.largest = time_s, math.inf  # where it is no longer dark
        elif size > run.largest:
            run.largest, run.step_s = size, time_s

    def _rested(self, time_s: float, rgb: RGB) -> list[Change]:
        self._still += 1
        run = self._run
        if run is not None:
            run.pictures += 1
        if run is None or run.slow:
            return self._slowly(time_s, rgb) if self._gradual else []
        if self._still < self._rest:
            return []
        self._run = None
        if not (run.dark or (run.rested and run.pictures <= self._longest)):
            return []
        if run.dark:
            return [Change(run.step_s, run.began_s, time_s)]
        assert run.stepped is not None
        other = self._changed(run.before, rgb)
        if (other & run.stepped).sum() < OF_STEPS * other.sum():
            return []  # most of it has changed little by little: a pan
        return [Change(run.step_s if other.sum() >= FEWEST_CELLS else None, run.began_s, time_s)]

    def _slowly(self, time_s: float, rgb: RGB) -> list[Change]:
        """What is shown a second ago against what is shown now, where no step between was one."""
        self._recent.append((time_s, rgb))
        since_s, earlier = self._recent[0]
        run = self._run
        if self._differ(earlier, rgb):
            if run is None:
                self._run = _Run(earlier, since_s, time_s, slow=True)
            return []
        if run is None:
            return []
        self._run = None
        short = since_s - run.began_s <= SLOW_S and self._differ(run.before, rgb)
        return [Change((run.began_s + since_s) / 2, run.began_s, since_s)] if short else []

    def _changed(self, one: RGB, other: RGB) -> Flags:
        assert self._usual is not None
        return self._usual.changed(cells_apart(one, other))

    def _differ(self, one: RGB, other: RGB) -> bool:
        return int(self._changed(one, other).sum()) >= FEWEST_CELLS


class Histograms:
    """Another shot in a clip that moves: its colours are others, by far more than they change around that moment."""

    def __init__(self) -> None:
        self._previous: Cells | None = None
        self._steps: deque[tuple[float, float]] = deque(maxlen=2 * NEIGHBOURS + 1)

    def see(self, time_s: float, rgb: RGB) -> list[Change]:
        """The next picture; the moment two pictures before it, where that is one."""
        own = _histograms(rgb)
        distance = 0.0 if self._previous is None else float(np.abs(own - self._previous).sum() / 2)
        self._previous = own
        self._steps.append((time_s, distance))
        if len(self._steps) < 2 * NEIGHBOURS + 1:
            return []
        moment_s, largest = self._steps[NEIGHBOURS]
        around = (sum(step for _, step in self._steps) - largest) / (2 * NEIGHBOURS)
        return [Change(moment_s, moment_s, moment_s)] if largest >= max(DISTANCE, RATIO * around) else []


def _histograms(rgb: RGB) -> Cells:
    """Shares of the picture: for each of its 4 × 4 regions, in each of 64 colours."""
    levels = rgb // (256 // BINS)
    colours = (levels[..., 0].astype(np.intp) * BINS + levels[..., 1]) * BINS + levels[..., 2]
    rows, columns = (np.arange(side) * REGIONS // side for side in rgb.shape[:2])
    places = (rows[:, None] * REGIONS + columns) * BINS**3 + colours
    counts = np.bincount(places.ravel(), minlength=REGIONS**2 * BINS**3)
    return np.asarray(counts / places.size, np.float32)


def _is_dark(rgb: RGB) -> bool:
    """Whether nothing can be seen."""
    return bool(rgb.mean() < DARK and rgb.max() < 4 * DARK)
