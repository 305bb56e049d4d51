"""What a run took: said, and remembered as what this machine does with a model, for the estimate of `smol plan`."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass, field, fields
from pathlib import Path
from typing import TypeVar

from smolcli.generation import Counts, Generation, Seconds
from smolcli.remembered import entries, keep

T = TypeVar("T", Counts, Seconds)
_FILE, _DEVICES = "speeds.json", "devices.json"
_NEW = 0.3  # weight of the newest run in the running mean


@dataclass(frozen=True, slots=True)
class Speeds:
    """Seconds: to load, per vision-tower pass, per prompt token, per new token; and new tokens of a usual answer."""

    load_s: float
    encode_s: float
    prefill_s: float
    decode_s: float
    answer_tokens: float

    def estimate_s(self, encodes: int, prompt_tokens: int) -> float:
        """Wall time of one request from a cold start."""
        reading = self.encode_s * encodes + self.prefill_s * prompt_tokens
        return self.load_s + reading + self.decode_s * self.answer_tokens


def remember_device(folder: Path, key: str, device: str) -> None:
    """Keep what was computed on; key: what was to be computed, and the device that was asked for."""
    if last_device(folder, key) != device:
        keep(folder / _DEVICES, key, {"device": device})


def last_device(folder: Path, key: str) -> str:
    """What was computed on when this was asked for last, "" where it never was. No driver is started to know."""
    entry = entries(folder / _DEVICES).get(key)
    device = entry.get("device") if isinstance(entry, dict) else None
    return device if isinstance(device, str) else ""


def speed_key(model: str, size_bytes: int, threads: int, device: str) -> str:
    """What a measurement is of. device: what it was computed on, not what was asked for."""
    return f"{model}/{size_bytes}/{threads}/{device}"


def measured(folder: Path, key: str) -> Speeds | None:
    """The remembered speeds, None where this machine has not run the model (or the file cannot be read)."""
    return _speeds_in(entries(folder / _FILE).get(key))


@dataclass(slots=True)
class Took:
    """What the answers of a run took, summed up: none of them is held. cached: how many were known before."""

    answers: int = 0
    cached: int = 0
    counts: Counts = field(default_factory=Counts)
    seconds: Seconds = field(default_factory=Seconds)

    def add(self, made: Generation, cached: bool = False) -> None:
        """One more answer."""
        self.answers += 1
        self.cached += cached
        if not cached:
            self.counts, self.seconds = _sum(self.counts, made.counts), _sum(self.seconds, made.seconds)


def _sum(one: T, other: T) -> T:
    """Two records of numbers, added field by field."""
    return type(one)(*(getattr(one, f.name) + getattr(other, f.name) for f in fields(one)))


def remember(folder: Path, key: str, load_s: float, took: Took) -> None:
    """Mix a run's speeds into the remembered ones.

    A state folder that cannot be written is no error: nothing is lost but an estimate.
    """
    fresh = _speeds_of(load_s, took)
    if fresh is None:
        return
    if old := measured(folder, key):
        fresh = Speeds(
            *(before * (1 - _NEW) + now * _NEW for before, now in zip(astuple(old), astuple(fresh), strict=True))
        )
    keep(folder / _FILE, key, asdict(fresh))


def _speeds_of(load_s: float, took: Took) -> Speeds | None:
    """Means over a run; None when it encoded, read or wrote nothing to measure by."""
    counts, seconds = took.counts, took.seconds
    read = counts.prompt_tokens - counts.cached_tokens
    if not counts.encodes or not counts.new_tokens or not read:
        return None
    encode_s = (seconds.encode + seconds.preprocess) / counts.encodes
    written = took.answers - took.cached
    return Speeds(
        load_s, encode_s, seconds.prefill / read, seconds.decode / counts.new_tokens, counts.new_tokens / written
    )


def _speeds_in(entry: object) -> Speeds | None:
    """A remembered entry, None where it is not one that we wrote: the file may be old, damaged or a stranger's."""
    if not isinstance(entry, dict) or entry.keys() != {field.name for field in fields(Speeds)}:
        return None
    if not all(isinstance(value, float) and math.isfinite(value) and value >= 0 for value in entry.values()):
        return None
    return Speeds(**entry)


def stats_lines(
    took: Took, times_s: tuple[float, float], peak_bytes: int | None, tokens_per_tile: int
) -> Iterator[str]:
    """Seconds per stage, tokens, tokens per second, peak memory. times_s: loading, and all from then on."""
    load_s, wall_s = times_s
    counts, seconds = took.counts, took.seconds
    yield (
        f"stats: load {load_s:.2f} s, preprocess {seconds.preprocess:.2f} s, "
        f"encode {seconds.encode:.2f} s ({counts.encodes} of {counts.image_tokens // tokens_per_tile} tiles), "
        f"prefill {seconds.prefill:.2f} s, decode {seconds.decode:.2f} s, answers after {wall_s:.2f} s"
    )
    fresh = counts.prompt_tokens - counts.cached_tokens
    read = f"{fresh / seconds.prefill:.0f} tokens/s" if seconds.prefill else "-"
    wrote = f"{counts.new_tokens / seconds.decode:.1f} tokens/s" if seconds.decode else "-"
    images, reused = counts.image_tokens, counts.cached_tokens
    yield (
        f"stats: prompt {counts.prompt_tokens} tokens ({images} of images, {reused} reused; {read}), "
        f"new {counts.new_tokens} tokens ({wrote})"
    )
    if took.cached:
        yield f"stats: {took.cached} of {took.answers} answers were known, from an earlier run or of the same pixels"
    if peak_bytes is not None:
        yield f"stats: peak memory {peak_bytes / 1e6:.0f} MB"


def peak_rss_bytes() -> int | None:
    """The most memory that this process ever held, None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
