"""Repeated measurements in, a median with its spread out; and a record of them with machine, build, model and date.

A record is JSON: what `smol bench --json` prints, what lies in docs/benchmarks, and what a chart is drawn of.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from statistics import median
from typing import Any, TypeVar

SCHEMA = 1
RATIO = "×"  # the unit of a ratio: more is better, and 1 is as good as the other
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One quantity, measured `runs` times: median, least and most, in `unit`.

    at: how many sequences went on at the same time, 0 where that is no matter. tool: whose figure it is, "" for smol's.
    versus: of a ratio, the tool that it is against; target: what it is to reach, 0 for no such aim.
    """

    name: str
    unit: str
    median: float
    min: float
    max: float
    runs: int
    at: int = 0
    tool: str = ""
    versus: str = ""
    target: float = 0.0

    @property
    def is_ratio(self) -> bool:
        """Whether it is a ratio to something else, measured in turns with it."""
        return self.unit == RATIO

    @property
    def label(self) -> str:
        """ "decode, 4 at a time" """
        return f"{self.name}, {self.at} at a time" if self.at else self.name


def measured(name: str, unit: str, values: Sequence[float], at: int = 0, tool: str = "") -> Measurement:
    """A quantity of its repeats. Raises ValueError without any, or for what is no number."""
    if not values or not all(math.isfinite(value) for value in values):
        raise ValueError(f"{name}: {list(values)} is no measurement")
    found = (float(median(values)), float(min(values)), float(max(values)))
    return Measurement(name, unit, *found, len(values), at, tool)


def ratio(name: str, versus: str, values: Sequence[float], target: float = 0.0, at: int = 0) -> Measurement:
    """How much better than `versus`: one value of each pair of runs that were made one after the other."""
    return replace(measured(name, RATIO, values, at), versus=versus, target=target)


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured. cores: physical ones that the process may use; devices: that llama.cpp can compute on,
    beside the processor.
    """

    processor: str
    cores: int
    memory_bytes: int
    system: str
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Build:
    """What was measured. instructions: of the processor, that llama.cpp was built for; llama_cpp: its version and
    commit, "" where it does not tell.
    """

    smol: str
    binding: str
    llama_cpp: str
    instructions: tuple[str, ...]
    python: str


@dataclass(frozen=True, slots=True)
class Record:
    """A benchmark that was run once. title: what it measures; command: what runs it again; date: of the day, ISO 8601.

    model: the files' names and types; settings: all else that decides the figures, in words.
    """

    benchmark: str
    title: str
    command: str
    date: str
    machine: Machine
    build: Build
    model: tuple[str, ...]
    settings: tuple[str, ...]
    rows: tuple[Measurement, ...]
    notes: tuple[str, ...] = ()

    @property
    def ratios(self) -> dict[tuple[str, str, int], Measurement]:
        """Its ratios, by what tells them apart."""
        return {(row.name, row.versus, row.at): row for row in self.rows if row.is_ratio}


def as_json(record: Record) -> dict[str, Any]:
    """A record as plain JSON data; what a measurement leaves open is left out."""
    rows = [{name: value for name, value in asdict(row).items() if value not in (0, "", 0.0)} for row in record.rows]
    for row, own in zip(rows, record.rows, strict=True):
        row.update(median=own.median, min=own.min, max=own.max)  # which may well be 0
    return {"schema": SCHEMA, **asdict(record), "rows": rows}


def from_json(text: str) -> Record:
    """A record that was written. Raises ValueError for anything else."""
    try:
        table = json.loads(text)
        if table.pop("schema") != SCHEMA:
            raise ValueError(f"its schema is not {SCHEMA}")
        rows = tuple(_made(Measurement, row) for row in table.pop("rows"))
        machine, build = _made(Machine, table.pop("machine")), _made(Build, table.pop("build"))
        return _made(Record, {**table, "machine": machine, "build": build, "rows": rows})
    except (TypeError, AttributeError, KeyError, RecursionError) as error:
        raise ValueError(f"no benchmark record: {error}") from error


def _made(kind: type[T], table: Mapping[str, Any]) -> T:
    """A dataclass of its fields by name; lists are tuples."""
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := table.keys() - known:
        raise ValueError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in table.items()})


def fallen(before: Record, now: Record, most: float) -> list[str]:
    """A sentence for each ratio that has fallen by more than a share `most` (0.1), or is gone."""
    found = now.ratios
    sentences = []
    for key, old in before.ratios.items():
        what = f"{old.label}, against {old.versus}"
        new = found.get(key)
        if new is None:
            sentences.append(f"{what}: was {old.median:.2f} ×, and is measured no more")
        elif new.median < old.median * (1 - most):
            by = 1 - new.median / old.median
            sentences.append(f"{what}: {old.median:.2f} × has become {new.median:.2f} × ({by:.0%} less)")
    return sentences
