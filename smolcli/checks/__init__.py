"""Is all well? A machine, settings and a model in, checks out; a conversion in, what it costs out. Prints nothing."""

from __future__ import annotations

from smolcli.checks.check import Check
from smolcli.checks.doctor import all_checks, failures
from smolcli.checks.examiner import EngineExaminer
from smolcli.checks.measure import PICTURES, REFERENCE, Cost, load_and_check, measure, report_table

__all__ = [
    "PICTURES",
    "REFERENCE",
    "Check",
    "Cost",
    "EngineExaminer",
    "all_checks",
    "failures",
    "load_and_check",
    "measure",
    "report_table",
]
