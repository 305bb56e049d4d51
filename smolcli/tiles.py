"""CUT: a picture (uint8 RGB) goes in, the T x T tiles that the vision tower reads come out.

Pure arithmetic and resampling, no I/O. Sizes are (width, height) in pixels. The arithmetic is the reference's
(transformers: image_processing_smolvlm.py): resize to the longest edge, resize to whole tiles, cut row by row, and a
global view made from the resized picture, last. Every resize is LANCZOS in two passes, width first: Pillow 13 may run
the height pass first, which changes pixels, and the models were trained on the other order.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from smolcli.datatypes import RGB, Size, TilePlan, Tiles
from smolcli.errors import UsageError

MAX_SIDE_PX = 4096  # transformers image_processing_smolvlm.py: MAX_IMAGE_SIZE
BAND_PX = 1 << 20  # pixels resampled at a time: keeps Pillow's own copy small beside the picture
WORDS = ("auto", "low", "native", "high")


@dataclass(frozen=True, slots=True)
class Geometry:
    """What a model allows: tile edge, image tokens per tile, longest edge after the first resize, most rows or columns.

    grid_max is the last number for which the vocabulary has <row_r_col_c> tokens (6 in the whole family).
    """

    tile_px: int
    tokens_per_tile: int
    longest_edge_px: int
    grid_max: int = 6

    @property
    def edge_px(self) -> int:
        """The longest edge, held to the tiles that the model has names for."""
        return min(self.longest_edge_px, self.grid_max * self.tile_px)

    def for_video(self) -> Geometry:
        """The geometry of a clip's frames: their longest edge is one tile, so every detail is one encode."""
        return replace(self, longest_edge_px=self.tile_px)


@dataclass(frozen=True, slots=True)
class Detail:
    """How finely a picture is read: a word of WORDS, or "most" with the most encodes that it may cost."""

    word: str
    max_encodes: int = 0

    def __str__(self) -> str:
        return str(self.max_encodes) if self.word == "most" else self.word


def parse_detail(text: str) -> Detail:
    """Read the value of --detail: "auto", "low", "native", "high", or N (at most N encodes, global view included).

    Raises UsageError, which lists the known values.
    """
    word = text.strip().lower()
    if word in WORDS:
        return Detail(word)
    if word.isascii() and word.isdecimal() and len(word) < 10 and int(word) > 0:
        return Detail("most", int(word))
    raise UsageError(f"Unknown detail {text!r}.", f"Use {', '.join(WORDS)}, or a number of encodes such as 5.")


def plan(size_px: Size, geometry: Geometry, detail: Detail) -> TilePlan:
    """Say how a picture of size_px will be cut. "auto" is "high" here; what a context can hold is chosen from ladder().

    Raises ValueError for an empty picture.
    """
    if min(size_px) < 1:
        raise ValueError(f"a picture of {size_px[0]} x {size_px[1]} pixels cannot be cut")
    if detail.word == "most":
        return _at_most(size_px, geometry, detail.max_encodes)
    return _PLANNERS[detail.word](size_px, geometry)


def ladder(size_px: Size, geometry: Geometry) -> tuple[TilePlan, ...]:
    """Every distinct plan from "high" down to "low", each with fewer encodes than the one before."""
    steps = [plan(size_px, geometry, Detail("high"))]
    while steps[-1].encodes > 1:
        steps.append(plan(size_px, geometry, Detail("most", steps[-1].encodes - 1)))
    if steps[-1].resized_px != (low := _unsplit(size_px, geometry)).resized_px:
        steps[-1] = low
    return tuple(steps)


def cut(rgb: RGB, plan: TilePlan) -> Tiles:
    """Cut rgb, uint8 (H, W, 3) of the planned size, into uint8 (encodes, T, T, 3): row by row, the global view last.

    Beside the result it holds one picture of at most (source height x resized width) at a time.
    Raises ValueError when the picture is not the planned one.
    """
    height, width = rgb.shape[:2]
    if (width, height) != plan.source_px:
        raise ValueError(f"planned for {plan.source_px} pixels, got {(width, height)}")
    refined = _resize(_resize(rgb, plan.resized_px), plan.refined_px)
    tile, rows, cols = plan.tile_px, plan.rows, plan.cols
    tiles = np.empty((plan.encodes, tile, tile, 3), np.uint8)
    if rows:
        grid = refined.reshape(rows, tile, cols, tile, 3).swapaxes(1, 2)
        tiles[:-1].reshape(rows, cols, tile, tile, 3)[:] = grid
    tiles[-1] = _resize(refined, (tile, tile))
    return pack(tiles, plan)


def pack(rgb: RGB, plan: TilePlan) -> Tiles:
    """Tiles uint8 (encodes, T, T, 3) that are cut, with the digest of each. The only place where a tile is hashed."""
    pixels = [np.ascontiguousarray(tile).data for tile in rgb]
    return Tiles(rgb, plan, tuple(hashlib.blake2b(tile, digest_size=16).digest() for tile in pixels))


