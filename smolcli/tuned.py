"""How models read pages best on this machine, and how they compute quickest: what `smol tune` measured, kept."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from smolcli.remembered import entries, keep

_FILE, _SPEED_FILE = "layouts.json", "quickest.json"
_LAYOUTS = ("lines", "blocks", "page")
KV_TYPES = PROJECTOR_TYPES = ("f16", "bf16", "q8_0")


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
    """How a model computes quickest. None and False: as it comes, which is no slower.

    threads: how many; pinned: to one processor of each core. batch_rows: of one pass of the language model. kv_type: of
    keys and values; projector: of our own copy of it: these two may change an answer. times: as quick as it comes.
    """

    threads: int | None = None
    batch_rows: int | None = None
    pinned: bool = False
    kv_type: str | None = None
    projector: str | None = None
    times: float = 1.0

    @property
    def words(self) -> list[str]:
        """What is not as it comes: ["1 thread", "batches of 256 tokens"]."""
        said = [f"{self.threads} thread{'s' * (self.threads != 1)}"] if self.threads else []
        said += ["threads pinned to cores"] if self.pinned else []
        said += [f"batches of {self.batch_rows} tokens"] if self.batch_rows else []
        said += [f"keys and values in {self.kv_type.upper()}"] if self.kv_type else []
        return said + ([f"a copy of the projector in {self.projector.upper()}"] if self.projector else [])


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
    found = Quickest(**entry)
    counted = all(
        number is None or (type(number) is int and 1 <= number <= 1 << 16)
        for number in (found.threads, found.batch_rows)
    )
    typed = found.kv_type in (None, *KV_TYPES) and found.projector in (None, *PROJECTOR_TYPES)
    known = isinstance(found.times, float) and math.isfinite(found.times) and found.times >= 1
    return found if counted and typed and known and isinstance(found.pinned, bool) else None


def was_timed(folder: Path, model: str, size_bytes: int) -> bool:
    """Whether it was ever measured how a model computes quickest, on whatever device."""
    start = tuned_key(model, size_bytes, "")
    return any(key.startswith(start) for key in entries(folder / _SPEED_FILE))


def remember_quickest(folder: Path, key: str, found: Quickest) -> bool:
    """Keep it in place of what was measured before; whether that was possible."""
    return keep(folder / _SPEED_FILE, key, asdict(found))
