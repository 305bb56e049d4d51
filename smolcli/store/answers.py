"""Finished answers, by the key of their job. A record is bytes to the store; it is kept compressed."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from smolcli.store.database import Store
from smolcli.store.shelf import Shelf


class KeptAnswers:
    """Records of finished answers. `fresh`: none is taken, all are replaced."""

    def __init__(self, store: Store, fresh: bool = False) -> None:
        self._shelf = Shelf(store, "answers", ("key",), "answer_sources", fresh)

    def get(self, key: bytes, sources: Sequence[str]) -> bytes | None:
        """The record as it was kept; None when there is none. sources: sha256 (hex) of the files that it is about.

        An entry that is damaged is dropped.
        """
        rows = self._shelf.get((key,), sources)
        return None if rows is None else zlib.decompress(rows)

    def keep(self, key: bytes, sources: Sequence[str], record: bytes) -> None:
        """Keep a record."""
        self._shelf.keep((key,), sources, zlib.compress(record))
