"""A safetensors file's header comes in, lazily readable entries go out; nothing in the header is believed unchecked.

Format: https://huggingface.co/docs/safetensors (8 bytes little-endian header length, JSON, data).
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from .errors import NotACheckpointError, NotOfFamilyError

STORED: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
}  # bf16 has no numpy type: its bits
MAX_HEADER_BYTES = 100_000_000  # the safetensors library's own limit
DAMAGED_HINT = "Download or copy it again."


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored tensor: its name, shape (PyTorch order), dtype ("F32", "F16" or "BF16") and where its bytes lie."""

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
    return {name: _entry(name, info, path, start, size) for name, info in header.items()}


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
        header = json.loads(file.read(length))
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
        if not all(isinstance(n, int) and n >= 0 for n in (*shape, begin, end)):
            raise TypeError("negative or not an integer")
    except (TypeError, KeyError, ValueError) as error:
        raise NotACheckpointError(f"{path.name} is damaged: the entry of {name} is malformed.", DAMAGED_HINT) from error
    if dtype not in STORED:
        raise NotOfFamilyError(
            f"{name} is stored as {dtype}; this reads {', '.join(STORED)}.",
            "A quantized checkpoint must be converted from its original.",
        )
    if end - begin != math.prod(shape) * STORED[dtype].itemsize:
        raise NotACheckpointError(
            f"{path.name} is damaged: {name} does not fill its {end - begin} bytes.", DAMAGED_HINT
        )
    if start + end > size:
        raise NotACheckpointError(
            f"{path.name} is cut off: {name} ends at byte {start + end:,} of {size:,}.", DAMAGED_HINT
        )
    return Entry(name, shape, dtype, path, start + begin)
