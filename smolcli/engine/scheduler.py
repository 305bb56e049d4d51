"""Jobs in, pieces and generations out: many conversations in one decode batch (continuous batching).

Each pass holds one row of every answer that is being written and fills up with rows of prompts that are still being
read. A job is admitted when its cells fit; a finished one makes room at once. A prompt that begins like one whose KV is
still there (the same media, another question) shares those rows instead of computing them again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from smolcli.datatypes import Counts, Floats, Generation, Piece, Sampling, Seconds, StopReason
from smolcli.engine.kvcells import KVCells, Sequence
from smolcli.engine.sampling import Sampler
from smolcli.engine.textstream import TextStream
from smolcli.errors import EngineError

Ids = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one decode: float32 (n, width), and for each its position, sequence and whether its logits are wanted."""

    rows: Floats
    positions: Ids
    sequences: list[int]
    wanted: npt.NDArray[np.bool_]


class Decoder(Protocol):
    """What the scheduler needs of a language model."""

    def decode(self, batch: Batch) -> Floats:
        """One pass → logits float32 (wanted rows, vocabulary)."""

    def embed_tokens(self, ids: Ids) -> Floats:
        """Rows of the token embedding matrix, float32 (n, width)."""

    def piece(self, token: int) -> bytes:
        """The bytes of a token."""

    def is_end(self, token: int) -> bool:
        """Whether the token ends the answer."""

    def copy_sequence(self, source: int, target: int, rows: int) -> None:
        """Share the first KV rows of one sequence with another."""

    def forget(self, sequence: int, from_row: int = 0) -> None:
        """Drop a sequence's KV from a row on."""


@dataclass(slots=True, eq=False)
class Job:
    """One prompt to continue. `rows(start, end)` gives the prompt's embeddings; `identity` int64 (n,)

    is equal where rows are.
    """

    key: int
    identity: npt.NDArray[np.int64]
    rows: Callable[[int, int], Floats]
    sampling: Sampling
    max_tokens: int
    image_tokens: int
    encodes: int
    encode_s: float


@dataclass(slots=True, eq=False)
class _Running:
    job: Job
    sequence: Sequence
    sampler: Sampler
    stream: TextStream = field(default_factory=TextStream)
    filled: int = 0  # KV rows that are there
    cached: int = 0  # of those, rows shared with an earlier sequence
    token: int = -1  # the token to decode next, once the prompt is read
    new_tokens: int = 0
    logprob: float = 0.0
    prefill_s: float = 0.0
    decode_s: float = 0.0

    @property
    def reading(self) -> bool:
        return self.filled < len(self.job.identity)


class Scheduler:
    """Runs jobs on a decoder.

    cells: KV rows in all; parallel: most answers at once; batch_rows: most rows in one decode.
    """

    def __init__(self, decoder: Decoder, cells: int, parallel: int, batch_rows: int) -> None:
        self._decoder, self._batch_rows, self._parallel = decoder, batch_rows, parallel
        self._kv = KVCells(decoder, cells, parallel)

    def run(self, jobs: Iterable[Job]) -> Iterator[Piece | Generation]:
        """Yield the pieces of every answer as they come and its Generation when it ends.

        Jobs are pulled as room appears.
        """
        waiting = iter(jobs)
        running: list[_Running] = []
        pending: Job | None = None
        try:
            while True:
                while len(running) < self._parallel:
                    pending = pending or next(waiting, None)
                    if pending is None or (admitted := self._admit(pending, running)) is None:
                        break
                    running.append(admitted)
                    pending = None
                if not running:
                    if pending is None:
                        return
                    raise EngineError(f"A prompt of {len(pending.identity)} rows was never going to fit the KV cache.")
                yield from self._step(running)
        finally:
            for left in running:
                self._kv.drop(left.sequence)

    def _admit(self, job: Job, running: list[_Running]) -> _Running | None:
        """Give the job a sequence, or None while there is no room or its shared prefix is still being read."""
        longest = len(job.identity) - 1  # the last row is always computed: its logits start the answer
        source, shared = self._kv.best_prefix(job.identity[:longest])
        reader = next((other for other in running if other.sequence is source), None)
        if reader is not None and reader.filled < shared:
            return None
        sequence = self._kv.claim(job.identity, job.max_tokens, source, shared)
        if sequence is None:
            return None
        return _Running(job, sequence, Sampler(job.sampling), filled=sequence.shared, cached=sequence.shared)

    def _step(self, running: list[_Running]) -> Iterator[Piece | Generation]:
        """One decode, and what became of every sequence whose logits it brought."""
        start, before = time.perf_counter(), [(item, item.filled, item.reading) for item in running]
        batch, wanted = self._compose(running)
        logits = self._decoder.decode(batch)
        row_s = (time.perf_counter() - start) / len(batch.sequences)
        for item, filled, reading in before:  # each answer is charged for its own rows: the shares add up to the run
            spent_s = row_s * (item.filled - filled)
            item.prefill_s += spent_s if reading else 0.0
            item.decode_s += 0.0 if reading else spent_s
        for item, row in zip(wanted, logits, strict=True):
            yield from self._advance(item, row, running)

    def _compose(self, running: list[_Running]) -> tuple[Batch, list[_Running]]:
        """Rows of answers first, then as much of the prompts as fits."""
        rows: list[Floats] = []
        positions: list[Ids] = []
        sequences: list[int] = []
        flags: list[bool] = []
        wanted: list[_Running] = []
        writing = [item for item in running if not item.reading]
        if writing:
            rows.append(self._decoder.embed_tokens(np.array([item.token for item in writing], np.int32)))
        for item in writing + [item for item in running if item.reading]:
            if item.reading:
                end = min(item.filled + self._batch_rows - len(sequences), len(item.job.identity))
                if end == item.filled:
                    break
                rows.append(item.job.rows(item.filled, end))
            else:
                end = item.filled + 1
            count = end - item.filled
            positions.append(np.arange(item.filled, end, dtype=np.int32))
            sequences += [item.sequence.id] * count
            item.filled = end
            flags += [False] * (count - 1) + [not item.reading]
            if not item.reading:
                wanted.append(item)
        batch = Batch(np.concatenate(rows), np.concatenate(positions), sequences, np.array(flags))
        return batch, wanted

    def _advance(self, item: _Running, logits: Floats, running: list[_Running]) -> Iterator[Piece | Generation]:
        token, logprob = item.sampler.choose(logits)
        if self._decoder.is_end(token):
            yield from self._finish(item, "end", running)
            return
        item.token, item.new_tokens, item.logprob = token, item.new_tokens + 1, item.logprob + logprob
        if text := item.stream.feed(self._decoder.piece(token)):
            yield Piece(item.job.key, text)
        if item.stream.looping:
            yield from self._finish(item, "repetition", running)
        elif item.new_tokens >= item.job.max_tokens:
            yield from self._finish(item, "length", running)

    def _finish(self, item: _Running, reason: StopReason, running: list[_Running]) -> Iterator[Piece | Generation]:
        running.remove(item)
        self._kv.retire(item.sequence)
        if text := item.stream.finish():
            yield Piece(item.job.key, text)
        job = item.job
        counts = Counts(len(job.identity), job.image_tokens, item.new_tokens, item.cached, job.encodes)
        seconds = Seconds(0.0, job.encode_s, item.prefill_s, item.decode_s)
        mean = item.logprob / item.new_tokens if item.new_tokens else None
        yield Generation(job.key, item.stream.text, reason, counts, seconds, mean)
