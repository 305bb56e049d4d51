"""CUT: a picture (uint8 RGB) goes in, the T x T tiles that the vision tower reads come out.

Pure arithmetic and resampling, no I/O. Sizes are (width, height) in pixels. The arithmetic is the reference's
(transformers: image_processing_smolvlm.py): resize to the longest edge, resize to whole tiles, cut row by row, and a
global view made from the resized picture, last. Every resize is LANCZOS in two passes, width first: Pillow 13 may run
the height pass first, which changes pixels, and the models were trained on the other order.

Large pictures are cut in as many threads as there are cores that cut nothing else: Pillow and hashlib let the lock go.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from PIL import Image

from smolcli.datatypes import RGB, Size, TilePlan, Tiles
from smolcli.errors import UsageError
from smolcli.workers import Workers, idle_cores

MAX_SIDE_PX = 4096  # transformers image_processing_smolvlm.py: MAX_IMAGE_SIZE
BAND_PX = 1 << 20  # pixels resampled at a time: keeps Pillow's own copy small beside the picture
ALONE_PX = 1 << 20  # a picture of no more pixels, source or tiles, is cut before another thread has started
WORDS = ("auto", "low", "native", "high")
Work = Callable[[], None]


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
    tile, rows, cols = plan.tile_px, plan.rows, plan.cols
    with _workers(max(width * height, plan.encodes * tile * tile)) as workers:
        refined = _resize(rgb, (plan.resized_px, plan.refined_px), workers)
        tiles = np.empty((plan.encodes, tile, tile, 3), np.uint8)
        digests = [b""] * plan.encodes

        def cut_out(row: int, col: int) -> None:
            """Hashed while it is in the processor's cache."""
            number = row * cols + col
            tiles[number] = refined[row * tile : (row + 1) * tile, col * tile : (col + 1) * tile]
            digests[number] = _digest(tiles[number])

        grid = [partial(cut_out, row, col) for row in range(rows) for col in range(cols)]
        tiles[-1] = _resize(refined, [(tile, tile)], workers, beside=grid)
        digests[-1] = _digest(tiles[-1])
        return Tiles(tiles, plan, tuple(digests))


def pack(rgb: RGB, plan: TilePlan) -> Tiles:
    """Tiles uint8 (encodes, T, T, 3) that are cut, with the digest of each."""
    with _workers(rgb.shape[0] * plan.tile_px**2) as workers:
        return Tiles(rgb, plan, tuple(workers.each(_digest, rgb)))


def _workers(size_px: int) -> AbstractContextManager[Workers]:
    """Other threads for a picture of so many pixels; none for a small one."""
    return idle_cores() if size_px > ALONE_PX else nullcontext(Workers())


def _digest(tile: RGB) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(tile).data, digest_size=16).digest()


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


def _resize(rgb: RGB, sizes_px: Sequence[Size], workers: Workers | None = None, beside: Sequence[Work] = ()) -> RGB:
    """LANCZOS to one size after the other, each width then height.

    Rows do not depend on each other where the width changes, nor columns where the height does. beside: what else is to
    be done, in pieces that are smaller than what a thread would wait for the others.
    """
    workers = workers or Workers()
    for is_width, lengths_px in _passes((rgb.shape[1], rgb.shape[0]), sizes_px):
        height, width = rgb.shape[:2]
        longest = max(height if not is_width else width, *lengths_px)
        made = np.empty((height, lengths_px[-1], 3) if is_width else (lengths_px[-1], width, 3), np.uint8)
        bands = _bands(height if is_width else width, longest, workers.threads)
        resample = _widen if is_width else _heighten
        parts: list[Work] = [partial(resample, rgb, made, lengths_px, band) for band in bands]
        workers.each(lambda work: work(), [*parts, *beside])
        rgb, beside = made, ()
    workers.each(lambda work: work(), beside)
    return rgb


def _passes(size_px: Size, sizes_px: Sequence[Size]) -> list[tuple[bool, list[int]]]:
    """The lengths that a side takes, one after the other, before the other one changes: (is it the width, lengths)."""
    passes: list[tuple[bool, list[int]]] = []
    now = list(size_px)
    for size in sizes_px:
        for side, is_width in enumerate((True, False)):
            if now[side] == size[side]:
                continue
            if not passes or passes[-1][0] != is_width:
                passes.append((is_width, []))
            passes[-1][1].append(size[side])
            now[side] = size[side]
    return passes


def _bands(length_px: int, other_px: int, threads: int) -> list[slice]:
    """A side in equal parts, as many for each thread, of at most about BAND_PX pixels of the picture."""
    count = -(-length_px * other_px // BAND_PX)
    step = max(4, -(-length_px // (-(-count // threads) * threads) // 4) * 4)  # four pixels: see _heighten
    return [slice(start, start + step) for start in range(0, length_px, step)]


def _widen(rgb: RGB, wide: RGB, widths_px: Sequence[int], rows: slice) -> None:
    """Some rows of rgb, resampled to the widths, into `wide`."""
    band = np.ascontiguousarray(rgb[rows])
    picture = Image.fromarray(band)
    for width in widths_px:
        picture = picture.resize((width, band.shape[0]), Image.Resampling.LANCZOS)
    wide[rows] = np.asarray(picture)


def _heighten(rgb: RGB, tall: RGB, heights_px: Sequence[int], columns: slice) -> None:
    """Some columns of rgb, resampled to the heights, into `tall`.

    Columns do not mix, so to Pillow four bytes of a row, whatever they are, may be a pixel of four channels: the
    numbers are the same, nothing is unpacked to four bytes a pixel, and that loop is Pillow's fastest.
    """
    strip = np.ascontiguousarray(rgb[:, columns])
    row_bytes = strip.shape[1] * 3
    mode, channels = ("RGBX", 4) if row_bytes % 4 == 0 else ("L", 1)
    width = row_bytes // channels
    picture = Image.frombuffer(mode, (width, strip.shape[0]), strip, "raw", mode, 0, 1)
    for height in heights_px:
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    tall[:, columns] = np.asarray(picture).reshape(tall.shape[0], -1, 3)
