"""One table of the store: entries by key, each with a checksum, the time of its last use, and the files it is of."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from smolcli.store.database import FRESH_S, Store, now_s

Statement = tuple[str, tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A table and the one that says which files its entries are of, by the last of its key's columns.

    `fresh`: nothing is taken from it, all is replaced. Safe in any thread.
    """

    store: Store
    table: str
    columns: tuple[str, ...]
    sources: str
    fresh: bool = False

    def get(self, key: tuple[bytes, ...], sources: Sequence[str]) -> bytes | None:
        """An entry, None where there is none. sources: sha256 (hex) of its files. One that is damaged is dropped."""
        if self.fresh:
            return None
        found = self.store.ask(f"SELECT rows, checksum, used_s FROM {self.table} WHERE {self._where}", *key)
        if not found:
            return None
        rows, checksum, used_s = found[0]
        if not isinstance(rows, bytes) or _checksum(rows) != checksum:
            self.store.change((f"DELETE FROM {self.table} WHERE {self._where}", key))
            return None
        if now_s() - int(str(used_s)) > FRESH_S or not self._known(key, sources):
            used = f"UPDATE {self.table} SET used_s = ? WHERE {self._where}"
            self.store.change((used, (now_s(), *key)), *self._source(key, sources))
        return rows

    def keep(self, key: tuple[bytes, ...], sources: Sequence[str], rows: bytes) -> None:
        """Keep an entry."""
        names = ", ".join((*self.columns, "rows", "checksum", "bytes", "used_s"))
        marks = ", ".join("?" * (len(key) + 4))
        insert = f"INSERT OR REPLACE INTO {self.table} ({names}) VALUES ({marks})"
        row = (*key, rows, _checksum(rows), len(rows), now_s())
        self.store.change((insert, row), *self._source(key, sources))
        self.store.grew(len(rows))

    @property
    def _where(self) -> str:
        return " AND ".join(f"{column} = ?" for column in self.columns)

    def _known(self, key: tuple[bytes, ...], sources: Sequence[str]) -> bool:
        query = f"SELECT 1 FROM {self.sources} WHERE source = ? AND {self.columns[-1]} = ?"
        return all(self.store.ask(query, bytes.fromhex(source), key[-1]) for source in sources if source)

    def _source(self, key: tuple[bytes, ...], sources: Sequence[str]) -> list[Statement]:
        """Of which files an entry is, so that it can be forgotten with them."""
        insert = f"INSERT OR IGNORE INTO {self.sources} VALUES (?, ?)"
        return [(insert, (bytes.fromhex(source), key[-1])) for source in sources if source]


def _checksum(rows: bytes) -> bytes:
    return hashlib.blake2b(rows, digest_size=16).digest()
