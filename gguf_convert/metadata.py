"""Key-value metadata of a GGUF file: an ordered table of typed values that packs itself to bytes.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (version 3, little-endian).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gguf import GGUFValueType as Kind

from .header import LAYOUTS


@dataclass(frozen=True, slots=True)
class Value:
    """A value with its GGUF type; `items` is the type of an array's elements."""

    kind: Kind
    value: Any
    items: Kind | None = None


@dataclass(slots=True)
class Metadata:
    """Keys in the order they are written."""

    values: dict[str, Value] = field(default_factory=dict)

    def string(self, key: str, value: str) -> None:
        """Set a UTF-8 string."""
        self.values[key] = Value(Kind.STRING, value)

    def uint32(self, key: str, value: int) -> None:
        """Set an unsigned 32-bit integer."""
        self.values[key] = Value(Kind.UINT32, value)

    def float32(self, key: str, value: float) -> None:
        """Set a 32-bit float; kept as the file will hold it."""
        self.values[key] = Value(Kind.FLOAT32, float(np.float32(value)))

    def boolean(self, key: str, value: bool) -> None:
        """Set a bool."""
        self.values[key] = Value(Kind.BOOL, value)

    def array(self, key: str, items: Kind, value: Sequence[Any]) -> None:
        """Set an array of strings or numbers."""
        self.values[key] = Value(Kind.ARRAY, value, items)

    def get(self, key: str, default: Any = None) -> Any:
        """The plain value of a key."""
        found = self.values.get(key)
        return default if found is None else found.value

    def pack(self) -> bytes:
        """All keys as they lie in the file."""
        return b"".join(
            _string(key) + struct.pack("<I", value.kind) + _pack(value) for key, value in self.values.items()
        )


def _pack(value: Value) -> bytes:
    if value.kind is Kind.STRING:
        return _string(value.value)
    if value.kind is not Kind.ARRAY:
        return struct.pack("<" + LAYOUTS[value.kind.name], value.value)
    assert value.items is not None
    head = struct.pack("<IQ", value.items, len(value.value))
    if value.items is Kind.STRING:
        return head + b"".join(map(_string, value.value))
    return head + struct.pack(f"<{len(value.value)}{LAYOUTS[value.items.name]}", *value.value)


def _string(text: str | bytes) -> bytes:
    raw = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(raw)) + raw
