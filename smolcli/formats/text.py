"""Answers in, plain text out: as they are, or each under a line that says of what it is."""

from __future__ import annotations

from collections.abc import Callable

from smolcli.files import Target
from smolcli.jobs import Answer, Failure
from smolcli.printable import escaped, printable


class TextWriter:
    """Answers as they are, each ended by a line break. With `heading`, a line before each says which page it is of."""

    def __init__(self, target: Target, heading: Callable[[Answer], str] | None = None) -> None:
        self._target, self._heading = target, heading
        self._open = False  # an answer has begun to be streamed

    def piece(self, text: str) -> None:
        """Show the next characters of the answer in the making (headings are not known yet, so only without them)."""
        if not self._heading:
            self._target.write(printable(text))
            self._open = True

    def answer(self, answer: Answer) -> None:
        """Write a finished answer, or end the line of one that was streamed."""
        heading = f"[{escaped(self._heading(answer))}]\n" if self._heading else ""
        self._target.write(heading + ("" if self._open else printable(answer.text)) + "\n")
        self._open = False

    def failure(self, failure: Failure) -> bool:
        """Whether it was written: text holds answers only."""
        return False

    def broke_off(self) -> None:
        """No more of the current answer will come: end its line."""
        if self._open:
            self._target.write("\n")
            self._open = False
