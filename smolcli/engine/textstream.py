"""Bytes of tokens in, clean text out: UTF-8 across token borders, nothing from a stop string on, no white space at the
ends, no endless repetition.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable

from smolcli.engine.blockguard import BlockGuard
from smolcli.engine.loopguard import LoopGuard
from smolcli.engine.stopstrings import StopStrings

_MARKUP_ROWS = ("<nl>", "cel>", "hed>", "srow>")  # OTSL: cells that are empty, or alike, come again and again


class TextStream:
    """The text of one answer as it grows. What `feed` and `finish` return, joined, is `text`.

    stop: strings that end it, and are no part of it; doctags: it is a page in that markup.
    """

    def __init__(self, stop: Iterable[str] = (), doctags: bool = False) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = StopStrings(stop)
        self._guard = LoopGuard(_MARKUP_ROWS if doctags else ())
        self._blocks = BlockGuard() if doctags else None
        self._blank = ""  # white space that is shown only when something follows it
        self.text = ""
        self.length = 0  # of the text with what is held back still

    @property
    def looping(self) -> bool:
        """True when the answer repeats itself without end; the rest of it was cut."""
        looping = self._guard.looping or (self._blocks is not None and self._blocks.looping)
        return looping and not self.stopped

    @property
    def stopped(self) -> bool:
        """True when a stop string has come."""
        return self._stop.stopped

    def feed(self, data: bytes) -> str:
        """Bytes of one token → the text that may be shown now (often "")."""
        text = self._decoder.decode(data)
        self.length += len(text if self.length else text.lstrip())
        if self._blocks is not None:
            self._blocks.feed(text)
        return self._show(self._guard.feed(self._stop.feed(text)))

    def finish(self) -> str:
        """The answer has ended: the rest of its text."""
        if self.looping:  # what is held back is the loop's
            return self._show("")
        rest = self._stop.feed(self._decoder.decode(b"", final=True)) + self._stop.finish()
        return self._show(self._guard.feed(rest) + self._guard.finish())

    def _show(self, new: str) -> str:
        text = self._blank + new
        if not self.text:  # the model writes the space after "Assistant:" itself
            text = text.lstrip()
        shown = text.rstrip()
        self._blank = text[len(shown) :]
        self.text += shown
        return shown
