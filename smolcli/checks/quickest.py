"""A model goes in, what it took with other threads and batches comes out, beside what it takes as it comes.

for trial in speed_trials(lambda setting: load_engine(pair, setting), options): ...
quickest_of(trials)
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import numpy as np

from smolcli.checks.measure import pictures
from smolcli.datatypes import ImagePart, Sampling, TextPart, Turn
from smolcli.engine import Engine, EngineOptions, physical_cores
from smolcli.generation import Generation, Refused, Request
from smolcli.run import geometry
from smolcli.tiles import cut, parse_detail, plan
from smolcli.tuned import Quickest

ROUNDS = 5
MARGIN = 1.05  # less is noise, and not worth to differ from other machines
BATCH_ROWS = 512  # as it comes, on a processor
_OTHER_ROWS = (128, 256, 1024)
_WORDS, _NEW_TOKENS = 600, 24
_AS_SURE = 0.01  # sums in another order differ by a tenth of it where weights and activations have 8 bits

Open = Callable[[EngineOptions], AbstractContextManager[Engine]]
Written = tuple[tuple[int, ...], float]  # the tokens of an answer, and the mean of their log-probabilities


@dataclass(frozen=True, slots=True)
class SpeedTrial:
    """One setting beside another one. times: the median of how much quicker it was in the same round; least: the least.

    seconds: the median. same: whether both answered with the same tokens, and were as sure of them.
    """

    threads: int
    batch_rows: int
    seconds: float
    times: float
    least: float
    same: bool

    def wins(self, allow_changes: bool) -> bool:
        """Whether it was quicker every time, and by a margin."""
        return self.times >= MARGIN and self.least > 1 and (self.same or allow_changes)


def speed_trials(
    open_engine: Open, options: EngineOptions, rounds: int = ROUNDS, allow_changes: bool = False
) -> Iterator[SpeedTrial]:
    """Try numbers of threads, then rows of a batch with those that won; each beside what has won so far.

    The first one is what comes by itself. Raises EngineError, ModelError.
    """
    best = replace(options, threads=options.threads or physical_cores(), batch_rows=options.batch_rows or BATCH_ROWS)
    assert best.threads is not None and best.batch_rows is not None
    first = compare(open_engine, best, best, 1)
    yield replace(first, times=1.0, least=1.0)
    others = [replace(best, threads=threads) for threads in other_threads(best.threads)]
    rows = [each for each in _OTHER_ROWS if each != best.batch_rows]
    for candidates, field in ((others, "threads"), ([replace(best, batch_rows=each) for each in rows], "batch_rows")):
        for candidate in candidates:
            setting = replace(best, **{field: getattr(candidate, field)})
            trial = compare(open_engine, best, setting, rounds)
            yield trial
            if trial.wins(allow_changes):
                best = setting


def other_threads(threads: int) -> list[int]:
    """Numbers of threads that may be quicker: one fewer, and as many as the machine shows processors."""
    return sorted({threads - 1, os.cpu_count() or 1} - {0, threads})


def quickest_of(trials: Sequence[SpeedTrial], allow_changes: bool = False) -> Quickest:
    """What is to be kept: what differs from the first trial, which is how it comes, and how much is gained."""
    first, times, threads, batch_rows = trials[0], 1.0, trials[0].threads, trials[0].batch_rows
    for trial in trials[1:]:
        if trial.wins(allow_changes):
            times, threads, batch_rows = times * trial.times, trial.threads, trial.batch_rows
    return Quickest(
        None if threads == first.threads else threads,
        None if batch_rows == first.batch_rows else batch_rows,
        times,
    )


def compare(open_engine: Open, one: EngineOptions, other: EngineOptions, rounds: int) -> SpeedTrial:
    """The other setting beside the one, in turns, and which is first changes: what a machine does meets both."""
    ratios: list[float] = []
    seconds: list[float] = []
    written: list[Written] = []
    for number in range(rounds):
        took: dict[EngineOptions, float] = {}
        for setting in (one, other) if number % 2 else (other, one):
            took[setting], answer = _read(open_engine, setting)
            written.append(answer)
        ratios.append(took[one] / took[other])
        seconds.append(took[other])
    middle = rounds // 2
    assert other.threads is not None and other.batch_rows is not None
    times = sorted(ratios)[middle]
    return SpeedTrial(other.threads, other.batch_rows, sorted(seconds)[middle], times, min(ratios), _agree(written))


def _agree(written: Sequence[Written]) -> bool:
    ids, means = {each[0] for each in written}, [each[1] for each in written]
    return len(ids) == 1 and max(means) - min(means) < _AS_SURE


def _read(open_engine: Open, setting: EngineOptions) -> tuple[float, Written]:
    """Seconds for a tile, a long prompt and an answer, after everything is loaded; and the answer."""
    with open_engine(setting) as engine:
        picture = pictures(engine.facts)[1]
        planned = plan((picture.shape[1], picture.shape[0]), geometry(engine.facts), parse_detail("low"))
        words = " ".join(f"{number}" for number in range(min(_WORDS, engine.context_tokens // 8)))
        turns = (Turn("user", (ImagePart(planned, cut(picture, planned)), TextPart(words))),)
        engine.embed(np.zeros_like(picture))  # loads the tower
        start = time.perf_counter()
        events = list(engine.run([Request(0, turns, Sampling(max_tokens=_NEW_TOKENS))]))
        seconds = time.perf_counter() - start
    if refused := next((event for event in events if isinstance(event, Refused)), None):
        raise refused.error
    made = next(event for event in events if isinstance(event, Generation))
    return seconds, (made.ids, made.mean_logprob or 0.0)
