"""A clip's file goes in, its decoded pictures with their times come out. The only file that knows OpenCV.

Frame n is the n-th picture of the stream. A seek is used for a far frame and trusted only when the picture that comes
is the one of that time; otherwise the clip is read in order. OpenCV's "ok" is not believed alone: see `is_filled`.
"""

from __future__ import annotations

import contextlib
import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from smolcli.datatypes import RGB, Size, VideoFacts
from smolcli.errors import MediaError
from smolcli.media.base import check_pixels
from smolcli.media.mp4 import edited_s, is_whole

DEFAULT_FPS = 24.0  # transformers, where the file does not tell
LARGEST_FPS = 300.0  # beyond this the header states a clock rate, not a frame rate (browser recordings say 1000)
NEAR_FRAMES = 96  # decoding so many is cheaper than a seek, which goes back to a key frame
PEEKED = 16  # frames whose times show whether the rate is constant
AV1 = tuple(int.from_bytes(code, "little") for code in (b"av01", b"AV01"))
CONVERT = "Convert it first: ffmpeg -i CLIP -c:v mpeg4 -q:v 3 new.mp4."


class Clip:
    """An OpenCV capture that knows which frame it stands before. Owner of the native handle.

    times_s: the stream's own time of every frame where the rate varies; empty where it is constant.
    """

    def __init__(self, path: str, name: str, max_pixels: int) -> None:
        self._cv2 = _silent_cv2()
        self.name, self._given = name, Path(path)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._path = self._plain(path)
        self._seekable = True
        self._end: int | None = None  # how many frames there are, once reading in order has found out
        self._first_rgb: RGB | None = None
        self.times_s: list[float] = []
        self.resized = False  # whether a frame came in another size than the first
        try:
            self._open()
            check_pixels(self._stated_size(), max_pixels, name)
            self.facts = self._facts()
            check_pixels(self.facts.size_px, max_pixels, name)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file; safe to call twice."""
        if hasattr(self, "_capture"):
            self._capture.release()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    @property
    def ended_early(self) -> bool:
        """Whether reading came to an end before the file says that it ends."""
        return self._end is not None and self._end < self.facts.total_frames

    def read(self, index: int) -> tuple[RGB, float | None] | None:
        """Frame `index`, uint8 (H, W, 3), and the stream's own time in seconds; None when the clip ends before it."""
        if index == 0 and self._first_rgb is not None:  # the clip stands behind it already
            return self._first_rgb, self._start_s
        if not self._go(index):
            return None
        rgb = self._picture()
        if rgb is None:
            return None
        if (rgb.shape[1], rgb.shape[0]) != self.facts.size_px:
            self.resized = True
            rgb = self._scaled(rgb, self.facts.size_px)
        return rgb, self._time_s()

    def is_filled(self) -> bool:
        """Whether OpenCV writes the pictures that it says it has: to be asked when all that came are the same.

        OpenCV 4.13 to 5.0 return "ok" for interlaced frames with a buffer that nobody has filled: always the same
        bytes, zeros or what lay in memory. A real picture comes again from another buffer, and is not all zero.
        """
        first = self._first_rgb
        if first is None or not first.any():
            return False
        soiled = [np.full(first.size, 0xA5, np.uint8) for _ in range(4)]  # what a fresh buffer may hold
        del soiled
        self._restart()
        again = self._picture() if self._grab() else None
        return again is not None and np.array_equal(first, again)

    # ---- what the clip says of itself

    def _facts(self) -> VideoFacts:
        """What the header says, where it can be true; else what a pass through the clip shows.

        The size is the decoded first frame's, upright and with square pixels.
        """
        fps = float(self._capture.get(self._cv2.CAP_PROP_FPS))
        total = self._capture.get(self._cv2.CAP_PROP_FRAME_COUNT)
        self._first_rgb = first = self._first()
        self._start_s = self._time_s() or 0.0
        size = first.shape[1], first.shape[0]
        if total > 1 and not self._grab():
            return self._only_one(size, fps, total)
        if not (math.isfinite(fps) and fps > 0):
            fps = DEFAULT_FPS
        if not 1 <= total < 2**40 or fps > LARGEST_FPS:
            fps, total = self._measured(fps)
        elif self._varies(fps):
            self._measured(fps)
            total = len(self.times_s)
            return VideoFacts(size, fps, self.times_s[-1] + max(1 / fps, 1 / LARGEST_FPS), total)
        edited = edited_s(self._given)
        if edited is not None and edited * fps < total - 1:
            total = max(1, round(edited * fps))
        return VideoFacts(size, fps, int(total) / fps, int(total))

    def _only_one(self, size: Size, fps: float, promised: float) -> VideoFacts:
        """One picture came where more were promised: a cover is taken for the clip, unless the file is cut off."""
        if fps > LARGEST_FPS:  # MP4 gives a cover the clock of its timescale
            raise MediaError(
                f"{self.name} is sound with a cover picture, not a clip.", "Give an image, a PDF or a clip."
            )
        if is_whole(self._given) is not False:
            raise MediaError(
                f"{self.name} gives 1 of {promised:.0f} pictures: its first stream is a cover, or it is damaged.",
                "Take the other one out: ffmpeg -i CLIP -map 0:v:1 -c copy new.mp4.",
            )
        return VideoFacts(size, fps, promised / fps, int(promised))

    def _varies(self, fps: float) -> bool:
        """Whether the first second's frames are unevenly spaced: a recording of a screen, a slide show."""
        times = [self._start_s]
        for _ in range(min(PEEKED, max(2, int(fps)))):
            times.append(self._time_s() or 0.0)
            if len(times) > PEEKED or self._next >= fps or not self._grab():
                break
        gaps = np.diff(times) * fps  # in frames of the stated rate
        return len(gaps) > 1 and bool(np.sum(np.abs(gaps - 1) > 0.5) > 1 and gaps.max() > 3 * max(gaps.min(), 1e-3))

    def _measured(self, fps: float) -> tuple[float, int]:
        """(fps, total) counted by reading the clip once; afterwards it is only read in order."""
        self._restart()
        self.times_s = []
        while self._grab():
            self.times_s.append((self._time_s() or 0.0) - self._start_s)
        total, spread_s = self._next, self.times_s[-1] if self.times_s else 0.0
        self._restart()
        if not self._uneven():
            self.times_s = []
        if total > 1 and spread_s > 0:
            return (total - 1) / spread_s, total
        return min(fps, DEFAULT_FPS), total

    def _uneven(self) -> bool:
        gaps = np.diff(self.times_s)
        return len(gaps) > 1 and bool(gaps.min() < gaps.max() / 3)

    # ---- moving about

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

    # ---- pictures

    def _first(self) -> RGB:
        rgb = self._picture() if self._grab() else None
        if rgb is None:
            if int(self._capture.get(self._cv2.CAP_PROP_FOURCC)) in AV1:
                hint = "Convert it first: ffmpeg -i CLIP -c:v libx264 new.mp4."
                raise MediaError(f"{self.name} is coded as AV1, which this OpenCV does not decode.", hint)
            raise MediaError(f"{self.name} holds no frame that can be decoded.", CONVERT)
        return rgb

    def _picture(self) -> RGB | None:
        """The grabbed frame, upright and with square pixels."""
        with self._decoding():
            ok, bgr = self._capture.retrieve()
            if not ok or bgr is None:
                return None
            if bgr.ndim == 2:
                bgr = self._cv2.cvtColor(bgr, self._cv2.COLOR_GRAY2BGR)
            rgb: RGB = self._cv2.cvtColor(bgr, self._cv2.COLOR_BGR2RGB)
            across = float(self._capture.get(self._cv2.CAP_PROP_SAR_NUM))
            down = float(self._capture.get(self._cv2.CAP_PROP_SAR_DEN))
            if across > 0 and down > 0 and abs(across / down - 1) > 0.01 and 1 / 8 <= across / down <= 8:
                height, width = rgb.shape[:2]
                wide = (
                    (round(width * across / down), height) if across > down else (width, round(height * down / across))
                )
                rgb = self._scaled(rgb, wide)
            quarters = round(float(self._capture.get(self._cv2.CAP_PROP_ORIENTATION_META)) / 90) % 4
            return np.ascontiguousarray(np.rot90(rgb, -quarters)) if quarters else rgb

    def _scaled(self, rgb: RGB, size: Size) -> RGB:
        kind = self._cv2.INTER_AREA if size[0] < rgb.shape[1] else self._cv2.INTER_CUBIC
        scaled: RGB = self._cv2.resize(rgb, size, interpolation=kind)
        return scaled

    # ---- the handle

    def _plain(self, path: str) -> str:
        """A name that OpenCV can be given: it crashes on one that is no UTF-8, for which a link stands in."""
        try:
            path.encode("utf-8")
            return path
        except UnicodeEncodeError:
            pass
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="smol-", ignore_cleanup_errors=True)
            link = Path(self._folder.name, "clip")
            link.symlink_to(path)
            return str(link).encode("utf-8").decode()
        except (OSError, UnicodeEncodeError) as error:
            raise MediaError(f"{self.name} has a name that is no UTF-8.", "Rename it with plain letters.") from error

    def _open(self) -> None:
        """(Re)start at the first frame. FFmpeg alone is asked: other backends take names for patterns or devices."""
        try:
            self._capture = self._cv2.VideoCapture(self._path, self._cv2.CAP_FFMPEG)
        except (self._cv2.error, UnicodeError, SystemError) as error:
            raise MediaError(f"{self.name} cannot be opened as a clip.", "Rename it with plain letters.") from error
        self._next = 0  # the frame that the next grab brings
        if not self._capture.isOpened():
            raise self._unopened()
        self._capture.set(self._cv2.CAP_PROP_ORIENTATION_AUTO, 0)  # turned here, whatever the version's default

    def _unopened(self) -> MediaError:
        if is_whole(self._given) is False:
            return MediaError(f"{self.name} is an unfinished clip: its end is missing.", "Get it again.")
        with self._given.open("rb") as file:
            if file.read(12)[4:12] in (b"ftypM4A ", b"ftypM4B "):
                return MediaError(f"{self.name} is sound, without pictures.", "Give an image, a PDF or a clip.")
        return MediaError(f"{self.name} holds no video that can be decoded.", CONVERT)

    def _stated_size(self) -> Size:
        cv2 = self._cv2
        return int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))

    @contextlib.contextmanager
    def _decoding(self) -> Iterator[None]:
        try:
            yield
        except (self._cv2.error, MemoryError, SystemError) as error:
            raise MediaError(f"{self.name} cannot be decoded: it is damaged.", CONVERT) from error


def _silent_cv2() -> Any:
    """OpenCV with its own and FFmpeg's logs off; both read the environment when they are first loaded."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2

    return cv2
