"""A clip's file and the number of a frame go in, that frame comes out: how to get there, and what the clip is.

Frame n is the n-th picture of the stream. Where the rate is constant a far frame is sought and trusted only when the
picture that comes is the one of that time; where it varies, or the clip is damaged, frames are found by their times.
"""

from __future__ import annotations

import math
from pathlib import Path

from smolcli.datatypes import RGB, VideoFacts
from smolcli.errors import MediaError
from smolcli.media import mp4
from smolcli.media.base import check_pixels
from smolcli.media.capture import CONVERT, OTHER_TRACK, Capture, undecodable
from smolcli.media.container import is_large_matroska, is_whole, picture_codecs, without_cover
from smolcli.media.cursor import LATE_S, Cursor
from smolcli.media.pixels import within
from smolcli.media.timing import LARGEST_FPS, FrameTimes, Timing, is_steady, measured, stated

STRETCHES, STRETCH_FRAMES, LAST_FRAMES = 16, 48, 2000
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

    @property
    def ends_s(self) -> float:
        """Where what the file holds ends, seconds: its length, or sooner where the file is cut off."""
        if is_whole(self._given) is not False:
            return self.facts.duration_s
        held_s = self._ends_s
        if self._times is not None or self._know_times():
            assert self._times is not None
            held_s = min(held_s, max(float(self._times.times_s[-1]), 1 / self.facts.fps))  # the last one is in pieces
        return min(held_s, self.facts.duration_s)

    def index_at(self, time_s: float) -> int:
        """The frame that is shown at a time of the stream, where the rate varies."""
        assert self._times is not None
        return self._times.index_at(time_s)

    def read(
        self, index: int, time_s: float | None = None, edge_px: int | None = None
    ) -> tuple[RGB, float | None] | None:
        """Frame `index`, uint8 (H, W, 3), and the stream's own time in seconds; None when the clip ends before it.

        time_s: the moment that it is to show, where that is not its own time. edge_px: its longer edge, at most.
        """
        size_px = within(self.facts.size_px, edge_px)
        if time_s is not None and time_s >= self._ends_s:
            return None
        if index == 0 and not self._by_time:  # the clip stands behind it already
            return self._capture.scaled(self._first_rgb, size_px), self._cursor.start_s
        if not self._arrive(index):
            return None
        rgb = self._capture.picture(edge_px)
        if rgb is None:
            return None
        if (rgb.shape[1], rgb.shape[0]) != size_px:
            self.resized = True
            rgb = self._capture.scaled(rgb, size_px)
        now_s = self._cursor.now_s
        return rgb, None if now_s is None else now_s + self._cursor.start_s

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
        self._cursor.restart()
        return True

    # ---- what the clip is

    def _load(self) -> None:
        """The first frame and the timing, None where the clip is one picture that should be more."""
        self._cursor = Cursor(self._capture)
        self._by_time = False
        self._times: FrameTimes | None = None
        check_pixels(self._capture.size_px, self._limit, self.name)
        self._first_rgb = self._first()
        check_pixels((self._first_rgb.shape[1], self._first_rgb.shape[0]), self._limit, self.name)
        self.timing = self._timed()
        self._ends_s = self.timing.ends_s if self.timing is not None else math.inf

    def _first(self) -> RGB:
        rgb = self._capture.picture() if self._cursor.start() else None
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
        whole = is_whole(self._given)
        if whole and is_large_matroska(self._given) and self._looks_even(fps, total):
            return stated(fps, total)
        packets = self._capture.packets()
        alone = len(packets) == 1 and whole is not False
        if alone and (total > 1 or fps > LARGEST_FPS or without_cover(self._given)):
            return None
        if not packets:
            return self._counted()
        self._times = FrameTimes(packets, self._cursor.start_s, track is not None)
        return measured(self._times, fps, total, shown_s, whole)

    def _looks_even(self, fps: float, total: float) -> bool:
        """Whether a large Matroska file is as its head says: a few stretches tell what else takes a second for 2 GiB.

        The last one shows where its pictures end, because the head may speak of its sound.
        """
        if not (0 < fps <= LARGEST_FPS and STRETCHES * STRETCH_FRAMES < total < 2**40):
            return False
        starts = [round(n * (total - STRETCH_FRAMES) / STRETCHES) for n in range(STRETCHES)]
        last = self._capture.packets(round(total) - STRETCH_FRAMES, LAST_FRAMES)
        ends = bool(last) and abs(max(time_s for time_s, _ in last) * fps - total) < max(2, ENDING_S * fps)
        return ends and all(is_steady(self._capture.packets(start, STRETCH_FRAMES), fps) for start in starts)

    def _counted(self) -> Timing:
        """Of a stream without times: the header, or as many frames as come when it is read once."""
        fps, total = self._capture.stated
        return stated(fps, total if 1 <= total < 2**40 else self._cursor.count())

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
        if self.varies and self._times is not None:
            return self._cursor.to_time(self._times, index)
        fps = self.facts.fps
        if not self._by_time and self._cursor.is_far(index):
            if self._times is None and self._cursor.seek(index, fps):
                return True
            self._by_time = self._know_times()
        if not self._by_time:
            if not self._cursor.to_number(index):
                return self._is_ending(index) and self._cursor.seek((self._cursor.ended or 1) - 1, fps)
            now_s = self._cursor.now_s
            if now_s is None or abs(now_s - index / fps) <= max(LATE_S, 2 / fps) or not self._know_times():
                return True
            self._by_time = True  # frames are missing, or too many: counting them leads elsewhere
        assert self._times is not None
        if index / fps > self._times.times_s[-1] + (ENDING_S if is_whole(self._given) is not False else 0.75 / fps):
            return False
        return self._cursor.to_time(self._times, self._times.index_at((index + 0.5) / fps))

    def _know_times(self) -> bool:
        """Whether the packets tell when every frame is shown."""
        if self._times is None and (packets := self._capture.packets()):
            self._times = FrameTimes(packets, self._cursor.start_s, mp4.is_whole(self._given) is not None)
        return self._times is not None

    def _is_ending(self, index: int) -> bool:
        """Whether the header counts only a little beyond the last frame, which then stands for it."""
        beyond = index - (self._cursor.ended or 0)
        return beyond < max(2, ENDING_S * self.facts.fps) and is_whole(self._given) is not False
