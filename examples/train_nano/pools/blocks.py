"""Drawn samples of one kind → arrays in shared memory. Wear, resize and tiles are left to the GPU. Torch-free."""

import math
from typing import NamedTuple

import numpy as np

from .. import geometry, labels, vocabulary
from ..drawing import clips
from ..drawing.canvas import Letter
from ..drawing.sheet import Drawn
from ..geometry import TOKENS, UNSPLIT, fit
from ..samples import CLIP, PAINTERS, TASKS, cells_of_answer, ids_of
from .kinds import DENSE_LEVEL, KINDS, LESSONS, Kind, tasks_of

SLOT = 30 << 20  # bytes of shared memory for one block: FULL, and the longest clip on top of it
FULL = 13 << 20  # a block is closed once it holds so many bytes of canvases
LARGEST_EDGE = 840  # px; larger canvases are left out, they would make the whole block's matrices larger
ALIGNED = 64
WEAR = ("sin", "cos", "fade", "shade", "side", "blur", "grain", "coarse", "quality")
# Each effect and the number of WEAR that is not 0 where it is used, in the order of things that happen to a paper.
EFFECTS = {"turn": "sin", "fade": "fade", "shade": "shade", "blur": "blur", "grain": "grain", "compress": "quality"}


class Header(NamedTuple):
    """What lies in a slot: the kind's number, (start, type, shape) of each array, bytes in all; and, for the host,

    before, total int32 (samples,): ids of the prompt, and of prompt and answer   tasks uint8 (samples,)
    sizes int32 (canvases, 4): width, height, fitted width and height in px
    """

    kind: int
    places: dict[str, tuple[int, str, tuple[int, ...]]]
    bytes: int
    before: np.ndarray
    total: np.ndarray
    tasks: np.ndarray
    sizes: np.ndarray


def worn(rng, level: float) -> dict[str, float]:
    """What happens to one paper at this level of wear, as numbers for the GPU; zeros leave it clean."""
    wear = dict.fromkeys(WEAR, 0.0) | {"cos": 1.0}
    if rng.random() < 0.3 * level:
        angle = math.radians(max(-4.0, min(4.0, rng.gauss(0, 1.6))))
        wear |= {"sin": math.sin(angle), "cos": math.cos(angle)}
    if rng.random() < 0.2 * level:
        wear["fade"] = rng.uniform(0.3, 0.65)
    if rng.random() < 0.15 * level:
        wear |= {"shade": 0.35 * rng.uniform(0.5, 1), "side": rng.randrange(4)}
    if rng.random() < 0.16 * level:
        wear["blur"] = rng.uniform(0.3, 0.95)
    if rng.random() < 0.25 * level:
        wear |= {"grain": rng.uniform(4, 30), "coarse": float(rng.random() < 0.3)}
    if rng.random() < 0.3 * level:
        wear["quality"] = rng.randrange(25, 92)
    return wear


def turned(letters: list[Letter], size: tuple[int, int], wear: dict[str, float]) -> list[Letter]:
    """The letters' places on the turned paper."""
    sin, cos = wear["sin"], wear["cos"]
    if not sin:
        return letters
    x, y = size[0] / 2, size[1] / 2
    return [
        at._replace(x=x + (at.x - x) * cos + (at.y - y) * sin, y=y - (at.x - x) * sin + (at.y - y) * cos)
        for at in letters
    ]


