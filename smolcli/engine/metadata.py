"""A GGUF file → its checked header: keys, tensors, rows of a matrix. Nothing native sees a file that has not passed
here.

llama.cpp aborts the process on some malformed files, so every length is held against the file's size before it is
believed, and every tensor must lie inside the file; schema.py then looks at what the keys promise. The cursor is our
own because gguf's reader cuts what runs past the end silently and takes five seconds for a vocabulary of 49 k tokens;
types, block sizes and dequantization are the package's. The only file of smolcli that imports `gguf`.
"""

from __future__ import annotations

import mmap
import shlex
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
MAX_ITEMS = 1 << 22  # of one array; the largest vocabulary of the family has 128 k tokens and 280 k merges
MAX_TEXT = 1 << 24  # bytes of one string
LONGEST_NAME = 63  # bytes: GGML_MAX_NAME - 1
ALIGNMENT = 32  # GGUF_DEFAULT_ALIGNMENT, where general.alignment is not set
DAMAGED = "Download or convert it again."

# Value types of a key, in the order of gguf.h's enum gguf_type, and how struct reads the scalars.
_LAYOUTS = {
    "UINT8": "B", "INT8": "b", "UINT16": "H", "INT16": "h", "UINT32": "I", "INT32": "i", "FLOAT32": "f", "BOOL": "?",
    "STRING": "", "ARRAY": "", "UINT64": "Q", "INT64": "q", "FLOAT64": "d",
}  # fmt: skip
_KINDS = tuple(_LAYOUTS)
_LENGTH = struct.Struct("<Q")

