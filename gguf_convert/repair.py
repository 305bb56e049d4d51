"""A projector comes in; a copy with the missing key, or in another type, goes out, with a count of what changed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

from .checkpoint import BLOCK_BYTES
from .convert import Progress
from .dtypes import pack, widen
from .errors import CannotWriteError, NotOfFamilyError, OptionError
from .metadata import Metadata
from .names import Clip, General, VisionTensors
from .outputs import MMPROJ_TYPES
from .plan import DIRECT, F16, F32, PROJECTOR
from .read import GGUFFile, read_gguf
from .safetensors_file import STORED, Entry
from .write import ALIGNMENT, Block, Staging, TensorInfo, header, write_gguf

KEPT_F32 = (VisionTensors.PATCH_EMBEDDING, VisionTensors.POSITION_EMBEDDING)
LARGEST_EDGE_PX = 4096  # the image processor's own cap (transformers: MAX_IMAGE_SIZE)


@dataclass(frozen=True, slots=True)
class RepairOptions:
    """`out`: None takes NAME.repaired.gguf beside the file. `longest_edge_px`, `outtype`: None leaves as it is."""

    path: Path
    out: Path | None = None
    longest_edge_px: int | None = None
    outtype: str | None = None
    force: bool = False


@dataclass(slots=True)
class Change:
    """What re-typing did: `changed` of `values` differ, by at most `largest`. Squares are sums."""

    values: int = 0
    changed: int = 0
    largest: float = 0.0
    squared_error: float = 0.0
    squared_values: float = 0.0

    @property
    def relative_error(self) -> float:
        """L2 norm of the difference over that of the values."""
        return math.sqrt(self.squared_error / self.squared_values) if self.squared_values else 0.0


@dataclass(frozen=True, slots=True)
class RepairResult:
    """The copy. `key_before` is the longest edge that the file named, None where it named none."""

    path: Path
    bytes: int
    sha256: str
    key_before: int | None
    key_after: int | None
    retyped: dict[str, int] = field(default_factory=dict)
    change: Change = field(default_factory=Change)


def repair(options: RepairOptions, progress: Progress = lambda step, done, total: None) -> RepairResult:
    """Write the copy. Raises OptionError, NotACheckpointError, NotOfFamilyError, CannotWriteError."""
    file = read_gguf(options.path)
    if file.metadata.get(General.ARCHITECTURE) != Clip.ARCHITECTURE:
        raise NotOfFamilyError(f"{options.path.name} is not a projector.", "Give the mmproj file.")
    _check(options, file)
    out = options.out or options.path.with_name(f"{options.path.stem}.repaired.gguf")
    if out.is_dir():
        raise CannotWriteError(f"{out} is a folder.", "Name a file with -o.")
    if (out.exists() or out.is_symlink()) and not options.force:
        raise CannotWriteError(f"{out} exists already.", "Add --force to replace it, or name another with -o.")
    metadata, tensors = _metadata(options, file), _retyped(options, file)
    change = Change()
    total = len(header(metadata, tensors)) + sum(tensor.padded_bytes for tensor in tensors)
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(out.name, done, total)

    with Staging(out.parent, out.name) as staging, options.path.open("rb") as source:
        staging.require(total)
        sha256 = write_gguf(staging.path(out.name), metadata, tensors, _blocks(file, tensors, source, change), advance)
        staging.publish([out.name])
    moved = [new.type.name for new, old in zip(tensors, file.tensors, strict=True) if new.type is not old.type]
    return RepairResult(
        path=out,
        bytes=total,
        sha256=sha256,
        key_before=file.metadata.get(Clip.PREPROC_IMAGE_SIZE),
        key_after=metadata.get(Clip.PREPROC_IMAGE_SIZE),
        retyped={name: moved.count(name) for name in sorted(set(moved))},
        change=change,
    )


def _check(options: RepairOptions, file: GGUFFile) -> None:
    if options.longest_edge_px is None and options.outtype is None:
        raise OptionError("There is nothing to repair.", "Give --longest-edge PX, --outtype TYPE, or both.")
    if options.outtype is not None and options.outtype not in MMPROJ_TYPES:
        raise OptionError(f"--outtype {options.outtype} is not a type; the types are {', '.join(MMPROJ_TYPES)}.")
    tile = file.metadata.get(Clip.IMAGE_SIZE, 0)
    if type(tile) is not int:
        raise NotOfFamilyError(f"{options.path.name} says that a tile is {tile!r} wide.", "Convert it again.")
    if options.longest_edge_px is not None and not tile <= options.longest_edge_px <= LARGEST_EDGE_PX:
        hint = f"The family's is 4 × {tile}, or 2048."
        raise OptionError(f"--longest-edge {options.longest_edge_px} is not within {tile} to {LARGEST_EDGE_PX}.", hint)
    quantized = [tensor for tensor in file.tensors if tensor.type.name not in STORED]
    if options.outtype is not None and quantized:
        hint = "Convert the checkpoint, or re-type its F16 or F32 file."
        raise NotOfFamilyError(f"{quantized[0].name} is {quantized[0].type.name}: its precision is gone.", hint)


def _metadata(options: RepairOptions, file: GGUFFile) -> Metadata:
    metadata = Metadata(dict(file.metadata.values))
    if options.longest_edge_px is not None:
        metadata.uint32(Clip.PREPROC_IMAGE_SIZE, options.longest_edge_px)
    if options.outtype is not None:
        metadata.uint32(General.FILE_TYPE, int((DIRECT | PROJECTOR)[options.outtype][1]))
    if General.ALIGNMENT in metadata.values:
        metadata.uint32(General.ALIGNMENT, ALIGNMENT)
    return metadata


def _retyped(options: RepairOptions, file: GGUFFile) -> list[TensorInfo]:
    """The new table: matrices change type where their rows allow it, else become F16; the rest stays."""
    if options.outtype is None:
        return list(file.tensors)
    target = (DIRECT | PROJECTOR)[options.outtype][0]
    tensors = []
    for tensor in file.tensors:
        keeps = len(tensor.shape) < 2 or any(name in tensor.name for name in KEPT_F32)
        fits = tensor.shape[-1] % GGML_QUANT_SIZES[target][0] == 0
        chosen = F32 if keeps and tensor.type is F32 else target if fits else F16
        tensors.append(TensorInfo(tensor.name, tensor.shape, chosen))
    return tensors


def _blocks(file: GGUFFile, tensors: list[TensorInfo], source: BinaryIO, change: Change) -> Iterator[Iterator[Block]]:
    for old, new in zip(file.tensors, tensors, strict=True):
        offset = file.offsets[old.name]
        yield _verbatim(old, offset, source) if old.type is new.type else _packed(file, old, new, source, change)


def _verbatim(tensor: TensorInfo, offset: int, source: BinaryIO) -> Iterator[Block]:
    source.seek(offset)
    left = tensor.bytes
    while left:
        data = np.frombuffer(source.read(min(left, BLOCK_BYTES)), np.uint8)
        if not data.size:
            raise NotOfFamilyError(f"The file ends inside {tensor.name}.")
        left -= data.size
        yield data


def _packed(file: GGUFFile, old: TensorInfo, new: TensorInfo, source: BinaryIO, change: Change) -> Iterator[Block]:
    entry = Entry(old.name, old.shape, old.type.name, file.path, file.offsets[old.name])
    step = max(1, BLOCK_BYTES // (4 * entry.row_values))
    for first in range(0, entry.rows, step):
        stored = entry.read(source, first, min(entry.rows, first + step)).reshape(-1, old.shape[-1])
        block = pack(stored, entry.dtype, new.type)
        _compare(widen(stored, entry.dtype), block, new.type, change)
        yield block


def _compare(before: np.ndarray[Any, Any], block: Block, kind: GGMLQuantizationType, change: Change) -> None:
    after = dequantize(block, kind).reshape(before.shape)
    with np.errstate(all="ignore"):
        distance = np.abs(after - before)
        change.squared_error += float(np.square(distance, dtype=np.float64).sum())
        change.squared_values += float(np.square(before, dtype=np.float64).sum())
    change.values += before.size
    change.changed += int(np.count_nonzero(distance))
    change.largest = max(change.largest, float(distance.max(initial=0)))
