"""Two GGUF files in, a checked pair out: do they belong together, is a key missing, is another type faster here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from gguf_convert.cpu import multiplies_bf16
from gguf_convert.errors import ConvertError
from gguf_convert.inspection import FileReport, Inspection, LanguageFacts, inspect
from gguf_convert.names import FAKE, IMAGE, Clip
from gguf_convert.repair import RepairOptions, repair
from smolcli.cache import room, trim, used
from smolcli.datatypes import ModelPair
from smolcli.engine import CARD_BYTES, COMPUTE_BYTES
from smolcli.errors import EngineError, ModelError, OutputError, UsageError
from smolcli.models.installed import LocalFile, record_file
from smolcli.settings import Settings

_KV_BYTES = 2 * 2  # keys and values, float16
_BY_EXIT_CODE = {error.exit_code: error for error in (UsageError, ModelError, OutputError, EngineError)}
Tell = Callable[[str], None]


class Examiner(Protocol):
    """What only an engine can say of a pair; the command line brings one."""

    def check(self, pair: ModelPair) -> None:
        """Open both headers and the vocabulary as a run would. Raises ModelError."""

    def encode_s(self, pair: ModelPair) -> float:
        """Seconds that one tile takes, weights loaded. Raises ModelError, EngineError."""


class NoEngine:
    """For a run that opens the pair right afterwards: it will check, and nothing is measured."""

    def check(self, pair: ModelPair) -> None:
        """The run that follows does it."""

    def encode_s(self, pair: ModelPair) -> float:
        """Not measured: no type is faster than another."""
        return 0.0


@dataclass(frozen=True, slots=True)
class Adoption:
    """How to take a pair in. longest_edge_px: what its projector should say, None if we do not know."""

    settings: Settings
    examiner: Examiner
    tell: Tell
    longest_edge_px: int | None = None
    keep_as_published: bool = False


@dataclass(frozen=True, slots=True)
class Survey:
    """What the two headers say. ram_bytes: weights, KV cache of the whole context, and what is computed with."""

    ram_bytes: int
    projector: FileReport
    lacks_edge: bool


def survey(language: Path, projector: Path) -> Survey:
    """Check that two files are a pair of the family. Raises ModelError."""
    with as_smol_errors():
        found = inspect([language, projector])
    facts, vision = _halves(found, language, projector)
    for pair in found.pairs:
        if not pair.fits or pair.same_source is False:
            raise ModelError(f"The two files are no pair: {pair.warnings[0]}", "Take both from one repository.")
    lost = [marker for marker in (IMAGE, FAKE) if facts.markers[marker] is None]
    if lost:
        raise ModelError(f"{language.name} has no {' and no '.join(lost)} token: it cannot be shown pictures.")
    assert vision.vision is not None
    kv = facts.layers * facts.kv_heads * facts.head_dim * _KV_BYTES * facts.context
    ram = sum(report.bytes for report in found.files) + kv + COMPUTE_BYTES
    return Survey(ram, vision, vision.vision.longest_edge_px is None)


def gpu_bytes(ram_bytes: int) -> int:
    """What is on a card of a model that takes so much RAM without one."""
    return ram_bytes - COMPUTE_BYTES + CARD_BYTES


def own_projector(language: LocalFile, projector: LocalFile, found: Survey, how: Adoption) -> LocalFile | None:
    """Our copy of a projector where one is better than the published: the missing key added, BF16 where that is faster.

    None where the published file is as good. The copy lies in the cache. Raises ModelError, OutputError, EngineError.
    """
    if how.keep_as_published:
        return None
    edge = how.longest_edge_px if found.lacks_edge else None
    how = replace(how, longest_edge_px=edge)
    lacking = f"{Path(projector.path).name} lacks {Clip.PREPROC_IMAGE_SIZE}"
    if edge is not None:
        how.tell(f"{lacking}; our own copy says {edge} (--keep-as-published: none)")
    elif found.lacks_edge:
        how.tell(f"{lacking}, and the right value is not known: kept as it is")
    copy = _faster_copy(language, projector, found, how)
    if copy is not None or edge is None:
        return copy
    return _repaired_copy(projector, how)


def _faster_copy(language: LocalFile, projector: LocalFile, found: Survey, how: Adoption) -> LocalFile | None:
    """A BF16 copy, if this processor multiplies BF16 and one encode of each says that it is faster.

    It gets its name when that is known: another pull that measures otherwise leaves it alone.
    """
    weights = max(found.projector.shares, key=lambda share: share.bytes).type
    if weights not in ("F16", "F32") or not multiplies_bf16():
        return None
    out = _place(projector, "bf16", how)
    if out.exists():
        how.tell("our BF16 copy, found faster before, is used")
        return _kept(out, how)
    trial = out.with_name(f".{os.getpid()}.{out.name}")
    try:
        _write(projector, "bf16", trial, how)
        published, own = (how.examiner.encode_s(_pair(language, Path(p))) for p in (projector.path, trial))
        verdict = f"{own * 1000:.0f} ms a tile, {weights} {published * 1000:.0f} ms"
        if own >= published:
            how.tell(f"BF16 is not faster here ({verdict}): no copy is kept")
            return None
        how.tell(f"this processor multiplies BF16: our BF16 copy is used ({verdict})")
        trial.replace(out)
    finally:
        trial.unlink(missing_ok=True)
    return _kept(out, how)


def _repaired_copy(projector: LocalFile, how: Adoption) -> LocalFile:
    out = _place(projector, None, how)
    if not out.exists():
        try:
            _write(projector, None, out, how)
        except OutputError:
            if not out.exists():  # if it does, another pull was faster
                raise
    return _kept(out, how)


def _place(projector: LocalFile, outtype: str | None, how: Adoption) -> Path:
    """Where a copy belongs: its name says what it was made from and how. Raises OutputError."""
    name = (
        f"{Path(projector.path).stem}-{projector.sha256[:12]}-{how.longest_edge_px or 'same'}-{outtype or 'same'}.gguf"
    )
    try:
        return room(how.settings.cache_dir, "projectors") / name
    except OSError as error:
        hint = "Set SMOL_CACHE_DIR, or use --keep-as-published."
        raise OutputError(f"{how.settings.cache_dir} cannot be written: {error.strerror}.", hint) from error


def _write(projector: LocalFile, outtype: str | None, out: Path, how: Adoption) -> None:
    with as_smol_errors():
        change = repair(RepairOptions(Path(projector.path), out, how.longest_edge_px, outtype)).change
    if change.changed:
        how.tell(f"{outtype} rounds {change.changed:,} of {change.values:,} values of {Path(projector.path).name}")


def _kept(copy: Path, how: Adoption) -> LocalFile:
    used(copy)
    trim(how.settings.cache_dir, how.settings.cache_size_bytes, keep=copy)
    return record_file(copy)


def _pair(language: LocalFile, projector: Path) -> ModelPair:
    return ModelPair(Path(language.path), projector, Path(language.path).stem)


def _halves(found: Inspection, language: Path, projector: Path) -> tuple[LanguageFacts, FileReport]:
    text, vision = found.files
    if text.language is None:
        other = "a projector (mmproj)" if text.vision else f"of architecture {text.architecture or 'unknown'}"
        raise ModelError(f"{language.name} is {other}, not a language model of the family.")
    if vision.vision is None:
        raise ModelError(f"{projector.name} is not a projector (mmproj).")
    return text.language, vision


@contextmanager
def as_smol_errors() -> Iterator[None]:
    """The converter's errors in the house's words."""
    try:
        yield
    except ConvertError as error:
        raise _BY_EXIT_CODE.get(error.exit_code, ModelError)(error.message, error.hint) from error
