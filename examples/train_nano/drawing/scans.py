"""A printed line as a scanner gives it: askew, blurred, grainy, in black and white, compressed, among neighbours."""

import math

import cv2
import numpy as np
from PIL import Image, ImageDraw

from .fonts import Font

_NEIGHBOURS = "abdefghijklpqtyABFgjpqy ,;"  # letters with ascenders and descenders first of all


def surroundings(rng, paper: Image.Image, font: Font, base: int, ink: int) -> None:
    """The lines above and below, of which a crop sees the ends; an underline, ruled paper, the edge of a table.

    `paper` is a grey picture of one line with its baseline at `base` (px); `ink` a grey level.
    """
    size, ground = font.size, paper.getpixel((0, 0))
    leading = size * rng.uniform(1.05, 1.5)
    if rng.random() < 0.5:
        for y in (base - leading, base + leading):
            text = "".join(rng.choice(_NEIGHBOURS) for _ in range(max(3, int(paper.width / size * 2))))
            font.draw(paper, rng.uniform(-size, 4), y, text, ink)
    kind, pen, thick = rng.random(), ImageDraw.Draw(paper), max(1, size // 18)
    faint = int(ground + (ink - ground) * rng.uniform(0.2, 0.9))
    if kind < 0.08:  # an underline
        y = base + round(size * rng.uniform(0.08, 0.16))
        pen.line((4, y, paper.width * rng.uniform(0.3, 1), y), fill=ink, width=thick)
    elif kind < 0.16:  # ruled paper
        y = base + round(size * rng.uniform(0.1, 0.3))
        pen.line((0, y, paper.width, y), fill=faint, width=thick)
    elif kind < 0.2:  # the border of a cell
        x = rng.choice((1, paper.width - 2))
        pen.line((x, 0, x, paper.height), fill=faint, width=thick)


def scanned(rng, raster: np.ndarray, size: int, ground: int, ink: int) -> tuple[np.ndarray, float]:
    """What the scanner makes of a line, uint8 (h, w) as given, and how much the line falls (px per px).

    `size` is the font size in px; `ground` and `ink` are grey levels.
    """
    found, slope = _printed(rng, raster.astype(np.float32), size, ground, ink)
    found = _sensed(rng, found)
    if rng.random() < 0.4:
        found = _black_and_white(rng, found, ground, ink)
    found = np.clip(found, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        _, data = cv2.imencode(".jpg", found, [cv2.IMWRITE_JPEG_QUALITY, rng.randrange(28, 92)])
        found = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    return found, slope


def _printed(rng, found: np.ndarray, size: int, ground: int, ink: int) -> tuple[np.ndarray, float]:
    """The paper: a little askew, what is printed on the back, ink that spreads."""
    slope = 0.0
    if rng.random() < 0.35:
        slope = math.tan(math.radians(rng.uniform(-0.7, 0.7)))
        shear = np.array([[1, 0, 0], [slope, 1, 0]], np.float32)
        found = cv2.warpAffine(found, shear, found.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.2 and ink < ground:
        back = cv2.GaussianBlur(np.roll(found[:, ::-1], rng.randrange(-size, size), 0), (0, 0), 0.06 * size)
        found = np.minimum(found, ground - (ground - back) * rng.uniform(0.06, 0.25))
    if rng.random() < 0.6:
        found = cv2.GaussianBlur(found, (0, 0), rng.uniform(0.012, 0.04) * size)
    return found, slope


def _sensed(rng, found: np.ndarray) -> np.ndarray:
    """Grain and, at times, a halftone: grey as dots."""
    if rng.random() < 0.15:
        period = rng.choice((2, 3, 4))
        y, x = np.mgrid[: found.shape[0], : found.shape[1]]
        screen = np.cos(2 * np.pi * (x + y) / period / 1.4) + np.cos(2 * np.pi * (x - y) / period / 1.4)
        found = found + screen.astype(np.float32) * 30 * rng.uniform(0.2, 1)
    noise = np.random.default_rng(rng.getrandbits(32))
    return found + noise.normal(0, rng.uniform(0, 14), found.shape).astype(np.float32)


def _black_and_white(rng, found: np.ndarray, ground: int, ink: int) -> np.ndarray:
    """A threshold, at which letters break or join, and specks."""
    middle = (ground + ink) / 2 + rng.uniform(-0.22, 0.25) * abs(ground - ink)
    found = np.where(found > middle, max(ground, ink), min(ground, ink)).astype(np.float32)
    if rng.random() < 0.3:
        noise = np.random.default_rng(rng.getrandbits(32))
        specks = noise.random(found.shape) < rng.uniform(0.0005, 0.006)
        found = np.where(specks, 255 - found, found)
    return found
