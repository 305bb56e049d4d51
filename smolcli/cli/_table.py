"""Rows, lines or records in, text on standard output out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from smolcli.files import StandardOutput
from smolcli.formats import printable, to_json
from smolcli.printable import megabytes

__all__ = ["megabytes", "show_json", "show_lines", "show_table"]


def show_lines(lines: Iterable[str]) -> None:
    """Lines, made safe to print. Raises OutputError."""
    StandardOutput().write("".join(f"{printable(line)}\n" for line in lines))


def show_json(*records: dict[str, Any]) -> None:
    """A JSON object a line. Raises OutputError."""
    StandardOutput().write("".join(f"{to_json(record)}\n" for record in records))


def show_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell, two spaces between; the last is not padded."""
    table = [header, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(header) - 1)]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=False)] for row in table)
    show_lines("  ".join([*cells, row[-1]]).rstrip() for cells, row in zip(padded, table, strict=True))
