"""An opened clip goes in, a window per scene comes out, as soon as its end is known. The only file that knows
PySceneDetect.

Eight small pictures a second are looked at, in order, by a reader of its own: the memory of a picture, whatever the
length. `Changes` says where a scene begins; for shots that move it asks PySceneDetect, or where that is not installed
histograms.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from itertools import chain, islice

from smolcli.datatypes import RGB, Frame, Place
from smolcli.media.base import SCAN_PX, Media
from smolcli.media.changes import Change, Changes, Detector, Histograms
from smolcli.media.pixels import shrunk
from smolcli.media.windows import WindowOptions, part, windows

LOOKS = 8.0  # pictures a second: a scene begins no more than an eighth of a second beside what is said
SHORTEST_S = 1.0  # of a scene
RATIO = 2.2  # of PySceneDetect's 3, which is meant for all pictures: between those that are looked at more moves
BESIDE_S = 0.3  # two detectors that mean one change
LATE_S, LATE_PICTURES = 5.0, 6  # how long after a moment a detector may say it


class SceneDetectors:
    """PySceneDetect's detector of cuts in what moves; fades through black are those of `Steps`."""

    def __init__(self, rate: float) -> None:
        from scenedetect import FrameTimecode
        from scenedetect.detectors import AdaptiveDetector

        self._detector = AdaptiveDetector(RATIO, max(1, round(rate * SHORTEST_S)))
        self._timecode, self._rate = FrameTimecode, rate
        self._times_s: deque[float] = deque(maxlen=64)  # of the latest pictures
        self._number = 0

    def see(self, time_s: float, rgb: RGB) -> list[float]:
        """The next picture; the times of those before it that begin a shot."""
        self._times_s.append(time_s)
        found = self._detector.process_frame(self._timecode(self._number, fps=self._rate), rgb[..., ::-1].copy())
        self._number += 1
        return [self._times_s[cut.frame_num - self._number] for cut in found]


def changes(rate: float) -> Changes:
    """What is to be asked about a clip's pictures, of which so many a second are looked at."""
    known: Detector = SceneDetectors(rate) if find_spec("scenedetect") is not None else Histograms()
    return Changes(rate, known)


def scenes_of(media: Media, options: WindowOptions) -> Iterator[Place]:
    """The scenes of the chosen part of an opened clip, one that is longer than `most_s` in windows that are not.

    A clip that is one scene has no `window_s`. `every_s` decides nothing here. Raises MediaError where nothing can be
    decoded, UsageError where the clip does not have that part.
    """
    assert media.video is not None, "a clip"
    whole = 0.0, media.video.duration_s
    start, end = part(media.ends_s, options.start_s, options.end_s)
    begins = start
    for scene_s in cuts(media.scan(LOOKS, (start, end)), start, options.most_s):
        if scene_s < end - SHORTEST_S:
            yield from _windows(media, (begins, scene_s), options)
            begins = scene_s
    if (begins, end) == whole and (options.most_s is None or end <= options.most_s):
        yield Place(media.source)
        return
    yield from _windows(media, (begins, end), options)


def cuts(frames: Iterator[Frame], start_s: float, longest_s: float | None = None) -> Iterator[float]:
    """The moments at which a scene begins, rising, the first scene's own left out.

    longest_s: a scene that goes on for twice as long is cut there, so that nobody waits for its end.
    """
    last_s, first = start_s, list(islice(frames, 2))
    step_s = (first[-1].place.time_s or 0.0) - (first[0].place.time_s or 0.0) if first else 0.0
    if not step_s:  # no two pictures
        return
    for moments_s, known_s in _in_order(chain(first, frames), 1 / step_s):
        for scene_s in moments_s:
            if scene_s - last_s >= SHORTEST_S:
                yield scene_s
                last_s = scene_s
        while longest_s is not None and 2 * longest_s < known_s - last_s < math.inf:
            last_s += longest_s
            yield last_s


def _in_order(frames: Iterable[Frame], rate: float) -> Iterator[tuple[list[float], float]]:
    """What is said of the pictures, which is late in several ways, as rising moments; and up to when all is known."""
    asked, waiting, said_s = changes(rate), list[Change](), -math.inf
    for frame in frames:
        time_s = frame.place.time_s or 0.0
        waiting += asked.see(time_s, shrunk(frame.rgb, SCAN_PX))
        due_s = time_s - max(LATE_S, LATE_PICTURES / rate)
        yield _moments(waiting, said_s, due_s), due_s
        said_s = due_s
        waiting = [change for change in waiting if change.to_s > due_s - LATE_S]
    yield _moments(waiting, said_s, math.inf), math.inf


def _moments(changes: Sequence[Change], since_s: float, until_s: float) -> list[float]:
    """The moments after one and up to another; where several tell of one change, the one that knows most of it does."""
    found = []
    for change in changes:
        if change.time_s is not None and since_s < change.time_s <= until_s:
            wider = (each for each in changes if each.to_s - each.from_s > change.to_s - change.from_s)
            if not any(each.from_s - BESIDE_S <= change.time_s <= each.to_s + BESIDE_S for each in wider):
                found.append(change.time_s)
    return sorted(found)


def _windows(media: Media, scene_s: tuple[float, float], options: WindowOptions) -> Iterator[Place]:
    """A scene, as few windows as may be."""
    found = windows(scene_s[1], WindowOptions(*scene_s, most_s=options.most_s))
    yield from (Place(media.source, window_s=window_s) for window_s in found)
