"""Letters on a page → the two free labels of rendering, which make a small model learn to read in hours.

Drawing knows where every character went. Thrown away after training, this says:
  patch_labels   the characters whose centres lie in each 16 x 16 patch (a dense loss on the vision tower);
  letter_cells   the image token that holds each character (a guide for one attention head of the decoder).
"""

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


def _places(letters: list[Letter], size: tuple[int, int], layout: Layout) -> tuple[np.ndarray, ...]:
    """Centre x, y, width and height in px of the stretched picture, class and line: six arrays (letters,)."""
    table = np.array([(at.x, at.y, at.size, letter_class(at.character), at.line) for at in letters], np.float32)
    table = table.reshape(-1, 5)
    scale_x, scale_y = layout.size_px[0] / size[0], layout.size_px[1] / size[1]
    x, y, px = table[:, 0] * scale_x, table[:, 1] * scale_y, table[:, 2]
    return x, y, px * scale_x, px * scale_y, table[:, 3].astype(np.uint8), table[:, 4].astype(np.int32)


def patch_labels(letters: list[Letter], size: tuple[int, int], layout: Layout) -> np.ndarray:
    """Classes per patch, uint8 (tiles, 256, 4); `size` is the source picture's (width, height) in px."""
    x, y, w, h, kind, line = _places(letters, size, layout)
    if not layout.rows:
        return _label_tile(x, y, w, h, kind, line, np.inf)[None]
    tiles = [
        _label_tile(x - col * TILE_PX, y - row * TILE_PX, w, h, kind, line, LARGEST_PX)
        for row in range(layout.rows)
        for col in range(layout.cols)
    ]
    rows, cols = layout.rows, layout.cols
    tiles.append(_label_tile(x / cols, y / rows, w / cols, h / rows, kind, line, np.inf))
    return np.stack(tiles)


def _label_tile(x, y, w, h, kind, line, largest_px) -> np.ndarray:
    labels = np.zeros((PATCHES, SLOTS), np.uint8)
    inside = np.nonzero((x >= 0) & (x < TILE_PX) & (y >= 0) & (y < TILE_PX))[0]
    if not len(inside):
        return labels
    patch = (y[inside] // PATCH_PX).astype(int) * _SIDE + (x[inside] // PATCH_PX).astype(int)
    order = np.lexsort((x[inside], line[inside], patch))
    patch, inside = patch[order], inside[order]
    first = np.r_[True, patch[1:] != patch[:-1]]
    count = np.arange(len(patch))
    slot = count - np.maximum.accumulate(np.where(first, count, 0))
    bad = (np.minimum(w, h)[inside] < LEAST_PX) | (np.maximum(w, h)[inside] > largest_px) | (slot >= SLOTS)
    labels[patch[~bad], slot[~bad]] = kind[inside][~bad]
    labels[np.unique(patch[bad])] = IGNORE
    return labels


def letter_cells(letters: list[Letter], size: tuple[int, int], layout: Layout) -> np.ndarray:
    """Image token (0 … 64 · tiles - 1) of each letter's centre, int (letters,); large letters on the whole page."""
    x, y, w, h, _, _ = _places(letters, size, layout)
    if not layout.rows:
        return _cell(x, y)
    rows, cols = layout.rows, layout.cols
    large = np.maximum(w, h) > LARGEST_PX
    col = np.clip(x // TILE_PX, 0, cols - 1).astype(int)
    row = np.clip(y // TILE_PX, 0, rows - 1).astype(int)
    tile = np.where(large, rows * cols, row * cols + col)
    near = _cell(x - col * TILE_PX, y - row * TILE_PX)
    return tile * TOKENS + np.where(large, _cell(x / cols, y / rows), near)


def _cell(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    side = TILE_PX // CELL_PX
    return np.clip(y // CELL_PX, 0, side - 1).astype(int) * side + np.clip(x // CELL_PX, 0, side - 1).astype(int)
