"""Letters on a page → the two free labels of rendering, which make a small model learn to read in hours.

Drawing knows where every character went. Thrown away after training, this says:
  patch_labels   the characters whose centres lie in each 16 x 16 patch (a dense loss on the vision tower);
  letter_cells   the image token that holds each character (a guide for one attention head of the decoder).
"""

from typing import NamedTuple

import numpy as np

from .drawing.canvas import Letter
from .geometry import CELL_PX, PATCH_PX, PATCHES, TILE_PX, TOKENS, Layout

SLOTS = 4  # characters named per patch, in reading order
IGNORE = 255  # label of a patch that holds more characters than slots, or unreadable ones
CLASSES = 97  # 0 nothing, 1 … 94 ASCII 33 … 126, 95 anything else, one spare
OTHER = 95
LEAST_PX, LARGEST_PX = 9.5, 150.0  # letter sizes that a tile can be asked for; larger ones are left to the whole page
_SIDE = TILE_PX // PATCH_PX


def letter_class(character: str) -> int:
    """Class of a character: printable ASCII by code, everything else 95."""
    return ord(character) - 32 if "!" <= character <= "~" else OTHER


class _Places(NamedTuple):
    """Letters on a tile or page: centre x, y, width, height (px), class and line; arrays (letters,)."""

    x: np.ndarray
    y: np.ndarray
    width: np.ndarray
    height: np.ndarray
    kind: np.ndarray
    line: np.ndarray

    def seen(self, row: int, col: int) -> "_Places":
        """From the tile at `row`, `col`."""
        return self._replace(x=self.x - col * TILE_PX, y=self.y - row * TILE_PX)

    def shrunk(self, rows: int, cols: int) -> "_Places":
        """On the whole page, shrunk to one tile."""
        return _Places(self.x / cols, self.y / rows, self.width / cols, self.height / rows, self.kind, self.line)


def _places(letters: list[Letter], size: tuple[int, int], layout: Layout) -> _Places:
    """Where the letters of a source picture of `size` stand in the stretched one that is cut."""
    table = np.array([(at.x, at.y, at.size, letter_class(at.character), at.line) for at in letters], np.float32)
    x, y, px, kind, line = table.reshape(-1, 5).T
    across, down = layout.size_px[0] / size[0], layout.size_px[1] / size[1]
    return _Places(x * across, y * down, px * across, px * down, kind.astype(np.uint8), line.astype(np.int32))


def patch_labels(letters: list[Letter], size: tuple[int, int], layout: Layout) -> np.ndarray:
    """Classes per patch, uint8 (tiles, 256, 4); `size` is the source picture's (width, height) in px."""
    places = _places(letters, size, layout)
    if not layout.rows:
        return _label_tile(places, np.inf)[None]
    tiles = [_label_tile(places.seen(row, col), LARGEST_PX) for row in range(layout.rows) for col in range(layout.cols)]
    return np.stack([*tiles, _label_tile(places.shrunk(layout.rows, layout.cols), np.inf)])


def _label_tile(places: _Places, largest_px: float) -> np.ndarray:
    labels = np.zeros((PATCHES, SLOTS), np.uint8)
    x, y = places.x, places.y
    inside = np.nonzero((x >= 0) & (x < TILE_PX) & (y >= 0) & (y < TILE_PX))[0]
    if not len(inside):
        return labels
    patch = (y[inside] // PATCH_PX).astype(int) * _SIDE + (x[inside] // PATCH_PX).astype(int)
    order = np.lexsort((x[inside], places.line[inside], patch))
    patch, inside = patch[order], inside[order]
    first = np.r_[True, patch[1:] != patch[:-1]]
    count = np.arange(len(patch))
    slot = count - np.maximum.accumulate(np.where(first, count, 0))
    sides = np.stack((places.width[inside], places.height[inside]))
    bad = (sides.min(0) < LEAST_PX) | (sides.max(0) > largest_px) | (slot >= SLOTS)
    labels[patch[~bad], slot[~bad]] = places.kind[inside][~bad]
    labels[np.unique(patch[bad])] = IGNORE
    return labels


def letter_cells(letters: list[Letter], size: tuple[int, int], layout: Layout) -> np.ndarray:
    """Image token (0 … 64 · tiles - 1) of each letter's centre, int (letters,); large letters on the whole page."""
    places = _places(letters, size, layout)
    if not layout.rows:
        return _cell(places)
    large = np.maximum(places.width, places.height) > LARGEST_PX
    col = np.clip(places.x // TILE_PX, 0, layout.cols - 1).astype(int)
    row = np.clip(places.y // TILE_PX, 0, layout.rows - 1).astype(int)
    tile = np.where(large, layout.rows * layout.cols, row * layout.cols + col)
    on_tile, on_page = _cell(places.seen(row, col)), _cell(places.shrunk(layout.rows, layout.cols))
    return tile * TOKENS + np.where(large, on_page, on_tile)


def _cell(places: _Places) -> np.ndarray:
    side = TILE_PX // CELL_PX
    row, col = (np.clip(at // CELL_PX, 0, side - 1).astype(int) for at in (places.y, places.x))
    return row * side + col
