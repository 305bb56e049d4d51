"""A record of measurements in, a chart of it out, as the bytes of a PNG, SVG or PDF file. Matplotlib's only door."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from smolcli.errors import UsageError
from smolcli.measurements import Measurement, Record

KINDS = (".png", ".svg", ".pdf")
_SECONDS = {"s": 1.0, "ms": 1e-3, "ms a tile": 1e-3}
_BY_WIDTH = {"decode": "Decode, tokens per second", "examples": "Examples per second: a picture and a question"}
_OURS, _THEIRS, _BETTER, _WORSE = "#2f6f9f", "#a9aeb3", "#3a8f5c", "#c27c2c"
_DPI = 150
_PANEL = 5.2, 3.4  # inches, width and height
_MOST_ABREAST = 3  # panels


def check_chart(path: Path) -> None:
    """Raise UsageError for a file that could not be drawn: of another kind, or without matplotlib."""
    if path.suffix.lower() not in KINDS:
        raise UsageError(
            f"A chart cannot be written as {path.name!r}.", f"Name a file that ends in {', '.join(KINDS)}."
        )
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise UsageError("Charts are drawn by matplotlib.", 'Install it with: pip install "smolcli[plot]"') from error


def chart_bytes(record: Record, kind: str) -> bytes:
    """The bytes of a file; kind: one of KINDS. What takes time, speeds by width with their spread, ratios to others."""
    from matplotlib.figure import Figure

    panels = list(_panels(record.rows))
    across = len(panels) if len(panels) <= _MOST_ABREAST else 2
    down = max(1, -(-len(panels) // max(1, across)))
    size = (_PANEL[0] * max(1, across), _PANEL[1] * down + 1.1)
    figure = Figure(figsize=size, dpi=_DPI, layout="constrained")
    figure.suptitle(f"{', '.join(record.model)}\n{record.machine.processor}, {record.settings[0]}", fontsize=11)
    for place, draw in enumerate(panels):
        axis = figure.add_subplot(down, across, place + 1)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=9)
        draw(axis)
    figure.supxlabel(_foot(record), fontsize=8, color="#6b7075")
    made = io.BytesIO()
    figure.savefig(made, format=kind.lower().lstrip("."), metadata={"Title": record.title})
    return made.getvalue()


def _panels(rows: Sequence[Measurement]) -> Sequence[Callable[[Any], None]]:
    """What there is something to be drawn of."""
    found: list[Callable[[Any], None]] = []
    if stages := [row for row in rows if not row.at and row.unit in _SECONDS]:
        found.append(partial(_stages, rows=stages))
    for name, title in _BY_WIDTH.items():
        if by_width := [row for row in rows if row.name == name and row.at and not row.is_ratio]:
            found.append(partial(_widths, rows=by_width, title=title))
    if ratios := [row for row in rows if row.is_ratio]:
        found.append(partial(_ratios, rows=ratios))
    return found


def _stages(axis: Any, rows: Sequence[Measurement]) -> None:
    """Seconds, the first at the top, on a logarithmic scale: they are too unlike for another."""
    places = range(len(rows))[::-1]
    seconds = [row.median * _SECONDS[row.unit] for row in rows]
    spread = [_spread(row, _SECONDS[row.unit]) for row in rows]
    colours = [_THEIRS if row.tool else _OURS for row in rows]
    axis.barh(places, seconds, xerr=_columns(spread), color=colours, ecolor="black", capsize=3)
    axis.set_yticks(places, [_stage(row) for row in rows])
    axis.set_xscale("log")
    axis.set_title("Time, seconds", fontsize=10)
    for place, value, (_, above) in zip(places, seconds, spread, strict=True):
        axis.annotate(f" {value:.3g} s", (value + above, place), va="center", fontsize=8)
    axis.margins(x=0.25)


def _stage(row: Measurement) -> str:
    name = f"{row.name}, a tile" if "tile" in row.unit else row.name
    return f"{name}\n{row.tool}" if row.tool else name


def _widths(axis: Any, rows: Sequence[Measurement], title: str) -> None:
    """A speed by how many sequences go on at the same time; another tool's beside ours."""
    widths = sorted({row.at for row in rows})
    tools = list(dict.fromkeys(row.tool for row in rows))
    thick = 0.8 / len(tools)
    for number, tool in enumerate(tools):
        own = [row for row in rows if row.tool == tool]
        places = [widths.index(row.at) + (number - (len(tools) - 1) / 2) * thick for row in own]
        values, spread = [row.median for row in own], _columns([_spread(row) for row in own])
        colour = _THEIRS if tool else _OURS
        axis.bar(places, values, thick, yerr=spread, color=colour, ecolor="black", capsize=3, label=tool or "smol")
        for place, row in zip(places, own, strict=True):
            axis.annotate(f"{row.median:.3g}", (place, row.max), ha="center", va="bottom", fontsize=8)
    if len(tools) > 1:
        axis.legend(fontsize=8, frameon=False)
    axis.set_xticks(range(len(widths)), [str(width) for width in widths])
    axis.set_xlim(-0.6, max(len(widths), 2) - 0.4)
    axis.set_xlabel("at the same time", fontsize=9)
    axis.set_title(title, fontsize=10)
    axis.margins(y=0.15)


def _ratios(axis: Any, rows: Sequence[Measurement]) -> None:
    """How many times as good as another; 1 is a line."""
    places = range(len(rows))[::-1]
    values, spread = [row.median for row in rows], _columns([_spread(row) for row in rows])
    colours = [_BETTER if value >= 1 else _WORSE for value in values]
    axis.barh(places, values, xerr=spread, color=colours, ecolor="black", capsize=3)
    axis.set_yticks(places, [f"{row.label}\n{row.versus}" for row in rows], fontsize=7)
    axis.axvline(1, color="black", linewidth=1)
    axis.set_title("Times as good as another tool", fontsize=10)
    for place, row in zip(places, rows, strict=True):
        axis.annotate(f" {row.median:.2f}", (row.max, place), va="center", fontsize=8)
    axis.margins(x=0.18)


def _columns(spread: Sequence[tuple[float, float]]) -> Sequence[Sequence[float]]:
    """What error bars are drawn of: all that is below the medians, then all that is above."""
    return [below for below, _ in spread], [above for _, above in spread]


def _spread(row: Measurement, scale: float = 1.0) -> tuple[float, float]:
    """How far the least and the most are from the median."""
    return (row.median - row.min) * scale, (row.max - row.median) * scale


def _foot(record: Record) -> str:
    build = record.build
    return (
        f"{'; '.join(record.settings[1:])}\nsmol {build.smol}, {build.binding} ({build.llama_cpp}), {record.date}; "
        "bars are medians, lines reach from the least to the most"
    )
