"""Steps of a clip go in, those that are cuts come out, though things move: what is shown behind them is something else.

A step stands out where it is far larger than the motion on both sides of it. What jumps to another place or is seen in
another light is the same scene, whoever thinks it a cut.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from smolcli.datatypes import RGB
from smolcli.media.cells import FEWEST_CELLS, Flags, Step, cells_differ, other_colours, shifted

BESIDE_S = 0.5  # of motion, before a cut and after it
RATIO = 4.0  # how much larger than each of the steps of that motion a cut is
SPREAD = 2  # pictures: a cut may be seen in two steps, where a picture shows something of both shots
LASTING = 0.5  # of the cells that a cut changes, so many are still other than before it a moment later
OTHER, SAME = 0.25, 0.1  # of what these cells show has other colours: surely another scene, surely not by its colours
LARGE = 0.25  # of the cells: a pan has changed so many, words on a ground have not
ALIKE = 0.65  # edges that are so much the same, somewhere else, are those of the same things


def is_same(before: RGB, after: RGB) -> bool:
    """Whether much of a picture differs, and shows the same in another place or another light."""
    cells = cells_differ(before, after)
    large = bool(cells.mean() >= LARGE)
    return large and other_colours(before, after, cells) < OTHER and shifted(before, after, cells) >= ALIKE


class Jumps:
    """The cuts of a clip in which things move, of which `rate` pictures a second are looked at.

    changed: which cells of two pictures differ by more than is usual.
    """

    def __init__(self, rate: float, changed: Callable[[RGB, RGB], Flags]) -> None:
        self._reach = max(SPREAD + 1, round(rate * BESIDE_S))
        self._steps: deque[Step] = deque(maxlen=2 * self._reach + 1)
        self._changed = changed
        self._claims: set[float] = set()

    def see(self, step: Step, claims: Sequence[float]) -> float | None:
        """The next step; the time of the one half a second before it, where that is a cut.

        claims: times of steps of the last half second that another detector takes for cuts.
        """
        self._steps.append(step)
        self._claims.update(claims)
        at = len(self._steps) - 1 - self._reach
        if at < 0:
            return None
        time_s = self._steps[at].time_s
        claimed = time_s in self._claims
        self._claims = {claim_s for claim_s in self._claims if claim_s > time_s}
        return time_s if self._is_cut(at, claimed) else None

    def _is_cut(self, at: int, claimed: bool) -> bool:
        found, later = self._steps[at], self._steps[at + SPREAD].after
        stands_out = self._stands_out(at)
        if not (claimed or stands_out):
            return False
        cells = cells_differ(found.before, found.after) if claimed else found.changed
        lasting = self._changed(found.before, later) & found.changed
        if lasting.sum() < LASTING * found.changed.sum():
            return False  # a flash
        colours = other_colours(found.before, later, cells)
        if colours >= OTHER:
            return True
        return (stands_out or colours >= SAME) and shifted(found.before, found.after, cells) < ALIKE

    def _stands_out(self, at: int) -> bool:
        found = self._steps[at]
        beside = [(abs(number - at), each.size) for number, each in enumerate(self._steps) if number != at]
        if found.changed.sum() < FEWEST_CELLS or any(size > found.size for _, size in beside):
            return False
        return not any(away >= SPREAD and RATIO * size > found.size for away, size in beside)
