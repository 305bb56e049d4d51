"""Finished answers, by the key of what decides them: a record goes in, the same bytes come out in the next run."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Sequence

from smolcli.store.database import Store, is_due, now_s

PACK_BYTES = 512  # a longer record is compressed
_PLAIN, _ZLIB = b"\0", b"z"  # the first byte of what is stored says how to read the rest
_ROW_BYTES, _SOURCE_BYTES = 100, 125  # what SQLite takes for a row and its indexes, and for each file of it


class KeptAnswers:
    """The answers of all models: a key names its model too. `fresh`: none is taken, all are replaced.

    A record is bytes that mean nothing to the store. Every method may be called from several threads.
    """

    def __init__(self, store: Store, fresh: bool = False) -> None:
        self._store, self._fresh = store, fresh

    def get(self, key: bytes, sources: Sequence[str]) -> bytes | None:
        """The record as it was kept; None when there is none. sources: the hashes (sha256, hex) of the files it is of.

        An entry that is damaged is dropped.
        """
        if self._fresh:
            return None
        found = self._store.ask("SELECT record, checksum, used_s FROM answers WHERE key = ?", key)
        if not found:
            return None
        stored, checksum, used_s = found[0]
        record = _unpack(stored) if isinstance(stored, bytes) and _checksum(key, stored) == checksum else None
        if record is None:
            gone = ("DELETE FROM answers WHERE key = ?", (key,))
            self._store.change(gone, ("DELETE FROM answer_sources WHERE key = ?", (key,)))
            return None
        if is_due(used_s) or not self._known_sources(key, sources):
            used = ("UPDATE answers SET used_s = ? WHERE key = ?", (now_s(), key))
            self._store.change(used, *_sources(key, sources))
        return record

    def keep(self, key: bytes, sources: Sequence[str], record: bytes) -> None:
        """Keep a finished answer; one that was kept under this key is replaced."""
        stored = _pack(record)
        size = len(stored) + _ROW_BYTES + len(sources) * _SOURCE_BYTES
        insert = "INSERT OR REPLACE INTO answers (key, record, checksum, bytes, used_s) VALUES (?, ?, ?, ?, ?)"
        row = (key, stored, _checksum(key, stored), size, now_s())
        self._store.change((insert, row), *_sources(key, sources))
        self._store.grew(size)

    def _known_sources(self, key: bytes, sources: Sequence[str]) -> bool:
        known = {source for (source,) in self._store.ask("SELECT source FROM answer_sources WHERE key = ?", key)}
        return known.issuperset(map(bytes.fromhex, filter(None, sources)))


def _sources(key: bytes, sources: Sequence[str]) -> Iterator[tuple[str, tuple[object, ...]]]:
    """That an answer is of these files, so that it can be forgotten with each; nothing if it was removed meanwhile."""
    for source in filter(None, sources):
        insert = "INSERT OR IGNORE INTO answer_sources SELECT ?, key FROM answers WHERE key = ?"
        yield insert, (bytes.fromhex(source), key)


def _pack(record: bytes) -> bytes:
    return _ZLIB + zlib.compress(record) if len(record) > PACK_BYTES else _PLAIN + record


def _unpack(stored: bytes) -> bytes | None:
    """The record; None for what this version of the store did not write."""
    how, rest = stored[:1], stored[1:]
    if how == _PLAIN:
        return rest
    try:
        return zlib.decompress(rest) if how == _ZLIB else None
    except zlib.error:
        return None


def _checksum(key: bytes, stored: bytes) -> bytes:
    """Of the key too: an answer that came under another's key is damage."""
    return hashlib.blake2b(len(key).to_bytes(8, "big") + key + stored, digest_size=16).digest()
