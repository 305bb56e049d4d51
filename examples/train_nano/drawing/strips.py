"""Strips: the form in which documents are read. Pieces of printed lines at one letter size, a few to a small canvas.

A line of a page is cut at spaces into pieces as wide as the canvas, scaled so that its letters are 24 to 28 px high
(em), and pieces are laid one under the other. `strip_page` draws them as a clean page gives them, `scan_page` as a
scanner does, at 150 to 300 dpi (scans.py).
"""

import math
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from .. import prompts
from ..geometry import TILE_PX, Layout
from . import fonts, scans, words
from .canvas import Canvas, join
from .letters import beyond_ascii
from .sheet import Drawn

LEFT_PX, TOP_PX = 10, 8  # where the first piece begins
WIDEST_PX = TILE_PX - 24
EM_PX = (24.0, 28.0)
HEADING_EM_PX = (21.0, 31.0)  # a heading or small print among lines of another size
PIECES = (1, 2, 3, 4, 4, 4, 4, 4, 5)  # on a canvas
_DPI, _POINTS = (150, 200, 200, 300), (8.0, 13.0)
_BASE14 = ("helv", "helv", "helv", "hebo", "heit", "tiro", "tiro", "tibo", "tiit", "cour", "cobo")
_BESIDE_PX = 4  # paper beside a line, in px of the raster


class Print(NamedTuple):
    """How pieces are printed: a source of letters, font size in px of the raster and of the canvas, grey levels."""

    source: str
    raster_px: int
    em_px: float
    paper: int
    ink: int

    @property
    def font(self) -> fonts.Font:
        """The letters in the raster."""
        return fonts.load(self.source, self.raster_px)

    @property
    def scale(self) -> float:
        """Canvas px per px of the raster."""
        return self.em_px / self.font.size


class Crop(NamedTuple):
    """A piece cut out of its page: grey uint8 (h, w), the baseline in it (px), and how much it falls (px per px)."""

    grey: np.ndarray
    baseline: int
    slope: float


def strip_page(rng, layout: Layout, held: bool = False) -> Drawn:
    """Pieces of lines of a clean page. `layout` changes nothing: the canvas is one tile."""
    return _strip(rng, held, scan=False)


def scan_page(rng, layout: Layout, held: bool = False) -> Drawn:
    """Pieces of lines of a scanned page."""
    return _strip(rng, held, scan=True)


def _strip(rng, held: bool, scan: bool) -> Drawn:
    extended, count = rng.random() < 0.3, rng.choice(PIECES)
    usual = _print(rng, held, scan, extended)
    pitch = (TILE_PX - 2 * TOP_PX) / max(count, rng.choice((3, 4, 4, 4, 5)))
    ground = 255 if rng.random() < 0.7 else usual.paper
    canvas, lines = Canvas(TILE_PX, TILE_PX, (ground,) * 3), []
    pixels = np.full((TILE_PX, TILE_PX), ground, np.uint8)
    supply = _supply(rng, held, extended)
    for i in range(count):
        own = usual
        if rng.random() < 0.08:
            own = own._replace(source=_source(rng, held, extended), em_px=rng.uniform(*HEADING_EM_PX))
        text = _piece(rng, supply, own)
        if text:
            crop = _cut_out(rng, own, text, scan)
            place = _lay(rng, pixels, crop, own.scale, (TOP_PX + i * pitch, pitch))
            letters = canvas.remember(text, own.font.advances(text), place, own.em_px, (own.scale, crop.slope))
            lines.append(letters)
    if not lines:
        return _strip(rng, held, scan)
    yellowed = (1.0, rng.uniform(0.9, 1), rng.uniform(0.72, 1)) if scan and rng.random() < 0.3 else (1.0, 1.0, 1.0)
    shades = (np.arange(256)[:, None] * yellowed).astype(np.uint8)  # (256, 3)
    canvas.image = Image.fromarray(shades[pixels])
    return Drawn([canvas], rng.choice(prompts.READ), join(lines), wear=0.0)


def _print(rng, held: bool, scan: bool, extended: bool) -> Print:
    raster_px = max(14, round(rng.uniform(*_POINTS) * rng.choice(_DPI) / 72))
    paper, ink = 255, rng.choice((0, 0, 0, rng.randrange(60)))
    if scan:
        paper, ink = rng.randrange(190, 256), rng.randrange(0, 90)
    if rng.random() < 0.04:
        paper, ink = ink, paper
    return Print(_source(rng, held, extended), raster_px, rng.uniform(*EM_PX), paper, ink)


