"""Pixels → tiles, as the Idefics3 / SmolVLM image processor cuts them, and where a drawn letter lands in them.

The processor resizes to a longest edge of 512, stretches both sides up to multiples of 256, cuts tiles row by row and
appends the whole page as one more tile (transformers, image_processing_idefics3.py).
"""

import math
from typing import NamedTuple

import numpy as np
from PIL import Image

TILE_PX, PATCH_PX, CELL_PX, LONGEST_EDGE_PX = 256, 16, 32, 512
PATCHES = (TILE_PX // PATCH_PX) ** 2  # 256 vision patches a tile
TOKENS = (TILE_PX // CELL_PX) ** 2  # 64 image tokens a tile: a token is a cell of 2 x 2 patches


class Layout(NamedTuple):
    """How a sample's tiles lie: `rows` x `cols` and the whole page, or unsplit (0 x 0), once or `frames` times."""

    rows: int = 0
    cols: int = 0
    frames: int = 0

    @property
    def tiles(self) -> int:
        """Number of tiles in one sample."""
        return self.frames or (self.rows * self.cols + 1 if self.rows else 1)

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the picture that is cut, in pixels."""
        return max(1, self.cols) * TILE_PX, max(1, self.rows) * TILE_PX


UNSPLIT = Layout()
GRIDS = (UNSPLIT, Layout(1, 2), Layout(2, 1), Layout(2, 2))


def fit(width: int, height: int, edge: int) -> tuple[int, int]:
    """Size with the longest side `edge` px and the other one in proportion, rounded up to an even number."""
    if width >= height:
        short = int(edge / (width / height))
        return edge, max(1, short + short % 2)
    short = int(edge * (width / height))
    return max(1, short + short % 2), edge


def layout_of(width: int, height: int) -> Layout:
    """The grid into which the processor splits a picture of this size."""
    w, h = fit(width, height, LONGEST_EDGE_PX)
    return Layout(math.ceil(h / TILE_PX), math.ceil(w / TILE_PX))


def resize(image: Image.Image, width: int, height: int) -> Image.Image:
    """LANCZOS, width first and then height: the order of Pillow ≤ 12 and of llama.cpp, under every Pillow."""
    if image.width != width:
        image = image.resize((width, image.height), Image.Resampling.LANCZOS)
    if image.height != height:
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    return image


def cut(image: Image.Image, layout: Layout) -> np.ndarray:
    """Tiles of `image`, uint8 (tiles, 256, 256, 3), the whole page last; one tile when `layout` is unsplit.

    Frames of a clip go to a longest edge of one tile first, pictures to 512 px even when they are not split.
    """
    edge = TILE_PX if layout.frames else LONGEST_EDGE_PX
    image = resize(image, *fit(image.width, image.height, edge))
    image = resize(image, *layout.size_px)
    if not layout.rows:
        return np.asarray(image)[None]
    rgb = np.asarray(image)
    tiles = rgb.reshape(layout.rows, TILE_PX, layout.cols, TILE_PX, 3).swapaxes(1, 2)
    whole = np.asarray(resize(image, TILE_PX, TILE_PX))
    return np.concatenate([tiles.reshape(-1, TILE_PX, TILE_PX, 3), whole[None]])


def source_size(rng, layout: Layout, small: float = 0.0) -> tuple[int, int]:
    """A random width and height (px) that the processor cuts into `layout`; `small`: share it enlarges."""
    if not layout.rows:
        if rng.random() < small:
            return rng.randrange(48, 200), rng.randrange(48, 200)
        side = [256, 256, 256, 320, 384, 448, 512, rng.randrange(200, 360)]
        return (256, 256) if rng.random() < 0.4 else (rng.choice(side), rng.choice(side[:5]))
    enlarged = rng.random() < small
    while True:
        share = rng.uniform(0.1, 0.5) if enlarged else rng.choice([1, 1, rng.uniform(0.5, 1.6)])
        long = int(LONGEST_EDGE_PX * share)
        if layout.rows == layout.cols:
            share = rng.uniform(0.6, 1)
        else:
            share = rng.uniform(0.3, 0.5) if rng.random() < 0.9 else rng.uniform(0.15, 0.3)
        short = max(8, int(long * share))
        wide = layout.cols > layout.rows or (layout.cols == layout.rows and rng.random() < 0.6)
        size = (long, short) if wide else (short, long)
        if layout_of(*size) == layout:
            return size