def _split(size_px: Size, geometry: Geometry) -> TilePlan:
    """do_image_splitting=True: the grid that covers the picture once its longest side is the longest edge."""
    resized = _to_longest_edge(size_px, geometry.edge_px)
    cols, rows = _whole_tiles(resized, geometry.tile_px)
    return _grid(size_px, resized, (cols, rows), geometry)


def _unsplit(size_px: Size, geometry: Geometry) -> TilePlan:
    """do_image_splitting=False: one tile, stretched from the picture at its longest edge."""
    return _grid(size_px, _to_longest_edge(size_px, geometry.longest_edge_px), (1, 1), geometry)


def _native(size_px: Size, geometry: Geometry) -> TilePlan:
    """The reference grid without enlarging: the longest edge is the next whole number of tiles, at most the model's."""
    edge = math.ceil(max(size_px) / geometry.tile_px) * geometry.tile_px
    return _split(size_px, replace(geometry, longest_edge_px=min(edge, geometry.longest_edge_px)))


def _at_most(size_px: Size, geometry: Geometry, encodes: int) -> TilePlan:
    """The reference grid if it costs at most `encodes`; else the grid that shows the picture largest without more.

    Stretched onto a grid, a picture is as fine as its coarser axis: the best grid is the one whose coarser axis is
    finest (so it keeps the aspect), and among equals the one with fewest tiles.
    """
    high = _split(size_px, geometry)
    if high.encodes <= encodes:
        return high
    width, height = size_px
    side = max(1, geometry.edge_px // geometry.tile_px)
    grids = [(c, r) for c in range(1, side + 1) for r in range(1, side + 1) if c * r < encodes or c * r == 1]
    cols, rows = max(grids, key=lambda g: (min(g[0] * height, g[1] * width), -g[0] * g[1]))
    if cols == rows == 1:
        return _unsplit(size_px, geometry)
    return _grid(size_px, _to_longest_edge(size_px, max(cols, rows) * geometry.tile_px), (cols, rows), geometry)


_PLANNERS: dict[str, Callable[[Size, Geometry], TilePlan]] = {
    "auto": _split,
    "high": _split,
    "native": _native,
    "low": _unsplit,
}


def _grid(size_px: Size, resized_px: Size, grid: tuple[int, int], geometry: Geometry) -> TilePlan:
    """A plan of grid = (columns, rows); a single tile is the unsplit form, rows = cols = 0."""
    cols, rows = grid
    tile = geometry.tile_px
    shown_cols, shown_rows = (0, 0) if cols == rows == 1 else grid
    refined = (cols * tile, rows * tile)
    return TilePlan(size_px, resized_px, refined, shown_rows, shown_cols, tile, geometry.tokens_per_tile)


def _to_longest_edge(size_px: Size, edge_px: int) -> Size:
    """Transformers: get_resize_output_image_size. Enlarges too; the shorter side is made even, at least 1."""
    width, height = size_px
    aspect = width / height  # one division, used both ways: the reference's rounding
    if width >= height:
        size = (edge_px, _even(int(edge_px / aspect)))
    else:
        size = (_even(int(edge_px * aspect)), edge_px)
    return _below(size, MAX_SIDE_PX)


def _even(length_px: int) -> int:
    return max(1, length_px + length_px % 2)


def _below(size_px: Size, limit_px: int) -> Size:
    """Transformers: _resize_output_size_scale_below_upper_bound."""
    width, height = size_px
    aspect = width / height
    if width >= height and width > limit_px:
        return limit_px, max(1, int(limit_px / aspect))
    if height > width and height > limit_px:
        return max(1, int(limit_px * aspect)), limit_px
    return size_px


def _whole_tiles(size_px: Size, tile_px: int) -> tuple[int, int]:
    """Transformers: resize_for_vision_encoder, counted in tiles: (columns, rows)."""
    width, height = size_px
    aspect = width / height
    if width >= height:
        cols = math.ceil(width / tile_px)
        return cols, max(1, math.ceil(int(cols * tile_px / aspect) / tile_px))
    rows = math.ceil(height / tile_px)
    return max(1, math.ceil(int(rows * tile_px * aspect) / tile_px)), rows


def _resize(rgb: RGB, size_px: Size) -> RGB:
    """LANCZOS, width then height. Rows do not depend on each other in the first pass, nor columns in the second."""
    width, height = size_px
    if rgb.shape[1] != width:
        wide = np.empty((rgb.shape[0], width, 3), np.uint8)
        step = max(1, BAND_PX // max(width, rgb.shape[1]))
        for top in range(0, rgb.shape[0], step):
            band = rgb[top : top + step]
            wide[top : top + step] = _lanczos(band, (width, band.shape[0]))
        rgb = wide
    if rgb.shape[0] != height:
        tall = np.empty((height, width, 3), np.uint8)
        step = max(1, BAND_PX // max(height, rgb.shape[0]))
        for left in range(0, width, step):
            strip = rgb[:, left : left + step]
            tall[:, left : left + step] = _lanczos(strip, (strip.shape[1], height))
        rgb = tall
    return rgb


def _lanczos(rgb: RGB, size_px: Size) -> RGB:
    picture = Image.fromarray(np.ascontiguousarray(rgb))
    return np.asarray(picture.resize(size_px, Image.Resampling.LANCZOS))
