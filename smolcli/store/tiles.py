"""Embeddings of tiles, by the digest of their pixels and of what encoded them: float32, so that a kept tile and a fresh

one give the same answer, bit for bit.
"""

from __future__ import annotations

import hashlib

from smolcli.store.database import Store, is_due, now_s

VERSION = b"tiles 1"  # goes up when the same pixels would be encoded differently by our own code


class KeptTiles:
    """The tiles that one projector has encoded, as bytes of float32 rows. `fresh`: none is taken, all are replaced."""

    def __init__(self, store: Store, model: bytes, fresh: bool = False) -> None:
        self._store, self._fresh = store, fresh
        self._model = hashlib.blake2b(VERSION + model, digest_size=16).digest()

    def get(self, digest: bytes, source: str) -> bytes | None:
        """What a tile was encoded to; None when that is not known. source: the hash (hex) of the file it is cut from.

        An entry that is damaged is dropped.
        """
        if self._fresh:
            return None
        found = self._store.ask(
            "SELECT rows, checksum, used_s FROM tiles WHERE model = ? AND digest = ?", self._model, digest
        )
        if not found:
            return None
        rows, checksum, used_s = found[0]
        if not isinstance(rows, bytes) or _checksum(rows) != checksum:
            self._store.change(("DELETE FROM tiles WHERE model = ? AND digest = ?", (self._model, digest)))
            return None
        if is_due(used_s) or not self._known_source(digest, source):
            used = "UPDATE tiles SET used_s = ? WHERE model = ? AND digest = ?"
            self._store.change((used, (now_s(), self._model, digest)), *_source(digest, source))
        return rows

    def knows(self, source: str) -> bool:
        """Whether some tile of a file (sha256, hex) would be found."""
        some = "SELECT 1 FROM sources NATURAL JOIN tiles WHERE source = ? AND model = ? LIMIT 1"
        return not self._fresh and bool(self._store.ask(some, bytes.fromhex(source), self._model))

    def keep(self, digest: bytes, source: str, rows: bytes) -> None:
        """Keep what a tile was encoded to."""
        row = (self._model, digest, rows, _checksum(rows), len(rows), now_s())
        insert = """INSERT OR REPLACE INTO tiles (model, digest, rows, checksum, bytes, used_s)
            VALUES (?, ?, ?, ?, ?, ?)"""
        self._store.change((insert, row), *_source(digest, source))
        self._store.grew(len(rows))

    def _known_source(self, digest: bytes, source: str) -> bool:
        query = "SELECT 1 FROM sources WHERE source = ? AND digest = ?"
        return not source or bool(self._store.ask(query, bytes.fromhex(source), digest))


def _source(digest: bytes, source: str) -> list[tuple[str, tuple[object, ...]]]:
    """That a tile was cut from a file, so that it can be forgotten with it."""
    if not source:
        return []
    return [("INSERT OR IGNORE INTO sources VALUES (?, ?)", (bytes.fromhex(source), digest))]


def _checksum(rows: bytes) -> bytes:
    return hashlib.blake2b(rows, digest_size=16).digest()
