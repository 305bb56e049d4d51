"""The compute devices of ggml: their names, their memory, which of them are cards.

The binding loads the library that lists them but does not bind it (ggml-backend.h). To ask for the list is to start the
drivers of all cards, which takes a while and memory: nothing here is called for a plan or a help text.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from smolcli.engine.llama.library import ggml, start_backends

Kind = Literal["cpu", "gpu", "integrated", "other"]
_KINDS: tuple[Kind, ...] = ("cpu", "gpu", "integrated")  # ggml_backend_dev_type, in its order; what follows is "other"


@dataclass(frozen=True, slots=True)
class Device:
    """One compute device: its name ("CUDA0"), description, free and total memory in bytes, native handle, kind."""

    name: str
    description: str
    free_bytes: int
    total_bytes: int
    handle: int
    kind: Kind = "gpu"


def devices() -> tuple[Device, ...]:
    """Every device that this build of llama.cpp can compute on, the CPU included."""
    start_backends()
    return tuple(_listed(_library()))


def free_bytes(device: Device) -> int:
    """Memory of a device that is free now."""
    return _memory(_library(), device.handle)[0]


def _listed(library: Any) -> Iterator[Device]:
    for index in range(library.ggml_backend_dev_count()):
        handle = library.ggml_backend_dev_get(index)
        name, text = (getattr(library, f"ggml_backend_dev_{what}")(handle).decode() for what in ("name", "description"))
        kind = library.ggml_backend_dev_type(handle)
        yield Device(name, text, *_memory(library, handle), handle, _KINDS[kind] if kind < len(_KINDS) else "other")


def _memory(library: Any, handle: int) -> tuple[int, int]:
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    library.ggml_backend_dev_memory(handle, ctypes.byref(free), ctypes.byref(total))
    return free.value, total.value


@cache
def _library() -> Any:
    """libggml with the device functions declared."""
    library = ggml()
    library.ggml_backend_dev_count.restype = ctypes.c_size_t
    library.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
    library.ggml_backend_dev_get.restype = ctypes.c_void_p
    for name in ("name", "description"):
        function = getattr(library, f"ggml_backend_dev_{name}")
        function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_char_p
    library.ggml_backend_dev_type.argtypes, library.ggml_backend_dev_type.restype = [ctypes.c_void_p], ctypes.c_int
    library.ggml_backend_dev_memory.argtypes = [ctypes.c_void_p, *[ctypes.POINTER(ctypes.c_size_t)] * 2]
    library.ggml_backend_dev_memory.restype = None
    return library
