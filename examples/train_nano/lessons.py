"""Batches → what one step learns from, on the model's device: tiles, their labels, and lessons for the decoder."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from . import vocabulary
from .batches import IGNORE, Batch

SLIPS = 0.15  # most letters of an answer that are wrong where the decoder reads them again; a third of it on average


class Lesson(NamedTuple):
    """What is to be said about b samples of n tiles each. t prompt and answer ids, a answer ids; IGNORE fills up.

    tiles: which of the step's   ids int64 (b, t)   rows int64 (b, a): positions that predict the answer
    targets, cells int64 (b, a)   images int64 (b, 64 · n): positions of the image tokens   tasks int64 (b,)
    """

    name: str
    tiles: slice
    ids: Tensor
    rows: Tensor
    targets: Tensor
    cells: Tensor
    images: Tensor
    tasks: Tensor


class Step(NamedTuple):
    """m tiles, some of them for the tower alone, and the lessons that go with the others.

    tiles uint8 (m, 256, 256, 3)   labels uint8 (m, 256, 4)   jitter float (m, 2) or None, as in `VisionModel`
    """

    tiles: Tensor
    labels: Tensor
    lessons: list[Lesson]
    jitter: Tensor | None = None


def sent(array: np.ndarray, device: torch.device) -> Tensor:
    """The array on the device; the caller need not wait for it."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def step_of(batch: Batch, device: torch.device, alone: bool) -> Step:
    """A drawn batch as one step; where `alone`, its pages are for the tower and no answer is learned from them."""
    on = {name: sent(getattr(batch, name), device) for name in batch._fields[1:]}
    tiles, labels = on.pop("tiles"), on.pop("labels")
    if alone:
        return Step(tiles, labels, [])
    on["ids"] = slipped(on["ids"], on["rows"], on["targets"])
    return Step(tiles, labels, [Lesson(batch.name, slice(0, len(tiles)), **on)])


def slipped(ids: Tensor, rows: Tensor, targets: Tensor) -> Tensor:
    """`ids` with wrong letters, now and then, in what the decoder is told that it has written.

    What is right to say stays. A decoder that has only ever seen perfect text loses its place at its first slip.
    """
    device = ids.device
    written, following = targets[:, :-1], targets[:, 1:]
    lengths = (targets != IGNORE).sum(1, keepdim=True)
    share = SLIPS * torch.rand(len(ids), 1, device=device) ** 2
    slips = (torch.rand(written.shape, device=device) < share) & (following != IGNORE)
    slips[:, :1] = False  # the space that every answer starts with
    other = (torch.rand(written.shape, device=device) * lengths).long().clamp(max=targets.shape[1] - 1)
    letters = targets.gather(1, other)  # another one of the same answer
    slips &= letters >= vocabulary.FIRST_BYTE
    # Rows of padding repeat a position: what slips nowhere writes the first id over itself.
    where = torch.where(slips, rows[:, 1:], 0)
    return ids.scatter(1, where, torch.where(slips, letters, ids[:, :1].expand_as(letters)))