class Block:
    """Samples of one kind, as rows of arrays to be."""

    def __init__(self, kind: Kind, size: int):
        self.kind, self._size, self.bytes = kind, size, 0
        self.canvases: list[np.ndarray] = []
        self.rows: dict[str, list] = {name: [] for name in ("sizes", "papers", "wear")}  # of canvases
        self.rows |= {name: [] for name in ("labels", "ids", "cells", "before", "total", "tasks")}  # of samples

    def __len__(self) -> int:
        return len(self.rows["tasks"])

    def full(self) -> bool:
        """Whether no more samples belong into it."""
        return len(self) >= self._size or self.bytes > FULL

    def add(self, rng, task: str, drawn: Drawn, level: float) -> None:
        """Take one drawn sample, unless its prompt and answer are too long for the kind."""
        kind = self.kind
        if kind.dense:
            before, answer = [vocabulary.PADDING], [vocabulary.PADDING]
        else:
            before, answer = ids_of(rng, drawn, kind.layout, varied=True)
        total = len(before) + len(answer)
        if len(answer) > kind.answer or total > kind.length:
            return
        marks, cells = zip(*(self._canvas(rng, canvas, level * drawn.wear) for canvas in drawn.frames), strict=True)
        cells = np.concatenate([own + i * TOKENS for i, own in enumerate(cells)])
        at = [-1] if kind.dense else cells_of_answer(drawn.answer, cells, len(answer))
        self.rows["labels"].append(np.concatenate(marks))
        self.rows["tasks"].append(TASKS.index(task))
        self.rows["before"].append(len(before))
        self.rows["total"].append(total)
        self.rows["ids"].append(before + answer + [vocabulary.PADDING] * (kind.length - total))
        self.rows["cells"].append(at + [-1] * (kind.answer - len(at)))

    def _canvas(self, rng, canvas, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Take one canvas; gives the labels of its patches and the cells of its letters."""
        wear = worn(rng, level)
        letters, size = turned(canvas.letters, canvas.size, wear), canvas.size
        frames = self.kind.layout.frames
        grid = UNSPLIT if frames else self.kind.layout
        pixels = np.asarray(canvas.image)
        self.canvases.append(pixels)
        self.bytes += pixels.nbytes
        self.rows["sizes"].append((*size, *fit(*size, geometry.TILE_PX if frames else geometry.LONGEST_EDGE_PX)))
        self.rows["papers"].append(canvas.paper)
        self.rows["wear"].append([wear[name] for name in WEAR])
        return labels.patch_labels(letters, size, grid), labels.letter_cells(letters, size, grid)

    def write(self, slot: memoryview) -> Header:
        """Lay everything into a slot of shared memory."""
        types = {"labels": np.uint8, "ids": np.int16, "cells": np.int16, "before": np.int32, "total": np.int32}
        types |= {"tasks": np.uint8, "sizes": np.int32, "papers": np.float32, "wear": np.float32}
        arrays = {name: np.array(rows, types[name]) for name, rows in self.rows.items()}
        for effect, by in EFFECTS.items():  # which canvases each effect is for
            arrays[effect] = np.nonzero(arrays["wear"][:, WEAR.index(by)])[0].astype(np.int64)
        starts = np.cumsum([0, *(pixels.nbytes for pixels in self.canvases)])
        arrays["starts"] = starts[:-1].astype(np.int64)
        arrays["pixels"] = np.concatenate([pixels.reshape(-1) for pixels in self.canvases])
        places, end, memory = {}, 0, np.frombuffer(slot, np.uint8)
        for name, array in arrays.items():
            places[name] = (end, array.dtype.str, array.shape)
            memory[end : end + array.nbytes] = np.ascontiguousarray(array).view(np.uint8).reshape(-1)
            end += -(-array.nbytes // ALIGNED) * ALIGNED
        known = {name: arrays[name] for name in ("before", "total", "tasks", "sizes")}
        return Header(KINDS.index(self.kind), places, end, **known)


def draw_block(rng, kind: Kind, stage: str, size: int) -> Block:
    """One block of `kind` for `stage`, of at most `size` samples."""
    block, lessons = Block(kind, size), LESSONS[stage]
    tasks, level = tasks_of(kind, stage), DENSE_LEVEL if kind.dense else lessons.level
    names, weights = list(tasks), list(tasks.values())
    while not block.full():
        if kind.layout.frames:
            task, drawn = CLIP, clips.clip(rng, kind.layout.frames)
        else:
            task = rng.choices(names, weights)[0]
            drawn = PAINTERS[task](rng, kind.layout)
        if max(max(canvas.size) for canvas in drawn.frames) > LARGEST_EDGE:
            continue
        if kind.dense or len(drawn.answer.text) <= lessons.longest:
            block.add(rng, task, drawn, level)
    return block
