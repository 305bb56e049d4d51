"""A record of measurements in, a table with bars on standard output out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from math import floor, log10
from typing import Any

from smolcli.measurements import Measurement, Record
from smolcli.printable import megabytes, printable

_NARROWEST = 72  # columns: below, lines are broken
_BAR = 24  # columns at most


def number(value: float) -> str:
    """Three digits that count: 0.0123, 1.23, 12.3, 123, 1,234."""
    rounded = float(f"{value:.3g}")
    if rounded >= 100 or rounded == 0:
        return f"{value:,.0f}"
    return f"{rounded:.{2 - floor(log10(rounded))}f}"


def show_record(record: Record) -> None:
    """What was measured, where, and of what. Raises OutputError."""
    from smolcli.files import StandardOutput

    StandardOutput().write(record_text(record, sys.stdout))


def record_text(record: Record, stream: Any, width: int | None = None) -> str:
    """The table as it is written to a stream: in colours on a terminal, in plain text elsewhere."""
    from rich.console import Console

    console = Console(file=stream, width=width, highlight=False, soft_wrap=False)
    if console.width < _NARROWEST:
        console = Console(file=stream, width=_NARROWEST, highlight=False)
    with console.capture() as captured:
        console.print(_head(record), _table(record.rows, "utf" in console.encoding.lower()), sep="\n")
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def _head(record: Record) -> Any:
    """Model, inputs, machine and build: what a figure is worth nothing without."""
    from rich.table import Table
    from rich.text import Text

    machine, build = record.machine, record.build
    memory = [megabytes(machine.memory_bytes)] if machine.memory_bytes else []
    found = [machine.processor, f"{machine.cores} cores", *memory, *machine.devices, machine.system]
    head = Table.grid(padding=(0, 2, 0, 0))
    head.add_column(style="bold")
    head.add_column(overflow="fold")
    for name, text in (
        ("model", ", ".join(record.model)),
        ("inputs", "; ".join(record.settings)),
        ("machine", ", ".join(found)),
        ("build", f"smol {build.smol}, {build.binding} ({build.llama_cpp}), Python {build.python}"),
        ("uses", " ".join(build.instructions)),
    ):
        head.add_row(name, Text(printable(text)))
    return head


def _table(rows: Sequence[Measurement], bars: bool) -> Any:
    """A row for each quantity; those of a group stand together, and have bars that can be compared."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    table.add_column("median", justify="right", no_wrap=True, style="bold")
    table.add_column("", no_wrap=True)
    table.add_column("min – max", justify="right", no_wrap=True, style="dim")
    table.add_column("runs", justify="right", no_wrap=True, style="dim")
    table.add_column("", max_width=_BAR)
    groups: dict[str, list[Measurement]] = {}
    for row in sorted(rows, key=lambda row: row.is_ratio):
        groups.setdefault(_group(row), []).append(row)
    for group, together in groups.items():
        if group:
            table.add_row()
            table.add_row(Text(printable(group), style="bold"))
        for row in together:
            table.add_row(*map(Text, _cells(row)), _bar(row, together) if bars else "")
    return table


def _group(row: Measurement) -> str:
    """Under which line a row stands: one quantity at many widths, ratios to one tool, figures of another tool."""
    if row.is_ratio:
        return f"{row.versus} = 1"
    if row.at:
        return f"{row.tool}, {row.unit}" if row.tool else f"{row.name}, {row.unit}"
    return row.tool


def _cells(row: Measurement) -> tuple[str, ...]:
    spread = f"{number(row.min)} – {number(row.max)}" if row.runs > 1 else ""
    many = f"{row.at} at a time" if row.at else ""
    label = f"{row.name}, {row.at}" if row.is_ratio and row.at else many or row.name
    unit = "" if row.at and not row.is_ratio else row.unit
    return f"  {label}" if _group(row) else label, number(row.median), unit, spread, str(row.runs)


def _bar(row: Measurement, group: Sequence[Measurement]) -> Any:
    """As long as the median is beside the largest of its group, and a ratio beside 1; nothing without such a group."""
    from rich.bar import Bar

    if not row.at and not row.is_ratio:
        return ""
    most = max([other.median for other in group] + [1.0] * row.is_ratio)
    colour = "cyan" if not row.is_ratio else "green" if row.median >= 1 else "yellow"
    return Bar(most, 0, row.median, color=colour)
