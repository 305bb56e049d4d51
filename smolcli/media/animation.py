"""An animated picture (GIF, WebP, APNG) meant as a clip goes in, its moments come out as upright RGB Frames."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

from smolcli.datatypes import Frame, Outline, Place, VideoFacts
from smolcli.errors import MediaError
from smolcli.media.base import Media, MediaOptions
from smolcli.media.image import open_image, picture_seconds
from smolcli.media.reading import Input
from smolcli.media.video import sample_window

MOST_LOOKS = 10_000  # at the pictures of an animation: 20 minutes of it


def open_animation(given: Input, options: MediaOptions) -> Media:
    """Open an animated picture as a clip, any other picture as one. Raises MediaError, UsageError."""
    seconds = picture_seconds(given, options)
    return AnimationMedia(given, options, seconds) if len(seconds) > 1 else open_image(given, options)


class AnimationMedia(Media):
    """The sampled pictures of an animation, by the times that each is shown. seconds: of every picture."""

    def __init__(self, given: Input, options: MediaOptions, seconds: Sequence[float]) -> None:
        self._pictures = open_image(given, replace(options, all_frames=True, pages=None))
        size = self._pictures.outlines[0].size_px
        duration, total = sum(seconds), len(seconds)
        super().__init__(given.source("video"), VideoFacts(size, total / duration, duration, total))
        self._starts = [0.0, *accumulate(seconds)][:-1]
        self._size, self._duration_s, self._rate = size, duration, options.fps
        self._outlines = self.sampled(options.max_frames)

    @property
    def outlines(self) -> Sequence[Outline]:
        """The pictures that will be asked for."""
        return self._outlines

    def sampled(self, most: int, window_s: tuple[float, float] | None = None) -> Sequence[Outline]:
        """At most so many pictures of the animation, or of a window of it."""
        window_s = window_s or (0.0, self._duration_s)
        chosen = sample_window(self._index_at, window_s, self._duration_s, self._rate, most)
        return [Outline(Place(self.source, index, time_s=time_s), self._size) for index, time_s in chosen]

    def scan(self, rate: float, window_s: tuple[float, float]) -> Iterator[Frame]:
        """About so many pictures a second of a part of the animation."""
        every = sample_window(self._index_at, window_s, self._duration_s, rate, MOST_LOOKS)
        return (self.frame(Place(self.source, index, time_s=time_s)) for index, time_s in every)

    def _index_at(self, time_s: float) -> int:
        return bisect(self._starts, time_s) - 1

    def frame(self, place: Place) -> Frame:
        """Decode a picture, uint8 (H, W, 3)."""
        found = self._pictures.frame(Place(self._pictures.source, place.index))
        if found.rgb.shape[:2] != self._size[::-1]:
            raise MediaError(f"{self.source.path} changes its picture size.", "Convert it to a clip first.")
        shown = Place(place.source, place.index, None, place.time_s, self._starts[place.index])
        return Frame(found.rgb, shown, warnings=found.warnings)

    def close(self) -> None:
        """Close the file."""
        self._pictures.close()
