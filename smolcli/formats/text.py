"""Answers in, plain text out: as they are, each under a line that says of what it is, or behind its time in a clip."""

from __future__ import annotations

from smolcli.files import Target
from smolcli.formats.form import PLAIN, Form
from smolcli.jobs import Answer, Failure
from smolcli.printable import escaped, printable, time_range


class TextWriter:
    """Answers as they are, each ended by one line break. A form's title stands on a line before each."""

    def __init__(self, target: Target, form: Form = PLAIN) -> None:
        self._target, self._heading, self._between = target, form.title(), form.between
        self._ranges = form.ranges
        self._open = False  # an answer has begun to be streamed
        self._begun = False  # what is between answers is due before the next one

    def piece(self, text: str) -> None:
        """Show the next characters of the answer in the making (of what it is is not known yet, so only where that is
        not said).
        """
        if not (self._heading or self._ranges):
            self._target.write(self._before() + printable(text))
            self._open = True

    def answer(self, answer: Answer) -> None:
        """Write a finished answer, or end the line of one that was streamed."""
        heading = f"[{escaped(self._heading(answer))}]\n" if self._heading else ""
        text = "" if self._open else self._before() + heading + self._ranged(answer)
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

    def _ranged(self, answer: Answer) -> str:
        """The answer, behind the time of its window; lines after the first stand below its beginning."""
        text = printable(answer.text).rstrip("\n")
        if not self._ranges or answer.window_s is None:
            return text
        begins = f"{time_range(answer.window_s)}  "
        return begins + text.replace("\n", "\n" + " " * len(begins))

    def _before(self) -> str:
        return self._between if self._begun and not self._open else ""
