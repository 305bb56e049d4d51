"""A picture file goes in, upright RGB Frames come out. The only file of this room that knows Pillow.

Colour rules (golden/decode.json): transparency is shown on white, 16-bit greys keep their upper byte, mode I and F are
stretched over their own range. An animation gives its first picture, a TIFF all its pages.
"""

from __future__ import annotations

import contextlib
import importlib
import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from PIL import ExifTags, Image

from smolcli.datatypes import RGB, Frame, Outline, Place, Size, Source
from smolcli.errors import MediaError, SmolError
from smolcli.media.base import Media, MediaOptions, check_pixels
from smolcli.media.reading import Input
from smolcli.media.selection import parse_pages
from smolcli.media.sniff import describe, is_still

ANIMATIONS = frozenset({"GIF", "PNG", "WEBP", "AVIF"})  # formats whose further pictures are moments, not previews
DOCUMENTS = frozenset({"TIFF"})  # formats whose further pictures are pages
REFUSED = frozenset({"EPS", "WMF", "MPEG"})  # Pillow opens these but needs Ghostscript or Windows to draw them

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def open_image(given: Input, options: MediaOptions) -> Media:
    """Open a picture and read its header. Raises MediaError (not a picture, damaged, too large), UsageError (pages)."""
    return ImageMedia(given, options)


class ImageMedia(Media):
    """One picture, all pictures of an animation, or the pages of a TIFF."""

    def __init__(self, given: Input, options: MediaOptions) -> None:
        self._given = given
        self._limit = options.max_pixels
        with self._opened() as image:
            count = _count(image, options.all_frames)
            self._paged = image.format in DOCUMENTS and count > 1
            check_pixels(image.size, self._limit, given.name)
        self._chosen = range(count) if image.format in ANIMATIONS else parse_pages(options.pages, count)
        super().__init__(Source(given.path, "page" if self._paged else "image", given.sha256))

    @cached_property
    def outlines(self) -> Sequence[Outline]:
        """Sizes from the headers, turned upright; no pixels are kept."""
        with self._opened() as image:
            return [Outline(self._place(index), self._seek(image, index)) for index in self._chosen]

    def frames(self) -> Iterator[Frame]:
        """Decode one picture at a time, uint8 (H, W, 3)."""
        for index in self._chosen:
            with self._opened() as image:
                self._seek(image, index)
                image.load()
                rgb = _to_rgb(_upright(image))
            yield Frame(rgb, self._place(index))

    def close(self) -> None:
        """Close the file."""
        self._given.close()

    def _place(self, index: int) -> Place:
        return Place(self.source, index, page=index + 1 if self._paged else None)

    def _seek(self, image: Image.Image, index: int) -> Size:
        """Go to a picture; returns its upright size after checking that it is not too large."""
        if index:
            image.seek(index)
        check_pixels(image.size, self._limit, self._given.name)
        # Pillow reports a TIFF's size already upright, and turns it when it loads
        turned = image.format != "TIFF" and _orientation(image) >= 5
        return (image.height, image.width) if turned else image.size

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Image.Image]:
        """Open the file with Pillow. Its exceptions, of any kind on a hostile file, become a MediaError."""
        name = self._given.name
        self._given.file.seek(0)
        if is_still(self._given.head):
            _register_heif(name)
        try:
            with _own_pixel_limit(), Image.open(self._given.file) as image:
                if image.format in REFUSED:
                    raise Image.UnidentifiedImageError(image.format)
                image._close_fp = False if hasattr(image, "_close_fp") else None  # type: ignore[attr-defined]
                yield image
        except SmolError:
            raise
        except Image.UnidentifiedImageError as error:
            kind, hint = describe(self._given.head)
            raise MediaError(f"{name} is no image, PDF or clip: it is {kind}.", hint) from error
        except Exception as error:
            raise MediaError(f"{name} is a damaged or unfinished image: {_reason(error)}.", "Get it again.") from error
