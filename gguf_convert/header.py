"""A GGUF file → its checked header: keys, tensor table, where the data lie. The one reader of both packages: nothing
is inspected, repaired or given to llama.cpp that has not passed here.

llama.cpp aborts the process on some malformed files, and gguf's own reader cuts what runs past the end silently and
takes five seconds for a vocabulary of 49 k tokens; so the cursor is ours. Every length is held against the file's size
before it is believed, what is made of a header in memory is bounded, and no two tensors share a byte. Types and block
sizes are the gguf package's, which is loaded once a file has a tensor of an unusual type.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian).
"""

from __future__ import annotations

import math
import mmap
import stat
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from .errors import NotACheckpointError
from .imports import bare_package
from .names import General

MAGIC = b"GGUF"
VERSIONS = (2, 3)
PREAMBLE_BYTES = 24  # magic, version, number of tensors, number of keys
MAX_COUNT = 1_000_000  # keys or tensors; the largest real files have some thousands
MAX_ITEMS = 1 << 22  # of one array; the largest vocabulary of the family has 128 k tokens and 280 k merges
MAX_TEXT = 1 << 24  # bytes of one string
MAX_HEADER = (
    1 << 27
)  # bytes; real ones have some 10 MB, and Python takes up to eight times as much for lists of numbers
MAX_DIMENSIONS = 4  # GGML_MAX_DIMS
MAX_ELEMENTS = 1 << 48
LONGEST_NAME = 63  # bytes: GGML_MAX_NAME - 1
ALIGNMENT = 32  # GGUF_DEFAULT_ALIGNMENT, where general.alignment is not set
MAX_ALIGNMENT = 1 << 16
DAMAGED = "Download or convert it again."

# Value types of a key, in the order of gguf.h's enum gguf_type, and how struct reads the scalars.
LAYOUTS = {
    "UINT8": "B", "INT8": "b", "UINT16": "H", "INT16": "h", "UINT32": "I", "INT32": "i", "FLOAT32": "f", "BOOL": "?",
    "STRING": "", "ARRAY": "", "UINT64": "Q", "INT64": "q", "FLOAT64": "d",
}  # fmt: skip
_KINDS = tuple(LAYOUTS)
# Tensor types that models of the family mostly have: name, values of a block, its bytes. The gguf package knows all and
# takes longer to load than a small model.
USUAL_TYPES = {0: ("F32", 1, 4), 1: ("F16", 1, 2), 8: ("Q8_0", 32, 34), 30: ("BF16", 1, 2)}
_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor of a file: shape as GGUF writes it (fastest first), type name ("F16"), bytes, offset in the file."""

    name: str
    shape: tuple[int, ...]
    type: str
    n_bytes: int
    offset: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says. kinds: key → type name, "[STRING]" for an array of such; values: key → Python data.

    size: bytes of the file. Keys and tensors are in the file's order.
    """

    path: Path
    size: int
    kinds: Mapping[str, str]
    values: Mapping[str, Any]
    tensors: Mapping[str, StoredTensor]


class DamagedHeaderError(NotACheckpointError):
    """The header breaks off or contradicts itself; `what` is the end of the sentence that says so."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path} is damaged or cut off: {what}.", DAMAGED)
        self.what = what


def read_header(path: Path) -> Header:
    """Read and check the header of a file. Raises NotACheckpointError."""
    with map_file(path) as data:
        return parse(path, data)


def architecture(path: Path) -> str:
    """What general.architecture says, "" where it is not there; keys before it are read, nothing else.

    Raises NotACheckpointError.
    """
    with map_file(path) as data:
        cursor = _Cursor(path, data)
        for key, _, value in cursor.pairs():
            if key == General.ARCHITECTURE:
                return value if isinstance(value, str) else ""
    return ""


def map_file(path: Path) -> mmap.mmap:
    """The bytes of a file that begins as a GGUF does, mapped to be read. Raises NotACheckpointError."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise NotACheckpointError(f"{path} is a folder, not a GGUF file.", "Name the .gguf file in it.")
        if not stat.S_ISREG(status.st_mode):
            raise NotACheckpointError(f"{path} is a device or a pipe, not a GGUF file.", "Name a .gguf file.")
        with path.open("rb") as file:
            _check_preamble(path, file.read(PREAMBLE_BYTES), status.st_size)
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError as error:
        raise NotACheckpointError(f"{path} does not exist.", "Check the spelling and the folder you are in.") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name, or a file emptied meanwhile
        reason = getattr(error, "strerror", None) or error
        raise NotACheckpointError(f"{path} cannot be read: {reason}.", "Check its permissions.") from error


