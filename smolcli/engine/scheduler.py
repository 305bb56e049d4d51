"""Jobs in, pieces, generations and scores out: many conversations in one decode batch (continuous batching).

Each step is one pass of the language model. It holds one row of every answer that is being written and fills up with
rows of prompts that are still being read. A job is taken when its cells fit; a finished one makes room at once. A
prompt that begins like one whose KV is still there (the same media, another question) shares those rows.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from smolcli.datatypes import Floats
from smolcli.engine.batching import Decoder, Job, Running, compose
from smolcli.engine.kvcells import KVCells
from smolcli.engine.sampling import Choice, RowSampling, Sampler
from smolcli.engine.textstream import TextStream
from smolcli.errors import EngineError
from smolcli.generation import Counts, Generation, Piece, Seconds, StopReason


@dataclass(frozen=True, slots=True)
class Scored:
    """Logits float32 (scored rows, vocabulary) of a job that was only to be scored.

    cached: rows of its prompt that were there already; prefill_s: seconds that the others took.
    """

    key: int
    logits: Floats
    cached: int = 0
    prefill_s: float = 0.0


StepEvent = Piece | Generation | Scored


class Scheduler:
    """Runs jobs on a decoder.

    cells: KV rows in all; parallel: most answers at once; batch_rows: most rows in one decode; outputs: most rows of
    them whose logits are wanted (`parallel` at least).
    """

    def __init__(self, decoder: Decoder, cells: int, parallel: int, batch_rows: int, outputs: int = 0) -> None:
        self._decoder, self._cells, self._parallel, self._batch_rows = decoder, cells, parallel, batch_rows
        self._outputs = max(parallel, outputs)
        self._kv = KVCells(decoder, cells, parallel)
        self._running: list[Running] = []
        self._sampling = RowSampling()

    def __len__(self) -> int:
        """How many jobs are under way."""
        return len(self._running)

    @property
    def has_room(self) -> bool:
        """Whether another job may be tried: fewer than `parallel` are under way."""
        return len(self._running) < self._parallel

    def add(self, job: Job) -> bool:
        """Take a job, or say that there is no room for it yet.

        There is none either while the prompt that it begins like is still being read. Raises EngineError for a job that
        would never fit.
        """
        if job.cells > self._cells:
            raise EngineError(f"A prompt of {len(job.identity)} rows was never going to fit the KV cache.")
        item = self._admit(job) if self.has_room else None
        if item is not None:
            self._running.append(item)
        return item is not None

    def step(self) -> list[StepEvent]:
        """One decode, and what became of every job whose logits it brought. After an error nothing is under way."""
        if not self._running:
            return []
        start, before = time.perf_counter(), [(item, item.filled, item.reading) for item in self._running]
        try:
            batch, wanted = compose(self._running, self._decoder, self._batch_rows, self._outputs)
            logits = self._decoder.decode(batch)
            row_s = (time.perf_counter() - start) / len(batch.sequences)
            for item, filled, reading in before:  # charged for its own rows: the shares add up to the run
                spent_s = row_s * (item.filled - filled)
                item.prefill_s += spent_s if reading else 0.0
                item.decode_s += 0.0 if reading else spent_s
            return self._advance_all(wanted, logits)
        except BaseException:
            self.clear()
            raise

    def cancel(self, key: int) -> None:
        """Forget a job that is under way; nothing more will be said of it."""
        for item in [item for item in self._running if item.job.key == key]:
            self._running.remove(item)
            self._drop(item)

    def clear(self) -> None:
        """Forget all jobs that are under way."""
        while self._running:
            self._drop(self._running.pop())

    def _admit(self, job: Job) -> Running | None:
        """Give the job a sequence, or None while there is no room or its shared prefix is still being read."""
        longest = len(job.identity) - max(1, job.scored_rows)  # rows whose logits are wanted are always computed
        source, shared = self._kv.best_prefix(job.identity[:longest])
        reader = next((other for other in self._running if other.sequence is source), None)
        if reader is not None and reader.filled < shared:
            return None
        sequence = self._kv.claim(job.identity, job.max_tokens, source, shared)
        if sequence is None:
            return None
        stream, sampler = TextStream(job.sampling.stop, job.doctags), Sampler(job.sampling, job.grammar)
        return Running(job, sequence, sampler, stream, filled=sequence.shared, cached=sequence.shared)

    def _advance_all(self, wanted: list[tuple[Running, int]], logits: Floats) -> list[StepEvent]:
        events: list[StepEvent] = []
        starts = np.cumsum([0, *(count for _, count in wanted)])[:-1].tolist()
        written = [(item, start) for (item, _), start in zip(wanted, starts, strict=True) if not item.job.scored_rows]
        chosen: list[Choice] = []
        if written:
            own = logits if len(written) == len(logits) else logits[[start for _, start in written]]
            chosen = self._sampling.choose(own, [item.sampler for item, _ in written])
        choices = iter(chosen)
        for (item, count), start in zip(wanted, starts, strict=True):
            if item.job.scored_rows:
                events += self._score(item, logits[start : start + count])
            else:
                events += self._advance(item, next(choices))
        return events

    def _score(self, item: Running, logits: Floats) -> list[StepEvent]:
        item.scores.append(logits.copy())
        if item.reading:
            return []
        self._retire(item)
        return [Scored(item.job.key, np.concatenate(item.scores), item.cached, item.prefill_s)]

    def _advance(self, item: Running, chosen: Choice) -> list[StepEvent]:
        if chosen is None:
            return self._finish(item, "length")
        token, logprob = chosen
        if self._decoder.is_end(token) and not item.job.ignore_eos:
            return self._finish(item, "end")
        item.sampler.accept(token)
        item.ids.append(token)
        text = item.stream.feed(self._decoder.piece(token))
        item.trace.append((item.stream.length, logprob))
        events: list[StepEvent] = [Piece(item.job.key, text)] if text else []
        if item.stream.stopped:
            events += self._finish(item, "end")
        elif item.stream.looping and not item.job.ignore_eos:
            events += self._finish(item, "repetition")
        elif len(item.ids) >= item.job.max_tokens:
            events += self._finish(item, "length")
        return events

    def _finish(self, item: Running, reason: StopReason) -> list[StepEvent]:
        self._retire(item)
        text, job, new = item.stream.finish(), item.job, len(item.ids)
        counts = Counts(len(job.identity), job.image_tokens, new, item.cached, job.encodes)
        seconds = Seconds(0.0, job.encode_s, item.prefill_s, item.decode_s)
        mean = sum(logprob for _, logprob in item.trace) / new if new else None
        done = Generation(job.key, item.stream.text, reason, counts, seconds, mean, tuple(item.ids), tuple(item.trace))
        return [Piece(job.key, text), done] if text else [done]

    def _retire(self, item: Running) -> None:
        self._running.remove(item)
        self._kv.retire(item.sequence)
        if item.job.grammar is not None:
            item.job.grammar.close()

    def _drop(self, item: Running) -> None:
        self._kv.drop(item.sequence)
        if item.job.grammar is not None:
            item.job.grammar.close()
