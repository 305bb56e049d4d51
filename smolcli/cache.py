"""Things that can be made again: rooms of the cache folder, how much they hold, and how they are kept small.

    CACHE_DIR/converted/NAME-KEY/     the GGUF pair of a Hugging Face folder
    CACHE_DIR/projectors/NAME.gguf    our copy of a projector: repaired, or in the type that this processor likes

Only these rooms are ever looked into or cleared, whatever CACHE_DIR names.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOMS = {
    "converted": "Hugging Face folders as GGUF",
    "projectors": "projectors repaired, or in this processor's type",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One thing in a room, a file or a folder. used_s: when it was last used (seconds since 1970)."""

    path: Path
    bytes: int
    used_s: float


def room(cache_dir: Path, name: str) -> Path:
    """The folder of a room, made if need be. Raises OSError."""
    folder = cache_dir / name
    assert name in ROOMS
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def items(cache_dir: Path, name: str) -> Iterator[Item]:
    """What a room holds. Files that are being written (leading dot) are left alone."""
    with suppress(OSError):
        for path in sorted((cache_dir / name).iterdir()):
            if not path.name.startswith("."):
                yield Item(path, _bytes(path), path.lstat().st_mtime)


def used(path: Path) -> None:
    """Note that a thing was used now; what has not been used for longest goes first."""
    with suppress(OSError):
        os.utime(path)


def trim(cache_dir: Path, limit_bytes: int, keep: Path | None = None) -> list[Item]:
    """Remove what has not been used for longest until the rest fits; never `keep`. Returns what was removed."""
    found = sorted((item for name in ROOMS for item in items(cache_dir, name)), key=lambda item: item.used_s)
    total = sum(item.bytes for item in found)
    removed = []
    for item in found:
        if total <= limit_bytes:
            break
        if item.path != keep:
            _remove(item.path)
            total -= item.bytes
            removed.append(item)
    return removed


def clear(cache_dir: Path) -> list[Item]:
    """Remove everything in the rooms, leftovers of killed runs too. Returns what was there."""
    found = [item for name in ROOMS for item in items(cache_dir, name)]
    for name in ROOMS:
        _remove(cache_dir / name)
    return found


def _bytes(path: Path) -> int:
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum(inner.lstat().st_size for inner in path.rglob("*") if not inner.is_dir())


def _remove(path: Path) -> None:
    """Links are removed, not followed."""
    if path.is_symlink() or not path.is_dir():
        with suppress(OSError):
            path.unlink()
        return
    shutil.rmtree(path, ignore_errors=True)
