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
_BLUE, _GREEN, _GREY = "#2f6f9f", "#3a8f5c", "#8a8f94"
_SECONDS = {"s": 1.0, "ms": 1e-3, "ms a tile": 1e-3}
_DPI = 150
_PANEL = 4.6, 3.6  # inches, width and height


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
    figure = Figure(figsize=(_PANEL[0] * len(panels), _PANEL[1] + 1.1), dpi=_DPI, layout="constrained")
    figure.suptitle(f"{', '.join(record.model)}\n{record.machine.processor}, {record.settings[0]}", fontsize=11)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, draw in zip(axes, panels, strict=True):
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=9)
        draw(axis)
    figure.supxlabel(_foot(record), fontsize=8, color=_GREY)
    made = io.BytesIO()
    figure.savefig(made, format=kind.lower().lstrip("."), metadata={"Title": record.title})
    return made.getvalue()


def _panels(rows: Sequence[Measurement]) -> Sequence[Callable[[Any], None]]:
    """What there is something to be drawn of."""
    found: list[Callable[[Any], None]] = []
    if stages := [row for row in rows if not row.at and row.unit in _SECONDS]:
        found.append(partial(_stages, rows=stages))
    for name, colour in (("decode", _BLUE), ("examples", _GREEN)):
        if by_width := [row for row in rows if row.name == name and row.at and not row.is_ratio]:
            found.append(partial(_widths, rows=by_width, colour=colour))
    if ratios := [row for row in rows if row.is_ratio]:
        found.append(partial(_ratios, rows=ratios))
    return found


def _stages(axis: Any, rows: Sequence[Measurement]) -> None:
    """Seconds, from short to long on a logarithmic scale: they are too unlike for another."""
    names = [f"{row.name}, a tile" if "tile" in row.unit else row.name for row in rows][::-1]
    seconds = [row.median * _SECONDS[row.unit] for row in rows][::-1]
    spread = [_spread(row, _SECONDS[row.unit]) for row in rows][::-1]
    axis.barh(names, seconds, xerr=list(zip(*spread, strict=True)), color=_GREY, ecolor="black", capsize=3)
    axis.set_xscale("log")
    axis.set_xlabel("seconds", fontsize=9)
    axis.set_title("Time", fontsize=10)
    for place, (value, (_, above)) in enumerate(zip(seconds, spread, strict=True)):
        axis.annotate(f" {value:.3g} s", (value + above, place), va="center", fontsize=8)
    axis.margins(x=0.25)


def _widths(axis: Any, rows: Sequence[Measurement], colour: str) -> None:
    """A speed by how many sequences go on at the same time."""
    places, values = range(len(rows)), [row.median for row in rows]
    spread = list(zip(*(_spread(row) for row in rows), strict=True))
    axis.bar(places, values, yerr=spread, color=colour, ecolor="black", capsize=4, width=0.7)
    axis.set_xticks(places, [str(row.at) for row in rows])
    axis.set_xlabel("at the same time", fontsize=9)
    axis.set_title(f"{rows[0].name.capitalize()}, {rows[0].unit}", fontsize=10)
    for place, row in zip(places, rows, strict=True):
        axis.annotate(f"{row.median:.3g}", (place, row.max), ha="center", va="bottom", fontsize=8)
    axis.margins(y=0.12)


def _ratios(axis: Any, rows: Sequence[Measurement]) -> None:
    """How many times as good as another; 1 is a line."""
    names = [f"{row.label}\n{row.versus}" for row in rows][::-1]
    values = [row.median for row in rows][::-1]
    spread = list(zip(*(_spread(row) for row in rows[::-1]), strict=True))
    colours = [_GREEN if value >= 1 else "#c27c2c" for value in values]
    axis.barh(names, values, xerr=spread, color=colours, ecolor="black", capsize=3)
    axis.axvline(1, color="black", linewidth=1)
    axis.tick_params(axis="y", labelsize=7)
    axis.set_title("Times as good as others", fontsize=10)
    for place, row in enumerate(rows[::-1]):
        axis.annotate(f" {row.median:.2f}", (max(row.max, 0), place), va="center", fontsize=8)
    axis.margins(x=0.18)


def _spread(row: Measurement, scale: float = 1.0) -> tuple[float, float]:
    """How far the least and the most are from the median."""
    return (row.median - row.min) * scale, (row.max - row.median) * scale


def _foot(record: Record) -> str:
    build = record.build
    return (
        f"{'; '.join(record.settings[1:])}\nsmol {build.smol}, {build.binding} ({build.llama_cpp}), {record.date}; "
        "bars are medians, lines reach from the least to the most"
    )
