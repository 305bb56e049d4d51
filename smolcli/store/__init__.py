"""KEEP: what was computed goes in under the digest of what it was computed from, and comes out in the next run.

    store = open_store(cache_dir / "store", limit_bytes, say)
    rows = KeptTiles(store, encoder).get(digest, sha256)
    record = KeptAnswers(store).get(key, [sha256])
    scores = rank_texts(page_texts, question)

It holds digests, answers and embeddings, and no names, passwords or pictures. Without it everything is computed again;
a disk that is full or cannot be written costs a note, never an answer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from smolcli.store.answers import KeptAnswers
from smolcli.store.database import Store, files, open_store, remove
from smolcli.store.kinds import StoreTotals, Totals
from smolcli.store.tiles import KeptTiles

if TYPE_CHECKING:
    from smolcli.store.ranking import rank_texts
    from smolcli.store.upkeep import disk_bytes, forget, totals

__all__ = [
    "KeptAnswers",
    "KeptTiles",
    "Store",
    "StoreTotals",
    "Totals",
    "disk_bytes",
    "files",
    "forget",
    "open_store",
    "rank_texts",
    "remove",
    "totals",
]
_LATER = {"rank_texts": "ranking", **dict.fromkeys(("disk_bytes", "forget", "totals"), "upkeep")}


def __getattr__(name: str) -> Any:
    """What only documents, and who looks after the store, need; it is loaded then."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
