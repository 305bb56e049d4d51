"""Planned tensors come in, their packed blocks go out, a few MB at a time; damage is counted on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .checkpoint import BLOCK_BYTES, Checkpoint
from .dtypes import count_nonfinite, pack, widen
from .plan import F16, Planned
from .safetensors_file import Entry
from .write import Block

F16_MAX = np.float32(65519.996)  # the largest float32 that rounds to a finite float16
NAMES_SHOWN = 3


@dataclass(slots=True)
class Audit:
    """Values that are not numbers, by stored tensor, and values too large for F16, by written tensor."""

    nonfinite: dict[str, int] = field(default_factory=dict)
    overflow: dict[str, int] = field(default_factory=dict)

    def warnings(self) -> list[str]:
        """One sentence per kind of damage."""
        found = []
        if self.nonfinite:
            found.append(f"{sum(self.nonfinite.values()):,} weights are NaN or infinite, in {_names(self.nonfinite)}.")
        if self.overflow:
            total, where = sum(self.overflow.values()), _names(self.overflow)
            found.append(f"{total:,} weights are too large for F16 and became infinite, in {where}; use bf16.")
        return found


def packed_tensors(checkpoint: Checkpoint, plan: Iterable[Planned], audit: Audit) -> Iterator[Iterator[Block]]:
    """Each tensor's blocks, in order."""
    for planned in plan:
        yield _packed(checkpoint, planned, audit)


def _packed(checkpoint: Checkpoint, planned: Planned, audit: Audit) -> Iterator[Block]:
    if planned.entry is None:
        assert planned.wanted.computed is not None
        yield planned.wanted.computed.view(np.uint8)
        return
    entry = planned.entry
    invalid = large = 0
    for stored in _reordered(checkpoint, entry, planned.wanted.heads):
        invalid += (bad := count_nonfinite(stored, entry.dtype))
        if planned.info.type is F16 and entry.dtype != "F16":
            large += _too_large(stored, entry.dtype) - bad
        rows = stored.reshape(-1, planned.info.shape[-1])
        yield pack(rows, entry.dtype, planned.info.type)
    if invalid:
        audit.nonfinite[entry.name] = invalid
    if large > 0:
        audit.overflow[planned.info.name] = large


def _reordered(checkpoint: Checkpoint, entry: Entry, heads: int) -> Iterator[npt.NDArray[Any]]:
    """The tensor's rows; with `heads`, from transformers' rotary layout (two halves of a head) to ggml's (pairs)."""
    if not heads:
        yield from checkpoint.blocks(entry)
        return
    whole = checkpoint.whole(entry)
    pairs = whole.reshape(heads, 2, -1, entry.row_values).swapaxes(1, 2)
    step = max(1, BLOCK_BYTES * heads // max(whole.nbytes, 1))
    for first in range(0, heads, step):
        yield np.ascontiguousarray(pairs[first : first + step]).reshape(-1, entry.row_values)


def _too_large(stored: npt.NDArray[Any], dtype: str) -> int:
    """Values beyond F16's range, Inf and NaN included."""
    values = widen(stored, dtype)
    if values.min(initial=0) > -F16_MAX and values.max(initial=0) < F16_MAX:  # False for NaN too
        return 0
    return int(np.count_nonzero(~(np.abs(values) < F16_MAX)))


def _names(counts: dict[str, int]) -> str:
    more = len(counts) - NAMES_SHOWN
    return ", ".join(list(counts)[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
