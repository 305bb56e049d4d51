"""A path goes in; a Media that holds nothing open between looks comes out: for requests about very many files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from smolcli.datatypes import Frame, Outline, Place
from smolcli.media.base import Media
from smolcli.media.reading import changed, quoted

if TYPE_CHECKING:
    from smolcli.media.text_layer import TextLayer


class ReopenedMedia(Media):
    """A file that is opened for its outlines, closed, and opened again for its frames.

    open_again: opens it; the file must still hold what it held at first, or the answer would be about another one.
    Raises what `open_again` raises.
    """

    def __init__(self, open_again: Callable[[], Media]) -> None:
        self._open_again = open_again
        with open_again() as media:
            super().__init__(media.source, media.video)
            self._outlines, self._ends_s = tuple(media.outlines), media.ends_s
            self._hear(media)

    @property
    def outlines(self) -> Sequence[Outline]:
        """The frames to come, as they were when the file was first opened."""
        return self._outlines

    @property
    def ends_s(self) -> float:
        """Where what a clip shows ended when it was first opened."""
        return self._ends_s

    def frame(self, place: Place) -> Frame:
        """Open the file and decode one frame. Raises MediaError, also where the file has changed."""
        with self._unchanged() as media:
            frame = media.frame(place)
            self._hear(media)
        return self._of_this(frame)

    def text(self, place: Place) -> str:
        """Open the file and read a page's text layer. Raises MediaError, also where the file has changed."""
        with self._unchanged() as media:
            return media.text(place)

    def layer(self, place: Place) -> TextLayer | None:
        """Open the file and read a page's text with its boxes. Raises MediaError, also where the file has changed."""
        with self._unchanged() as media:
            return media.layer(place)

    def sampled(self, most: int, window_s: tuple[float, float] | None = None) -> Sequence[Outline]:
        """Open the file and choose fewer frames. Raises MediaError, also where the file has changed."""
        with self._unchanged() as media:
            found = media.sampled(most, window_s)
        return [replace(outline, place=replace(outline.place, source=self.source)) for outline in found]

    def scan(self, rate: float, window_s: tuple[float, float]) -> Iterator[Frame]:
        """Open the file once for the pictures of a part of a clip. Raises MediaError, also where it has changed."""
        with self._unchanged() as media:
            yield from map(self._of_this, media.scan(rate, window_s))

    def frames(self, outlines: Sequence[Outline] | None = None) -> Iterator[Frame]:
        """Open the file once for all of its frames. Raises MediaError, also where the file has changed."""
        with self._unchanged() as media:
            for frame in media.frames(outlines):
                self._hear(media)
                yield self._of_this(frame)

    def close(self) -> None:
        """Nothing is open."""

    def _unchanged(self) -> Media:
        media = self._open_again()
        if media.source != self.source:
            media.close()
            raise changed(quoted(self.source.path))
        return media

    def _hear(self, media: Media) -> None:
        """Take over what the opened file is warned about, once."""
        self.warnings += [sentence for sentence in media.warnings if sentence not in self.warnings]
        self.notes = media.notes

    def _of_this(self, frame: Frame) -> Frame:
        """The frame as one of this file's: answers group places by their source."""
        return replace(frame, place=replace(frame.place, source=self.source))
