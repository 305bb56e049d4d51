"""The tiles of a clip's frames go in, one after another; those that show what an earlier one shows become that one.

The vision tower then encodes it once; each frame keeps its own timestamp. Frames are never averaged.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from smolcli.datatypes import RGB, Tiles

BLOCK_PX = 4  # less than the stroke of a letter that can be read in a tile
MOST_OF_BLOCK = 12.0  # levels of 255 by which the mean colour of a block may differ: what codecs and cameras do to it
MOST_OF_ALL = 2.0  # levels by which blocks may differ on average: a fade is more
COMPARED = 16  # frames that are kept for comparison: a camera that goes back and forth shows the same again

Blocks = npt.NDArray[np.float32]


class Duplicates:
    """What was shown so far of one clip.

    Two frames are the same where no block of 4 × 4 pixels of their tiles differs in its mean red, green or blue by more
    than 12 of 255 levels, and all blocks by no more than 2 on average. Noise is gone in the mean of a block; a letter
    that becomes another, or a dot that moves, is not. A frame is compared with those that are encoded, never with one
    that was taken for them: what changes slowly is seen once it has changed enough.
    """

    def __init__(self) -> None:
        self._shown: list[tuple[Blocks, Tiles]] = []

    def like(self, tiles: Tiles) -> Tiles:
        """The tiles of an earlier frame that shows the same, the latest first; else these."""
        if tiles.rgb.shape[0] != 1:
            return tiles
        own = block_means(tiles.rgb[0])
        for number, (blocks, earlier) in enumerate(reversed(self._shown), 1):
            if earlier.plan == tiles.plan and _are_same(own, blocks):
                self._shown.append(self._shown.pop(-number))
                return earlier
        self._shown.append((own, tiles))
        del self._shown[:-COMPARED]
        return tiles


def block_means(rgb: RGB) -> Blocks:
    """uint8 (T, T, 3) → float32 (T / 4, T / 4, 3): the mean of each block; a rest at the edges is a block too."""
    height, width = rgb.shape[:2]
    padding = ((0, -height % BLOCK_PX), (0, -width % BLOCK_PX), (0, 0))
    whole = np.pad(rgb, padding, "edge") if height % BLOCK_PX or width % BLOCK_PX else rgb
    total = np.zeros((whole.shape[0] // BLOCK_PX, whole.shape[1] // BLOCK_PX, 3), np.uint16)
    for down in range(BLOCK_PX):
        for across in range(BLOCK_PX):
            total += whole[down::BLOCK_PX, across::BLOCK_PX]
    return np.asarray(total / np.float32(BLOCK_PX**2), np.float32)


def _are_same(one: Blocks, other: Blocks) -> bool:
    apart = np.abs(one - other)
    return bool(apart.max() <= MOST_OF_BLOCK and apart.mean() <= MOST_OF_ALL)
