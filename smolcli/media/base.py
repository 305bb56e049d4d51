"""What every kind of media is to the rest of the program: options go in, a Media that yields Frames comes out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from smolcli.datatypes import RGB, Frame, Outline, Place, Size, Source, VideoFacts
from smolcli.errors import MediaError

if TYPE_CHECKING:
    from smolcli.media.text_layer import TextLayer

SCAN_PX = 256  # of the longer edge of pictures that are only looked at


@dataclass(frozen=True, slots=True)
class MediaOptions:
    """How to read a file.

    longest_edge_px: what the model wants; a page is rendered to it. dpi: render pages at this resolution instead.
    pages: a selection such as "1-3,7,end" (None: all). all_frames: every picture of an animation, not only the first.
    max_frames, fps: at most so many frames of a clip, so many a second. max_pixels: the largest picture to decode.
    rotate: degrees clockwise, for scans that lie on their side or stand on their head. moving: an animated picture is
    meant as a clip. several: other files are read with the same options, which may be meant for those. in_parts: a page
    is shown to the model part by part, so that longest_edge_px says nothing of how large it may be at a dpi.
    """

    longest_edge_px: int = 2048
    dpi: int | None = None
    pages: str | None = None
    password: str | None = None
    all_frames: bool = False
    max_frames: int = 64
    fps: float = 1.0
    max_pixels: int = 178_956_970  # 512 MiB of RGB; twice Pillow's own warning limit
    rotate: int = 0
    moving: bool = False
    several: bool = False
    in_parts: bool = False


class Media(ABC):
    """One opened file: an image, the pages of a document, or a clip. Close it, or use it as a context manager.

    source: where it came from. video: a clip's facts, None for all else. warnings: sentences about what is odd with
    the whole file; it may grow while `outlines` and `frames()` are read. notes: those of them that are about how it was
    opened, and not about what it holds.
    """

    def __init__(self, source: Source, video: VideoFacts | None = None, rotate: int = 0) -> None:
        self.source = source
        self.video = video
        self.warnings: list[str] = []
        self.notes: list[str] = []
        self._quarters = rotate // 90 % 4  # clockwise
        self._by_index: dict[int, Outline] | None = None

    @property
    @abstractmethod
    def outlines(self) -> Sequence[Outline]:
        """The frames to come, with their sizes, before any is rendered. A damaged clip may yield fewer."""

    @property
    def ends_s(self) -> float:
        """Where what a clip shows ends, seconds; 0 for all else. Before its length where the file is cut off."""
        return self.video.duration_s if self.video is not None else 0.0

    @property
    def places(self) -> Sequence[Place]:
        """Where the frames are; pages that nobody asked about are not looked at."""
        return [outline.place for outline in self.outlines]

    def outline(self, place: Place) -> Outline:
        """The picture at a place of `outlines`, before it is decoded. Raises MediaError where there is none."""
        if self._by_index is None:
            self._by_index = {outline.place.index: outline for outline in self.outlines}
        found = self._by_index.get(place.index)
        if found is None:
            raise self._no_such(place)
        return found

    def _no_such(self, place: Place) -> MediaError:
        return MediaError(f"There is no {place.label} in {self.source.path!r}.", "Is it the file that was meant?")

    def sampled(self, most: int, window_s: tuple[float, float] | None = None) -> Sequence[Outline]:
        """Of a clip at most so many of its frames, spread as evenly as `outlines` are; of all else `outlines`.

        window_s: only frames from this moment to that one.
        """
        del most, window_s
        return self.outlines

    def scan(self, rate: float, window_s: tuple[float, float]) -> Iterator[Frame]:
        """About so many pictures a second of a part of a clip, in order, by a reader of its own that holds one.

        A clip's are no larger than `SCAN_PX`: to shrink them later takes as long as to decode them. Those that a
        damaged clip does not hold are left out; of all else there are none. Raises MediaError.
        """
        del rate, window_s
        return iter(())

    @abstractmethod
    def frame(self, place: Place) -> Frame:
        """Decode the picture at a place of `outlines`: in any order, again and again; in order it is cheapest.

        Raises MediaError when it cannot be decoded; the others still can.
        """

    def thumbnail(self, place: Place, edge_px: int) -> RGB:
        """The picture at a place uint8 (H, W, 3), its longer edge at most so many pixels, for people to look at.

        Raises MediaError when it cannot be decoded.
        """
        from smolcli.media.pixels import shrunk

        return shrunk(self.frame(place).rgb, edge_px)

    def text(self, place: Place) -> str:
        """A page's own text as it stands in the file, "" where there is none: in an eighth of the time of its `layer`.

        Raises MediaError where it is damaged.
        """
        del place
        return ""

    def layer(self, place: Place) -> TextLayer | None:
        """A page's own text with its boxes, None where it has none. Raises MediaError where it is damaged."""
        del place
        return None

    def frames(self, outlines: Sequence[Outline] | None = None) -> Iterator[Frame]:
        """Decode one frame at a time, in the order of some outlines (None: `outlines`); may be called again.

        Raises MediaError when a frame cannot be decoded.
        """
        for outline in self.outlines if outlines is None else outlines:
            yield self.frame(outline.place)

    @abstractmethod
    def close(self) -> None:
        """Let go of the file. May be called twice."""

    def _turned_size(self, size_px: Size) -> Size:
        """The size after the turn that was asked for."""
        return size_px[::-1] if self._quarters % 2 else size_px

    def _turned(self, rgb: RGB) -> RGB:
        """The picture uint8 (H, W, 3) after the turn that was asked for."""
        if not self._quarters:
            return rgb
        import numpy as np

        return np.ascontiguousarray(np.rot90(rgb, -self._quarters))

    def note(self, sentences: Sequence[str]) -> None:
        """Something to say of how the file was opened."""
        self.notes += sentences
        self.warnings += sentences

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def check_pixels(size_px: Size, limit: int, name: str) -> None:
    """Refuse a picture larger than `limit` pixels (a decompression bomb), or an empty one, before it is decoded.

    Raises MediaError with the size and the limit.
    """
    width, height = size_px
    if width < 1 or height < 1:
        raise MediaError(f"{name} says that it is {width} x {height} pixels.", "The file is damaged.")
    if width * height > limit:
        raise MediaError(
            f"{name} is {width} x {height} pixels ({_mpx(width * height)}); the limit is {_mpx(limit)}.",
            "Scale it down first.",
        )


def _mpx(pixels: int) -> str:
    return f"{pixels / 1e6:.0f} megapixels" if pixels >= 1e6 else f"{pixels} pixels"
