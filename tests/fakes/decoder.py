"""A language model made of arithmetic: the next token depends on every row that its sequence has seen, in order.

It keeps the KV cache as llama.cpp does (cells that several sequences may share) and refuses whatever llama.cpp would
abort over or compute wrongly: gaps in positions, sequences out of range, more rows than the batch or the cache holds.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from smolcli.datatypes import Sampling
from smolcli.engine.batching import PICTURE, Batch, Job
from smolcli.engine.scheduler import Scheduler, StepEvent
from smolcli.errors import EngineError

VOCABULARY = 60
END = 0


@dataclass(eq=False)
class Cell:
    """One row of the cache: what it is of, and whose."""

    value: int
    owners: set[int] = field(default_factory=set)


class FakeDecoder:
    """fails_at: the number of the decode (from 0) that raises EngineError."""

    def __init__(self, cells: int, sequences: int, batch_rows: int, fails_at: int | None = None) -> None:
        self.cells, self.batch_rows, self.fails_at = cells, batch_rows, fails_at
        self.kept: dict[int, list[Cell]] = {n: [] for n in range(sequences)}
        self.batches: list[Batch] = []
        self.most_cells = 0

    def decode(self, batch: Batch) -> np.ndarray:
        count = len(batch.positions)
        assert 1 <= count <= self.batch_rows
        assert batch.rows.shape == (count, 1)
        assert batch.rows.dtype == np.float32
        assert batch.positions.dtype == np.int32
        assert len(batch.sequences) == len(batch.wanted) == count
        if len(self.batches) == self.fails_at:
            self.fails_at = None
            raise EngineError("llama.cpp could not decode (on purpose).")
        self.batches.append(batch)
        logits = []
        for value, position, sequence, wanted in zip(
            batch.rows[:, 0], batch.positions, batch.sequences, batch.wanted, strict=True
        ):
            rows = self.kept[sequence]
            assert position == len(rows), f"sequence {sequence} has {len(rows)} rows, position {position} comes"
            rows.append(Cell(int(value), {sequence}))
            if wanted:
                logits.append(one_hot(next_token([cell.value for cell in rows])))
        self.most_cells = max(self.most_cells, self.used)
        assert self.used <= self.cells, "the cache is too small for this"
        return np.array(logits, np.float32).reshape(-1, VOCABULARY)

    @property
    def used(self) -> int:
        """Cells that hold a row; shared ones count once."""
        return len({id(cell) for rows in self.kept.values() for cell in rows})

    def embed_tokens(self, ids: np.ndarray) -> np.ndarray:
        return ids.astype(np.float32).reshape(-1, 1)

    def piece(self, token: int) -> bytes:
        return piece(token)

    def is_end(self, token: int) -> bool:
        return token == END

    def copy_sequence(self, source: int, target: int, rows: int) -> None:
        assert not self.kept[target], "the sequence was not forgotten before it was used again"
        assert len(self.kept[source]) >= rows, "rows are shared that have not been computed"
        self.kept[target] = self.kept[source][:rows]
        for cell in self.kept[target]:
            cell.owners.add(target)

    def forget(self, sequence: int, from_row: int = 0) -> None:
        for cell in self.kept[sequence][from_row:]:
            cell.owners.discard(sequence)
        del self.kept[sequence][from_row:]


def next_token(values: Sequence[int]) -> int:
    """The token that follows these rows."""
    return zlib.crc32(np.array(values, np.int64).tobytes()) % VOCABULARY


def piece(token: int) -> bytes:
    """A word of its own for every token."""
    return f" w{token}".encode()


def one_hot(token: int) -> np.ndarray:
    logits = np.zeros(VOCABULARY, np.float32)
    logits[token] = 9
    return logits


def job(key: int, values: Sequence[int], max_tokens: int) -> Job:
    """A prompt whose rows are these numbers (below 2^24)."""
    identity = np.array(values, np.int64)
    return Job(key, identity, rows_of(identity), Sampling(), max_tokens)


def rows_of(identity: np.ndarray) -> Callable[[int, int], tuple[np.ndarray, np.ndarray]]:
    """The rows of a prompt: every other one as if it were a picture's."""

    def rows(start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        is_picture = np.arange(start, end) % 2 == 1
        ids = np.where(is_picture, PICTURE, identity[start:end]).astype(np.int32)
        return ids, identity[start:end][is_picture, None].astype(np.float32)

    return rows


def run(scheduler: Scheduler, jobs: Iterable[Job]) -> Iterator[StepEvent]:
    """What happens to many jobs, which are pulled as room appears; none is left under way."""
    waiting, pending, mine = iter(jobs), None, set()
    try:
        while True:
            while scheduler.has_room and (pending := pending or next(waiting, None)) and scheduler.add(pending):
                mine.add(pending.key)
                pending = None
            if not scheduler:
                assert pending is None, "there is room for the next job, and it was not taken"
                return
            yield from scheduler.step()
    finally:
        for key in mine:
            scheduler.cancel(key)


def alone(values: Sequence[int], max_tokens: int) -> tuple[str, str, int]:
    """(text, stop reason, new tokens) that a prompt must give, whatever its company."""
    values, words = list(values), []
    while len(words) < max_tokens:
        token = next_token(values)
        if token == END:
            return " ".join(words), "end", len(words)
        words.append(f"w{token}")
        values.append(token)
    return " ".join(words), "length", len(words)
