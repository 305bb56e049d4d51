"""Answers in, bytes out: one writer a format (table.py names them all), as many outputs as are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smolcli.formats.appended import AppendedFile
from smolcli.formats.embedding import describe_file
from smolcli.formats.failed import FailureFile
from smolcli.formats.form import PLAIN, Form
from smolcli.formats.json import SCHEMA, JsonWriter, answer_record, failure_record, to_json
from smolcli.formats.naming import SidecarNames
from smolcli.formats.outputs import Outputs, Wanted
from smolcli.formats.plan import ShownPlan, add_hashes, plan_lines, plan_record, run_lengths
from smolcli.formats.saved_frames import SavedFrames
from smolcli.formats.sentences import answer_sentence, failure_sentence
from smolcli.formats.sidecars import Beside, Sidecar, Sidecars
from smolcli.formats.table import FORMATS, Allowed, Format, Writer, find_format, format_of_file, of_one_input
from smolcli.formats.text import TextWriter
from smolcli.formats.tsv import CsvWriter, LineWriter
from smolcli.printable import escaped, printable

if TYPE_CHECKING:
    from smolcli.formats.chart import chart_bytes as chart_bytes
    from smolcli.formats.chart import check_chart as check_chart
    from smolcli.formats.marked import MarkedFile as MarkedFile
    from smolcli.formats.marked import MarkedPages as MarkedPages
    from smolcli.formats.marked import Marking as Marking
    from smolcli.formats.pdf import check_pdf as check_pdf
    from smolcli.formats.pdf import second_file as second_file
    from smolcli.formats.pdf_opening import PdfOptions as PdfOptions

__all__ = [
    "FORMATS",
    "PLAIN",
    "SCHEMA",
    "Allowed",
    "AppendedFile",
    "Beside",
    "CsvWriter",
    "FailureFile",
    "Form",
    "Format",
    "JsonWriter",
    "LineWriter",
    "Outputs",
    "SavedFrames",
    "ShownPlan",
    "Sidecar",
    "SidecarNames",
    "Sidecars",
    "TextWriter",
    "Wanted",
    "Writer",
    "add_hashes",
    "answer_record",
    "answer_sentence",
    "describe_file",
    "escaped",
    "failure_record",
    "failure_sentence",
    "find_format",
    "format_of_file",
    "of_one_input",
    "plan_lines",
    "plan_record",
    "printable",
    "run_lengths",
    "to_json",
]


def __getattr__(name: str) -> Any:
    """What makes PDFs and pictures; it is loaded then."""
    if name in ("MarkedFile", "MarkedPages", "Marking"):
        from smolcli.formats import marked

        return getattr(marked, name)
    if name in ("chart_bytes", "check_chart"):
        from smolcli.formats import chart

        return getattr(chart, name)
    if name not in ("PdfOptions", "check_pdf", "second_file"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from smolcli.formats import pdf

    return getattr(pdf, name)