def parse(path: Path, data: mmap.mmap) -> Header:
    """The checked header in the bytes of a whole file. Raises DamagedHeaderError."""
    cursor = _Cursor(path, data)
    kinds: dict[str, str] = {}
    values: dict[str, Any] = {}
    for key, kind, value in cursor.pairs():
        kinds[key], values[key] = kind, value
    relative = cursor.tensors()
    alignment = values.get(General.ALIGNMENT, ALIGNMENT)
    whole = kinds.get(General.ALIGNMENT, "UINT32") == "UINT32"
    if not whole or not 0 < alignment <= MAX_ALIGNMENT or alignment & (alignment - 1):
        raise DamagedHeaderError(path, f"its alignment is {alignment!r}")
    start = -(-cursor.at // alignment) * alignment
    tensors = {}
    for tensor in relative:
        if tensor.name in tensors or tensor.offset % alignment:
            what = f"tensor {tensor.name} is there twice or starts at the odd offset {tensor.offset}"
            raise DamagedHeaderError(path, what)
        placed = StoredTensor(tensor.name, tensor.shape, tensor.type, tensor.n_bytes, start + tensor.offset)
        tensors[tensor.name] = placed
    _check_places(path, tensors, len(data))
    return Header(path, len(data), kinds, values, tensors)


def _check_preamble(path: Path, head: bytes, size: int) -> None:
    """Magic, version, and counts that the file can hold."""
    if head[:4] != MAGIC:
        hint = "Give a .gguf file, or convert a Hugging Face folder with `python -m gguf_convert`."
        raise NotACheckpointError(f"{path} is not a GGUF file.", hint)
    if len(head) < PREAMBLE_BYTES:
        raise NotACheckpointError(f"{path} is cut off: only {size} bytes are there.", DAMAGED)
    version, n_tensors, n_keys = struct.unpack("<IQQ", head[4:])
    if version not in VERSIONS:
        raise NotACheckpointError(f"{path} has GGUF version {version}; versions 2 and 3 can be read.", DAMAGED)
    if max(n_tensors, n_keys) > min(MAX_COUNT, size):
        raise NotACheckpointError(f"{path} is damaged: it claims {n_tensors} tensors and {n_keys} keys.", DAMAGED)


def _check_places(path: Path, tensors: Mapping[str, StoredTensor], size: int) -> None:
    """Every tensor lies inside the file, and none in another."""
    for tensor in tensors.values():
        if (end := tensor.offset + tensor.n_bytes) > size:
            raise DamagedHeaderError(path, f"{size} bytes are there, tensor {tensor.name} ends at {end}")
    for before, after in pairwise(sorted(tensors.values(), key=lambda tensor: tensor.offset)):
        if before.offset + before.n_bytes > after.offset:
            raise DamagedHeaderError(path, f"tensors {before.name} and {after.name} share bytes")


@cache
def _block_sizes() -> dict[int, tuple[str, int, int]]:
    """Number of a tensor type → its name, how many values a block has and in how many bytes."""
    with bare_package("gguf"):
        from gguf.constants import GGML_QUANT_SIZES

    return {int(kind): (kind.name, *sizes) for kind, sizes in GGML_QUANT_SIZES.items()}


class _Cursor:
    """A place in the header, moved over what is read: first all keys, then all tensors."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self._path, self._data = path, data
        self._n_tensors, self._n_keys = struct.unpack_from("<QQ", data, 8)
        self.at = PREAMBLE_BYTES

    def pairs(self) -> Iterator[tuple[str, str, Any]]:
        """(key, type name, value) of each key."""
        seen: set[str] = set()
        for _ in range(self._n_keys):
            key = self._text()
            if key in seen:
                raise self._damage(f"the key {key[:70]!r} is there twice")
            seen.add(key)
            kind = self._kind()
            if kind == "ARRAY":
                items = self._kind()
                yield key, f"[{items}]", self._array(key, items)
            else:
                yield key, kind, self._text() if kind == "STRING" else self._scalars(kind, 1)[0]

    def tensors(self) -> list[StoredTensor]:
        """Every entry of the tensor table; offsets are still counted from where the data begin."""
        return [self._tensor() for _ in range(self._n_tensors)]

    def _tensor(self) -> StoredTensor:
        name = self._text()
        (n_dims,) = self._scalars("UINT32", 1)
        if not 1 <= n_dims <= MAX_DIMENSIONS or len(name.encode()) > LONGEST_NAME:
            raise self._damage(f"tensor {name[:70]!r} has {n_dims} dimensions")
        shape = self._scalars("UINT64", n_dims)
        (number,), (offset,) = self._scalars("UINT32", 1), self._scalars("UINT64", 1)
        known = USUAL_TYPES.get(number) or _block_sizes().get(number)
        if known is None:
            raise self._damage(f"tensor {name} has the unknown type {number}")
        kind, block, block_bytes = known
        elements = math.prod(shape)
        if not 0 < elements < MAX_ELEMENTS or shape[0] % block:
            raise self._damage(f"tensor {name} has shape {list(shape)} as {kind}")
        return StoredTensor(name, shape, kind, elements // block * block_bytes, offset)

    def _kind(self) -> str:
        (number,) = self._scalars("UINT32", 1)
        if number >= len(_KINDS):
            raise self._damage(f"a key has the unknown type {number}")
        return _KINDS[int(number)]

    def _array(self, key: str, items: str) -> list[Any]:
        (count,) = self._scalars("UINT64", 1)
        if items == "ARRAY" or count > MAX_ITEMS:
            raise self._damage(f"the key {key[:70]!r} claims {count} entries of type {items}")
        if items != "STRING":
            return list(self._scalars(items, count))
        return [self._text() for _ in range(count)]

    def _text(self) -> str:
        (length,) = _LENGTH.unpack_from(self._data, self._advance(8))
        if length > MAX_TEXT:
            raise self._damage(f"a text claims {length} bytes")
        start = self._advance(length)
        data = self._data[start : self.at]
        if b"\0" in data:  # llama.cpp sees the text end there
            raise self._damage("a text holds a zero byte")
        try:
            return str(data, "utf-8")
        except UnicodeDecodeError as error:
            raise self._damage("text that is not UTF-8") from error

    def _scalars(self, kind: str, count: int) -> tuple[Any, ...]:
        layout = f"<{count}{LAYOUTS[kind]}"
        return struct.unpack_from(layout, self._data, self._advance(struct.calcsize(layout)))

    def _advance(self, n_bytes: int) -> int:
        """Step over bytes of the file; returns where they begin."""
        start = self.at
        if n_bytes > len(self._data) - start:
            raise self._damage(f"its header ends after {len(self._data)} bytes where it promises more")
        if start + n_bytes > MAX_HEADER:
            raise self._damage(f"its header claims more than {MAX_HEADER} bytes")
        self.at = start + n_bytes
        return start

    def _damage(self, what: str) -> DamagedHeaderError:
        return DamagedHeaderError(self._path, what)
