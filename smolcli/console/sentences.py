"""Sentences in, lines on stderr out; results in, lines, tables or JSON on standard output out."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from smolcli.errors import SmolError
from smolcli.printable import printable


def say(message: str) -> None:
    """One line on stderr. A stderr that is gone is no reason to fail."""
    line = printable(message.replace("\n", " "))
    try:
        line.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character, as JSON can spell it
        line = line.encode("utf-8", "backslashreplace").decode()
    with suppress(OSError, ValueError):
        sys.stderr.write(f"smol: {line}\n")
        sys.stderr.flush()


@dataclass(frozen=True, slots=True)
class Console:
    """What a command says, by what its user wants to hear: sentences on stderr, a result on stdout.

    quiet: only results and errors; json: results as JSON objects; verbose: details too (-v).
    """

    quiet: bool = False
    json: bool = False
    verbose: int = 0

    def tell(self, sentence: str) -> None:
        """What a user would miss."""
        if not self.quiet:
            say(sentence)

    def note(self, *sentences: str) -> None:
        """What is done in another way than was asked for."""
        for sentence in sentences:
            self.tell(f"note: {sentence}")

    def detail(self, sentence: str) -> None:
        """What only -v says."""
        if self.verbose:
            self.tell(sentence)

    def result(self, records: Iterable[dict[str, Any]], lines: Iterable[str]) -> None:
        """The same as JSON objects or as lines, made safe to print. Raises OutputError."""
        if self.json:
            show_json(*records)
        else:
            show_lines(lines)

    def table(self, record: dict[str, Any], header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """The same as a JSON object or as a table. Raises OutputError."""
        if self.json:
            show_json(record)
        else:
            show_table(header, *rows)


def report(error: SmolError) -> None:
    """An error as one line: what, where, and the way out. One without words has been reported already."""
    if str(error):
        say(f"error: {error}")


def is_terminal(stream: Any) -> bool:
    """Whether a person watches this stream."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


def show_lines(lines: Iterable[str]) -> None:
    """Lines, made safe to print. Raises OutputError."""
    from smolcli.files import StandardOutput

    StandardOutput().write("".join(f"{printable(line)}\n" for line in lines))


def show_json(*records: dict[str, Any]) -> None:
    """A JSON object a line. Raises OutputError."""
    from smolcli.files import StandardOutput
    from smolcli.formats import to_json

    StandardOutput().write("".join(f"{to_json(record)}\n" for record in records))


def show_table(header: Sequence[str], *rows: Sequence[str]) -> None:
    """Columns as wide as their widest cell, two spaces between; the last is not padded."""
    table = [header, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(header) - 1)]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=False)] for row in table)
    show_lines("  ".join([*cells, row[-1]]).rstrip() for cells, row in zip(padded, table, strict=True))
