"""Columns of lines go in, a table's blocks come out where they are cells; running text side by side is no table."""

from __future__ import annotations

from smolcli.layout.nouns import Block, Line


def table_of(columns: list[list[Line]]) -> list[Block] | None:
    """The blocks of columns that are a table, or None."""
    return None
