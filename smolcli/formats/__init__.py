"""Answers in, bytes out: one writer a format (table.py names them all), as many outputs as are asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from smolcli.formats.appended import AppendedFile
from smolcli.formats.form import PLAIN, Form
from smolcli.formats.json import SCHEMA, JsonWriter, answer_record, failure_record, to_json
from smolcli.formats.outputs import Outputs, Wanted
from smolcli.formats.sentences import answer_sentence, failure_sentence
from smolcli.formats.table import FORMATS, Allowed, Format, Writer, find_format, format_of_file, of_one_input
from smolcli.formats.text import TextWriter
from smolcli.formats.tsv import CsvWriter, LineWriter
from smolcli.printable import escaped, printable

if TYPE_CHECKING:
    from smolcli.formats.chart import chart_bytes as chart_bytes
    from smolcli.formats.chart import check_chart as check_chart
    from smolcli.formats.embedding import describe_file
    from smolcli.formats.failed import FailureFile
    from smolcli.formats.marked import MarkedFile as MarkedFile
    from smolcli.formats.marked import MarkedPages as MarkedPages
    from smolcli.formats.marked import Marking as Marking
    from smolcli.formats.naming import SidecarNames
    from smolcli.formats.pdf import check_pdf as check_pdf
    from smolcli.formats.pdf import second_file as second_file
    from smolcli.formats.pdf_opening import PdfOptions as PdfOptions
    from smolcli.formats.plan import ShownPlan, add_hashes, plan_lines, plan_record, run_lengths
    from smolcli.formats.saved_frames import SavedFrames
    from smolcli.formats.sidecars import Beside, Sidecar, Sidecars

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
_LATER = {
    **dict.fromkeys(("chart_bytes", "check_chart"), "chart"),
    "describe_file": "embedding",
    "FailureFile": "failed",
    **dict.fromkeys(("MarkedFile", "MarkedPages", "Marking"), "marked"),
    "SidecarNames": "naming",
    **dict.fromkeys(("check_pdf", "second_file"), "pdf"),
    "PdfOptions": "pdf_opening",
    **dict.fromkeys(("ShownPlan", "add_hashes", "plan_lines", "plan_record", "run_lengths"), "plan"),
    "SavedFrames": "saved_frames",
    **dict.fromkeys(("Beside", "Sidecar", "Sidecars"), "sidecars"),
}


def __getattr__(name: str) -> Any:
    """What only some runs write: plans, files beside inputs, PDFs, pictures; it is loaded then."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
