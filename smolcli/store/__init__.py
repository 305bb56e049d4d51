"""KEEP: what was computed goes in under the digest of what it was computed from, and comes out in the next run.

    store = open_store(cache_dir / "store", limit_bytes, say)
    rows = KeptTiles(store, encoder).get(digest, sha256)
    record = KeptAnswers(store).get(key, [sha256])

Nothing in it tells what the user has: no names, no passwords, no pictures, only digests and numbers. Without it
everything is computed again; a disk that is full or cannot be written costs a note, never an answer.
"""

from __future__ import annotations

from smolcli.store.answers import KeptAnswers
from smolcli.store.database import KINDS, Store, Totals, files, open_store, remove
from smolcli.store.tiles import KeptTiles

__all__ = ["KINDS", "KeptAnswers", "KeptTiles", "Store", "Totals", "files", "open_store", "remove"]
