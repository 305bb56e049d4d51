"""Answers in, lines of tab-separated columns out."""

from __future__ import annotations

from collections.abc import Callable

from smolcli.files import Target
from smolcli.jobs import Answer, Failure
from smolcli.printable import escaped, printable


class LineWriter:
    """`column<TAB>answer`, one line each: what shell tools cut and sort. `columns` gives those before the answer."""

    def __init__(self, target: Target, columns: Callable[[Answer], tuple[str, ...]]) -> None:
        self._target, self._columns = target, columns

    def piece(self, text: str) -> None:
        """A line is written whole."""

    def answer(self, answer: Answer) -> None:
        """Write one line; control characters become escapes in columns, white space becomes spaces in the answer."""
        columns = map(escaped, self._columns(answer))
        self._target.write("\t".join((*columns, printable(" ".join(answer.text.split())))) + "\n")

    def failure(self, failure: Failure) -> bool:
        """Whether it was written: a line holds an answer."""
        return False

    def broke_off(self) -> None:
        """A line is written whole."""
