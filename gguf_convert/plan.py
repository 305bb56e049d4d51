"""What must be there (Wanted) and what is there (Checkpoint) come in; what will be written goes out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, LlamaFileType

from .checkpoint import Checkpoint
from .dtypes import Floats
from .errors import NotOfFamilyError
from .safetensors_file import Entry
from .write import TensorInfo

F32, F16, BF16 = GGMLQuantizationType.F32, GGMLQuantizationType.F16, GGMLQuantizationType.BF16
NAMES_SHOWN = 3

DIRECT = {  # types that this package packs itself, for either file
    "f32": (F32, LlamaFileType.ALL_F32),
    "f16": (F16, LlamaFileType.MOSTLY_F16),
    "bf16": (BF16, LlamaFileType.MOSTLY_BF16),
    "q8_0": (GGMLQuantizationType.Q8_0, LlamaFileType.MOSTLY_Q8_0),
}
PROJECTOR = {  # further types for the projector, packed by gguf's own code
    "q5_1": (GGMLQuantizationType.Q5_1, LlamaFileType.MOSTLY_Q5_1),
    "q5_0": (GGMLQuantizationType.Q5_0, LlamaFileType.MOSTLY_Q5_0),
    "q4_1": (GGMLQuantizationType.Q4_1, LlamaFileType.MOSTLY_Q4_1),
    "q4_0": (GGMLQuantizationType.Q4_0, LlamaFileType.MOSTLY_Q4_0),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A tensor of the family: canonical source name, GGUF name, PyTorch shape.

    heads: reorder rows per attention head (0: keep). computed: values that no checkpoint stores, float32.
    """

    source: str
    name: str
    shape: tuple[int, ...]
    keep_f32: bool = False
    heads: int = 0
    computed: Floats | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """A tensor that will be written. `fallback` says why its type is not the one asked for, "" where it is."""

    info: TensorInfo
    wanted: Wanted
    entry: Entry | None
    fallback: str = ""


def match(checkpoint: Checkpoint, wanted: Iterable[Wanted]) -> list[tuple[Wanted, Entry | None]]:
    """Pair each wanted tensor with the stored one. Raises NotOfFamilyError: missing, or of another shape."""
    pairs: list[tuple[Wanted, Entry | None]] = []
    missing: list[str] = []
    for want in wanted:
        if want.computed is not None:
            pairs.append((want, None))
            continue
        entry = checkpoint.tensors.get(want.source)
        if entry is None:
            missing.append(want.source)
        elif entry.shape != want.shape:
            raise NotOfFamilyError(
                f"{entry.name} is {_shape(entry.shape)}; config.json says {_shape(want.shape)}.",
                "Weights and config.json are not of one model.",
            )
        else:
            pairs.append((want, entry))
    if missing:
        raise NotOfFamilyError(
            f"The checkpoint lacks {_names(missing)}.", "It is incomplete, or its config.json is another's."
        )
    return pairs


def refuse_unexpected(checkpoint: Checkpoint, wanted: Iterable[Wanted]) -> None:
    """Raise NotOfFamilyError for tensors that no file would hold: dropping them silently would change the model."""
    known = {want.source for want in wanted}
    if extra := [entry.name for name, entry in checkpoint.tensors.items() if name not in known]:
        raise NotOfFamilyError(f"The checkpoint also holds {_names(extra)}, which this family does not have.")


def assign(pairs: Iterable[tuple[Wanted, Entry | None]], target: GGMLQuantizationType) -> list[Planned]:
    """A type each: F32 where the family keeps it, the target where rows divide into its blocks, else F16."""
    block = GGML_QUANT_SIZES[target][0]
    plan: list[Planned] = []
    for want, entry in pairs:
        chosen, reason = target, ""
        if want.keep_f32:
            chosen = F32
        elif want.shape[-1] % block:
            chosen = F16
            reason = f"rows of {want.shape[-1]} values do not divide into blocks of {block}"
        plan.append(Planned(TensorInfo(want.name, want.shape, chosen), want, entry, reason))
    return plan


def _names(names: list[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more tensors" if more > 0 else "")


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
