"""Answers in, lines of columns out: separated by tabs, or as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from smolcli.files import Target
from smolcli.formats.form import Form
from smolcli.formats.whole import WholeWriter
from smolcli.jobs import Answer
from smolcli.printable import escaped, printable


class LineWriter(WholeWriter):
    """`column<TAB>answer`, one line each: what shell tools cut and sort. The form says which columns."""

    def __init__(self, target: Target, form: Form) -> None:
        super().__init__(target)
        self._form = form

    def answer(self, answer: Answer) -> None:
        """Write one line; control characters become escapes in columns, white space becomes spaces in the answer."""
        columns = map(escaped, self._form.cells(answer))
        self._target.write("\t".join((*columns, printable(" ".join(answer.text.split())))) + "\n")


class CsvWriter(WholeWriter):
    """The same columns under a line of their names, as RFC 4180 quotes them: an answer keeps its line breaks."""

    def __init__(self, target: Target, form: Form) -> None:
        super().__init__(target)
        self._form = form

    def answer(self, answer: Answer) -> None:
        """Write one row, the first one under the names of the columns."""
        cells = self._form.cells(answer)
        if not self._begun:
            self._row([*self._form.names[: len(cells)], "text"])
            self._begun = True
        self._row([*map(escaped, cells), printable(answer.text)])

    def _row(self, cells: Iterable[str]) -> None:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(cells)
        self._target.write(line.getvalue())
