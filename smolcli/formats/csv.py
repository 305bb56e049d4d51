"""Pages that were read go in, their tables come out as CSV, an empty line between two of them."""

from __future__ import annotations

import csv
import io

from smolcli.formats.page import reading_of, rows_of
from smolcli.formats.whole import WholeWriter
from smolcli.jobs import Answer


class TablesWriter(WholeWriter):
    """The tables of all pages, in order, as RFC 4180 quotes them; what is no table is left out."""

    def answer(self, answer: Answer) -> None:
        """Write the tables of one page."""
        for table in reading_of(answer).of_kind("table"):
            lines = io.StringIO()
            csv.writer(lines, lineterminator="\n").writerows(rows_of(table))
            if lines.getvalue():
                self._target.write(("\n" if self._begun else "") + lines.getvalue())
                self._begun = True
