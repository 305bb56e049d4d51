"""An opened Pillow picture goes in, upright RGB with square pixels comes out; and what its header says of both.

Colour rules (golden/decode.json): transparency is shown on white, 16-bit greys keep their upper byte, mode I and F are
stretched over their own range.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

from smolcli.datatypes import RGB, Size

MOST_STRETCHED = 8  # pixels that are longer than this are a header's mistake

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation(image: Image.Image) -> int:
    """EXIF tag 0x0112 (or XMP's), 1 … 8; 1 where it is missing or damaged.

    A PNG's own getexif() would decode the pixels to look for a chunk behind them: only what stands before is asked.
    """
    read = functools.partial(Image.Image.getexif, image) if image.format == "PNG" else image.getexif
    try:
        value = read().get(ExifTags.Base.Orientation, 1)
    except Exception:  # Pillow raises anything on a hostile EXIF block; no pixels are decoded here
        return 1
    return value if value in UPRIGHT else 1


def upright(rgb: RGB, orientation: int) -> RGB:
    """The picture, turned and mirrored as its EXIF orientation says."""
    method = UPRIGHT.get(orientation)
    return rgb if method is None else np.asarray(Image.fromarray(rgb).transpose(method))


def pixel_shape(image: Image.Image) -> float:
    """How many times as high as wide a pixel is: from TIFF resolution, PNG pHYs, JFIF density; 1 where it is square.

    Only where both axes are given, differ by more than 1 % and can be meant.
    """
    info = image.info
    across, down = info.get("dpi") or info.get("aspect") or info.get("jfif_density") or (1, 1)
    if image.format == "JPEG" and info.get("jfif_unit") == 0:
        across, down = info.get("jfif_density", (1, 1))
        across, down = down, across  # without a unit it is the pixel's own aspect, not a density
    try:
        ratio = float(across) / float(down)
    except (ZeroDivisionError, TypeError, ValueError):
        return 1.0
    return ratio if 1 / MOST_STRETCHED <= ratio <= MOST_STRETCHED and abs(ratio - 1) > 0.01 else 1.0


def square_size(size_px: Size, shape: float) -> Size:
    """The size with square pixels: the coarser side grows, so that nothing is lost."""
    width, height = size_px
    return (width, round(height * shape)) if shape > 1 else (round(width / shape), height)


def square(rgb: RGB, shape: float) -> RGB:
    """The picture with square pixels."""
    if shape == 1.0:
        return rgb
    size = square_size((rgb.shape[1], rgb.shape[0]), shape)
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))


def narrow_range(image: Image.Image) -> int:
    """The largest value of a 16-bit grey picture that uses under a sixteenth of the range (10 or 12 bits), else 0."""
    if not (image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG")):
        return 0
    largest = int(np.asarray(image).max(initial=0))
    return largest if 0 < largest < 65536 // 16 else 0


def to_rgb(image: Image.Image, largest: int, ground: str = "white") -> RGB:
    """Any Pillow mode to uint8 (H, W, 3).

    largest: the value that is white in a 16-bit picture, 0 for the full range; ground: what shows through.
    """
    if largest:
        return _as_rgb(np.asarray(image).astype(np.uint32) * 255 // largest)
    if image.mode.startswith("I;16"):
        return _as_rgb(np.asarray(image) >> 8)
    if image.mode == "I" and image.format in {"PNG", "PPM"}:  # 16 bits in 32: older Pillows, and every PPM
        return _as_rgb(np.clip(np.asarray(image), 0, 65535) >> 8)
    if image.mode in {"I", "F"}:
        return _as_rgb(_stretched(np.asarray(image)))
    if image.mode == "La":  # premultiplied grey: Pillow goes to RGBA only by way of LA
        image = image.convert("LA")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, ground), layer)
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


def within(size_px: Size, edge_px: int | None) -> Size:
    """The size with its longer edge at most so long; None: as it is."""
    if edge_px is None or edge_px >= max(size_px):
        return size_px
    return max(1, round(size_px[0] * edge_px / max(size_px))), max(1, round(size_px[1] * edge_px / max(size_px)))


def shrunk(rgb: RGB, edge_px: int) -> RGB:
    """The picture with its longer edge at most so many pixels, for people to look at."""
    size = rgb.shape[1], rgb.shape[0]
    small = within(size, edge_px)
    if small == size:
        return rgb
    return np.asarray(Image.fromarray(rgb).resize(small, Image.Resampling.BICUBIC, reducing_gap=2.0))
