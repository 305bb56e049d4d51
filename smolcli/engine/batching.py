"""Jobs that are under way in, the rows of the next step out: those of answers, then as much of prompts as fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from smolcli.datatypes import Floats, Sampling
from smolcli.engine.kvcells import Sequence as KVSequence
from smolcli.engine.sampling import Grammar, Sampler
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


@dataclass(slots=True, eq=False)
class Running:
    """A job under way: its rows that are there, and its answer so far."""

    job: Job
    sequence: KVSequence
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
        """Whether rows of its prompt are still to be read."""
        return self.filled < len(self.job.identity)

    @property
    def first_wanted(self) -> int:
        """The first row whose logits are asked for."""
        return len(self.job.identity) - max(1, self.job.scored_rows)


def compose(
    running: Sequence[Running], decoder: Decoder, most_rows: int, outputs: int
) -> tuple[Batch, list[tuple[Running, int]]]:
    """Rows of answers first, then as much of the prompts as fits; and who wants how many rows of logits.

    outputs: most rows whose logits are wanted.
    """
    writing = [item for item in running if not item.reading]
    ids = [np.array([item.ids[-1] for item in writing], np.int32)]
    positions = [np.array([item.filled for item in writing], np.int32)]
    sequences = [item.sequence.id for item in writing]
    flags = [np.ones(len(writing), np.bool_)]
    pictures: list[Floats] = []
    wanted = [(item, 1) for item in writing]
    outputs -= len(writing)
    for item in [item for item in running if item.reading]:
        start = item.filled
        room = min(most_rows - len(sequences), max(item.first_wanted - start, 0) + outputs)
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
    rows = _embeddings(np.concatenate(ids), pictures, decoder)
    return Batch(rows, np.concatenate(positions), sequences, np.concatenate(flags)), wanted


def _embeddings(ids: Ids, pictures: list[Floats], decoder: Decoder) -> Floats:
    """Embeddings of all rows of a step, float32 (n, width): those of its text in one call."""
    is_text = ids != PICTURE
    if is_text.all():
        return decoder.embed_tokens(ids)
    shown = np.concatenate(pictures)
    rows = np.empty((len(ids), shown.shape[1]), np.float32)
    rows[~is_text] = shown
    if is_text.any():
        rows[is_text] = decoder.embed_tokens(ids[is_text])
    return rows


def _read(start: int, end: int) -> tuple[Ids, Floats]:
    """In the place of rows that were read: megabytes of pictures, which nobody needs again."""
    raise EngineError(f"Rows {start} to {end} of a prompt were asked for after it was read.")
