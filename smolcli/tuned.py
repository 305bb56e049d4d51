"""How models read pages best on this machine, and how they compute quickest: what `smol tune` measured, kept."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from smolcli.remembered import entries, keep

_FILE, _SPEED_FILE = "layouts.json", "quickest.json"
_LAYOUTS = ("lines", "blocks", "page")


@dataclass(frozen=True, slots=True)
class Tuned:
    """A form of pages, and what was measured with it.

    layout: "lines", "blocks" or "page"; of lines, rows on a sheet and the height of letters (em) on it. errors: of
    characters, as a share; seconds: a page.
    """

    layout: str
    rows: int
    letter_px: float
    errors: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Quickest:
    """With how many threads, and rows of one pass of the language model, a model computes quickest.

    None: as it comes, which is no slower. times: as quick as that as it comes.
    """

    threads: int | None = None
    batch_rows: int | None = None
    times: float = 1.0


def tuned_key(model: str, size_bytes: int, device: str) -> str:
    """What a measurement is of. device: what it was computed on, not what was asked for."""
    return f"{model}/{size_bytes}/{device}"


def tuned(folder: Path, key: str) -> Tuned | None:
    """What was measured, None where nothing was (or the file cannot be read)."""
    entry = entries(folder / _FILE).get(key)
    if not isinstance(entry, dict) or entry.keys() != {field.name for field in fields(Tuned)}:
        return None
    found = Tuned(**entry)
    return found if _is_ours(found) else None


def remember_tuned(folder: Path, key: str, found: Tuned) -> bool:
    """Keep it in place of what was measured before; whether that was possible."""
    return keep(folder / _FILE, key, asdict(found))


def _is_ours(found: Tuned) -> bool:
    """Whether an entry is one that we wrote: the file may be old, damaged or a stranger's."""
    numbers = (found.letter_px, found.errors, found.seconds)
    if not all(isinstance(number, float) and math.isfinite(number) and number >= 0 for number in numbers):
        return False
    counted = isinstance(found.rows, int) and not isinstance(found.rows, bool) and 1 <= found.rows <= 64
    return found.layout in _LAYOUTS and counted and 8 <= found.letter_px <= 512


def quickest(folder: Path, key: str) -> Quickest | None:
    """What was measured, None where nothing was (or the file cannot be read)."""
    entry = entries(folder / _SPEED_FILE).get(key)
    if not isinstance(entry, dict) or entry.keys() != {field.name for field in fields(Quickest)}:
        return None
    numbers, times = (entry["threads"], entry["batch_rows"]), entry["times"]
    counted = all(number is None or (type(number) is int and 1 <= number <= 1 << 16) for number in numbers)
    known = counted and isinstance(times, float) and math.isfinite(times) and times >= 1
    return Quickest(**entry) if known else None


def remember_quickest(folder: Path, key: str, found: Quickest) -> bool:
    """Keep it in place of what was measured before; whether that was possible."""
    return keep(folder / _SPEED_FILE, key, asdict(found))
