"""A number in, a picture as a camera gives it out: print on a shaded, noisy ground, so that no two tiles are alike."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pymupdf

WIDE_PX, HIGH_PX = 640, 488  # cut by the whole family into 4 x 4 tiles and the global view
_LINES = 6
_WORDS = (
    "Harbour",
    "Street",
    "Market",
    "Garden",
    "Station",
    "Library",
    "Bridge",
    "Winter",
    "Museum",
    "Coffee",
    "Tower",
)


def drawn_picture(number: int) -> bytes:
    """A PNG of 640×488 pixels. Another number is another picture, the same number the same one."""
    chance = random.Random(number)
    noise = np.random.default_rng(number).integers(0, 24, (HIGH_PX, WIDE_PX, 3), dtype=np.uint8)
    slope = np.linspace(0, 30, WIDE_PX, dtype=np.uint8)[None, :, None]
    ground = pymupdf.Pixmap(pymupdf.csRGB, WIDE_PX, HIGH_PX, (255 - slope - noise).tobytes(), False)
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=WIDE_PX, height=HIGH_PX)  # a point is a pixel
        page.insert_image(page.rect, pixmap=ground)
        for line in range(_LINES):
            words = " ".join(chance.choice(_WORDS) for _ in range(3))
            page.insert_text((40, 80 + 66 * line), words, fontname="hebo", fontsize=34)
        png: bytes = page.get_pixmap(dpi=72).tobytes("png")
        return png


class DrawnPictures:
    """Files in a folder, each another picture: what has been seen before takes no time."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._drawn = folder, 0

    def more(self, count: int) -> list[Path]:
        """So many that were not given before."""
        numbers = range(self._drawn, self._drawn + count)
        self._drawn += count
        files = [self._folder / f"{number:05}.png" for number in numbers]
        for number, file in zip(numbers, files, strict=True):
            file.write_bytes(drawn_picture(number))
        return files
