"""Embeddings of tiles, by the digest of their pixels and of what encoded them: float32, so that a kept tile and a fresh
one give the same answer, bit for bit.
"""

from __future__ import annotations

import hashlib

from smolcli.store.database import Store
from smolcli.store.shelf import Shelf

VERSION = b"tiles 1"  # goes up when the same pixels would be encoded differently by our own code


class KeptTiles:
    """The tiles that one projector has encoded, as bytes of float32 rows. `fresh`: none is taken, all are replaced."""

    def __init__(self, store: Store, model: bytes, fresh: bool = False) -> None:
        self._shelf = Shelf(store, "tiles", ("model", "digest"), "sources", fresh)
        self._model = hashlib.blake2b(VERSION + model, digest_size=16).digest()

    def get(self, digest: bytes, source: str) -> bytes | None:
        """What a tile was encoded to; None when that is not known. source: the hash (hex) of the file it is cut from.

        An entry that is damaged is dropped.
        """
        return self._shelf.get((self._model, digest), (source,))

    def keep(self, digest: bytes, source: str, rows: bytes) -> None:
        """Keep what a tile was encoded to."""
        self._shelf.keep((self._model, digest), (source,), rows)
