"""A GGUF file comes in; its metadata and tensor table go out in the types that the writer takes, so that a file that
was read can be written again. header.py reads and checks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gguf import GGMLQuantizationType
from gguf import GGUFValueType as Kind

from .header import read_header
from .metadata import Metadata, Value
from .names import Tokenizer
from .parts import refuse_part
from .write import TensorInfo


@dataclass(frozen=True, slots=True)
class GGUFFile:
    """What a file's header says. `offsets`: absolute, by tensor name."""

    path: Path
    bytes: int
    metadata: Metadata
    tensors: tuple[TensorInfo, ...]
    offsets: dict[str, int]


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
    found = read_header(path)
    stored = found.tensors.values()
    return GGUFFile(
        path=path,
        bytes=found.size,
        metadata=Metadata({key: _typed(found.kinds[key], value) for key, value in found.values.items()}),
        tensors=tuple(TensorInfo(t.name, t.shape[::-1], GGMLQuantizationType[t.type]) for t in stored),
        offsets={tensor.name: tensor.offset for tensor in stored},
    )


def _typed(kind: str, value: Any) -> Value:
    """A value with its type, which the header names "UINT32", or "[STRING]" for an array of such."""
    if kind.startswith("["):
        return Value(Kind.ARRAY, value, Kind[kind.strip("[]")])
    return Value(Kind[kind], value)


def as_int(value: Any, default: int = 0) -> int:
    """A count or size; the default for a value that is none."""
    return value if type(value) is int and value >= 0 else default


def as_float(value: Any, default: float = 0.0) -> float:
    """A finite number; the default for a value that is none."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else default


def vocabulary(file: GGUFFile) -> tuple[list[str], list[int], list[str]]:
    """Tokens, their types and merges; empty where they do not belong together."""
    keys = (Tokenizer.TOKENS, Tokenizer.TOKEN_TYPE, Tokenizer.MERGES)
    found = map(file.metadata.get, keys)
    tokens, types, merges = (value if isinstance(value, list) else [] for value in found)
    sound = len(tokens) == len(types) and all(isinstance(text, str) for text in (*tokens, *merges))
    return (tokens, types, merges) if sound else ([], [], [])
