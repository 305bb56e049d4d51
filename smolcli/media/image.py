"""A picture file goes in, upright RGB Frames come out. With pixels.py and pillow.py, the only file that knows Pillow.

Colour rules (golden/decode.json): transparency is shown on white, 16-bit greys keep their upper byte, mode I and F are
stretched over their own range. An animation gives its first picture, a TIFF all its pages.
"""

from __future__ import annotations

import contextlib
import importlib
import shlex
import sys
import threading
from collections.abc import Iterator, Sequence
from functools import cached_property

from PIL import Image, UnidentifiedImageError, features

from smolcli.datatypes import RGB, Frame, Outline, PictureFacts, Place, Size
from smolcli.errors import MediaError, SmolError
from smolcli.media.base import Media, MediaOptions, check_pixels
from smolcli.media.exif import exif_basics
from smolcli.media.pillow import TooManyPixelsError, limited
from smolcli.media.pixels import narrow_range, orientation, pixel_shape, shrunk, square, square_size, to_rgb, upright
from smolcli.media.reading import Input, shown
from smolcli.media.selection import parse_pages
from smolcli.media.sniff import describe, is_still

ANIMATIONS = frozenset({"GIF", "PNG", "WEBP", "AVIF"})  # formats whose further pictures are moments, not previews
DOCUMENTS = frozenset({"TIFF"})  # formats whose further pictures are pages
STILL_S = 0.1  # a picture without a duration, as browsers show it
REFUSED = frozenset({"EPS", "WMF", "MPEG"})  # Pillow opens these but needs Ghostscript or Windows to draw them

_NEW_SUBFILE_TYPE, _SUBFILE_TYPE, _BITS_PER_SAMPLE, _COMPRESSION, _PLANAR = 254, 255, 258, 259, 284  # TIFF 6.0
_SUB_IFDS, _DNG_VERSION = 330, 50706  # TIFF technical note 1; DNG 1.6
_RAW_COMPRESSIONS = (32767, 34713, 65535)  # of Sony, Nikon and Pentax


def open_image(given: Input, options: MediaOptions) -> Media:
    """Open a picture and read its header. Raises MediaError (not a picture, damaged, too large), UsageError (pages)."""
    return ImageMedia(given, options)


def load_decoders() -> None:
    """Load Pillow's decoders of usual formats, as the first picture would."""
    Image.preinit()


def picture_seconds(given: Input, options: MediaOptions) -> list[float]:
    """Seconds that each picture of an animation is shown; one entry where it stands still. Raises MediaError."""
    media = ImageMedia(given, options)
    with media._decoding():
        image = media._open()
        if image.format not in ANIMATIONS:
            return [STILL_S]
        found = []
        for index in range(int(getattr(image, "n_frames", 1))):
            image.seek(index)
            if image.format == "WEBP":
                image.load()  # its header has no times
            shown_ms = image.info.get("duration") or 0
            found.append(shown_ms / 1000 if shown_ms > 0 else STILL_S)
        return found


