"""An opened Pillow picture goes in, what its EXIF says of the camera, the time and the author comes out.

Where it was taken is left out: captions are passed on, and it is seldom meant to be.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from typing import Any

from PIL import ExifTags, Image

from smolcli.printable import printable

MOST_CHARACTERS = 200
_DATE = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)")
_PICTURE, _CAMERA = ExifTags.Base, ExifTags.IFD.Exif
_BASICS = ("DateTime", "Make", "Model", "Orientation", "Software", "ImageDescription", "Artist", "Copyright")
_OF_THE_CAMERA = ("DateTimeOriginal", "OffsetTimeOriginal", "LensModel", "ExposureTime", "FNumber", "FocalLength")
_ISO = _PICTURE.ISOSpeedRatings

Value = str | int | float


def exif_basics(image: Image.Image) -> tuple[tuple[str, Value], ...]:
    """(EXIF's own name of a tag, value): text, numbers; times as ISO 8601 writes them, as far as they are sound.

    A hostile or damaged block gives less, and no error: what is asked about is the picture. No pixels are decoded.
    """
    read = functools.partial(Image.Image.getexif, image) if image.format == "PNG" else image.getexif
    found = _tags(read)
    camera = _tags(lambda: read().get_ifd(_CAMERA))
    values = [(name, _value(found.get(_PICTURE[name]))) for name in _BASICS]
    values += [(name, _value(camera.get(_PICTURE[name]))) for name in _OF_THE_CAMERA]
    values.append(("ISO", _value(camera.get(_ISO))))
    return tuple((name, value) for name, value in values if value is not None)


def _tags(read: Any) -> Mapping[int, Any]:
    try:
        return dict(read())
    except Exception:  # Pillow raises anything on a hostile EXIF block; no pixels are decoded here
        return {}


def _value(raw: Any) -> Value | None:
    """A tag's value as plain data; None for what says nothing, or is none of what such a tag can be."""
    if isinstance(raw, tuple) and raw:
        raw = raw[0]
    if isinstance(raw, bytes):
        raw = raw.decode("utf-8", "replace")
    if isinstance(raw, str):
        text = printable(" ".join(raw.split("\0")[0].split()))[:MOST_CHARACTERS]
        date = _DATE.fullmatch(text)
        return f"{date[1]}-{date[2]}-{date[3]}T{date[4]}" if date else text or None
    if isinstance(raw, int):
        return raw if abs(raw) < 2**53 else None
    try:
        number = float(raw)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return round(number, 6) if math.isfinite(number) else None
