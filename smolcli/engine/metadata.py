"""A GGUF file → its checked header: keys, tensors, rows of a matrix. Nothing native sees a file that has not passed
here.

The header is read by gguf_convert's one strict reader; schema.py then looks at what the keys promise. Dequantization is
the gguf package's, but for the types that it would take longer to load for; no other file of smolcli imports it.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gguf_convert.errors import NotACheckpointError
from gguf_convert.header import DAMAGED, DamagedHeaderError, StoredTensor, map_file, parse
from gguf_convert.imports import bare_package
from gguf_convert.names import Split
from smolcli.datatypes import Floats
from smolcli.errors import ModelError

Rows = np.ndarray[Any, np.dtype[np.integer[Any]]]
_PLAIN: dict[str, type[np.floating[Any]]] = {"F32": np.float32, "F16": np.float16}


class GGUFFile:
    """The header of one GGUF file. Raises ModelError for whatever is not a sound GGUF."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self._data = map_file(self.path)
            header = parse(self.path, self._data)
        except DamagedHeaderError as error:
            raise ModelError(f"{self.path} is cut off or damaged: {error.what}.", DAMAGED) from error
        except NotACheckpointError as error:
            raise ModelError(error.message, error.hint) from error
        if header.values.get(Split.COUNT, 1) not in (0, 1):
            raise ModelError(
                f"{self.path} is one part of a split model.",
                f"The command that merges the parts is named by: smol inspect {shlex.quote(str(self.path))}",
            )
        self.size = header.size
        self.keys: Mapping[str, str] = header.kinds
        self._values = header.values
        self.tensors: Mapping[str, StoredTensor] = header.tensors

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key as Python data, `default` when it is absent.

        `keys` tells its type ("UINT32", "[STRING]").
        """
        return self._values.get(key, default)

    def rows(self, name: str, indices: Rows) -> Floats:
        """Rows of matrix `name` as float32 (len(indices), row width), dequantized as ggml does it."""
        data = np.ascontiguousarray(self._matrix(name)[indices])
        return np.ascontiguousarray(_dequantized(data, self.tensors[name].type), dtype=np.float32)

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


def _dequantized(data: np.ndarray[Any, np.dtype[np.uint8]], kind: str) -> npt.NDArray[np.floating[Any]]:
    """Bytes (rows, bytes of a row) → values (rows, row width); equal to what the gguf package makes of them."""
    if kind in _PLAIN:
        return data.view(_PLAIN[kind])
    if kind == "Q8_0":  # of 32 values their scale, float16, then the values as int8
        blocks = data.reshape(-1, 34)
        scales = blocks[:, :2].view(np.float16).astype(np.float32)
        return (scales * blocks[:, 2:].view(np.int8)).reshape(len(data), -1)
    types, dequantize = _quantization()
    found: Floats = dequantize(data, types[kind])
    return found


@cache
def _quantization() -> tuple[Any, Any]:
    """The gguf package's names of types, and what makes numbers of them again."""
    with bare_package("gguf"):
        from gguf.constants import GGMLQuantizationType
        from gguf.quants import dequantize
    return GGMLQuantizationType, dequantize
