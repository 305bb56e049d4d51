"""Bytes of tokens in, clean text out: UTF-8 across token borders, no white space at the ends, no endless repetition."""

from __future__ import annotations

import codecs

from smolcli.engine.loopguard import LoopGuard


class TextStream:
    """The text of one answer as it grows. What `feed` and `finish` return, joined, is `text`."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._guard = LoopGuard()
        self._blank = ""  # white space that is shown only when something follows it
        self.text = ""

    @property
    def looping(self) -> bool:
        """True when the answer repeats itself without end; the rest of it was cut."""
        return self._guard.looping

    def feed(self, data: bytes) -> str:
        """Bytes of one token → the text that may be shown now (often "")."""
        return self._show(self._guard.feed(self._decoder.decode(data)))

    def finish(self) -> str:
        """The answer has ended: the rest of its text."""
        rest = "" if self.looping else self._guard.feed(self._decoder.decode(b"", final=True)) + self._guard.finish()
        return self._show(rest)

    def _show(self, new: str) -> str:
        text = self._blank + new
        if not self.text:  # the model writes the space after "Assistant:" itself
            text = text.lstrip()
        shown = text.rstrip()
        self._blank = text[len(shown) :]
        self.text += shown
        return shown
