"""Answers in, bytes out: one writer a format."""

from __future__ import annotations

from smolcli.formats.json import SCHEMA, JsonWriter, answer_record, failure_record, to_json
from smolcli.formats.text import TextWriter
from smolcli.formats.tsv import LineWriter
from smolcli.printable import escaped, printable

Writer = TextWriter | LineWriter | JsonWriter

__all__ = [
    "SCHEMA",
    "JsonWriter",
    "LineWriter",
    "TextWriter",
    "Writer",
    "answer_record",
    "escaped",
    "failure_record",
    "printable",
    "to_json",
]
