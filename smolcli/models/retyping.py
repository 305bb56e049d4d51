"""A projector and a type in, our copy of it in that type out: in the cache, checked by its hash, made again when gone.

The hash of a file is known for as long as its inode, size and time are the same. What writes a copy is loaded when one
is written.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from gguf_convert.cpu import multiplies_bf16
from gguf_convert.errors import ConvertError
from gguf_convert.header import read_header
from smolcli.cache import room, trim, used
from smolcli.errors import ModelError, OutputError, SmolError
from smolcli.models.installed import record_file
from smolcli.remembered import entries, keep
from smolcli.settings import Settings

_HASHES = "hashes.json"  # of the state folder: path → what the file was when it was hashed, and its SHA-256
_STORED = ("f32", "f16", "bf16")  # what is in another type has lost its precision already
_DAY_S = 24 * 3600
Tell = Callable[[str], None]


def weights_type(projector: Path) -> str:
    """The type of its matrices, "f16"; embeddings and norms are F32 in every projector. Raises ModelError."""
    sizes: Counter[str] = Counter()
    try:
        for tensor in read_header(projector).tensors.values():
            sizes[tensor.type.lower()] += tensor.n_bytes * (tensor.type != "F32")
    except ConvertError as error:
        raise ModelError(error.message, error.hint) from error
    return max(sizes, key=sizes.__getitem__) if sizes.total() else "f32"


def other_types(projector: Path, on_card: bool = False) -> tuple[str, ...]:
    """Types in which a projector may be quicker, and is no larger; none for a quantized one. Raises ModelError."""
    own = weights_type(projector)
    if own not in _STORED:
        return ()
    bf16 = ("bf16",) if on_card or multiplies_bf16() else ()
    return tuple(kind for kind in (*bf16, "q8_0", "f16") if kind != own)


def retyped(projector: Path, kind: str, settings: Settings, tell: Tell) -> Path:
    """Our copy of a projector in a type; the file itself where it is of that type. tell: hears that one is made.

    Raises ModelError (it cannot be read, or is quantized), OutputError (the cache cannot be written).
    """
    if weights_type(projector) == kind:
        return projector
    out = _place(projector, kind, settings)
    if not _is_what_was_written(out, settings):
        tell(f"a copy of {projector.name} in {kind.upper()} is written into {out.parent}")
        _remember(out, _write(projector, kind, out), settings)
        trim(settings.cache_dir, settings.cache_size_bytes, keep=out)
    elif time.time() - out.stat().st_mtime > _DAY_S:  # trim leaves what was used lately
        sha256 = _sha256(out, settings)
        used(out)
        _remember(out, sha256, settings)
    return out


def copy_of(projector: Path, kind: str, settings: Settings) -> Path | None:
    """What `retyped` would give, where it is there: nothing is written or made."""
    try:
        out = projector if weights_type(projector) == kind else _place(projector, kind, settings)
    except SmolError:
        return None
    return out if out.is_file() else None


def _place(projector: Path, kind: str, settings: Settings) -> Path:
    """Where a copy belongs; its name says of which bytes it is. Raises OutputError, ModelError."""
    name = f"{projector.stem}-{_sha256(projector, settings)[:12]}-tuned-{kind}.gguf"
    try:
        return room(settings.cache_dir, "projectors") / name
    except OSError as error:
        hint = "Set SMOL_CACHE_DIR to a folder that you may write to."
        raise OutputError(f"{settings.cache_dir} cannot be written: {error.strerror}.", hint) from error


def _write(projector: Path, kind: str, out: Path) -> str:
    """Write a copy in place of what is there; its SHA-256."""
    from gguf_convert.repair import RepairOptions, repair
    from smolcli.models.adopt import as_smol_errors

    with as_smol_errors():
        return repair(RepairOptions(projector, out, outtype=kind, force=True)).sha256


def _is_what_was_written(copy: Path, settings: Settings) -> bool:
    wrote = _entry(copy, settings).get("sha256")
    if wrote is None or not copy.is_file():
        return False
    if _known(copy, settings) is None:
        if record_file(copy).sha256 != wrote:
            return False
        _remember(copy, wrote, settings)
    return True


def _sha256(file: Path, settings: Settings) -> str:
    """Of a file as it is now. Raises ModelError."""
    known = _known(file, settings)
    if known is None:
        known = record_file(file).sha256
        _remember(file, known, settings)
    return known


def _known(file: Path, settings: Settings) -> str | None:
    """The hash of a file, where it is still the one that was hashed."""
    entry = _entry(file, settings)
    try:
        return entry.get("sha256") if entry.get("file") == _identity(file) else None
    except OSError:
        return None


def _entry(file: Path, settings: Settings) -> dict[str, str]:
    """What is kept of a file; nothing where that is not what we write."""
    entry = entries(settings.state_dir / _HASHES).get(str(file.absolute()))
    return entry if isinstance(entry, dict) and all(isinstance(value, str) for value in entry.values()) else {}


def _remember(file: Path, sha256: str, settings: Settings) -> None:
    keep(settings.state_dir / _HASHES, str(file.absolute()), {"file": _identity(file), "sha256": sha256})


def _identity(file: Path) -> str:
    stat = file.stat()
    return f"{stat.st_dev} {stat.st_ino} {stat.st_size} {stat.st_mtime_ns}"
