"""Tensors come in block by block, GGUF files go out: written in a hidden folder beside them, then renamed."""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import math
import os
import shutil
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from gguf import GGML_QUANT_SIZES, GGUF_DEFAULT_ALIGNMENT, GGUF_MAGIC, GGUF_VERSION, GGMLQuantizationType

from .errors import CannotWriteError
from .metadata import Metadata

ALIGNMENT = int(GGUF_DEFAULT_ALIGNMENT)
HEADROOM_BYTES = 16 << 20  # left free on the disk beside the file itself
SUFFIX = ".part"


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """A tensor as the file's table lists it. `shape` is in PyTorch order; the file stores it reversed."""

    name: str
    shape: tuple[int, ...]
    type: GGMLQuantizationType

    @property
    def bytes(self) -> int:
        """Size of the data."""
        block, size = GGML_QUANT_SIZES[self.type]
        return math.prod(self.shape) // int(block) * int(size)

    @property
    def padded_bytes(self) -> int:
        """Size with the padding to the next tensor."""
        return -(-self.bytes // ALIGNMENT) * ALIGNMENT


Block = npt.NDArray[np.uint8]


class Advance(Protocol):
    """Told how many bytes were just written."""

    def __call__(self, count: int) -> None:
        """`count`: since the last call."""


def header(metadata: Metadata, tensors: list[TensorInfo]) -> bytes:
    """Magic, keys and tensor table, padded to where the data starts."""
    parts = [struct.pack("<IIQQ", GGUF_MAGIC, GGUF_VERSION, len(tensors), len(metadata.values)), metadata.pack()]
    offset = 0
    for tensor in tensors:
        name = tensor.name.encode()
        dims = tuple(reversed(tensor.shape))
        parts.append(struct.pack("<Q", len(name)) + name)
        parts.append(struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, tensor.type, offset))
        offset += tensor.padded_bytes
    raw = b"".join(parts)
    return raw + bytes(-len(raw) % ALIGNMENT)


class Staging:
    """A hidden folder beside the outputs: files are written and checked there, and all appear at once with `publish`.

    A context manager: leaving it removes what was not published. A killed run's leftovers go with the next.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self._name = name
        self._staged = folder / f".{name}.{os.getpid()}{SUFFIX}"
        self._new_folders: list[Path] = []

    def __enter__(self) -> Staging:
        try:
            with translated(self.folder):
                self._new_folders = [path for path in (self.folder, *self.folder.parents) if not path.exists()]
                self.folder.mkdir(parents=True, exist_ok=True)
                remove_leftovers(self.folder, self._name)
                self._staged.mkdir()
        except BaseException:
            self.__exit__()
            raise
        return self

    def path(self, name: str) -> Path:
        """Where to write the file that will be published as `name`."""
        return self._staged / name

    def require(self, count: int) -> None:
        """Raise CannotWriteError unless the disk has room for `count` bytes."""
        with translated(self.folder):
            free = shutil.disk_usage(self.folder).free
        if count + HEADROOM_BYTES > free:
            raise CannotWriteError(
                f"The files need {count / 1e6:,.0f} MB and {self.folder} has {free / 1e6:,.0f} MB free.",
                "Free some space, or name another folder with -o.",
            )

    def publish(self, names: Iterable[str]) -> None:
        """Rename the files to their final names, and make that durable."""
        with translated(self.folder):
            for name in names:
                (self._staged / name).replace(self.folder / name)
            _sync_folder(self.folder)

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._staged, ignore_errors=True)
        for made in self._new_folders:
            with contextlib.suppress(OSError):
                made.rmdir()  # only when empty


def write_gguf(
    path: Path,
    metadata: Metadata,
    tensors: list[TensorInfo],
    blocks: Iterable[Iterable[Block]],
    advance: Advance = lambda count: None,
) -> str:
    """Write one file and fsync it; `blocks` yields each tensor's data in order. Returns its SHA-256 (hex).

    Raises CannotWriteError.
    """
    digest = hashlib.sha256()
    with translated(path), path.open("xb") as file:

        def put(data: bytes | Block) -> None:
            file.write(data)  # type: ignore[arg-type]
            digest.update(data)  # type: ignore[arg-type]
            advance(len(data))

        put(header(metadata, tensors))
        for tensor, data in zip(tensors, blocks, strict=True):
            written = 0
            for block in data:
                put(block.reshape(-1))
                written += block.nbytes
            if written != tensor.bytes:
                raise AssertionError(f"{tensor.name}: {written} bytes instead of {tensor.bytes}")
            put(bytes(tensor.padded_bytes - written))
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn an operating system error into a CannotWriteError about `path`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            hint = "Nothing was left behind; free some space, or name another folder with -o."
            raise CannotWriteError(f"The disk is full: {path.name} was not written.", hint) from error
        reason = error.strerror or str(error)
        raise CannotWriteError(f"Cannot write {path}: {reason}.", "Name another folder with -o.") from error


def remove_leftovers(folder: Path, name: str) -> None:
    """Remove the staging folders of runs that were killed; a live one's is left alone."""
    for staged in folder.glob(f".{glob.escape(name)}.*{SUFFIX}"):
        pid = staged.name.removesuffix(SUFFIX).rpartition(".")[2]
        if pid.isdecimal() and not _alive(int(pid)):
            shutil.rmtree(staged, ignore_errors=True)


def _alive(pid: int) -> bool:
    if os.name == "nt":  # there, os.kill would end the process
        return True
    if pid == os.getpid():  # a run before ours had the same number
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _sync_folder(folder: Path) -> None:
    """Make the rename durable where the system can (not on Windows)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
