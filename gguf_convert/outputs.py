"""A checked model comes in; every file to write goes out: its name, metadata, and a type per tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gguf import GGMLQuantizationType, size_label

from . import __version__, language, quantize, vision, vocab
from .metadata import Metadata
from .model import Model, Pairs
from .names import Clip, General, Llama, Own
from .plan import DIRECT, PROJECTOR, Planned, assign
from .source import Identity, Source
from .write import TensorInfo, header

Part = Literal["lm", "mmproj"]
LM_TYPES = (*DIRECT, *quantize.TYPES)
MMPROJ_TYPES = (*DIRECT, *PROJECTOR)


@dataclass(frozen=True, slots=True)
class Fallback:
    """A tensor that did not get its file's type, and why."""

    tensor: str
    type: str
    reason: str


@dataclass(slots=True)
class Output:
    """A file on its way. quantized: made by llama.cpp from another. kept: False if it only feeds the quantizer."""

    part: Part
    type: str
    name: str
    metadata: Metadata
    plan: list[Planned]
    fallbacks: tuple[Fallback, ...]
    quantized: bool = False
    kept: bool = True
    sha256: str = ""

    @property
    def infos(self) -> list[TensorInfo]:
        """The tensor table; of a quantized file, that of the file it is made from."""
        return [planned.info for planned in self.plan]

    @property
    def bytes(self) -> int:
        """Size on disk; of a quantized file, that of the file it is made from, which is larger."""
        return len(header(self.metadata, self.infos)) + sum(info.padded_bytes for info in self.infos)


@dataclass(frozen=True, slots=True)
class Outputs:
    """Builds the files of one model under one name."""

    model: Model
    source: Source
    name: str
    identity: Identity

    @property
    def feed(self) -> str:
        """The name of the file that llama.cpp quantizes from: the precision that the checkpoint has."""
        return file_name("lm", self.name, self.model.stored_dtype.lower())

    def all(self, lm: Sequence[str], mmproj: Sequence[str]) -> list[Output]:
        """Every file, those that others are made from first."""
        outputs = [self._language(t) for t in lm if t in DIRECT]
        to_quantize = [t for t in lm if t not in DIRECT]
        stored = self.model.stored_dtype.lower()
        if to_quantize and stored not in lm:
            outputs.append(self._language(stored))
            outputs[-1].kept = False
        for t in to_quantize:
            made = self._language(stored)
            made.type, made.name, made.quantized = t, file_name("lm", self.name, t), True
            outputs.append(made)
        return outputs + [self._projector(t) for t in mmproj]

    def _language(self, type_name: str) -> Output:
        target, file_type = DIRECT[type_name]
        metadata = self._general(Llama.ARCHITECTURE, "model", self.model.language)
        language.write_keys(self.model.config.text, metadata, int(file_type))
        vocab.write_keys(self.model.vocab, metadata)
        return self._output("lm", type_name, metadata, assign(self.model.language, target))

    def _projector(self, type_name: str) -> Output:
        target, file_type = (DIRECT | PROJECTOR)[type_name]
        metadata = self._general(Clip.ARCHITECTURE, "mmproj", self.model.vision)
        vision.write_keys(self.model.config.vision, self.model.config.text.hidden, metadata, int(file_type))
        return self._output("mmproj", type_name, metadata, assign(self.model.vision, target))

    def _output(self, part: Part, type_name: str, metadata: Metadata, plan: list[Planned]) -> Output:
        self._own_keys(metadata)
        fallbacks = tuple(Fallback(p.info.name, p.info.type.name, p.fallback) for p in plan if p.fallback)
        return Output(part, type_name, file_name(part, self.name, type_name), metadata, plan, fallbacks)

    def _general(self, architecture: str, kind: str, pairs: Pairs) -> Metadata:
        metadata = Metadata()
        metadata.string(General.ARCHITECTURE, architecture)
        metadata.string(General.TYPE, kind)
        metadata.string(General.NAME, _text(self.name))
        count = sum(TensorInfo(want.name, want.shape, GGMLQuantizationType.I8).bytes for want, _ in pairs)
        metadata.string(General.SIZE_LABEL, size_label(count, count, 0, 0))
        return metadata

    def _own_keys(self, metadata: Metadata) -> None:
        """Where the file comes from, and which file it belongs to."""
        metadata.string(Own.VERSION, __version__)
        metadata.string(Own.SOURCE_NAME, _text(self.source.name))
        if self.source.revision:
            metadata.string(Own.SOURCE_REVISION, self.source.revision)
        metadata.string(Own.SOURCE_SHA256, ",".join(self.identity.weights))
        metadata.string(Own.PAIR_ID, self.identity.pair_id)


def _text(name: str) -> str:
    """A file's or folder's name as UTF-8 can hold it; the system allows others."""
    return name.encode(errors="replace").decode()


def file_name(part: Part, name: str, type_name: str) -> str:
    """NAME-TYPE.gguf or mmproj-NAME-TYPE.gguf."""
    return f"{'mmproj-' if part == 'mmproj' else ''}{name}-{type_name}.gguf"
