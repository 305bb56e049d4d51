"""A model goes in, what it took when it was computed otherwise comes out, beside what it takes as it comes.

for trial in speed_trials(open_engine, first, others_of(first)): ...
quickest_of(trials)
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from smolcli.checks.drawn_pictures import HIGH_PX, WIDE_PX
from smolcli.checks.measure import pictures
from smolcli.datatypes import ImagePart, Sampling, TextPart, Turn
from smolcli.engine import Engine, EngineOptions, one_of_each_core
from smolcli.errors import SmolError
from smolcli.generation import Generation, Refused, Request
from smolcli.run import geometry
from smolcli.tiles import cut, parse_detail, plan
from smolcli.tuned import Quickest

ROUNDS = 5
MARGIN = 1.05  # less is noise, and not worth to differ from other machines
_ROWS = (128, 256, 512, 1024, 2048)
_WORDS, _NEW_TOKENS = 300, 24
_AS_SURE = 0.01  # sums in another order differ by a tenth of it where weights and activations have 8 bits

Written = tuple[tuple[int, ...], float]  # the tokens of an answer, and the mean of their log-probabilities


@dataclass(frozen=True, slots=True)
class Setting:
    """How a model is computed. projector: the type of our copy of it, "" for the file as it is."""

    threads: int
    batch_rows: int
    pinned: bool = False
    kv_type: str = "f16"
    projector: str = ""

    @property
    def line(self) -> str:
        """ "2 threads, batches of 512 tokens"."""
        kv_type = None if self.kv_type == "f16" else self.kv_type
        return ", ".join(Quickest(self.threads, self.batch_rows, self.pinned, kv_type, self.projector or None).words)

    def options(self, plain: EngineOptions) -> EngineOptions:
        """Those of an engine, as this says."""
        how = {"threads": self.threads, "batch_rows": self.batch_rows, "pinned": self.pinned, "kv_type": self.kv_type}
        return replace(plain, **how)  # type: ignore[arg-type]


Open = Callable[[Setting], AbstractContextManager[Engine]]
Values = Mapping[str, Sequence[int | bool | str]]  # a field of Setting → what may be quicker there


@dataclass(frozen=True, slots=True)
class SpeedTrial:
    """One setting beside another one. times: the median of how much quicker it was in the same round; least: the least.

    seconds: the median, of a picture with a question. same: whether both answered with the same tokens, and were as
    sure of them. failed: why a model cannot be computed so, "" where it can. final: all that won, beside what comes by
    itself.
    """

    setting: Setting
    seconds: float
    times: float
    least: float
    same: bool
    failed: str = ""
    final: bool = False

    def wins(self, allow_changes: bool) -> bool:
        """Whether it was quicker every time, and by a margin."""
        return self.least >= MARGIN and not self.failed and (self.same or allow_changes)


def others_of(first: Setting, projectors: Sequence[str] = (), kv_types: Sequence[str] = ()) -> Values:
    """What is tried: other threads, pinned ones, batches, and types, which may change answers, where some are named."""
    rows = [
        each for each in _ROWS if each != first.batch_rows and first.batch_rows // 4 <= each <= 2 * first.batch_rows
    ]
    pinned = [True] * bool(one_of_each_core())
    numbers: dict[str, Sequence[int]] = {"threads": other_threads(first.threads), "pinned": pinned, "batch_rows": rows}
    return {**numbers, "projector": projectors, "kv_type": [kind for kind in kv_types if kind != first.kv_type]}


def other_threads(threads: int) -> list[int]:
    """Numbers of threads that may be quicker: one fewer, and as many as the machine shows processors."""
    return sorted({threads - 1, os.cpu_count() or 1} - {0, threads})


def speed_trials(
    open_engine: Open, first: Setting, others: Values, rounds: int = ROUNDS, allow_changes: bool = False
) -> Iterator[SpeedTrial]:
    """Try other values of one field after the other, each beside what has won so far.

    The first one is what comes by itself; the last, where something has won, is all of that beside the first: what won
    by chance on a busy machine does not do so twice. Raises EngineError, ModelError.
    """
    seconds, _ = _read(open_engine, first)
    yield SpeedTrial(first, seconds, 1.0, 1.0, True)
    best = first
    for field, values in others.items():
        for value in values:
            setting = replace(best, **{field: value})  # type: ignore[arg-type]
            trial = compare(open_engine, best, setting, rounds)
            yield trial
            if trial.wins(allow_changes):
                best = setting
    if best != first:
        yield replace(compare(open_engine, first, best, rounds), final=True)


def best_of(trials: Sequence[SpeedTrial], allow_changes: bool = False) -> SpeedTrial:
    """The final trial where that won, else the first, which is how it comes."""
    return trials[-1] if trials[-1].final and trials[-1].wins(allow_changes) else trials[0]


def quickest_of(trials: Sequence[SpeedTrial], allow_changes: bool = False) -> Quickest:
    """What is to be kept: what differs from the first trial, which is how it comes, and how much is gained."""
    won = best_of(trials, allow_changes)
    first, best, times = trials[0].setting, won.setting, won.times
    return Quickest(
        None if best.threads == first.threads else best.threads,
        None if best.batch_rows == first.batch_rows else best.batch_rows,
        best.pinned,
        None if best.kv_type == first.kv_type else best.kv_type,
        best.projector or None,
        times,
    )


def compare(open_engine: Open, one: Setting, other: Setting, rounds: int) -> SpeedTrial:
    """The other setting beside the one, in turns, and which is first changes: what a machine does meets both.

    Once it has not been quicker by the margin it cannot win any more, and no further turn is taken.
    """
    ratios: list[float] = []
    seconds: list[float] = []
    written: list[Written] = []
    while len(ratios) < rounds and (not ratios or ratios[-1] >= MARGIN):
        took: dict[Setting, float] = {}
        for setting in (other, one) if len(ratios) % 2 == 0 else (one, other):
            try:
                took[setting], answer = _read(open_engine, setting)
            except SmolError as error:
                if setting == one:
                    raise
                return SpeedTrial(other, 0.0, 0.0, 0.0, False, error.message)
            written.append(answer)
        ratios.append(took[one] / took[other])
        seconds.append(took[other])
    return SpeedTrial(other, median(seconds), median(ratios), min(ratios), _agree(written))


def _agree(written: Sequence[Written]) -> bool:
    ids, means = {each[0] for each in written}, [each[1] for each in written]
    return len(ids) == 1 and max(means) - min(means) < _AS_SURE


def _read(open_engine: Open, setting: Setting) -> tuple[float, Written]:
    """Seconds of a picture with a question, after everything is loaded; and what was answered.

    One tile is encoded, which counts as often as a picture has tiles; the prompt is about as long as that of a picture.
    """
    with open_engine(setting) as engine:
        shape = geometry(engine.facts)
        picture = pictures(engine.facts)[1]
        planned = plan((picture.shape[1], picture.shape[0]), shape, parse_detail("low"))
        words = " ".join(f"{number}" for number in range(min(_WORDS, engine.context_tokens // 8)))
        turns = (Turn("user", (ImagePart(planned, cut(picture, planned)), TextPart(words))),)
        engine.embed(np.zeros_like(picture))  # loads the tower
        start = time.perf_counter()
        events = list(engine.run([Request(0, turns, Sampling(max_tokens=_NEW_TOKENS))]))
        seconds = time.perf_counter() - start
    if refused := next((event for event in events if isinstance(event, Refused)), None):
        raise refused.error
    made = next(event for event in events if isinstance(event, Generation))
    more_tiles = plan((WIDE_PX, HIGH_PX), shape, parse_detail("high")).encodes / made.counts.encodes - 1
    return seconds + more_tiles * made.seconds.encode, (made.ids, made.mean_logprob or 0.0)
