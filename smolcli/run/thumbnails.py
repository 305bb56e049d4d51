"""A place goes in, its picture comes out, small: files are opened again, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from smolcli.datatypes import RGB, Place, Source
from smolcli.errors import MediaError, SmolError
from smolcli.jobs import Look
from smolcli.run.outlined import boxed

if TYPE_CHECKING:
    from smolcli.media import Media
    from smolcli.run.opened import Access, OpenFiles

GREY = 160  # of the box that stands for a picture which cannot be shown
GREY_SHAPE = 3 / 4  # height by width


class Thumbnails:
    """The pictures of places that answers are about. The file of the last one stays open for the next.

    look, access: as files were opened for the answers. note: hears why a file's pictures cannot be shown, once a file.
    """

    def __init__(self, files: OpenFiles, look: Look, access: Access, note: Callable[[str], None]) -> None:
        self._files, self._look, self._access, self._note = files, look, access, note
        self._stack = ExitStack()
        self._media: Media | None = None
        self._source: Source | None = None
        self._failed: Source | None = None

    def picture(self, place: Place) -> RGB:
        """The upright picture uint8 (H, W, 3) at a place, or the part of it that is in the place's box.

        Raises MediaError, also where the file has changed.
        """
        media = self._opened(place)
        with self._files.alone(media.source, self._look):
            rgb = media.frame(replace(place, box=None)).rgb
        left, top, right, bottom = boxed((rgb.shape[1], rgb.shape[0]), place)
        return rgb[top:bottom, left:right]

    def shown(self, place: Place, edge_px: int) -> RGB:
        """The same with its longer edge at most so many pixels; a grey box where there is no picture to be had."""
        try:
            return self._small(place, edge_px)
        except SmolError as error:
            if self._failed != place.source:
                self._failed = place.source
                self._note(f"{place.uri!r} is shown as a grey box: {error.message}")
            return _grey(edge_px)

    def _small(self, place: Place, edge_px: int) -> RGB:
        from smolcli.media import shrunk

        if place.box is not None:
            return shrunk(self.picture(place), edge_px)
        media = self._opened(place)
        with self._files.alone(media.source, self._look):
            return media.thumbnail(place, edge_px)

    def duration_s(self, place: Place) -> float | None:
        """How long the clip of a place is, in seconds; None where that is not known, or it is none."""
        try:
            video = self._opened(place).video
        except SmolError:  # whoever asks for its pictures hears why
            return None
        return None if video is None else video.duration_s

    def close(self) -> None:
        """Close the file that was asked for last."""
        self._media = self._source = None
        self._stack.close()

    def _opened(self, place: Place) -> Media:
        if self._media is None or place.source != self._source:
            self.close()
            access = _as_asked(self._access, place)
            media = self._stack.enter_context(self._files.hold(place.source.path, self._look, access))
            if place.source.sha256 and media.source.sha256 != place.source.sha256:
                self._stack.close()
                raise MediaError(f"{place.source.path!r} has changed since it was read.", "Ask again.")
            self._media, self._source = media, place.source
        return self._media

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _as_asked(access: Access, place: Place) -> Access:
    """How a file was opened for a place of its kind; what other files were meant by is not said of it again."""
    stills = access.all_frames or (place.source.kind == "image" and place.index > 0)
    return replace(access, moving=place.source.kind == "video", all_frames=stills, several=True, briefly=False)


def _grey(edge_px: int) -> RGB:
    import numpy as np

    return np.full((max(1, round(edge_px * GREY_SHAPE)), edge_px, 3), GREY, np.uint8)