class ImageMedia(Media):
    """One picture, all pictures of an animation, or the pages of a TIFF."""

    def __init__(self, given: Input, options: MediaOptions) -> None:
        self._given = given
        self._limit = options.max_pixels
        self._image: Image.Image | None = None  # open at the picture that was decoded last
        self._reading = threading.RLock()  # the file has one position
        with self._decoding():
            image = self._open()
            pictures = _pictures(image, options.all_frames, given.name)
            paged = image.format in DOCUMENTS and len(pictures) > 1
            still = image.format in ANIMATIONS and not options.all_frames and getattr(image, "is_animated", False)
            moments = int(getattr(image, "n_frames", 1)) if still else 1
        chosen = (
            parse_pages(options.pages, len(pictures))
            if paged or (options.pages and not options.several)
            else range(len(pictures))
        )
        self._chosen = [pictures[number] for number in chosen]
        self._pages = (
            {picture: number + 1 for number, picture in zip(chosen, self._chosen, strict=True)} if paged else {}
        )
        super().__init__(given.source("page" if paged else "image"), rotate=options.rotate)
        if moments > 1:
            note = f"{given.name} is animated: the first of its {moments} pictures is read (--all-frames reads all)."
            self.note([note])

    @cached_property
    def outlines(self) -> Sequence[Outline]:
        """Sizes from the headers, turned upright, with square pixels; nothing is decoded."""
        with self._decoding():
            image = self._open()
            exif = exif_basics(image)
            sizes = [(index, self._seek(image, index)) for index in self._chosen]
        return [
            Outline(Place(self.source, index, self._pages.get(index), picture=PictureFacts(size, exif)), size)
            for index, size in sizes
        ]

    def frame(self, place: Place) -> Frame:
        """Decode a picture, uint8 (H, W, 3)."""
        with self._decoding():
            image = self._image or self._open()
            self._image = None  # until it was decoded without an error
            size = self._seek(image, place.index)
            image.load()
            rgb, odd = self._pixels(image)
            rgb = self._turned(upright(square(rgb, pixel_shape(image)), orientation(image)))
            if rgb.shape[:2] != size[::-1]:
                raise ValueError(f"{rgb.shape[1]} x {rgb.shape[0]} pixels came, {size[0]} x {size[1]} were promised")
            if len(self._chosen) > 1 and place.index != self._chosen[-1]:
                self._image = image
        return Frame(rgb, place, warnings=odd)

    def thumbnail(self, place: Place, edge_px: int) -> RGB:
        """A picture, small: of a JPEG no more is decoded than that takes."""
        with self._decoding():
            image, self._image = self._image or self._open(), None
            self._seek(image, place.index)
            image.draft(image.mode, (2 * edge_px, 2 * edge_px))
            image.load()
            rgb, _ = self._pixels(image)
            return shrunk(self._turned(upright(square(rgb, pixel_shape(image)), orientation(image))), edge_px)

    def _pixels(self, image: Image.Image) -> tuple[RGB, tuple[str, ...]]:
        """The picture as it lies in the file, and what is done so that something can be seen on it."""
        name, largest = self._given.name, narrow_range(image)
        rgb = to_rgb(image, largest)
        if largest:
            return rgb, (f"{name} uses only the values up to {largest} of 65,535: it is shown brighter.",)
        if image.has_transparency_data and rgb.min() == rgb.max():
            dark = to_rgb(image, largest, "black")
            if dark.min() != dark.max():
                return dark, (f"{name} is white on a transparent ground: it is shown on black.",)
        return rgb, ()

    def close(self) -> None:
        """Close the file."""
        self._given.close()

    def _open(self) -> Image.Image:
        """Open the file and read its header; the size is checked here, not by Pillow, so that the error can say it."""
        if is_still(self._given.head):
            _register_heif(self._given)
        try:
            image = self._identified()
        except TooManyPixelsError as error:
            check_pixels(error.size_px, self._limit, self._given.name)
            raise
        if image.format in REFUSED:
            raise UnidentifiedImageError(image.format)
        check_pixels(image.size, self._limit, self._given.name)
        return image

    def _identified(self) -> Image.Image:
        """What Pillow takes the file for. Its decoders are looked for one by one: another thread may be adding them."""
        self._given.file.seek(0)
        try:
            return Image.open(self._given.file)
        except UnidentifiedImageError:
            Image.init()
            self._given.file.seek(0)
            return Image.open(self._given.file)

    def _seek(self, image: Image.Image, index: int) -> Size:
        """Go to a picture; returns its size, upright, with square pixels, turned as asked. None may be too large."""
        if (
            image.format in DOCUMENTS | ANIMATIONS and index != image.tell()
        ):  # others count their layers from 1, or have none
            image.seek(index)
        check_pixels(image.size, self._limit, self._given.name)
        if image.format == "TIFF":
            _refuse_kinds(image, self._given.name)
        size = square_size(image.size, pixel_shape(image))
        check_pixels(size, self._limit, self._given.name)
        # Pillow reports a TIFF's size already upright, and turns it when it loads
        turned = image.format != "TIFF" and orientation(image) >= 5
        return self._turned_size(size[::-1] if turned else size)

    @contextlib.contextmanager
    def _decoding(self) -> Iterator[None]:
        """Keep Pillow quiet; its exceptions, of any class on a hostile file, become a MediaError."""
        name = self._given.name
        try:
            with self._reading, limited(self._limit, tiff=self._given.head[:2] in (b"II", b"MM")):
                yield
        except SmolError:
            raise
        except UnidentifiedImageError as error:
            kind, hint = describe(self._given.head)
            raise MediaError(f"{name} is no image, PDF or clip: it is {kind}.", hint) from error
        except TooManyPixelsError as error:
            raise MediaError(f"{name} holds a picture beyond the limit: {error}.", "Scale it down.") from error
        except Exception as error:
            hint = "Open it in a picture viewer and save it again, or get it again."
            raise MediaError(f"{name} is a damaged or unfinished image: {_reason(error)}.", hint) from error


