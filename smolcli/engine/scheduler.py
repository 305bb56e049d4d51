"""Jobs in, pieces, generations and scores out: many conversations in one decode batch (continuous batching).

Each step is one pass of the language model. It holds one row of every answer that is being written and fills up with
rows of prompts that are still being read. A job is taken when its cells fit; a finished one makes room at once. A
prompt that begins like one whose KV is still there (the same media, another question) shares those rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from smolcli.datatypes import Counts, Floats, Generation, Piece, Sampling, Seconds, StopReason
from smolcli.engine.kvcells import KVCells, Sequence
from smolcli.engine.sampling import Choice, Grammar, RowSampling, Sampler
from smolcli.engine.textstream import TextStream
from smolcli.errors import EngineError

Ids = npt.NDArray[np.int32]
PICTURE = -1  # in the place of an id: the row is a picture's


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
        """One pass → logits float32 (wanted rows, vocabulary), valid until the next one."""

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
    """One prompt to continue, or to score. `rows(start, end)` gives the ids of a part of it, int32 (end - start,),
    PICTURE where a row is a picture's, and those rows, float32 (pictures' rows, width).

    identity int64 (n,): equal where rows are. scored_rows: 0 writes an answer; else nothing is written, and the logits
    of so many last rows are what is asked for. grammar: what the answer follows; closed when the job is over. doctags:
    the answer is in that markup. ignore_eos: it is max_tokens long, whatever it says.
    """

    key: int
    identity: npt.NDArray[np.int64]
    rows: Callable[[int, int], tuple[Ids, Floats]]
    sampling: Sampling
    max_tokens: int
    image_tokens: int = 0
    encodes: int = 0
    encode_s: float = 0.0
    scored_rows: int = 0
    grammar: Grammar | None = None
    doctags: bool = False
    ignore_eos: bool = False

    @property
    def cells(self) -> int:
        """KV rows that it needs at most."""
        return len(self.identity) + self.max_tokens


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


@dataclass(slots=True, eq=False)
class _Running:
    job: Job
    sequence: Sequence
    sampler: Sampler
    stream: TextStream
    filled: int = 0  # KV rows that are there
    cached: int = 0  # of those, rows shared with an earlier sequence
    ids: list[int] = field(default_factory=list)  # the answer so far; the last one is decoded next
    scores: list[Floats] = field(default_factory=list)
    trace: list[tuple[int, float]] = field(default_factory=list)
    prefill_s: float = 0.0
    decode_s: float = 0.0

    @property
    def reading(self) -> bool:
        return self.filled < len(self.job.identity)

    @property
    def first_wanted(self) -> int:
        """The first row whose logits are asked for."""
        return len(self.job.identity) - max(1, self.job.scored_rows)


class Scheduler:
    """Runs jobs on a decoder.

    cells: KV rows in all; parallel: most answers at once; batch_rows: most rows in one decode; outputs: most rows of
    them whose logits are wanted (`parallel` at least).
    """

    def __init__(self, decoder: Decoder, cells: int, parallel: int, batch_rows: int, outputs: int = 0) -> None:
        self._decoder, self._cells, self._parallel, self._batch_rows = decoder, cells, parallel, batch_rows
        self._outputs = max(parallel, outputs)
        self._kv = KVCells(decoder, cells, parallel)
        self._running: list[_Running] = []
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
            batch, wanted = self._compose()
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

    def _admit(self, job: Job) -> _Running | None:
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
        return _Running(job, sequence, sampler, stream, filled=sequence.shared, cached=sequence.shared)

    def _compose(self) -> tuple[Batch, list[tuple[_Running, int]]]:
        """Rows of answers first, then as much of the prompts as fits; and who wants how many rows of logits."""
        writing = [item for item in self._running if not item.reading]
        ids = [np.array([item.ids[-1] for item in writing], np.int32)]
        positions = [np.array([item.filled for item in writing], np.int32)]
        sequences = [item.sequence.id for item in writing]
        flags = [np.ones(len(writing), np.bool_)]
        pictures: list[Floats] = []
        wanted = [(item, 1) for item in writing]
        outputs = self._outputs - len(writing)
        for item in [item for item in self._running if item.reading]:
            start = item.filled
            room = min(self._batch_rows - len(sequences), max(item.first_wanted - start, 0) + outputs)
            end = min(start + room, len(item.job.identity))
            if end == start:
                continue
            own, rows = item.job.rows(start, end)
            ids.append(own)
            pictures.append(rows)
            positions.append(np.arange(start, end, dtype=np.int32))
            sequences += [item.sequence.id] * (end - start)
            flags.append(positions[-1] >= item.first_wanted)
            item.filled = end
            if not item.reading:
                item.job.rows = _read
            if flags[-1].any():
                wanted.append((item, int(flags[-1].sum())))
                outputs -= wanted[-1][1]
        for item in writing:
            item.filled += 1
        rows = self._rows(np.concatenate(ids), pictures)
        return Batch(rows, np.concatenate(positions), sequences, np.concatenate(flags)), wanted

    def _rows(self, ids: Ids, pictures: list[Floats]) -> Floats:
        """Embeddings of all rows of a step, float32 (n, width): those of its text in one call."""
        is_text = ids != PICTURE
        if is_text.all():
            return self._decoder.embed_tokens(ids)
        shown = np.concatenate(pictures)
        rows = np.empty((len(ids), shown.shape[1]), np.float32)
        rows[~is_text] = shown
        if is_text.any():
            rows[is_text] = self._decoder.embed_tokens(ids[is_text])
        return rows

    def _advance_all(self, wanted: list[tuple[_Running, int]], logits: Floats) -> list[StepEvent]:
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

    def _score(self, item: _Running, logits: Floats) -> list[StepEvent]:
        item.scores.append(logits.copy())
        if item.reading:
            return []
        self._retire(item)
        return [Scored(item.job.key, np.concatenate(item.scores), item.cached, item.prefill_s)]

    def _advance(self, item: _Running, chosen: Choice) -> list[StepEvent]:
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

    def _finish(self, item: _Running, reason: StopReason) -> list[StepEvent]:
        self._retire(item)
        text, job, new = item.stream.finish(), item.job, len(item.ids)
        counts = Counts(len(job.identity), job.image_tokens, new, item.cached, job.encodes)
        seconds = Seconds(0.0, job.encode_s, item.prefill_s, item.decode_s)
        mean = sum(logprob for _, logprob in item.trace) / new if new else None
        done = Generation(job.key, item.stream.text, reason, counts, seconds, mean, tuple(item.ids), tuple(item.trace))
        return [Piece(job.key, text), done] if text else [done]

    def _retire(self, item: _Running) -> None:
        self._running.remove(item)
        self._kv.retire(item.sequence)
        if item.job.grammar is not None:
            item.job.grammar.close()

    def _drop(self, item: _Running) -> None:
        self._kv.drop(item.sequence)
        if item.job.grammar is not None:
            item.job.grammar.close()


def _read(start: int, end: int) -> tuple[Ids, Floats]:
    """In the place of rows that were read: megabytes of pictures, which nobody needs again."""
    raise EngineError(f"Rows {start} to {end} of a prompt were asked for after it was read.")
