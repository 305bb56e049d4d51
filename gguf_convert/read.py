"""A GGUF file comes in, its metadata and tensor table go out; every length is checked before it is believed."""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gguf import GGML_QUANT_SIZES, GGUF_DEFAULT_ALIGNMENT, GGUF_MAGIC, GGMLQuantizationType
from gguf import GGUFValueType as Kind

from .errors import NotACheckpointError
from .metadata import SCALARS, Metadata, Value
from .parts import refuse_part
from .write import TensorInfo

T = TypeVar("T")
SMALLEST = 24  # magic, version, two counts
MAX_DIMS = 4
HINT = "Download or convert it again."


@dataclass(frozen=True, slots=True)
class GGUFFile:
    """What a file's header says. `offsets`: absolute, by tensor name; `data_start`: where tensor data begins."""

    path: Path
    bytes: int
    metadata: Metadata
    tensors: tuple[TensorInfo, ...]
    offsets: dict[str, int]
    data_start: int


def read_gguf(path: Path) -> GGUFFile:
    """Read the header of a whole model.

    Raises NotACheckpointError when the file is no GGUF, cut off, or contradicts itself; NotOfFamilyError when it is one
    part of several.
    """
    file = read_part(path)
    refuse_part(path, file.metadata.get)
    return file


def read_part(path: Path) -> GGUFFile:
    """Read the header of a file that may be a part of several. Raises NotACheckpointError as `read_gguf`."""
    return _with_header(path, lambda header: header.read())


def architecture(path: Path) -> str:
    """What general.architecture says, "" where it is not there; keys before it are read, nothing else.

    Raises NotACheckpointError as `read_gguf`.
    """
    return _with_header(path, lambda header: header.architecture())


def _with_header(path: Path, read: Callable[[_Header], T]) -> T:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            if size < SMALLEST:
                raise NotACheckpointError(f"{path} is not a GGUF file.", "Give a .gguf file.")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return read(_Header(path, data, size))
    except OSError as error:
        raise NotACheckpointError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (struct.error, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise NotACheckpointError(f"{path} is damaged or cut off: {error}.", HINT) from error


def as_int(value: Any, default: int = 0) -> int:
    """A count or size; the default for a value that is none."""
    return value if type(value) is int and value >= 0 else default


def as_float(value: Any, default: float = 0.0) -> float:
    """A finite number; the default for a value that is none."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else default


def vocabulary(file: GGUFFile) -> tuple[list[str], list[int], list[str]]:
    """Tokens, their types and merges; empty where they do not belong together."""
    fields = ("tokens", "token_type", "merges")
    found = [file.metadata.get(f"tokenizer.ggml.{field}") for field in fields]
    tokens, types, merges = (value if isinstance(value, list) else [] for value in found)
    sound = len(tokens) == len(types) and all(isinstance(text, str) for text in (*tokens, *merges))
    return (tokens, types, merges) if sound else ([], [], [])


class _Header:
    """A cursor over the header."""

    def __init__(self, path: Path, data: mmap.mmap, size: int) -> None:
        self.path, self.data, self.size, self.at = path, data, size, 0

    def architecture(self) -> str:
        n_keys = self._counts()[1]
        for _ in range(n_keys):
            key, value = self._string(), self._value(Kind(*self._unpack("I"))).value
            if key == "general.architecture":
                return value if isinstance(value, str) else ""
        return ""

    def _counts(self) -> tuple[int, int]:
        """Check the preamble; how many tensors and keys the file claims."""
        magic, version = self._unpack("II")
        if magic != GGUF_MAGIC:
            raise NotACheckpointError(f"{self.path} is not a GGUF file.", "Give a .gguf file.")
        if version not in (2, 3):
            raise NotACheckpointError(f"{self.path} is GGUF version {version}; this reads 2 and 3.", HINT)
        n_tensors, n_keys = self._unpack("QQ")
        self._room(n_tensors, 24)
        self._room(n_keys, 13)
        return n_tensors, n_keys

    def read(self) -> GGUFFile:
        n_tensors, n_keys = self._counts()
        metadata = Metadata()
        for _ in range(n_keys):
            key = self._string()
            metadata.values[key] = self._value(Kind(*self._unpack("I")))
        table = [self._tensor() for _ in range(n_tensors)]
        alignment = metadata.get("general.alignment", GGUF_DEFAULT_ALIGNMENT)
        if not isinstance(alignment, int) or alignment < 1:
            raise ValueError(f"alignment is {alignment}")
        start = -(-self.at // alignment) * alignment
        for info, offset in table:
            if start + offset + info.bytes > self.size:
                raise ValueError(f"{info.name} ends at byte {start + offset + info.bytes:,} of {self.size:,}")
        tensors = tuple(info for info, _ in table)
        offsets = {info.name: start + offset for info, offset in table}
        if len(offsets) != len(tensors):
            raise ValueError("a tensor is listed twice")
        return GGUFFile(self.path, self.size, metadata, tensors, offsets, start)

    def _tensor(self) -> tuple[TensorInfo, int]:
        name = self._string()
        (n_dims,) = self._unpack("I")
        if not 1 <= n_dims <= MAX_DIMS:
            raise ValueError(f"{name} has {n_dims} dimensions")
        *dims, kind, offset = self._unpack(f"{n_dims}QIQ")
        tensor_type = GGMLQuantizationType(kind)
        if any(not 0 < n < 2**40 for n in dims) or dims[0] % GGML_QUANT_SIZES[tensor_type][0]:
            raise ValueError(f"{name} has shape {dims} as {tensor_type.name}")
        return TensorInfo(name, tuple(reversed(dims)), tensor_type), offset

    def _value(self, kind: Kind) -> Value:
        if kind is Kind.STRING:
            return Value(kind, self._string())
        if kind is not Kind.ARRAY:
            return Value(kind, self._unpack(SCALARS[kind])[0])
        items, count = self._unpack("IQ")
        items = Kind(items)
        if items is Kind.ARRAY:
            raise ValueError("an array of arrays")
        if items is Kind.STRING:
            self._room(count, 8)
            return Value(kind, [self._string() for _ in range(count)], items)
        self._room(count, struct.calcsize(SCALARS[items]))
        return Value(kind, list(self._unpack(f"{count}{SCALARS[items]}")), items)

    def _string(self) -> str:
        (length,) = self._unpack("Q")
        self._room(length, 1)
        start, self.at = self.at, self.at + length
        return self.data[start : self.at].decode("utf-8", "surrogatepass")

    def _unpack(self, layout: str) -> tuple[Any, ...]:
        found = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return found

    def _room(self, count: int, item_bytes: int) -> None:
        """Refuse a count that the rest of the file cannot hold."""
        if count * item_bytes > self.size - self.at:
            raise ValueError(f"it claims {count:,} items where {self.size - self.at:,} bytes are left")