Rows = np.ndarray[Any, np.dtype[np.integer[Any]]]


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
        self.size, counts = check_preamble(self.path)
        try:
            with self.path.open("rb") as file:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            header = _Header(self._data, *counts)
        except (_DamageError, UnicodeDecodeError) as error:
            what = "text that is not UTF-8" if isinstance(error, UnicodeDecodeError) else error
            raise ModelError(f"{self.path} is cut off or damaged: {what}.", DAMAGED) from error
        except (OSError, ValueError) as error:
            raise ModelError(f"Model file {self.path} cannot be read: {error}.") from error
        if header.values.get("split.count", 1) not in (0, 1):
            raise ModelError(
                f"{self.path} is one part of a split model.",
                f"The command that merges the parts is named by: smol inspect {shlex.quote(str(self.path))}",
            )
        self.keys: Mapping[str, str] = header.kinds
        self._values = header.values
        self.tensors: dict[str, TensorFacts] = {tensor.name: tensor for tensor in header.tensors}

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key as Python data, `default` when it is absent.

        `keys` tells its type ("UINT32", "[STRING]").
        """
        return self._values.get(key, default)

    def rows(self, name: str, indices: Rows) -> Floats:
        """Rows of matrix `name` as float32 (len(indices), row width), dequantized as ggml does it."""
        from gguf import GGMLQuantizationType
        from gguf.quants import dequantize

        data = np.ascontiguousarray(self._matrix(name)[indices])
        return np.ascontiguousarray(dequantize(data, GGMLQuantizationType[self.tensors[name].type]), dtype=np.float32)

    def _matrix(self, name: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """uint8 (rows, bytes of a row), a view into the file."""
        if name not in self._matrices:
            tensor = self.tensors[name]
            raw = np.frombuffer(self._data, np.uint8, tensor.n_bytes, tensor.offset)
            self._matrices[name] = raw.reshape(tensor.shape[1], -1)
        return self._matrices[name]

    @cached_property
    def _matrices(self) -> dict[str, np.ndarray[Any, np.dtype[np.uint8]]]:
        return {}


class _DamageError(Exception):
    """What is wrong, as the end of a sentence."""


class _Header:
    """A cursor over the header. values: key → Python data; kinds: key → type name, "[STRING]" for an array of such."""

    def __init__(self, data: mmap.mmap, n_tensors: int, n_keys: int) -> None:
        self._data, self._at = data, 24
        self.values: dict[str, Any] = {}
        self.kinds: dict[str, str] = {}
        for _ in range(n_keys):
            self._key()
        self.tensors = list(self._tensors(n_tensors))

    def _key(self) -> None:
        key = self._text()
        if key in self.values:
            raise _DamageError(f"the key {key[:70]!r} is there twice")
        kind = self._kind()
        if kind == "ARRAY":
            items = self._kind()
            self.kinds[key], self.values[key] = f"[{items}]", self._array(key, items)
        else:
            self.kinds[key], self.values[key] = kind, self._text() if kind == "STRING" else self._scalars(kind, 1)[0]

    def _kind(self) -> str:
        (number,) = self._scalars("UINT32", 1)
        if number >= len(_KINDS):
            raise _DamageError(f"a key has the unknown type {number}")
        return _KINDS[int(number)]

    def _array(self, key: str, items: str) -> list[Any]:
        (count,) = self._scalars("UINT64", 1)
        if items == "ARRAY" or count > MAX_ITEMS:
            raise _DamageError(f"the key {key[:70]!r} claims {count} entries of type {items}")
        if items != "STRING":
            return list(self._scalars(items, count))
        return [self._text() for _ in range(count)]

    def _text(self) -> str:
        (length,) = _LENGTH.unpack_from(self._data, self._advance(8))
        if length > MAX_TEXT:
            raise _DamageError(f"a text claims {length} bytes")
        start = self._advance(length)
        data = self._data[start : self._at]
        if b"\0" in data:  # llama.cpp sees the text end there
            raise _DamageError("a text holds a zero byte")
        return str(data, "utf-8")

    def _scalars(self, kind: str, count: int) -> tuple[Any, ...]:
        layout = f"<{count}{_LAYOUTS[kind]}"
        return struct.unpack_from(layout, self._data, self._advance(struct.calcsize(layout)))

    def _advance(self, n_bytes: int) -> int:
        """Step over bytes of the file; returns where they begin."""
        start = self._at
        if n_bytes > len(self._data) - start:
            raise _DamageError(f"its header ends after {len(self._data)} bytes where it promises more")
        self._at = start + n_bytes
        return start

    def _tensors(self, count: int) -> Iterator[TensorFacts]:
        """Facts of every tensor; offsets are known once the last has been read."""
        relative = [self._tensor() for _ in range(count)]
        alignment = self.values.get("general.alignment", ALIGNMENT)
        whole = self.kinds.get("general.alignment", "UINT32") == "UINT32"
        if not whole or not 0 < alignment <= 1 << 16 or alignment & (alignment - 1):
            raise _DamageError(f"its alignment is {alignment!r}")
        start = -(-self._at // alignment) * alignment
        names: set[str] = set()
        for tensor in relative:
            end = start + tensor.offset + tensor.n_bytes
            if end > len(self._data):
                raise _DamageError(f"{len(self._data)} bytes are there, tensor {tensor.name} ends at {end}")
            if tensor.name in names or tensor.offset % alignment:
                raise _DamageError(f"tensor {tensor.name} is there twice or starts at the odd offset {tensor.offset}")
            names.add(tensor.name)
            yield TensorFacts(tensor.name, tensor.shape, tensor.type, tensor.n_bytes, start + tensor.offset)

    def _tensor(self) -> TensorFacts:
        """One entry of the tensor table; its offset is still counted from where the data begin."""
        from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

        name = self._text()
        (n_dims,) = self._scalars("UINT32", 1)
        if not 1 <= n_dims <= 4 or len(name.encode()) > LONGEST_NAME:
            raise _DamageError(f"tensor {name[:70]!r} has {n_dims} dimensions")
        shape = self._scalars("UINT64", n_dims)
        (number,), (offset,) = self._scalars("UINT32", 1), self._scalars("UINT64", 1)
        if number not in set(GGMLQuantizationType):
            raise _DamageError(f"tensor {name} has the unknown type {number}")
        kind = GGMLQuantizationType(number)
        block, block_bytes = GGML_QUANT_SIZES[kind]
        elements = 1
        for n in shape:
            elements *= n
        if not 0 < elements < 1 << 48 or shape[0] % block:
            raise _DamageError(f"tensor {name} has shape {list(shape)} as {kind.name}")
        return TensorFacts(name, shape, kind.name, elements // block * block_bytes, offset)


def check_preamble(path: Path) -> tuple[int, tuple[int, int]]:
    """Check magic, version and counts with 24 bytes read; returns the file's bytes, and its (tensors, keys)."""
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
        raise ModelError(f"{path} is cut off: only {size} bytes are there.", "Download it again.")
    version, tensors, keys = struct.unpack("<IQQ", head[4:])
    if version not in VERSIONS:
        raise ModelError(f"{path} has GGUF version {version}; versions 2 and 3 can be read.", DAMAGED)
    if max(tensors, keys) > min(MAX_COUNT, size):
        raise ModelError(f"{path} is damaged: it claims {tensors} tensors and {keys} keys.", DAMAGED)
    return size, (tensors, keys)
