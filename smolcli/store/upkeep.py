"""A store's folder in, how much is in it out; a file is forgotten. Where there is no store, none is made."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from smolcli.store.database import files, open_store
from smolcli.store.kinds import StoreTotals

_UNLIMITED = 1 << 62  # who only looks throws nothing out
Note = Callable[[str], None]


def disk_bytes(folder: Path) -> int:
    """What its files take."""
    return sum(path.stat().st_size for path in files(folder))


def totals(folder: Path, note: Note) -> StoreTotals:
    """How much is kept."""
    if not files(folder):
        return StoreTotals()
    with closing(open_store(folder, _UNLIMITED, note)) as store:
        return store.totals()


def forget(folder: Path, sha256: str, note: Note) -> StoreTotals:
    """Remove what was computed from a file, known by its hash (hex); returns what that was."""
    if not files(folder):
        return StoreTotals()
    with closing(open_store(folder, _UNLIMITED, note)) as store:
        return store.forget(sha256)
