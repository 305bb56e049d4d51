"""What pages say, as earlier runs have read it: by the hash of a file and the page's number, without names."""

from __future__ import annotations

import hashlib
import json

from smolcli.datatypes import Place
from smolcli.run.kept import AnswerStore

_FORM = "page text 1"  # goes up when a page would be read differently by our own code


class PageTexts:
    """Texts of pages that were read whole, whatever model did it: they tell which pages a question is about.

    store: None where nothing is kept.
    """

    def __init__(self, store: AnswerStore | None = None) -> None:
        self._store = store

    def get(self, place: Place) -> str:
        """What a page says, "" where that is not known."""
        if self._store is None or not place.source.sha256:
            return ""
        data = self._store.get(_key(place), [place.source.sha256])
        return data.decode() if data is not None else ""

    def keep(self, place: Place, text: str) -> None:
        """Keep what a page says."""
        if self._store is not None and place.source.sha256 and text.strip():
            self._store.keep(_key(place), [place.source.sha256], text.encode("utf-8", "replace"))


def _key(place: Place) -> bytes:
    where = json.dumps([_FORM, place.source.sha256, place.index])
    return f"text:{hashlib.blake2b(where.encode(), digest_size=16).hexdigest()}".encode()
