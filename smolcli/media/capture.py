"""A clip's file goes in, its pictures and the times of its packets come out, in order. The only file that knows OpenCV.

What OpenCV says is not all true: "ok" may come with a buffer that nobody filled (see `soil`), its count of frames is
that of the container, and it takes the first pictures of a file, be they its cover.
"""

from __future__ import annotations

import contextlib
import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from smolcli.datatypes import RGB, Size
from smolcli.errors import MediaError
from smolcli.media.container import Change, ChangedFile, is_whole, picture_codecs
from smolcli.media.pixels import within

TESTED = (4, 10), (4, 12)  # from, and below: the versions of OpenCV that are known to fill what they hand out
MOST_STRETCHED = 8  # pixels that are longer than this are a header's mistake
LARGEST_PX = 4096  # of a side of a frame that is held
CONVERT = "Convert it first: ffmpeg -i CLIP -c:v mpeg4 -q:v 3 new.mp4."
OTHER_TRACK = "Take the other one out: ffmpeg -i CLIP -map 0:v:1 -c copy new.mp4."


class Capture:
    """An opened clip. Owner of the native handle. opened: how often it was opened."""

    def __init__(self, path: str, name: str, changes: Sequence[Change] = ()) -> None:
        self._cv2 = silent_cv2()
        self.name, self._given = name, Path(path)
        self._changes = changes
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._open: tuple[Any, ChangedFile | None] | None = None
        self.opened = 0
        self._path = self._plain(path)
        try:
            self.reopen()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file; safe to call twice."""
        self._release()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def reopen(self) -> None:
        """Stand before the first frame again."""
        self._release()
        self._open = self._new()
        self._capture.set(self._cv2.CAP_PROP_ORIENTATION_AUTO, 0)  # turned here, whatever the version's default
        self.opened += 1

    @property
    def stated(self) -> tuple[float, float]:
        """(frames a second, frames), as the header says, be it true or not."""
        cv2 = self._cv2
        return float(self._capture.get(cv2.CAP_PROP_FPS)), float(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))

    @property
    def size_px(self) -> Size:
        """The size with square pixels that the header says, not yet turned."""
        cv2 = self._cv2
        width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        return self._squared(width, int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))

    @property
    def codec(self) -> str:
        """Its four letters, such as "avc1"."""
        code = int(self._capture.get(self._cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
        return code.to_bytes(4, "little").decode("latin-1").strip("\0 ")

    @property
    def is_tested(self) -> bool:
        """Whether this version of OpenCV is known to fill its frames."""
        version = tuple(int(part) for part in self._cv2.__version__.split(".")[:2])
        return TESTED[0] <= version < TESTED[1]

    def untrusted(self) -> MediaError:
        """The error about pictures that nobody filled."""
        versions = f">={'.'.join(map(str, TESTED[0]))},<{'.'.join(map(str, TESTED[1]))}"
        return MediaError(
            f"{self.name} cannot be read: OpenCV {self._cv2.__version__} hands out pictures that it did not fill.",
            f"Install the version that works: pip install 'opencv-python-headless{versions}'",
        )

    def grab(self) -> bool:
        """Decode the next frame; False at the end."""
        with self._decoding():
            return bool(self._capture.grab())

    def seek(self, index: int) -> None:
        """Go to a frame, as OpenCV counts: only the time of what comes then says where it led."""
        with self._decoding():
            self._capture.set(self._cv2.CAP_PROP_POS_FRAMES, index)

    def time_s(self) -> float | None:
        """The presentation time of the decoded frame, in seconds of its stream; None where it has none."""
        return _seconds(self._capture.get(self._cv2.CAP_PROP_POS_MSEC))

    def packets(self, start: int = 0, most: int | None = None) -> list[tuple[float, bool]]:
        """(time in seconds, whether it is a key frame) of packets, read without decoding them; [] without times.

        start: about which frame to begin at; most: how many, None for all.
        """
        with self._decoding():
            capture, _file = self._new()
            capture.set(self._cv2.CAP_PROP_FORMAT, -1)  # packets as they are
            if start:
                capture.set(self._cv2.CAP_PROP_POS_FRAMES, start)
            found: list[tuple[float, bool]] = []
            while len(found) != most and capture.grab():
                time_s = _seconds(capture.get(self._cv2.CAP_PROP_POS_MSEC))
                if time_s is None:
                    return []
                found.append((time_s, capture.get(self._cv2.CAP_PROP_LRF_HAS_KEY_FRAME) == 1))
            return found

    def picture(self, edge_px: int | None = None) -> RGB | None:
        """The decoded frame uint8 (H, W, 3), upright and with square pixels; None where there is none.

        One larger than 4096 px (8K) is halved before anything is made of it: a tile has 512 px at most. edge_px: it is
        wanted with its longer edge at most so long.
        """
        with self._decoding():
            ok, bgr = self._capture.retrieve()
            if not ok or bgr is None:
                return None
            if bgr.ndim == 2:
                bgr = self._cv2.cvtColor(bgr, self._cv2.COLOR_GRAY2BGR)
            bgr = self.scaled(bgr, within(_reduced(self._squared(bgr.shape[1], bgr.shape[0])), edge_px))
            rgb: RGB = self._cv2.cvtColor(bgr, self._cv2.COLOR_BGR2RGB)
            quarters = round(float(self._capture.get(self._cv2.CAP_PROP_ORIENTATION_META)) / 90) % 4
            return np.ascontiguousarray(np.rot90(rgb, -quarters)) if quarters else rgb

    def scaled(self, rgb: RGB, size_px: Size) -> RGB:
        """The picture in another size."""
        if (rgb.shape[1], rgb.shape[0]) == size_px:
            return rgb
        kind = self._cv2.INTER_AREA if size_px[0] < rgb.shape[1] else self._cv2.INTER_CUBIC
        scaled: RGB = self._cv2.resize(rgb, size_px, interpolation=kind)
        return scaled

    def soil(self) -> None:
        """Open the clip anew, in memory that something else was written to: a frame nobody fills is then another."""
        cv2 = self._cv2
        height, width = (self._capture.get(key) for key in (cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_WIDTH))
        self._release()
        size = int(height) * int(width) * 3
        soiled = [np.full(size + more, 0xA5, np.uint8) for more in (0, 0, 64, 64, 4096, 4096)]
        del soiled
        self.reopen()

    def _squared(self, width: int, height: int) -> Size:
        """The size with square pixels: the coarser side grows, so that nothing is lost."""
        across = float(self._capture.get(self._cv2.CAP_PROP_SAR_NUM))
        down = float(self._capture.get(self._cv2.CAP_PROP_SAR_DEN))
        ratio = across / down if across > 0 and down > 0 else 1.0
        if abs(ratio - 1) <= 0.01 or not 1 / MOST_STRETCHED <= ratio <= MOST_STRETCHED:
            return width, height
        return (round(width * ratio), height) if ratio > 1 else (width, round(height / ratio))

    def _plain(self, path: str) -> str:
        """A name that OpenCV can be given: it crashes on one that is no UTF-8, for which a link stands in."""
        with contextlib.suppress(UnicodeEncodeError):
            path.encode("utf-8")
            return path
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="smol-", ignore_cleanup_errors=True)
            link = Path(self._folder.name, "clip")
            link.symlink_to(path)
            return str(link).encode("utf-8").decode()
        except (OSError, UnicodeEncodeError) as error:
            raise MediaError(f"{self.name} has a name that is no UTF-8.", "Rename it with plain letters.") from error

    @property
    def _capture(self) -> Any:
        if self._open is None:
            raise ValueError(f"{self.name} is closed")
        return self._open[0]

    def _new(self) -> tuple[Any, ChangedFile | None]:
        """A handle before the first frame, and the file that it reads, which has to outlive it.

        FFmpeg alone is asked: other backends take names for patterns or devices.
        """
        cv2, file = self._cv2, None
        try:
            if not self._changes:
                capture = cv2.VideoCapture(self._path, cv2.CAP_FFMPEG)
            elif hasattr(cv2, "IStreamReader"):
                file = ChangedFile(self._given, self._changes)
                capture = cv2.VideoCapture(file, cv2.CAP_FFMPEG, [])
            else:  # OpenCV 4.10
                raise MediaError(f"{self.name} begins with a cover picture.", OTHER_TRACK)
        except (cv2.error, UnicodeError, SystemError) as error:
            raise MediaError(f"{self.name} cannot be opened as a clip.", "Rename it with plain letters.") from error
        if not capture.isOpened():
            raise self._unopened()
        return capture, file

    def _release(self) -> None:
        """Drop the handle, then its file: the handle's own release() lets go of a file of Python's without its lock."""
        if self._open is not None:
            capture, file = self._open
            self._open = None
            del capture
            if file is not None:
                file.close()

    def _unopened(self) -> MediaError:
        if is_whole(self._given) is False:
            return MediaError(f"{self.name} is an unfinished clip: its end is missing.", "Get it again.")
        codecs = picture_codecs(self._given)
        if codecs == []:
            return MediaError(f"{self.name} is sound, without pictures.", "Give an image, a PDF or a clip.")
        if codecs and codecs[0]:
            return undecodable(self.name, codecs[0])
        return MediaError(f"{self.name} holds no video that can be decoded.", CONVERT)

    @contextlib.contextmanager
    def _decoding(self) -> Iterator[None]:
        try:
            yield
        except (self._cv2.error, MemoryError, SystemError) as error:
            raise MediaError(f"{self.name} cannot be decoded: it is damaged.", CONVERT) from error


def undecodable(name: str, codec: str) -> MediaError:
    """The error about a clip of which no frame comes."""
    known = {"av01": "AV1", "v_av1": "AV1"}.get(codec.lower(), codec.removeprefix("V_"))
    hint = "Convert it first: ffmpeg -i CLIP -c:v libx264 new.mp4."
    return MediaError(f"{name} is coded as {known}, which this OpenCV does not decode.", hint)


def _reduced(size_px: Size) -> Size:
    """Halved until the longer side is one that is worth holding."""
    halvings = max(0, math.ceil(math.log2(max(size_px) / LARGEST_PX)))
    return (max(1, size_px[0] >> halvings), max(1, size_px[1] >> halvings)) if halvings else size_px


def _seconds(milliseconds: float) -> float | None:
    """None for what a stream without times gives."""
    return milliseconds / 1000 if math.isfinite(milliseconds) and abs(milliseconds) < 1e12 else None


def silent_cv2() -> Any:
    """OpenCV with its own and FFmpeg's logs off; both read the environment when they are first loaded."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2

    return cv2
