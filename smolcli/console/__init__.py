"""SAY: what a person hears of a run, beside its answers, and how a run is told to end. Nothing heavy is imported.

One place writes to stderr, knows the terminal, and keeps quiet when told to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smolcli.console.bars import ByteBar, Progress, StepBar
from smolcli.console.sentences import Console, is_terminal, report, say, show_json, show_lines, show_table
from smolcli.console.signals import (
    BROKEN_OFF,
    SIGNALLED,
    Ended,
    Ending,
    Interrupt,
    ended_code,
    ending_signals,
    interruptible,
)

if TYPE_CHECKING:
    from smolcli.console.measured import number, show_record

__all__ = [
    "BROKEN_OFF",
    "SIGNALLED",
    "ByteBar",
    "Console",
    "Ended",
    "Ending",
    "Interrupt",
    "Progress",
    "StepBar",
    "ended_code",
    "ending_signals",
    "interruptible",
    "is_terminal",
    "number",
    "report",
    "say",
    "show_json",
    "show_lines",
    "show_record",
    "show_table",
]


def __getattr__(name: str) -> Any:
    """What only one command shows is loaded when it does."""
    if name not in ("number", "show_record"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from smolcli.console import measured

    return getattr(measured, name)
