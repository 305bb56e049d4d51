"""A picture file goes in, upright RGB Frames come out. The only file of this room that knows Pillow.

Colour rules (golden/decode.json): transparency is shown on white, 16-bit greys keep their upper byte, mode I and F are
stretched over their own range. An animation gives its first picture, a TIFF all its pages.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError, features

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
        with self._decoding():
            image = self._open()
            count = _count(image, options.all_frames)
            paged = image.format in DOCUMENTS and count > 1
        self._chosen = parse_pages(options.pages, count) if paged else tuple(range(count))
        super().__init__(Source(given.path, "page" if paged else "image", given.sha256))

    @cached_property
    def outlines(self) -> Sequence[Outline]:
        """Sizes from the headers, turned upright; no pixels are kept."""
        paged = self.source.kind == "page"
        with self._decoding():
            image = self._open()
            return [
                Outline(Place(self.source, index, page=index + 1 if paged else None), self._seek(image, index))
                for index in self._chosen
            ]

    def frames(self) -> Iterator[Frame]:
        """Decode one picture at a time, uint8 (H, W, 3)."""
        image: Image.Image | None = None
        for outline in self.outlines:
            with self._decoding():
                image = image or self._open()
                self._seek(image, outline.place.index)
                image.load()
                rgb = _to_rgb(_upright(image), image.format)
                if outline is self.outlines[-1]:
                    image = None  # it is large, and the frame may be looked at for long
            yield Frame(rgb, outline.place)

    def close(self) -> None:
        """Close the file."""
        self._given.close()

    def _open(self) -> Image.Image:
        """Open the file and read its header; the size is checked here, not by Pillow, so that the error can say it."""
        if is_still(self._given.head):
            _register_heif(self._given)
        self._given.file.seek(0)
        Image.MAX_IMAGE_PIXELS = None
        image = Image.open(self._given.file)
        Image.MAX_IMAGE_PIXELS = self._limit  # for pictures inside the picture, as in an icon
        if image.format in REFUSED:
            raise UnidentifiedImageError(image.format)
        check_pixels(image.size, self._limit, self._given.name)
        return image

    def _seek(self, image: Image.Image, index: int) -> Size:
        """Go to a picture; returns its upright size after checking that it is not too large."""
        if index != image.tell():
            image.seek(index)
        check_pixels(image.size, self._limit, self._given.name)
        # Pillow reports a TIFF's size already upright, and turns it when it loads
        turned = image.format != "TIFF" and _orientation(image) >= 5
        return (image.height, image.width) if turned else image.size

    @contextlib.contextmanager
    def _decoding(self) -> Iterator[None]:
        """Keep Pillow quiet; its exceptions, of any class on a hostile file, become a MediaError."""
        name, usual_limit = self._given.name, Image.MAX_IMAGE_PIXELS
        try:
            with _muted_libtiff(self._given.head), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                yield
        except SmolError:
            raise
        except UnidentifiedImageError as error:
            kind, hint = describe(self._given.head)
            raise MediaError(f"{name} is no image, PDF or clip: it is {kind}.", hint) from error
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise MediaError(f"{name} holds a picture beyond the limit: {_reason(error)}.", "Scale it down.") from error
        except Exception as error:
            hint = "Open it in a picture viewer and save it again, or get it again."
            raise MediaError(f"{name} is a damaged or unfinished image: {_reason(error)}.", hint) from error
        finally:
            Image.MAX_IMAGE_PIXELS = usual_limit


def _count(image: Image.Image, all_frames: bool) -> int:
    """How many pictures of the file are meant: previews (MPO), layers (PSD) and icon sizes are not."""
    if image.format in DOCUMENTS or (all_frames and image.format in ANIMATIONS):
        return int(getattr(image, "n_frames", 1))
    return 1


def _register_heif(given: Input) -> None:
    """Teach Pillow HEIC, or AVIF where the installed Pillow cannot read it. Raises MediaError without the extra."""
    if b"avif" in given.head[8:64] and features.check("avif"):
        return
    try:
        heif = importlib.import_module("pillow_heif")
    except ImportError as error:
        raise MediaError(
            f"{given.name} is a HEIC or AVIF picture, which needs one more package.",
            "Type: pip install 'smolcli[heif]'.",
        ) from error
    heif.register_heif_opener()


@contextlib.contextmanager
def _muted_libtiff(head: bytes) -> Iterator[None]:
    """While a TIFF is read, file descriptor 2 leads nowhere: libtiff writes there what Pillow then raises anyway."""
    try:
        stderr = os.dup(2) if head[:2] in (b"II", b"MM") else None
    except OSError:  # the process has no stderr
        stderr = None
    if stderr is None:
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


def _orientation(image: Image.Image) -> int:
    """EXIF tag 0x0112 (or XMP's), 1 … 8; 1 where it is missing or damaged."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # Pillow raises anything on a hostile EXIF block; the picture itself may be sound
        return 1
    return value if value in UPRIGHT else 1


def _upright(image: Image.Image) -> Image.Image:
    method = UPRIGHT.get(_orientation(image))
    return image if method is None else image.transpose(method)


def _to_rgb(image: Image.Image, container: str | None) -> RGB:
    """Any Pillow mode to uint8 (H, W, 3). container: Pillow's name of the file's format."""
    if image.mode.startswith("I;16"):
        return _as_rgb(np.asarray(image) >> 8)
    if image.mode == "I" and container in {"PNG", "PPM"}:  # 16 bits in 32: older Pillows, and every PPM
        return _as_rgb(np.clip(np.asarray(image), 0, 65535) >> 8)
    if image.mode in {"I", "F"}:
        return _as_rgb(_stretched(np.asarray(image)))
    if image.mode == "La":  # premultiplied grey: Pillow goes to RGBA only by way of LA
        image = image.convert("LA")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return np.asarray(image.convert("RGB"))


def _as_rgb(grey: npt.NDArray[Any]) -> RGB:
    """(H, W) with values 0 … 255 → uint8 (H, W, 3)."""
    return np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2)


def _stretched(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """(H, W) over its own finite range to 0 … 255; what is not finite, and a picture of one value, is black."""
    numbers = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
    if np.isnan(numbers).all():
        return np.zeros(numbers.shape)
    low, high = np.nanmin(numbers), np.nanmax(numbers)
    if low == high:
        return np.zeros(numbers.shape)
    return np.nan_to_num((numbers - low) / (high - low) * 255).round()


def _reason(error: BaseException) -> str:
    """A foreign exception's message as the tail of a sentence."""
    text = str(error).strip().rstrip(".") or type(error).__name__
    return repr(text)[1:-1] if not text.isprintable() else text
