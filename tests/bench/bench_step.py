"""Python's share of a step: milliseconds at 1, 8 and 64 answers beside a decoder that answers at once; where they go.

python tests/bench/bench_step.py [--steps 200] [--profile] [--record docs/benchmarks]
"""

from __future__ import annotations

import argparse
import cProfile
import re
import time
from collections.abc import Callable, Iterable
from itertools import cycle
from pathlib import Path

import numpy as np
import records

from smolcli.datatypes import Floats, Sampling
from smolcli.engine.batching import Batch, Ids, Job
from smolcli.engine.kvcells import KVCells
from smolcli.engine.llama.library import NativeThread
from smolcli.engine.loopguard import LoopGuard
from smolcli.engine.sampling import RowSampling, Sampler
from smolcli.engine.scheduler import Scheduler
from smolcli.engine.textstream import TextStream

VOCABULARY, WIDTH, PROMPT = 49_280, 576, 80  # of SmolVLM-256M; rows of a small picture and a question
WORDS = re.findall(r"\s?\w{1,6}|\W", Path(__file__).parents[2].joinpath("CHANGELOG.md").read_text("utf-8"))


class InstantDecoder:
    """A language model whose logits are there already. Each answer walks through real prose, from a place of its own.

    columns: how many logits a row has.
    """

    def __init__(self, answers: int, columns: int) -> None:
        self._words = [word.encode() for word in WORDS]
        self._table = np.zeros((columns, WIDTH), np.float32)
        rng = np.random.default_rng(1)
        passes = [rng.normal(0, 3, (answers, columns)).astype(np.float32) for _ in range(3)]
        for step, logits in enumerate(passes):
            logits[np.arange(answers), (np.arange(answers) * 7 + step) % columns] = 25
        self._passes, self._count = cycle(passes), 0

    def decode(self, batch: Batch) -> Floats:
        return next(self._passes)[: np.count_nonzero(batch.wanted)]

    def embed_tokens(self, ids: Ids) -> Floats:
        return self._table[ids]

    def piece(self, token: int) -> bytes:
        self._count += 1
        return self._words[(self._count + 997 * token) % len(self._words)]

    def is_end(self, token: int) -> bool:
        return False

    def copy_sequence(self, source: int, target: int, rows: int) -> None: ...

    def forget(self, sequence: int, from_row: int = 0) -> None: ...


def job(key: int) -> Job:
    """A prompt of text alone."""
    ids = np.full(PROMPT, key, np.int32)
    none = np.empty((0, WIDTH), np.float32)
    return Job(key, ids.astype(np.int64), lambda start, end: (ids[start:end], none), Sampling(), 100_000)


def step_ms(answers: int, columns: int, steps: int, profile: cProfile.Profile | None = None) -> list[float]:
    """Steps with so many answers being written, in milliseconds."""
    cells = answers * (PROMPT + 100_000)
    scheduler = Scheduler(InstantDecoder(answers, columns), cells, answers, 512, KVCells.sequences(answers))
    for key in range(answers):
        assert scheduler.add(job(key))
    for _ in range(answers * PROMPT // 512 + 4):
        scheduler.step()
    if profile is not None:
        profile.enable()
    spent = times(scheduler.step, steps)
    if profile is not None:
        profile.disable()
    assert len(scheduler) == answers
    return spent


def times(work: Callable[[], object], count: int) -> list[float]:
    """So many runs, in milliseconds."""
    spent = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        spent.append(1000 * (time.perf_counter() - start))
    return spent


def tokens_us(feed: Callable[[str], object], words: Iterable[str]) -> list[float]:
    """Microseconds of each token."""
    spent = []
    for word in words:
        start = time.perf_counter()
        feed(word)
        spent.append(1e6 * (time.perf_counter() - start))
    return spent


def show(found: records.Found, name: str, unit: str, values: list[float], at: int = 0) -> None:
    """Print the shortest and the median, and record them."""
    row = found.add(name, unit, values, at)
    print(f"{row.label:60s} {row.min:9.3f} {row.median:9.3f} {unit}")


def main() -> None:
    """Measure steps, then their parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--profile", action="store_true", help="Where a step of 64 answers goes.")
    records.add_option(parser)
    options = parser.parse_args()
    title = "Python's share of a step, beside a decoder that answers at once"
    found = records.Found("step", title, None, (f"{options.steps} steps",))
    print(f"{'':60s}  shortest    median")
    for columns in (64, VOCABULARY):
        for answers in (1, 8, 64):
            show(found, f"a step, {columns:,d} logits each", "ms", step_ms(answers, columns, options.steps), answers)
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 3, (64, VOCABULARY)).astype(np.float32)
    for name, sampling in (("likeliest", Sampling()), ("drawn, top-p 0.9", Sampling(1.0, 0.9, 1))):
        rows, samplers = RowSampling(), [Sampler(sampling) for _ in logits]
        spent = times(lambda rows=rows, samplers=samplers: rows.choose(logits, samplers), 20)
        show(found, f"64 tokens of {VOCABULARY:,d}, {name}", "ms", spent)
    thread = NativeThread()
    show(found, "there and back to the native thread", "ms", times(lambda: thread.call(int), 2000))
    thread.close(lambda: None)
    stream = TextStream()
    show(found, "the loop guard", "µs a token", tokens_us(LoopGuard().feed, WORDS))
    show(found, "all of its text", "µs a token", tokens_us(lambda word: stream.feed(word.encode()), WORDS))
    found.write(options.record)
    if options.profile:
        profile = cProfile.Profile()
        step_ms(64, 64, options.steps, profile)
        profile.print_stats("tottime")


if __name__ == "__main__":
    main()
