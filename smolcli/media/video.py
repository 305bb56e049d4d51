"""A clip goes in, upright RGB Frames with their times come out. The only file that knows OpenCV.

Frame n is the n-th picture of the stream, and its time n / fps, as the reference counts. A seek is used for a far
frame and trusted only when the picture that comes is the one of that time; otherwise the clip is read in order.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from smolcli.datatypes import RGB, Frame, Outline, Place, Source, VideoFacts
from smolcli.errors import MediaError, UsageError
from smolcli.media.base import Media, MediaOptions, check_pixels
from smolcli.media.reading import Input

DEFAULT_FPS = 24.0  # transformers, where the file does not tell
LARGEST_FPS = 300.0  # beyond this the header states a clock rate, not a frame rate (browser recordings say 1000)
SKIP_S = 1.0  # transformers sample_frames: skip_secs
NEAR_FRAMES = 96  # decoding so many is cheaper than a seek, which goes back to a key frame


def sample_indices(total: int, fps: float, duration_s: float, rate: float, max_frames: int) -> list[int]:
    """Which of `total` frames to show: `rate` a second, at most max_frames, spread evenly.

    fps: the clip's own. Longer clips leave out their first and last second.
    Source: transformers video_processing_smolvlm.py, SmolVLMVideoProcessor.sample_frames.
    """
    wanted = max(1, min(round(rate * duration_s), max_frames))
    start, end = 0, total - 1
    if duration_s - 2 * SKIP_S > max_frames * rate:
        start, end = int(SKIP_S * fps), int(total - SKIP_S * fps)
    start, end = max(0, start), min(end, total - 1)
    if start >= end:
        start, end = 0, total - 1
    return [int(index) for index in np.unique(np.linspace(start, end, wanted, dtype=int))]


def open_video(given: Input, options: MediaOptions) -> Media:
    """Open a clip and decode its first frame. Raises MediaError (no frames, no file), UsageError (fps, max_frames)."""
    if not (math.isfinite(options.fps) and options.fps > 0):
        raise UsageError(f"{options.fps} frames a second cannot be taken.", "Use --fps 1, or another number above 0.")
    if options.max_frames < 1:
        raise UsageError(f"{options.max_frames} frames cannot be taken.", "Use --frames 64, or another number above 0.")
    if given.local is None:
        raise MediaError(f"{given.name} is a clip, which must be a file.", "Save it first.")
    given.close()  # the decoder opens it by name
    return VideoMedia(given, options)


class VideoMedia(Media):
    """The sampled frames of a clip."""

    def __init__(self, given: Input, options: MediaOptions) -> None:
        self._name = given.name
        self._clip = _Clip(str(given.local), given.name, options.max_pixels)
        super().__init__(Source(given.path, "video", given.sha256), self._clip.facts)
        facts = self._clip.facts
        indices = sample_indices(facts.total_frames, facts.fps, facts.duration_s, options.fps, options.max_frames)
        self._outlines = [
            Outline(Place(self.source, index, time_s=index / facts.fps), facts.size_px) for index in indices
        ]

    @property
    def outlines(self) -> Sequence[Outline]:
        """The frames that will be asked for."""
        return self._outlines

    def frames(self) -> Iterator[Frame]:
        """Decode one frame at a time. Those that a damaged clip does not hold are left out, with a warning at the end.

        Raises MediaError when none came.
        """
        came = 0
        for outline in self._outlines:
            place = outline.place
            found = self._clip.read(place.index)
            if found is None:
                continue
            came += 1
            rgb, stream_time_s = found
            yield Frame(rgb, Place(place.source, place.index, None, place.time_s, stream_time_s))
        if not came:
            raise MediaError(f"{self._name} holds no frame that can be decoded.", _CONVERT)
        if came < len(self._outlines):
            self._warn(
                f"{self._name} is damaged: {len(self._outlines) - came} of {len(self._outlines)} frames are missing."
            )
        if self._clip.resized:
            self._warn(f"{self._name} changes its picture size: frames were scaled to that of the first.")

    def close(self) -> None:
        """Close the clip."""
        self._clip.close()

    def _warn(self, sentence: str) -> None:
        if sentence not in self.warnings:
            self.warnings.append(sentence)


_CONVERT = "Convert it first: ffmpeg -i CLIP -c:v mpeg4 -q:v 3 new.mp4."


class _Clip:
    """An OpenCV capture that knows which frame it stands before. Owner of the native handle."""

    def __init__(self, path: str, name: str, max_pixels: int) -> None:
        self._cv2 = _silent_cv2()
        self._path, self._name = path, name
        self._seekable = True
        self._end: int | None = None  # how many frames there are, once reading in order has found out
        self.resized = False  # whether a frame came in another size than the first
        self._open()
        try:
            check_pixels(self._stated_size(), max_pixels, name)
            self.facts = self._facts()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._capture.release()

    def read(self, index: int) -> tuple[RGB, float | None] | None:
        """Frame `index`, uint8 (H, W, 3), and the stream's own time in seconds; None when the clip ends before it."""
        if not self._go(index):
            return None
        with self._decoding():
            ok, bgr = self._capture.retrieve()
            if not ok or bgr is None:
                return None
            if bgr.ndim == 2:
                bgr = self._cv2.cvtColor(bgr, self._cv2.COLOR_GRAY2BGR)
            if (bgr.shape[1], bgr.shape[0]) != self.facts.size_px:
                self.resized = True
                bgr = self._cv2.resize(bgr, self.facts.size_px, interpolation=self._cv2.INTER_AREA)
            return self._cv2.cvtColor(bgr, self._cv2.COLOR_BGR2RGB), self._time_s()

    def _open(self) -> None:
        """(Re)start at the first frame. FFmpeg alone is asked: other backends take names for patterns or devices."""
        try:
            self._capture = self._cv2.VideoCapture(self._path, self._cv2.CAP_FFMPEG)
        except (self._cv2.error, UnicodeError, SystemError) as error:
            raise MediaError(f"{self._name} cannot be opened as a clip.", "Rename it with plain letters.") from error
        self._next = 0  # the frame that the next grab brings
        if not self._capture.isOpened():
            raise MediaError(f"{self._name} holds no video that can be decoded.", _CONVERT)

    def _facts(self) -> VideoFacts:
        """What the header says, where it can be true; else what a pass through the clip shows.

        The size is the decoded first frame's, because only that one is upright for certain.
        """
        fps = float(self._capture.get(self._cv2.CAP_PROP_FPS))
        total = self._capture.get(self._cv2.CAP_PROP_FRAME_COUNT)
        first = self._first()
        self._start_s = self._time_s() or 0.0
        if not (math.isfinite(fps) and fps > 0):
            fps = DEFAULT_FPS
        if not 1 <= total < 2**40 or fps > LARGEST_FPS:
            fps, total = self._measured(fps)
        total = int(total)
        return VideoFacts((first.shape[1], first.shape[0]), fps, total / fps, total)

    def _first(self) -> RGB:
        with self._decoding():
            if self._grab():
                ok, bgr = self._capture.retrieve()
                if ok and bgr is not None:
                    return bgr  # type: ignore[no-any-return]
        raise MediaError(f"{self._name} holds no frame that can be decoded.", _CONVERT)

    def _measured(self, fps: float) -> tuple[float, int]:
        """(fps, total) counted by reading the clip once; afterwards it is only read in order."""
        last_s = self._time_s()
        while self._grab():
            last_s = self._time_s()
        total = self._next
        spread_s = (last_s or 0.0) - self._start_s
        self._restart()
        if total > 1 and spread_s > 0:
            return (total - 1) / spread_s, total
        return min(fps, DEFAULT_FPS), total

    def _go(self, index: int) -> bool:
        """Grab frame `index`; False when the clip ends before it."""
        if self._end is not None and index >= self._end:
            return False
        if index == self._next - 1:
            return True  # it is the frame in hand
        if self._seekable and not 0 <= index - self._next <= NEAR_FRAMES:
            if self._seek(index):
                return True
            self._restart()
        elif index < self._next:
            self._restart()
        while self._next <= index:
            if not self._grab():
                self._end = self._next
                return False
        return True

    def _seek(self, index: int) -> bool:
        """Jump to a frame and grab it; True only when its own time shows that it is the right one."""
        with self._decoding():
            self._capture.set(self._cv2.CAP_PROP_POS_FRAMES, index)
            if not self._grab():
                return False
        self._next = index + 1
        time_s = self._time_s()
        return time_s is not None and abs(time_s - self._start_s - index / self.facts.fps) < 0.5 / self.facts.fps

    def _restart(self) -> None:
        """Start again and read in order from now on."""
        self._seekable = False
        self._capture.release()
        self._open()

    def _grab(self) -> bool:
        with self._decoding():
            came = bool(self._capture.grab())
        self._next += came
        return came

    def _time_s(self) -> float | None:
        """The presentation time of the grabbed frame."""
        ms = float(self._capture.get(self._cv2.CAP_PROP_POS_MSEC))
        return ms / 1000 if math.isfinite(ms) else None

    def _stated_size(self) -> tuple[int, int]:
        cv2 = self._cv2
        return int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))

    @contextlib.contextmanager
    def _decoding(self) -> Iterator[None]:
        try:
            yield
        except (self._cv2.error, MemoryError, SystemError) as error:
            raise MediaError(f"{self._name} cannot be decoded: it is damaged.", _CONVERT) from error


def _silent_cv2() -> Any:
    """OpenCV with its own and FFmpeg's logs off; both read the environment when they are first loaded."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2

    return cv2
