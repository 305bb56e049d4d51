"""Blocks → samples of one kind that are kept on the device, and rows of them for the next step."""

import numpy as np
import torch
from torch import Tensor

from ..batches import IGNORE
from ..geometry import PATCHES, TILE_PX, TOKENS
from ..labels import SLOTS
from ..lessons import Lesson, sent, slipped
from ..model import image_positions
from .ageing import aged
from .blocks import Header
from .kinds import KEPT, Kind
from .resize import cut, padded, stretched, taps_for

TILE_BYTES = TILE_PX * TILE_PX * 3 + PATCHES * SLOTS
ROUNDED = (32, 16)  # lengths of prompts with answers, and of answers, are rounded up to these: fewer shapes
SORTED_WHOLE = 4_000  # samples; of a larger pool a random few are looked at, sorting all would take longer than a step
CHOICE = 4  # times as many samples as are wanted are looked at, and neighbours in length are taken


@torch.no_grad()
def tiles_of(kind: Kind, header: Header, on: dict[str, Tensor]) -> Tensor:
    """A block's tiles, uint8 (samples, tiles, 256, 256, 3)."""
    sizes, layout = header.sizes, kind.layout._replace(frames=0)
    canvases = padded(on["pixels"], on["sizes"], on["starts"], int(sizes[:, 1].max()), int(sizes[:, 0].max()))
    scale = max((sizes[:, :2] / sizes[:, 2:]).max(), (sizes[:, 2:] / layout.size_px).max())
    pages = stretched(canvases, on["sizes"], layout, int(sizes[:, 2:].max()), taps_for(scale))
    tiles = cut(aged(pages, on), layout)
    return tiles.reshape(len(header.total), kind.tiles, TILE_PX, TILE_PX, 3)


class Pool:
    """The latest samples of one kind, on the device; new ones are written over the oldest."""

    def __init__(self, kind: Kind, device: torch.device, room: float):
        """room: bytes of all pools together."""
        self.kind, self.device = kind, device
        capacity = max(2, int(room * kind.kept / KEPT / TILE_BYTES / kind.tiles))
        self.block = max(1, min(kind.block, capacity // 2))  # samples that are drawn together

        def zeros(*shape: int, kind: torch.dtype) -> Tensor:
            return torch.zeros((capacity, *shape), dtype=kind, device=device)

        self.capacity = capacity
        self.tiles = zeros(kind.tiles, TILE_PX, TILE_PX, 3, kind=torch.uint8)
        self.labels = zeros(kind.tiles, PATCHES, SLOTS, kind=torch.uint8)
        self.ids = zeros(kind.length, kind=torch.int16)
        self.cells = zeros(kind.answer, kind=torch.int16)
        self.spans = zeros(2, kind=torch.int32)  # ids of the prompt, and of prompt and answer
        self.tasks = zeros(kind=torch.uint8)
        self.before, self.total, self.uses = np.zeros((3, capacity), np.int64)  # the same, where the host sees them
        self.filled = self.at = self.drawn = self.used = 0

    @torch.no_grad()
    def add(self, header: Header, on: dict[str, Tensor]) -> None:
        """Take a block whose arrays are on the device."""
        count = len(header.total)
        if self.at + count > self.capacity:
            self.at = 0
        here = slice(self.at, self.at + count)
        self.tiles[here] = tiles_of(self.kind, header, on)
        for name in ("labels", "ids", "cells", "tasks"):
            getattr(self, name)[here] = on[name]
        self.spans[here, 0], self.spans[here, 1] = on["before"], on["total"]
        self.before[here], self.total[here], self.uses[here] = header.before, header.total, 0
        self.at += count
        self.filled = max(self.filled, self.at)
        self.drawn += count

    def pick(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Rows of `count` samples of similar length, those that were used least before others."""
        wanted = min(self.filled, CHOICE * count)
        if self.filled < SORTED_WHOLE:
            some = np.arange(self.filled)
        else:
            some = np.unique(rng.integers(0, self.filled, 3 * wanted))
        some = some[np.argsort(self.uses[some] + 0.9 * rng.random(len(some)), kind="stable")[:wanted]]
        if len(some) < count:
            some = np.resize(some, count)
        some = some[np.argsort(self.total[some] + rng.random(len(some)), kind="stable")]
        start = rng.integers(len(some) // count) * count
        rows = some[start : start + count]
        self.uses[rows] += 1
        self.used += count
        return rows

    def lesson(self, name: str, rows: np.ndarray, first: int) -> Lesson:
        """What the decoder is to say about these rows, whose tiles are the step's from number `first` on."""
        count, there = len(rows) * self.kind.tiles, sent(rows, self.device)
        longest = _rounded(self.total[rows].max(), ROUNDED[0], self.kind.length)
        most = _rounded((self.total - self.before)[rows].max(), ROUNDED[1], self.kind.answer)
        ids = self.ids[there, :longest].long()
        before, total = self.spans[there].long().unbind(1)
        number = torch.arange(most, device=self.device)
        real = number < (total - before)[:, None]
        at = (before[:, None] - 1 + number).clamp(max=longest - 2)
        targets = torch.where(real, ids.gather(1, at + 1), IGNORE)
        cells = self.cells[there, :most].long()
        cells = torch.where(real & (cells >= 0), cells, IGNORE)
        images = image_positions(ids, self.kind.tiles * TOKENS)
        told = slipped(ids, at, targets)
        return Lesson(name, slice(first, first + count), told, at, targets, cells, images, self.tasks[there].long())


def _rounded(length: int, to: int, most: int) -> int:
    return min(most, -(-int(length) // to) * to)
