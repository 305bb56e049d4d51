"""Small pictures of a clip go in, one after another; the cells in which each differs from the one before come out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from smolcli.datatypes import RGB

CELL_PX = 8  # of the small picture: about a letter of a slide
FLOOR = 8.0  # levels of 255 that a cell differs by because of its coding
NOISE = 3.0  # a cell has changed where it differs by so many times what it usually does
MOST_USUAL = 16.0  # levels that count as usual, so that captions that follow one another do not become usual
BUSY = 0.6  # a cell that changes in so many of the pictures says nothing
MEMORY = 32  # pictures from which what is usual is known
FINE_PX = 4  # of it, that are one where edges are looked at: noise has edges too
FEWEST_CELLS = 2  # that change when a word does
BINS = 4  # of each colour

Cells = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


def cells_apart(one: RGB, other: RGB) -> Cells:
    """float32 (h / 8, w / 8): by how many levels the cells of two pictures differ, in the colour that differs most."""
    return np.asarray(_means(np.abs(one.astype(np.int16) - other)).max(-1), np.float32)


def cells_differ(one: RGB, other: RGB) -> Flags:
    """Which cells have another colour as a whole, which noise does not give them."""
    return np.asarray(np.abs(_means(one.astype(np.int16) - other)).max(-1) > FLOOR)


def _means(levels: npt.NDArray[np.int16]) -> Cells:
    """float32 (h / 8, w / 8, 3): what is int16 (h, w, 3), cell by cell."""
    height, width = levels.shape[:2]
    rows, columns = -(-height // CELL_PX), -(-width // CELL_PX)
    if (rows * CELL_PX, columns * CELL_PX) != (height, width):
        levels = np.pad(levels, ((0, rows * CELL_PX - height), (0, columns * CELL_PX - width), (0, 0)), "edge")
    sums = levels.reshape(rows, CELL_PX, -1).sum(1, dtype=np.int32).reshape(rows, columns, CELL_PX, 3).sum(2)
    return np.asarray(sums / CELL_PX**2, np.float32)


def colours(rgb: RGB) -> npt.NDArray[np.intp]:
    """Which of 64 colours each pixel has: intp of the picture's shape without its last axis."""
    levels = rgb // (256 // BINS)
    return (levels[..., 0].astype(np.intp) * BINS + levels[..., 1]) * BINS + levels[..., 2]


def other_colours(one: RGB, other: RGB, cells: Flags) -> float:
    """How much of some cells of a picture has other colours in another picture, wherever in them, 0 to 1.

    A picture that is lighter or darker as a whole has the same.
    """
    shown, wanted = (rgb[_pixels(cells, rgb)].astype(np.float32) for rgb in (one, other))
    if not shown.size:
        return 0.0
    lit = shown * max(1.0, float(wanted.mean())) / max(1.0, float(shown.mean()))
    return min(_apart(each + more, wanted + more) for each in (shown, lit) for more in (0, 128 / BINS))


def _apart(one: Cells, other: Cells) -> float:
    """How much of some pixels float32 (n, 3) has other colours, where a colour's borders lie, 0 to 1."""
    counts = [np.bincount(colours(np.clip(each, 0, 255).astype(np.uint8)), minlength=BINS**3) for each in (one, other)]
    return float(np.abs(counts[0] - counts[1]).sum() / 2 / len(one))


def shifted(one: RGB, other: RGB, cells: Flags) -> float:
    """How well the edges in some cells of a picture are those of another picture, shifted somehow: their correlation
    where both are seen, at most 1.
    """
    edges = [_edges(rgb, cells) for rgb in (one, other)]
    size = tuple(2 * side for side in edges[0].shape)  # twice: what leaves on one side does not come in on the other
    spectra = [np.fft.rfft2(each, size) for each in edges]
    found = np.fft.irfft2(spectra[0].conj() * spectra[1], size)
    down, right = (
        int(at) - (2 * side if at >= side else 0)
        for at, side in zip(np.unravel_index(found.argmax(), size), edges[0].shape, strict=True)
    )
    seen = [_overlap(edges[0], down, right), _overlap(edges[1], -down, -right)]
    energy = math.prod(float(np.sqrt((each**2).sum())) for each in seen)
    return float((seen[0] * seen[1]).sum()) / energy if energy else 0.0


def _overlap(picture: Cells, down: int, right: int) -> Cells:
    """What of a picture is still there when it is shifted."""
    height, width = picture.shape
    return picture[max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]


def _pixels(cells: Flags, rgb: RGB) -> Flags:
    """The pixels of some cells of a picture."""
    return np.asarray(cells.repeat(CELL_PX, 0).repeat(CELL_PX, 1)[: rgb.shape[0], : rgb.shape[1]])


def _edges(rgb: RGB, cells: Flags) -> Cells:
    """float32 (h / 4, w / 4): how much more steeply than usual the colour changes in some cells, 0 in all others."""
    height, width = (side // FINE_PX * FINE_PX for side in rgb.shape[:2])
    fine = rgb[:height, :width].reshape(height // FINE_PX, FINE_PX, width // FINE_PX, FINE_PX, 3)
    steep = np.hypot(*np.gradient(fine.mean((1, 3, 4), dtype=np.float32)))
    times = CELL_PX // FINE_PX
    there = cells.repeat(times, 0).repeat(times, 1)[: steep.shape[0], : steep.shape[1]]
    return np.asarray(np.where(there, steep - steep[there].mean(), 0), np.float32)


@dataclass(frozen=True, slots=True)
class Step:
    """From one picture to the next, which is of `time_s`. changed: the cells that differ by more than they usually do;
    size: levels by which they do, in all.
    """

    time_s: float
    before: RGB
    after: RGB
    changed: Flags
    size: float


class _Usual:
    """What each cell usually does: by how many levels it differs, in what share of the pictures it changes."""

    def __init__(self, apart: Cells) -> None:
        self._levels = np.full_like(apart, min(MOST_USUAL, float(np.median(apart))))
        self._share = np.zeros_like(apart)
        self._seen = 1

    def changed(self, apart: Cells) -> Flags:
        """Which cells differ by more than they usually do."""
        return np.asarray((apart > np.maximum(FLOOR, NOISE * self._levels)) & (self._share <= BUSY))

    def learn(self, apart: Cells) -> None:
        """One more picture."""
        moved = apart > np.maximum(FLOOR, NOISE * np.median(self._levels))  # by more than noise moves all cells
        self._seen += 1
        part = max(1 / self._seen, 1 / MEMORY)
        self._levels += part * (np.minimum(apart, MOST_USUAL) - self._levels)
        self._share += max(part / 4, 1 / MEMORY) * (moved - self._share)


class Motion:
    """From picture to picture of a clip."""

    def __init__(self) -> None:
        self._usual: _Usual | None = None
        self._previous: RGB | None = None

    def see(self, time_s: float, rgb: RGB) -> Step | None:
        """The next picture; None for the first one, and for one of another size."""
        before, self._previous = self._previous, rgb
        if before is None or before.shape != rgb.shape:
            self._usual = None
            return None
        apart = cells_apart(before, rgb)
        self._usual = self._usual or _Usual(apart)
        changed = self._usual.changed(apart)
        self._usual.learn(apart)
        return Step(time_s, before, rgb, changed, float(apart[changed].sum()))

    def changed(self, one: RGB, other: RGB) -> Flags:
        """Which cells of two pictures differ by more than they usually do."""
        assert self._usual is not None
        return self._usual.changed(cells_apart(one, other))
