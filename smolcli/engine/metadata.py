"""A GGUF file → its checked header: keys, tensors, rows of a matrix. Nothing native sees a file that has not passed
here.

llama.cpp aborts the process on some malformed files, so everything that its loaders take for granted is looked at
first: magic, version, counts, the extent of every tensor, the shapes that the hyperparameters promise, the tokenizer's
arrays. The only file of smolcli that imports `gguf`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from smolcli.datatypes import Floats
from smolcli.errors import ModelError

VERSIONS = (2, 3)
MAX_COUNT = 1_000_000  # keys or tensors; the largest real files have some thousands
DAMAGED = "Download or convert it again."


@dataclass(frozen=True, slots=True)
class TensorFacts:
    """One tensor of the file: shape as GGUF writes it (fastest first), type name ("F16"), bytes, file offset."""

    name: str
    shape: tuple[int, ...]
    type: str
    n_bytes: int
    offset: int


class GGUFFile:
    """The header of one GGUF file. Raises ModelError for whatever is not a sound GGUF."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.size = check_preamble(self.path)
        self._reader = _read(self.path)
        self.tensors: dict[str, TensorFacts] = {tensor.name: tensor for tensor in self._checked_tensors()}

    @cached_property
    def keys(self) -> Mapping[str, str]:
        """Every metadata key → the name of its type ("UINT32", "ARRAY")."""
        fields = self._reader.fields
        return {key: fields[key].types[0].name for key in fields if not key.startswith("GGUF.")}

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key as Python data, `default` when it is absent."""
        field = self._reader.fields.get(key)
        if field is None:
            return default
        try:
            return field.contents()
        except (ValueError, IndexError, UnicodeDecodeError, OverflowError) as error:
            raise ModelError(f"{self.path} is damaged: its key {key} cannot be read ({error}).", DAMAGED) from error

    def array_length(self, key: str) -> int | None:
        """Number of elements of an array key without building them; None when absent or no array."""
        field = self._reader.fields.get(key)
        return len(field.data) if field is not None and field.types[0].name == "ARRAY" else None

    def rows(self, name: str, indices: np.ndarray[Any, np.dtype[np.integer[Any]]]) -> Floats:
        """Rows of matrix `name` as float32 (len(indices), row width), dequantized as ggml does it."""
        from gguf.quants import dequantize

        tensor = self._tensor_data[name]
        data = np.ascontiguousarray(tensor.data[indices])
        return np.ascontiguousarray(dequantize(data, tensor.tensor_type), dtype=np.float32)

    @cached_property
    def _tensor_data(self) -> dict[str, Any]:
        return {tensor.name: tensor for tensor in self._reader.tensors}

    def _checked_tensors(self) -> Iterator[TensorFacts]:
        names: set[str] = set()
        for tensor in self._reader.tensors:
            shape = tuple(int(n) for n in tensor.shape)
            facts = TensorFacts(
                tensor.name, shape, tensor.tensor_type.name, int(tensor.n_bytes), int(tensor.data_offset)
            )
            if tensor.name in names or len(tensor.name) >= 64:
                raise ModelError(f"{self.path} is damaged: tensor name {tensor.name[:70]!r} is not valid.", DAMAGED)
            if not 1 <= len(shape) <= 4 or any(n < 1 for n in shape):
                raise ModelError(f"{self.path} is damaged: tensor {tensor.name} has shape {list(shape)}.", DAMAGED)
            if facts.offset + facts.n_bytes > self.size:
                raise _cut_off(self.path, self.size, facts.offset + facts.n_bytes)
            names.add(tensor.name)
            yield facts


def check_preamble(path: Path) -> int:
    """Check magic, version and counts with 24 bytes read; returns the file's size in bytes."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(24)
    except IsADirectoryError as error:
        raise ModelError(f"{path} is a folder, not a GGUF file.", "Name the .gguf file in it.") from error
    except FileNotFoundError as error:
        raise ModelError(f"Model file {path} does not exist.", "Check the path given with -m / --mmproj.") from error
    except OSError as error:
        raise ModelError(f"Model file {path} cannot be read: {error.strerror}.") from error
    if head[:4] != b"GGUF":
        raise ModelError(f"{path} is not a GGUF file.", "Convert a Hugging Face folder with `python -m gguf_convert`.")
    if len(head) < 24:
        raise _cut_off(path, size, 24)
    version, tensors, keys = struct.unpack("<IQQ", head[4:])
    if version not in VERSIONS:
        raise ModelError(f"{path} has GGUF version {version}; versions 2 and 3 can be read.", DAMAGED)
    if max(tensors, keys) > min(MAX_COUNT, size):
        raise ModelError(f"{path} is damaged: it claims {tensors} tensors and {keys} keys.", DAMAGED)
    return size


def _read(path: Path) -> Any:
    from gguf import GGUFReader

    try:
        return GGUFReader(path)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is cut off or damaged: its header cannot be read to the end.", DAMAGED) from error


def _cut_off(path: Path, size: int, needed: int) -> ModelError:
    return ModelError(f"{path} is cut off: {size} bytes are there, at least {needed} should be.", "Download it again.")
