"""How long a picture of many takes on this machine, measured by runs: for the estimate of one that is not run yet."""

from __future__ import annotations

import math
from pathlib import Path

from smolcli.remembered import entries, keep

LEAST = 4  # pictures: of fewer the start is most of the time
_FILE = "rates.json"
_NEW = 0.5  # weight of the newest run in the running mean


def rate_key(speed_key: str, parallel: int, detail: str) -> str:
    """What a measurement is of. speed_key: of the model and the device (speeds.py)."""
    return f"{speed_key}/{parallel}/{detail}"


def remember_rate(folder: Path, key: str, images: int, wall_s: float) -> None:
    """Mix in what a run took for so many pictures that were computed; too few say nothing."""
    if images < LEAST or wall_s <= 0:
        return
    before, now = measured_rate(folder, key), wall_s / images
    keep(folder / _FILE, key, {"image_s": now if before is None else before * (1 - _NEW) + now * _NEW})


def measured_rate(folder: Path, key: str) -> float | None:
    """Seconds for one picture of many, None where that was not measured (or cannot be read)."""
    entry = entries(folder / _FILE).get(key)
    found = entry.get("image_s") if isinstance(entry, dict) else None
    return found if isinstance(found, float) and math.isfinite(found) and found > 0 else None
