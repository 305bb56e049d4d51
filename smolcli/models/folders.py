"""A Hugging Face folder in, its GGUF pair out: converted on first use, then found in the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

from smolcli.cache import room, trim, used
from smolcli.datatypes import ModelPair
from smolcli.errors import OutputError
from smolcli.models.hub import CHECKPOINT_FILES
from smolcli.models.naming import is_projector
from smolcli.settings import Settings


def converted(folder: Path, settings: Settings, tell: Callable[[str], None]) -> ModelPair:
    """The pair of a checkpoint's folder. Raises ModelError, OutputError."""
    folder = folder.resolve()
    name = folder.name or "model"
    try:
        out = room(settings.cache_dir, "converted") / f"{name}-{_key(folder)}"
    except OSError as error:
        hint = "Set SMOL_CACHE_DIR, or convert the folder with: smol convert"
        raise OutputError(f"{settings.cache_dir} cannot be written: {error.strerror}.", hint) from error
    pair = _pair(out, name)
    if pair is None:
        tell(f"converting {folder} to GGUF, once; the pair is kept in {out}")
        _convert(folder, out, name)
        trim(settings.cache_dir, settings.cache_size_bytes, keep=out)
        pair = _pair(out, name)
        assert pair is not None
    used(out)
    return pair


def _convert(folder: Path, out: Path, name: str) -> None:
    from gguf_convert.convert import ConvertOptions, convert
    from smolcli.models.adopt import as_smol_errors

    with as_smol_errors():
        convert(ConvertOptions(str(folder), out, name, force=True))


def _pair(out: Path, name: str) -> ModelPair | None:
    found = sorted(out.glob("*.gguf"))
    projectors = [path for path in found if is_projector(path.name)]
    languages = [path for path in found if not is_projector(path.name)]
    return ModelPair(languages[0], projectors[0], name) if languages and projectors else None


def _key(folder: Path) -> str:
    """Changes with the folder's place and with any file's name, length or time: cheaper than reading gigabytes."""
    digest = hashlib.blake2b(str(folder).encode("utf-8", "surrogateescape"), digest_size=8)
    for path in sorted(folder.iterdir()):
        if any(fnmatch(path.name, kind) for kind in CHECKPOINT_FILES) and path.is_file():
            found = path.stat()
            digest.update(f"\n{path.name} {found.st_size} {found.st_mtime_ns}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