def _source(rng, held: bool, extended: bool) -> str:
    """A face; one of the base 14 where letters beyond ASCII are needed (another family may lack them)."""
    if not held and (extended or rng.random() < 0.25):
        return f"base14:{rng.choice(_BASE14)}"
    while True:
        source = fonts.pick(rng, held)
        if not source.startswith("hershey"):
            return source


def _supply(rng, held: bool, extended: bool) -> list[str]:
    """The words that the pieces are cut from, in order: a table's row or an invoice, or running text."""
    if rng.random() < 0.12:
        cells = (
            lambda: words.special(rng, held),
            lambda: words.word(rng, held).capitalize(),
            lambda: words.digits(rng, rng.randrange(1, 7)),
        )
        found = [rng.choice(cells)() for _ in range(30)]
    else:
        found = words.phrase(rng, 40, held, prose=0.6)
    if rng.random() < 0.06:
        found = [word.upper() for word in found]
    return [beyond_ascii(rng, word) if extended and rng.random() < 0.3 else word for word in " ".join(found).split()]


def _piece(rng, supply: list[str], own: Print) -> str:
    """Words of the supply up to a piece's width: most of the canvas, at times less (the end of a paragraph)."""
    font, most = own.font, WIDEST_PX / own.scale
    room = most * (rng.uniform(0.08, 0.55) if rng.random() < 0.15 else rng.uniform(0.55, 1))
    text = ""
    while supply and font.width(f"{text} {supply[0]}".strip()) <= (room if text else most):
        text = f"{text} {supply.pop(0)}".strip()
    if not text and supply:  # a word wider than the canvas is cut where it ends
        text = supply.pop(0)
        while font.width(text) > most:
            text = text[:-1]
    elif supply and len(supply[0]) > 5 and supply[0].isalpha() and rng.random() < 0.06:
        head = supply[0][: rng.randrange(2, len(supply[0]) - 2)]
        if font.width(f"{text} {head}-") <= most:
            supply[0] = supply[0][len(head) :]
            text = f"{text} {head}-"
    return text


def _cut_out(rng, own: Print, text: str, scan: bool) -> Crop:
    """Print a piece, scan it, and cut it out as line finding does: at its ink, at times a little beside it."""
    font, size = own.font, own.font.size
    base, width = math.ceil(1.5 * size), math.ceil(font.width(text)) + 2 * _BESIDE_PX + size // 4
    paper, slope = Image.new("L", (width, math.ceil(2.4 * size)), own.paper), 0.0
    if scan:
        scans.surroundings(rng, paper, font, base, own.ink)
    font.draw(paper, _BESIDE_PX, base, text, own.ink)
    raster = np.asarray(paper)
    if scan:
        raster, slope = scans.scanned(rng, raster, size, own.paper, own.ink)
    up, down = (0.76, 0.24) if rng.random() < 0.85 else (rng.uniform(0.7, 0.95), rng.uniform(0.05, 0.32))
    if not text.isascii():
        up = max(up, 0.97)  # accents on capitals
    first, last = max(0, base - round(up * size) - 2), min(len(raster), base + round(down * size) + 3)
    return Crop(raster[first:last], base - first, slope)


def _lay(rng, pixels: np.ndarray, crop: Crop, scale: float, row: tuple[float, float]) -> tuple[float, float]:
    """Scale a piece and lay it on the canvas, in a row (top, height); returns where its baseline begins."""
    height, width = (max(1, round(side * scale)) for side in crop.grey.shape)
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(np.ascontiguousarray(crop.grey), (width, height), interpolation=kind)
    left = LEFT_PX - round(_BESIDE_PX * scale) + rng.choice((0, 0, 0, 2, 4))
    y = max(0, round(row[0] + (row[1] - height) / 2 + rng.choice((0, 0, -2, 2))))
    x = max(0, left)
    small = small[: TILE_PX - y, x - left :][:, : TILE_PX - x]
    pixels[y : y + small.shape[0], x : x + small.shape[1]] = small
    return left + _BESIDE_PX * scale, y + crop.baseline * scale
