"""A clip's file and the number of a frame go in, that frame comes out: how to get there, and what the clip is.

Frame n is the n-th picture of the stream. Where the rate is constant a far frame is sought and trusted only when the
picture that comes is the one of that time; where it varies, or the clip is damaged, frames are found by their times.
"""

from __future__ import annotations

from pathlib import Path

from smolcli.datatypes import RGB, VideoFacts
from smolcli.errors import MediaError
from smolcli.media import mp4
from smolcli.media.base import check_pixels
from smolcli.media.capture import CONVERT, OTHER_TRACK, Capture, undecodable
from smolcli.media.container import is_whole, picture_codecs, without_cover
from smolcli.media.timing import LARGEST_FPS, SAME_S, FrameTimes, Timing, measured, stated

NEAR_FRAMES = 96  # decoding so many is cheaper than a seek, which goes back to a key frame
LATE_S = 0.25  # a frame that is so far from its time is another
ENDING_S = 0.5  # a header may count so much beyond the last frame
AV1 = ("av01", "AV01")
COVERS = ("MJPG", "jpeg", "png", "MPNG", "PNG1", "BMP", "GIF", "gif", "WEBP")


class Clip:
    """A capture that knows which frame it stands before."""

    def __init__(self, path: str, name: str, max_pixels: int) -> None:
        self.name, self._given, self._limit = name, Path(path), max_pixels
        self.resized = False  # whether a frame came in another size than the first
        self.timing: Timing | None = None
        self._capture = Capture(path, name)
        try:
            self._load()
            if self.timing is None:
                self._pass_over_cover(path)
            timing = self.timing or stated(*self._capture.stated)
            size = self._first_rgb.shape[1], self._first_rgb.shape[0]
            self.timing, self.facts = timing, VideoFacts(size, timing.fps, timing.duration_s, timing.total)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file; safe to call twice."""
        self._capture.close()

    @property
    def varies(self) -> bool:
        """Whether the rate varies, so that frames are named by moments, not numbers."""
        return self.timing is not None and self.timing.varies

    def index_at(self, time_s: float) -> int:
        """The frame that is shown at a time of the stream, where the rate varies."""
        assert self._times is not None
        return self._times.index_at(time_s)

    def read(self, index: int, time_s: float | None = None) -> tuple[RGB, float | None] | None:
        """Frame `index`, uint8 (H, W, 3), and the stream's own time in seconds; None when the clip ends before it.

        time_s: the moment that it is to show, where that is not its own time.
        """
        if time_s is not None and time_s >= self._ends_s:
            return None
        if index == 0 and not self._by_time:  # the clip stands behind it already
            return self._first_rgb, self._start_s
        if not self._arrive(index):
            return None
        rgb = self._capture.picture()
        if rgb is None:
            return None
        if (rgb.shape[1], rgb.shape[0]) != self.facts.size_px:
            self.resized = True
            rgb = self._capture.scaled(rgb, self.facts.size_px)
        return rgb, self._capture.time_s()

    def refuse_unfilled(self, different: int) -> None:
        """Raise MediaError where so few different pictures came that nobody may have filled them."""
        if different <= self._capture.opened and not self._is_filled():  # one buffer for each opening
            raise self._capture.untrusted()

    def _is_filled(self) -> bool:
        """Whether OpenCV writes the pictures that it says it has.

        OpenCV 4.13 to 5.0 return "ok" for interlaced frames with a buffer that nobody has filled: always the same
        bytes, zeros or what lay in memory. A real picture comes again in memory that is soiled; of black ones only
        the version tells.
        """
        if not self._first_rgb.any():
            return self._capture.is_tested
        for _ in range(2):
            self._capture.soil()
            again = self._capture.picture() if self._capture.grab() else None
            if again is None or again.tobytes() != self._first_rgb.tobytes():
                return False
        self._restart()
        return True

    # ---- what the clip is

    def _load(self) -> None:
        """The first frame and the timing, None where the clip is one picture that should be more."""
        self._seekable, self._by_time = True, False
        self._end: int | None = None  # how many frames there are, once reading in order has found out
        self._next, self._in_hand = 0, False  # the frame that the next grab brings; whether the last one brought one
        self._now_s: float | None = None  # the time of the frame in hand, from the first one
        self._times: FrameTimes | None = None
        self._start_s = 0.0
        check_pixels(self._capture.size_px, self._limit, self.name)
        self._first_rgb = self._first()
        check_pixels((self._first_rgb.shape[1], self._first_rgb.shape[0]), self._limit, self.name)
        self._start_s = self._capture.time_s() or 0.0
        self._now_s = 0.0
        self.timing = self._timed()
        self._by_time = self.varies
        self._ends_s = self.timing.ends_s if self.timing is not None else float("inf")

    def _first(self) -> RGB:
        rgb = self._capture.picture() if self._grab() else None
        if rgb is None:
            if self._capture.codec in AV1:
                raise undecodable(self.name, "AV01")
            raise MediaError(f"{self.name} holds no frame that can be decoded.", CONVERT)
        return rgb

    def _timed(self) -> Timing | None:
        """A constant rate by the table of an MP4, all others by the times of the packets; nothing is decoded."""
        fps, total = self._capture.stated
        track = next(iter(mp4.video_tracks(self._given) or ()), None)
        shown_s = track.shown_s if track is not None and track.samples else None
        if track is not None and track.samples > 1 and track.is_even(fps) and 0 < fps <= LARGEST_FPS:
            if track.edited and track.shown_s * fps < total - 1:
                total = max(1, round(track.shown_s * fps))
            return stated(fps, total)
        packets = self._capture.packets()
        whole = is_whole(self._given)
        if len(packets) == 1 and (total > 1 or fps > LARGEST_FPS) and whole is not False:
            return None
        if not packets:
            return self._counted()
        self._times = FrameTimes(packets, self._start_s, track is not None)
        return measured(self._times, fps, total, shown_s, whole)

    def _counted(self) -> Timing:
        """Of a stream without times: the header, or as many frames as come when it is read once."""
        fps, total = self._capture.stated
        if not 1 <= total < 2**40:
            while self._grab():
                pass
            total = self._next
            self._restart()
        return stated(fps, total)

    def _pass_over_cover(self, path: str) -> None:
        """Take the clip behind a cover picture. Raises MediaError where there is none."""
        changes = without_cover(self._given)
        if changes:
            self._capture.close()
            self._capture = Capture(path, self.name, changes)
            self._load()
        elif self._capture.codec in COVERS:
            if picture_codecs(self._given) is None:
                raise MediaError(f"{self.name} begins with a cover picture, behind which nothing is read.", OTHER_TRACK)
            raise MediaError(
                f"{self.name} is sound with a cover picture, not a clip.", "Give an image, a PDF or a clip."
            )
        if self.timing is None:
            fps, total = self._capture.stated
            lasts_s = total / fps if fps > 0 and total > 0 else 1.0
            self.timing = Timing(1 / lasts_s, 1, lasts_s)

    # ---- moving about

    def _arrive(self, index: int) -> bool:
        """Stand behind frame `index`; False where the clip does not hold it."""
        if self._by_time:
            return self._go_by_time(index)
        if not self._go(index):
            last = self._end - 1 if self._end else index
            near = 0 < index - last < max(3, ENDING_S * self.facts.fps) and is_whole(self._given) is not False
            return near and self._seek(last)
        if self._now_s is None or abs(self._now_s - index / self.facts.fps) <= max(LATE_S, 2 / self.facts.fps):
            return True
        if self._times is None and (packets := self._capture.packets()):
            self._times = FrameTimes(packets, self._start_s, mp4.is_whole(self._given) is not None)
        if self._times is None:
            return True
        self._by_time = True  # frames are missing or too many: counting them leads elsewhere
        return self._go_by_time(self._times.index_at(index / self.facts.fps))

    def _go(self, index: int) -> bool:
        """Grab frame `index`, counted; False when the clip ends before it."""
        if self._end is not None and index >= self._end:
            return False
        if index == self._next - 1 and self._in_hand:
            return True
        if self._seekable and not 0 <= index - self._next <= NEAR_FRAMES:
            if self._seek(index):
                return True
            self._restart()
            self._seekable = False
        elif index < self._next:
            self._restart()
        while self._next <= index:
            if not self._grab():
                self._end = self._next
                return False
        return True

    def _seek(self, index: int) -> bool:
        """Jump to a frame and grab it; True only when its own time shows that it is the right one."""
        self._capture.seek(index)
        if not self._grab():
            return False
        self._next = index + 1
        return self._now_s is not None and abs(self._now_s - index / self.facts.fps) < 0.5 / self.facts.fps

    def _go_by_time(self, index: int) -> bool:
        """Grab the frame of the time of frame `index`; False where nothing near it can be decoded."""
        times = self._times
        assert times is not None
        wanted_s = float(times.times_s[min(index, len(times) - 1)])
        if self._now_s is not None and abs(self._now_s - wanted_s) <= SAME_S:
            return True  # it is the frame in hand
        at = times.index_at(self._now_s) if self._now_s is not None and self._now_s < wanted_s else -1
        key = times.key_before(index)
        if key is not None and index - at > NEAR_FRAMES and index - key < index - at:
            self._seek_key(times, key)
        if self._now_s is None or self._now_s > wanted_s + SAME_S:
            self._restart()
        while self._now_s is None or self._now_s < wanted_s - SAME_S:
            if not self._grab():
                self._restart()
                return False
        return self._now_s <= wanted_s + LATE_S

    def _seek_key(self, times: FrameTimes, key: int) -> None:
        """Jump to a little behind a key frame. OpenCV aims 16 frames of the stated rate before what it is asked for."""
        fps = self._capture.stated[0] or self.facts.fps
        self._capture.seek(-int(-float(times.times_s[key]) * fps // 1) + 16)
        if not self._grab():
            self._restart()

    def _restart(self) -> None:
        """Stand before the first frame."""
        self._capture.reopen()
        self._next, self._now_s, self._in_hand = 0, None, False

    def _grab(self) -> bool:
        self._in_hand = came = self._capture.grab()
        self._next += came
        time_s = self._capture.time_s() if came else None
        self._now_s = None if time_s is None else time_s - self._start_s
        return came