def _pictures(image: Image.Image, all_frames: bool, name: str) -> list[int]:
    """Which pictures of the file are meant. Raises MediaError for camera raw.

    Previews (MPO), layers (PSD), icon sizes, and a TIFF's thumbnails, masks and pyramid levels are not.
    """
    if image.format in DOCUMENTS:
        _refuse_raw(image, name)
        found = []
        for index in range(int(getattr(image, "n_frames", 1))):
            image.seek(index)
            if not _is_reduced(image):
                found.append(index)
        image.seek(0)
        return found or [0]
    if all_frames and image.format in ANIMATIONS:
        return list(range(int(getattr(image, "n_frames", 1))))
    return [0]


def _is_reduced(image: Image.Image) -> bool:
    """A smaller copy or a mask of another picture (TIFF 6.0: NewSubfileType bits 0 and 2, the old SubfileType 2)."""
    kind = image.tag_v2.get(_NEW_SUBFILE_TYPE, 0)  # type: ignore[attr-defined]
    old = image.tag_v2.get(_SUBFILE_TYPE, 1)  # type: ignore[attr-defined]
    return bool(isinstance(kind, int) and kind & 5) or old == 2


def _refuse_raw(image: Image.Image, name: str) -> None:
    """What a camera's sensor saw is not decoded; the thumbnail beside it is not the picture."""
    tags = image.tag_v2  # type: ignore[attr-defined]
    only_reduced = tags.get(_NEW_SUBFILE_TYPE, 0) == 1 and _SUB_IFDS in tags and getattr(image, "n_frames", 1) == 1
    if _DNG_VERSION in tags or tags.get(_COMPRESSION) in _RAW_COMPRESSIONS or only_reduced:
        raise MediaError(f"{name} is camera raw, which is not read.", "Export it as JPEG or TIFF first.")


def _refuse_kinds(image: Image.Image, name: str) -> None:
    """Kinds that Pillow opens and gets wrong: 16 bits a sample in separate planes come out scrambled."""
    tags = image.tag_v2  # type: ignore[attr-defined]
    bits = tags.get(_BITS_PER_SAMPLE, (1,))
    if tags.get(_PLANAR) == 2 and len(bits) > 1 and max(bits) > 8:
        raise MediaError(
            f"{name} is a TIFF of {max(bits)} bits in separate planes, which is not read.",
            "Save it with 8 bits a sample, or with interleaved samples.",
        )


def _register_heif(given: Input) -> None:
    """Teach Pillow HEIC, or AVIF where the installed Pillow cannot read it. Raises MediaError without the extra."""
    if b"avif" in given.head[8:64] and features.check("avif"):
        return
    try:
        heif = importlib.import_module("pillow_heif")
    except ImportError as error:
        raise MediaError(
            f"{given.name} is a HEIC or AVIF picture, which needs one more package.",
            f"Type: {shlex.quote(sys.executable)} -m pip install pillow-heif",
        ) from error
    heif.register_heif_opener()


def _reason(error: BaseException) -> str:
    """A foreign exception's message as the tail of a sentence."""
    return shown(str(error).strip().rstrip(".") or type(error).__name__)
