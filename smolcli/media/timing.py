"""The times of a clip's frames and what its header says go in; its rate, its length and whether it varies come out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

DEFAULT_FPS = 24.0  # transformers, where the file does not tell
LARGEST_FPS = 300.0  # beyond this the header states a clock rate, not a frame rate (browser recordings say 1000)
DRIFT_S = 0.1  # labels show tenths: a frame that is no further from its time at a constant rate is at a constant rate
SAME_S = 0.0004  # times that differ by less are one: the finest that recordings count in is a thousandth
RUN_UP = 18  # frames that OpenCV may decode behind a key frame before it hands one out


class FrameTimes:
    """When every frame is shown, as the packets of the stream say; nothing of it is decoded.

    times_s: rising, seconds from the first frame that a decoder shows. keys: which of them begin anew (key frames).
    edited: an edit list hides those before it.
    """

    def __init__(self, packets: Sequence[tuple[float, bool]], start_s: float, edited: bool) -> None:
        times = np.array([time for time, _ in packets]) - start_s
        keys = np.array([key for _, key in packets], bool)
        order = np.argsort(times, kind="stable")
        times, keys = times[order], keys[order]
        hidden = max(0, int(np.searchsorted(times, SAME_S)) - 1) if edited else 0
        self.times_s: npt.NDArray[np.float64] = times[hidden:]
        self.keys = np.flatnonzero(keys[hidden:])

    def __len__(self) -> int:
        return len(self.times_s)

    def index_at(self, time_s: float) -> int:
        """The frame that is shown at a time."""
        return max(0, int(np.searchsorted(self.times_s, time_s + SAME_S, "right")) - 1)

    def key_before(self, index: int) -> int | None:
        """The last key frame from which a decoder can come to a frame; None where only the beginning will do."""
        found = int(np.searchsorted(self.keys, index - RUN_UP, "right")) - 1
        return int(self.keys[found]) if found >= 0 else None


@dataclass(frozen=True, slots=True)
class Timing:
    """fps: the rate, or the mean where it varies. total: frames. varies: whether frames are placed by their own time.

    ends_s: nothing is shown from here on, for a file that is cut off.
    """

    fps: float
    total: int
    duration_s: float
    varies: bool = False
    ends_s: float = math.inf


def stated(fps: float, total: float) -> Timing:
    """What the header says, where it can be true."""
    rate = fps if math.isfinite(fps) and 0 < fps <= LARGEST_FPS else DEFAULT_FPS
    frames = int(total) if 1 <= total < 2**40 else 1
    return Timing(rate, frames, frames / rate)


def is_steady(packets: Sequence[tuple[float, bool]], fps: float) -> bool:
    """Whether packets in a row are a step of the rate apart.

    Those at both ends are left out: their neighbours in time may stand elsewhere in the file.
    """
    steps = np.diff(np.sort([time_s for time_s, _ in packets])[4:-4]) * fps
    return len(steps) > 0 and bool(np.abs(steps - 1).max() < 0.5)


def measured(times: FrameTimes, fps: float, total: float, duration_s: float | None, whole: bool | None) -> Timing:
    """What the frames' own times say.

    fps, total, duration_s: what the header says; whole: False for a file that is cut off, whose header stays true.
    """
    since_s = times.times_s - times.times_s[0]
    count, last_s = len(times), float(since_s[-1])
    known = math.isfinite(fps) and fps > 0 and 1 <= total < 2**40
    promised_s = duration_s or (total / fps if known else 0.0)
    rates = [fps] if known and fps <= LARGEST_FPS else []
    if count > 1 and last_s * LARGEST_FPS >= count - 1:
        rates.append((count - 1) / last_s)
    for rate in rates or [DEFAULT_FPS]:
        for shown in (since_s, _cells(since_s, rate)):
            if _is_even(shown, rate):
                frames = len(shown)
                if known and rate == fps and whole is False:
                    frames = max(frames, int(total))
                return Timing(rate, frames, frames / rate)
    gap_s = float(np.median(np.diff(since_s)))
    duration = max(promised_s, last_s + gap_s)
    return Timing(count / duration, count, duration, varies=True, ends_s=last_s + gap_s if whole is False else math.inf)


def _is_even(times_s: npt.NDArray[np.float64], fps: float) -> bool:
    return bool(np.abs(times_s - np.arange(len(times_s)) / fps).max() <= DRIFT_S)


def _cells(times_s: npt.NDArray[np.float64], fps: float) -> npt.NDArray[np.float64]:
    """One time for each step of the rate: two fields in two packets are one frame, as is one packet that shows none."""
    return np.asarray(np.unique(np.round(times_s * fps)) / fps)
