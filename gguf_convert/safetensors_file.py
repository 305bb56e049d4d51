"""A safetensors file's header comes in, lazily readable entries go out; nothing in the header is believed unchecked.

Format: https://huggingface.co/docs/safetensors (8 bytes little-endian header length, JSON, data).
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from .errors import NotACheckpointError

STORED: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
}  # bf16 has no numpy type: its bits
MAX_HEADER_BYTES = 100_000_000  # the safetensors library's own limit
DAMAGED_HINT = "Download or copy it again."


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored tensor: its name, shape (PyTorch order), dtype (in STORED if it can be read), where its bytes lie."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    path: Path
    offset: int

    @property
    def rows(self) -> int:
        """Length of the first dimension; 1 for a vector."""
        return self.shape[0] if len(self.shape) > 1 else 1

    @property
    def row_values(self) -> int:
        """Values per row."""
        return math.prod(self.shape[1:]) if len(self.shape) > 1 else math.prod(self.shape)

    def read(self, file: BinaryIO, first: int, last: int) -> npt.NDArray[Any]:
        """Rows first..last-1 as (rows, row_values) of the stored dtype (uint16 bits for BF16)."""
        dtype = STORED[self.dtype]
        values = np.empty((last - first, self.row_values), dtype)
        file.seek(self.offset + first * self.row_values * dtype.itemsize)
        if file.readinto(values.reshape(-1).view(np.uint8)) != values.nbytes:  # type: ignore[attr-defined]
            raise NotACheckpointError(f"{self.path.name} ends inside {self.name}.", DAMAGED_HINT)
        return values


def read_entries(path: Path) -> dict[str, Entry]:
    """All tensors of one file. Raises NotACheckpointError when header and file do not agree."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header, start = _read_header(file, path, size)
    except OSError as error:
        raise NotACheckpointError(f"Cannot read {path}: {error.strerror or error}.") from error
    header.pop("__metadata__", None)
    entries = {name: _entry(name, info, path, start, size) for name, info in header.items()}
    _refuse_overlaps(header, path)
    return entries


def _read_header(file: BinaryIO, path: Path, size: int) -> tuple[dict[str, Any], int]:
    """The JSON header and the offset at which the data starts."""
    head = file.read(8)
    if len(head) < 8:
        raise NotACheckpointError(f"{path.name} is cut off: it has {size} bytes.", DAMAGED_HINT)
    if head.startswith(b"version "):
        raise NotACheckpointError(f"{path.name} is a Git LFS pointer, not the weights.", "Run `git lfs pull` there.")
    (length,) = struct.unpack("<Q", head)
    if length > min(size - 8, MAX_HEADER_BYTES):
        raise NotACheckpointError(
            f"{path.name} is cut off or damaged: its header claims {length:,} of {size:,} bytes.", DAMAGED_HINT
        )
    try:
        header = json.loads(file.read(length), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise NotACheckpointError(f"{path.name} is damaged: its header is not JSON.", DAMAGED_HINT) from error
    if not isinstance(header, dict):
        raise NotACheckpointError(f"{path.name} is damaged: its header is not a table of tensors.", DAMAGED_HINT)
    return header, 8 + length


def _entry(name: str, info: Any, path: Path, start: int, size: int) -> Entry:
    """Check one header entry against the file."""
    try:
        dtype, shape = str(info["dtype"]), tuple(info["shape"])
        begin, end = info["data_offsets"]
        if not all(type(n) is int and n >= 0 for n in (*shape, begin, end)):
            raise TypeError("negative or not an integer")
    except (TypeError, KeyError, ValueError) as error:
        raise NotACheckpointError(f"{path.name} is damaged: the entry of {name} is malformed.", DAMAGED_HINT) from error
    if dtype in STORED and end - begin != math.prod(shape) * STORED[dtype].itemsize:
        raise NotACheckpointError(
            f"{path.name} is damaged: {name} does not fill its {end - begin} bytes.", DAMAGED_HINT
        )
    if start + end > size:
        raise NotACheckpointError(
            f"{path.name} is cut off: {name} ends at byte {start + end:,} of {size:,}.", DAMAGED_HINT
        )
    return Entry(name, shape, dtype, path, start + begin)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name is listed twice")
    return table


def _refuse_overlaps(header: dict[str, Any], path: Path) -> None:
    """No byte belongs to two tensors."""
    spans = sorted((*info["data_offsets"], name) for name, info in header.items())
    for (_, end, _), (begin, _, name) in pairwise(spans):
        if begin < end:
            raise NotACheckpointError(f"{path.name} is damaged: {name} overlaps another tensor.", DAMAGED_HINT)
