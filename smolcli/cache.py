"""Things that can be made again: rooms of the cache folder, how much they hold, and how they are kept small.

    CACHE_DIR/converted/NAME-KEY/     the GGUF pair of a Hugging Face folder
    CACHE_DIR/projectors/NAME.gguf    our copy of a projector: repaired, or in the type that this processor likes
    CACHE_DIR/carried/SHA256.gguf     a model's file that another machine of a cluster has sent

Only these rooms are ever looked into or cleared, and only where we made them: each holds a CACHEDIR.TAG, so that a
CACHE_DIR which names a folder with a `converted` of the user's own loses nothing (https://bford.info/cachedir).
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from smolcli.errors import OutputError

ROOMS = {
    "converted": "Hugging Face folders as GGUF",
    "projectors": "projectors repaired, or in this processor's type",
    "carried": "models that came from another machine",
}
_ABANDONED_S = 24 * 3600  # nobody writes any more to what is so old and still has its leading dot
TAG, SIGNATURE = "CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55"  # backups leave such folders out


@dataclass(frozen=True, slots=True)
class Item:
    """One thing in a room, a file or a folder. used_s: when it was last used (seconds since 1970)."""

    path: Path
    bytes: int
    used_s: float


def room(cache_dir: Path, name: str) -> Path:
    """The folder of a room, made if need be. Raises OSError, also where a folder of that name is not ours."""
    folder = cache_dir / name
    assert name in ROOMS
    folder.mkdir(parents=True, exist_ok=True)
    if not _is_ours(folder):
        if any(path.name != TAG for path in folder.iterdir()):
            raise FileExistsError(errno.EEXIST, f"its folder {name} holds files that smol did not make")
        (folder / TAG).write_text(f"{SIGNATURE}\n# What smol can make again.\n", encoding="utf-8")
    return folder


def _is_ours(folder: Path) -> bool:
    try:
        return (folder / TAG).read_text(encoding="utf-8").startswith(SIGNATURE)
    except (OSError, ValueError):
        return False


def items(cache_dir: Path, name: str) -> Iterator[Item]:
    """What a room holds. Files that are being written (leading dot) are left alone."""
    if not _is_ours(cache_dir / name):
        return
    for path in sorted((cache_dir / name).iterdir()):
        if not path.name.startswith(".") and path.name != TAG:
            with suppress(OSError):  # gone meanwhile
                yield Item(path, _bytes(path), path.lstat().st_mtime)


def used(path: Path) -> None:
    """Note that a thing was used now; what has not been used for longest goes first."""
    with suppress(OSError):
        os.utime(path)


def trim(cache_dir: Path, limit_bytes: int, keep: Path | None = None) -> list[Item]:
    """Remove what has not been used for longest until the rest fits; never `keep`. Returns what was removed."""
    _sweep(cache_dir)
    found = sorted((item for name in ROOMS for item in items(cache_dir, name)), key=lambda item: item.used_s)
    total = sum(item.bytes for item in found)
    removed = []
    for item in found:
        if total <= limit_bytes:
            break
        if item.path != keep and _remove(item.path):
            total -= item.bytes
            removed.append(item)
    return removed


def clear(cache_dir: Path) -> list[Item]:
    """Remove everything in the rooms, leftovers of killed runs too. Returns what was there. Raises OutputError."""
    found = [item for name in ROOMS for item in items(cache_dir, name)]
    for folder in (cache_dir / name for name in ROOMS):
        if _is_ours(folder) and not _remove(folder):
            raise OutputError(f"{folder} cannot be removed.", "Is it yours to write to?")
    return found


def _sweep(cache_dir: Path) -> None:
    """Remove what killed runs left half written."""
    for folder in filter(_is_ours, (cache_dir / name for name in ROOMS)):
        for path in folder.glob(".*"):
            with suppress(OSError):
                if time.time() - path.lstat().st_mtime > _ABANDONED_S:
                    _remove(path)


def _bytes(path: Path) -> int:
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum(inner.lstat().st_size for inner in path.rglob("*") if not inner.is_dir())


def _remove(path: Path) -> bool:
    """Whether it is gone now. Links are removed, not followed."""
    if path.is_symlink() or not path.is_dir():
        with suppress(OSError):
            path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)
    return not os.path.lexists(path)
