"""A capture and where to go in it go in; it stands behind that frame, or says that there is none.

A far frame is sought and trusted only when the time of what comes is its own; all else is read in order.
"""

from __future__ import annotations

from smolcli.media.capture import Capture
from smolcli.media.timing import LARGEST_FPS, SAME_S, FrameTimes

NEAR_FRAMES = 96  # decoding so many is cheaper than a seek, which goes back to a key frame
LATE_S = 0.25  # a frame that is so far from its time is another
AIMED_BEFORE = 16  # frames of the stated rate that OpenCV aims before what it is asked for


class Cursor:
    """Where a capture stands. now_s: the time of the frame in hand since the first, None where there is none.

    ended: how many frames there are, once reading in order has found out.
    """

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._next, self._in_hand = 0, False  # the frame that the next grab brings; whether the last one brought one
        self._seekable = True
        self.start_s = 0.0
        self.now_s: float | None = None
        self.ended: int | None = None

    def start(self) -> bool:
        """Decode the first frame, from which times count; False where there is none."""
        came = self._grab()
        self.start_s, self.now_s = self._capture.time_s() or 0.0, 0.0
        return came

    def restart(self) -> None:
        """Stand before the first frame."""
        self._capture.reopen()
        self._next, self.now_s, self._in_hand = 0, None, False

    def count(self) -> int:
        """How many frames come when all are decoded."""
        while self._grab():
            pass
        total = self._next
        self.restart()
        return total

    def to_number(self, index: int) -> bool:
        """Stand behind frame `index`, counted from where the cursor stands; False where the clip ends before it."""
        if self.ended is not None and index >= self.ended:
            return False
        if index == self._next - 1 and self._in_hand:
            return True
        if index < self._next:
            self.restart()
        while self._next <= index:
            if not self._grab():
                self.ended = self._next
                return False
        return True

    def is_far(self, index: int) -> bool:
        """Whether a frame is to be sought."""
        return self._seekable and not 0 <= index - self._next <= NEAR_FRAMES

    def seek(self, index: int, fps: float) -> bool:
        """Jump to a frame of a constant rate; where its own time shows that another came, seeks are given up."""
        self._capture.seek(index)
        self._grab()
        if self.now_s is not None and abs(self.now_s - index / fps) < 0.5 / fps:
            self._next = index + 1
            return True
        self._seekable = False
        self.restart()
        return False

    def to_time(self, times: FrameTimes, index: int) -> bool:
        """Stand behind the frame with the time of frame `index`; False where nothing near it can be decoded."""
        wanted_s = float(times.times_s[index])
        if self.now_s is not None and abs(self.now_s - wanted_s) <= SAME_S:
            return True
        at = times.index_at(self.now_s) if self.now_s is not None and self.now_s < wanted_s else -1
        key = times.key_before(index)
        if key is not None and index - at > NEAR_FRAMES and index - key < index - at:
            self._seek_key(float(times.times_s[key]))
        if self.now_s is None or self.now_s > wanted_s + SAME_S:
            self.restart()
        while self.now_s is None or self.now_s < wanted_s - SAME_S:
            if not self._grab():
                self.restart()
                return False
        return self.now_s <= wanted_s + LATE_S

    def _seek_key(self, key_s: float) -> None:
        """Jump to a little behind a key frame."""
        self._capture.seek(-int(-key_s * self._capture.stated[0] // 1) + AIMED_BEFORE)
        if not self._grab():
            self.now_s = None

    def _grab(self) -> bool:
        before_s, fps = self.now_s, self._capture.stated[0]
        self._in_hand = came = self._capture.grab()
        self._next += came
        time_s = self._capture.time_s() if came else None
        self.now_s = None if time_s is None else time_s - self.start_s
        if time_s == 0 and before_s is not None and 0 < fps <= LARGEST_FPS:
            self.now_s = before_s + 1 / fps  # OpenCV says 0 where a frame has no time, as the last ones of an AVI
        return came
