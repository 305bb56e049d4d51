"""Text in pieces in, the text before the first stop string out, wherever the pieces are cut."""

from __future__ import annotations

import re
from collections.abc import Iterable


class StopStrings:
    """Feed it text; it returns what may be shown. What may be the beginning of a stop string is held back."""

    def __init__(self, strings: Iterable[str]) -> None:
        found = [string for string in strings if string]
        self._pattern = re.compile("|".join(map(re.escape, found))) if found else None
        self._beginnings = {string[:length] for string in found for length in range(1, len(string))}
        self._longest = max(map(len, found), default=1) - 1
        self._held = ""
        self.stopped = False

    def feed(self, text: str) -> str:
        """Add text; returns the part of all held text that is before any stop string."""
        if self._pattern is None or self.stopped:
            return "" if self.stopped else text
        text = self._held + text
        stop = self._pattern.search(text)
        if stop is not None:
            self.stopped, self._held = True, ""
            return text[: stop.start()]
        sizes = range(min(self._longest, len(text)), 0, -1)
        held = next((size for size in sizes if text[-size:] in self._beginnings), 0)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]

    def finish(self) -> str:
        """The answer ended by itself: what was held back was no stop string."""
        text, self._held = self._held, ""
        return text
