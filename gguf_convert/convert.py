"""A checkpoint's name and wishes come in, a verified pair of GGUF files (or several pairs) goes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from . import quantize, verify
from .checkpoint import Checkpoint, open_checkpoint
from .cpu import multiplies_bf16
from .errors import CannotWriteError, OptionError
from .model import Model, read_model
from .outputs import LM_TYPES, MMPROJ_TYPES, Fallback, Output, Outputs, Part, file_name
from .read import GGUFFile, read_gguf
from .source import Source, find_source, identify, sha256_file
from .stream import Audit, packed_tensors
from .write import Staging, translated, write_gguf

AUTO = "auto"


class Progress(Protocol):
    """Told what is being done and how many bytes of all are behind us."""

    def __call__(self, step: str, done: int, total: int) -> None:
        """`step`: a file's name, "reading" or "verifying"."""


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """What to convert and how. `source`: a folder; `out`: a folder; `name`: "" takes the source's."""

    source: str
    out: Path = Path()
    name: str = ""
    lm: Sequence[str] = ("q8_0",)
    mmproj: Sequence[str] = (AUTO,)
    force: bool = False
    verify: bool = True


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """One file of the result; `bytes` and `sha256` are of the whole file."""

    part: Part
    path: Path
    type: str
    bytes: int
    sha256: str
    pair_id: str
    fallbacks: tuple[Fallback, ...] = ()


@dataclass(frozen=True, slots=True)
class ConversionResult:
    """What was written, from what. `warnings` are sentences; nonfinite: weights of the source that are no numbers."""

    files: tuple[WrittenFile, ...]
    pair_id: str
    source: str
    revision: str
    architecture: str
    verified: bool
    warnings: tuple[str, ...]
    nonfinite: int = 0


class Check(Protocol):
    """Shown the result before its files get their final names: `path` is where they wait. Raises what refuses them."""

    def __call__(self, staged: ConversionResult) -> None:
        """`staged.files[i].path.name` is the final name already."""


def convert(
    options: ConvertOptions,
    progress: Progress = lambda step, done, total: None,
    check: Check = lambda staged: None,
) -> ConversionResult:
    """Convert. Raises ConvertError's children and what `check` raises; then nothing new is left."""
    lm, mmproj = resolve_types(options)
    source = find_source(options.source)
    name = options.name or source.name
    if not name or name.startswith(".") or set(name) & set("/\\\0"):
        raise OptionError(f"{name!r} cannot be a file's name.", "Give --name NAME without slashes or a leading dot.")
    planned = [*(file_name("lm", name, t) for t in lm), *(file_name("mmproj", name, t) for t in mmproj)]
    _refuse_existing(options.out, planned, options.force)
    with open_checkpoint(source.folder) as checkpoint:
        model = read_model(checkpoint)
        run = _Run(options, checkpoint, model, progress)
        return run.all(source, name, (lm, mmproj), check)


def resolve_types(options: ConvertOptions) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The types to write, without repeats, `auto` decided. Raises OptionError for one that is unknown."""
    auto = "bf16" if multiplies_bf16() else "f16"
    lm = tuple(dict.fromkeys(t.lower() for t in options.lm))
    mmproj = tuple(dict.fromkeys(auto if t.lower() == AUTO else t.lower() for t in options.mmproj))
    for option, wanted, known in (("--lm", lm, LM_TYPES), ("--mmproj", mmproj, (AUTO, *MMPROJ_TYPES))):
        if not wanted:
            raise OptionError(f"{option} names no type; the types are {', '.join(known)}.")
        if unknown := [t for t in wanted if t not in known]:
            raise OptionError(f"{option} {unknown[0]} is not a type; the types are {', '.join(known)}.")
    return lm, mmproj


class _Run:
    """Hash the source, write into a staging folder, verify there, publish."""

    def __init__(self, options: ConvertOptions, checkpoint: Checkpoint, model: Model, progress: Progress) -> None:
        self.options, self.checkpoint, self.model, self.progress = options, checkpoint, model, progress
        self.audit = Audit()
        self.step, self.done, self.total = "reading", 0, 0

    def all(
        self, source: Source, name: str, types: tuple[Sequence[str], Sequence[str]], check: Check
    ) -> ConversionResult:
        self.total = hashed = sum(path.stat().st_size for path in self.checkpoint.weights)
        identity = identify(self.checkpoint, self.advance)
        builder = Outputs(self.model, source, name, identity)
        outputs = builder.all(*types)
        written = sum(output.bytes for output in outputs)
        self.total = hashed + written * (2 if self.options.verify else 1)
        with Staging(self.options.out, name) as staging:
            staging.require(written)
            for output in outputs:
                self.write(output, staging, builder.feed)
            kept = [output for output in outputs if output.kept]
            if self.options.verify:
                self.verify(kept, staging)
            result = ConversionResult(
                files=tuple(_written(output, staging.path(output.name), identity.pair_id) for output in kept),
                pair_id=identity.pair_id,
                source=source.name,
                revision=source.revision,
                architecture=self.model.config.architecture,
                verified=self.options.verify,
                warnings=(*self.model.warnings, *self.audit.warnings()),
                nonfinite=sum(self.audit.nonfinite.values()),
            )
            check(result)
            staging.publish(output.name for output in kept)
        return replace(result, files=tuple(replace(f, path=self.options.out / f.path.name) for f in result.files))

    def advance(self, count: int) -> None:
        self.done += count
        self.progress(self.step, min(self.done, self.total), self.total)

    def write(self, output: Output, staging: Staging, feed: str) -> None:
        self.step = output.name
        path = staging.path(output.name)
        if not output.quantized:
            blocks = packed_tensors(self.checkpoint, output.plan, self.audit)
            output.sha256 = write_gguf(path, output.metadata, output.infos, blocks, self.advance)
            return
        quantize.quantize_file(staging.path(feed), path, output.type)
        output.sha256 = sha256_file(path)
        reasons = [(tensor, quantize.fallback_reason(tensor, output.type)) for tensor in read_gguf(path).tensors]
        output.fallbacks = tuple(
            Fallback(tensor.name, tensor.type.name, reason) for tensor, reason in reasons if reason
        )
        self.advance(output.bytes)

    def verify(self, outputs: list[Output], staging: Staging) -> None:
        self.step = "verifying"
        found: dict[str, GGUFFile] = {}
        for output in outputs:
            found[output.name] = file = verify.check_file(staging.path(output.name), output.sha256, self.advance)
            verify.check_tensors(file, output.infos, output.quantized)
            verify.check_keys(file, output.metadata)
            if output.part == "lm":
                verify.check_vocab(file, self.model.vocab, self.model.config.image_token_id)
        for lm in (found[output.name] for output in outputs if output.part == "lm"):
            for mmproj in (found[output.name] for output in outputs if output.part == "mmproj"):
                verify.check_pair(lm, mmproj)


def _written(output: Output, path: Path, pair_id: str) -> WrittenFile:
    size = path.stat().st_size
    return WrittenFile(output.part, path, output.type, size, output.sha256, pair_id, output.fallbacks)


def _refuse_existing(folder: Path, names: list[str], force: bool) -> None:
    """A file is replaced with `force` only, a folder never."""
    for path in (folder / name for name in names):
        with translated(path):
            if path.is_dir():
                raise CannotWriteError(f"{path} is a folder.", "Give another --name, or -o another folder.")
            if not force and (path.exists() or path.is_symlink()):
                raise CannotWriteError(f"{path} exists already.", "Add --force to replace it, or -o another folder.")
