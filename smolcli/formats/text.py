"""Answers in, plain text out: as they are, or each under a line that says of what it is."""

from __future__ import annotations

from smolcli.files import Target
from smolcli.formats.form import PLAIN, Form
from smolcli.jobs import Answer, Failure
from smolcli.printable import escaped, printable


class TextWriter:
    """Answers as they are, each ended by one line break. A form's title stands on a line before each."""

    def __init__(self, target: Target, form: Form = PLAIN) -> None:
        self._target, self._heading, self._between = target, form.title(), form.between
        self._open = False  # an answer has begun to be streamed
        self._begun = False  # what is between answers is due before the next one

    def piece(self, text: str) -> None:
        """Show the next characters of the answer in the making (headings are not known yet, so only without them)."""
        if not self._heading:
            self._target.write(self._before() + printable(text))
            self._open = True

    def answer(self, answer: Answer) -> None:
        """Write a finished answer, or end the line of one that was streamed."""
        heading = f"[{escaped(self._heading(answer))}]\n" if self._heading else ""
        text = "" if self._open else self._before() + heading + printable(answer.text).rstrip("\n")
        self._target.write(text + "\n")
        self._open, self._begun = False, True

    def failure(self, failure: Failure) -> bool:
        """Whether it was written: text holds answers only."""
        return False

    def broke_off(self) -> None:
        """No more of the current answer will come: end its line."""
        if self._open:
            self._target.write("\n")
            self._open = False

    def finish(self) -> None:
        """Text has no end of its own."""

    def _before(self) -> str:
        return self._between if self._begun and not self._open else ""
