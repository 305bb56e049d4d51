"""Small pictures of a clip go in, one after another; the moments at which something else is shown come out.

A detector is told a moment and its picture, uint8 (h, w, 3), and says what has changed, a little later.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from smolcli.datatypes import RGB
from smolcli.media.cells import BINS, FEWEST_CELLS, Cells, Flags, Motion, Step, colours
from smolcli.media.jumps import Jumps, is_same

OF_STEPS = 0.5  # of what is other after a change, so much has changed in its steps
REST_S = 0.4  # of nothing, before a change and after it
GRADUAL = 4  # pictures a second, from which on motion is seen
BLINK_S = 1.0  # what comes and goes within it blinks
SUDDEN_S, SLOW_S = 2.0, 3.0  # a change that takes longer is motion; one of small steps, a drift
DARK = 16  # levels, of a picture between a fade out and a fade in
REGIONS, NEIGHBOURS = 4, 2
DISTANCE, RATIO = 0.3, 3.0  # of histograms, 0 to 1, and how much more than that of neighbours


@dataclass(frozen=True, slots=True)
class Change:
    """A scene begins at `time_s`; None where it was looked at, and the same scene goes on. All in seconds.

    from_s, to_s: what is known of, so that what others say of a moment in between is the same change.
    """

    time_s: float | None
    from_s: float
    to_s: float


class Detector(Protocol):
    """What finds the moments at which another shot begins, where shots move."""

    def see(self, time_s: float, rgb: RGB) -> list[float]:
        """The next picture; the times of the pictures before it that begin one, no more than half a second late."""


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


class Changes:
    """All that begins a scene in pictures of a clip, `rate` of them a second. known: says where moving shots change."""

    def __init__(self, rate: float, known: Detector) -> None:
        self._motion, self._known = Motion(), known
        self._steps = Steps(rate, self._motion.changed)
        self._jumps = Jumps(rate, self._motion.changed) if rate >= GRADUAL else None

    def see(self, time_s: float, rgb: RGB) -> list[Change]:
        """The next picture; what is known now."""
        step, claims = self._motion.see(time_s, rgb), self._known.see(time_s, rgb)
        found = self._steps.see(step) if step is not None else []
        if self._jumps is None:
            return found + [Change(claim_s, claim_s, claim_s) for claim_s in claims]
        cut_s = self._jumps.see(step, claims) if step is not None else None
        return found if cut_s is None else [*found, Change(cut_s, cut_s, cut_s)]


class Steps:
    """A change between two times at which nothing happens: another shot, a slide, a word on an unchanged ground.

    What is usual is learned for each cell, so that noise, a ticker or somebody who speaks in a corner changes nothing.
    Slow transitions are found by what was shown a second before; motion and flashes are no change, nor is what blinks.
    changed: which cells of two pictures differ by more than is usual.
    """

    def __init__(self, rate: float, changed: Callable[[RGB, RGB], Flags]) -> None:
        self._changed = changed
        self._recent: deque[tuple[float, RGB]] = deque(maxlen=max(2, round(rate)))  # a second of rest
        self._rest = max(1, round(rate * REST_S))  # pictures
        self._longest = max(1, round(rate * SUDDEN_S)) + self._rest  # pictures of a run
        self._gradual = rate >= GRADUAL
        self._still = 1  # pictures since the last step
        self._run: _Run | None = None
        self._last: tuple[RGB, Change] | None = None  # what was shown before the last change

    def see(self, step: Step) -> list[Change]:
        """The next step; at most one change."""
        if int(step.changed.sum()) >= FEWEST_CELLS or _is_dark(step.after):
            self._moved(step)
            return []
        return self._rested(step.time_s, step.after)

    def _moved(self, step: Step) -> None:
        run, time_s = self._run, step.time_s
        if run is None or run.slow:
            rested = self._still >= self._rest
            run = self._run = _Run(run.before if run else step.before, run.began_s if run else time_s, time_s, rested)
            self._recent.clear()
        self._still = 0
        run.pictures += 1
        run.stepped = step.changed if run.stepped is None else run.stepped | step.changed
        if _is_dark(step.after):
            run.dark, run.largest = True, 0.0
        elif run.dark and run.largest == 0.0:
            run.step_s, run.largest = time_s, math.inf  # where it is no longer dark
        elif step.size > run.largest:
            run.largest, run.step_s = step.size, time_s

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
        same = other.sum() < FEWEST_CELLS or is_same(run.before, rgb)
        return [self._blinked(run.before, rgb, Change(None if same else run.step_s, run.began_s, time_s))]

    def _blinked(self, before: RGB, rgb: RGB, change: Change) -> Change:
        """A change; one that takes back what has just changed is none, and that was none."""
        last, self._last = self._last, (before, change)
        if last is None or change.time_s is None or change.from_s - last[1].from_s > BLINK_S:
            return change
        return change if self._differ(last[0], rgb) else Change(None, last[1].from_s, change.to_s)

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

    def _differ(self, one: RGB, other: RGB) -> bool:
        return int(self._changed(one, other).sum()) >= FEWEST_CELLS


class Histograms:
    """Another shot in a clip that moves: its colours are others, by far more than they change around that moment."""

    def __init__(self) -> None:
        self._previous: Cells | None = None
        self._steps: deque[tuple[float, float]] = deque(maxlen=2 * NEIGHBOURS + 1)

    def see(self, time_s: float, rgb: RGB) -> list[float]:
        """The next picture; the moment two pictures before it, where that is one."""
        own = _histograms(rgb)
        distance = 0.0 if self._previous is None else float(np.abs(own - self._previous).sum() / 2)
        self._previous = own
        self._steps.append((time_s, distance))
        if len(self._steps) < 2 * NEIGHBOURS + 1:
            return []
        moment_s, largest = self._steps[NEIGHBOURS]
        around = (sum(step for _, step in self._steps) - largest) / (2 * NEIGHBOURS)
        return [moment_s] if largest >= max(DISTANCE, RATIO * around) else []


def _histograms(rgb: RGB) -> Cells:
    """Shares of the picture: for each of its 4 × 4 regions, in each of 64 colours."""
    rows, columns = (np.arange(side) * REGIONS // side for side in rgb.shape[:2])
    places = (rows[:, None] * REGIONS + columns) * BINS**3 + colours(rgb)
    counts = np.bincount(places.ravel(), minlength=REGIONS**2 * BINS**3)
    return np.asarray(counts / places.size, np.float32)


def _is_dark(rgb: RGB) -> bool:
    """Whether nothing can be seen."""
    return bool(rgb.mean() < DARK and rgb.max() < 4 * DARK)
