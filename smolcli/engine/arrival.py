"""A request on its way in: its ids, its tiles, their embeddings as they come; and the job that is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from smolcli.datatypes import RGB, Floats, ModelFacts, Sampling, Source
from smolcli.engine.batching import Ids, Job
from smolcli.engine.embeddings import PromptRows, identity
from smolcli.engine.sampling import Grammar
from smolcli.engine.tokens import TokenSequence
from smolcli.errors import DoesNotFitError, EngineError
from smolcli.generation import Request

MOST_NEW_TOKENS = 1024  # where the user sets no limit


@dataclass(slots=True, eq=False)
class Arrival:
    """A request whose tiles are not all encoded, or for which there is no room yet.

    room: tokens that the context holds beyond the prompt; tiles uint8 (T, T, 3), their digests and the files
    that they were cut from, in the order of the prompt; rows: the embeddings of those that are encoded, float32
    (tokens per tile, width). begun: it was its turn. encode_s: the share of the run that its passes took. grammar: what
    the answer follows.
    """

    request: Request
    sequence: TokenSequence
    room: int
    tiles: list[RGB] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    sources: list[Source | None] = field(default_factory=list)
    rows: list[Floats] = field(default_factory=list)
    begun: bool = False
    encodes: int = 0
    encode_s: float = 0.0
    grammar: Grammar | None = None
    _made: Job | None = None

    @property
    def image_tokens(self) -> int:
        """Rows of the prompt that are pictures; every tile must be encoded."""
        return sum(len(rows) for rows in self.rows)

    @property
    def encoded(self) -> bool:
        """Whether every tile has its embeddings."""
        return len(self.rows) == len(self.tiles)

    @property
    def cells(self) -> int:
        """KV rows that it needs at most; its choices are short."""
        return len(self.sequence.ids) + (0 if self.request.choices else self._most_tokens)

    @property
    def _most_tokens(self) -> int:
        return min(self.request.sampling.max_tokens or MOST_NEW_TOKENS, self.room)

    def job(self, facts: ModelFacts) -> Job:
        """An answer to write: made once, as there may be no room for it for a while."""
        if self._made is None:
            request = self.request
            job = self._made = self._job(request.key, self.sequence.ids, facts)
            job.sampling, job.doctags, job.grammar = request.sampling, facts.doctags, self.grammar
            job.max_tokens, job.ignore_eos = self._most_tokens, request.ignore_eos
        return self._made

    def score_job(self, key: int, continuation: Sequence[int], facts: ModelFacts) -> Job:
        """A continuation to score; its last id is never read, only asked for. Raises DoesNotFitError."""
        self.require_room(len(continuation))
        ids = np.concatenate([self.sequence.ids, np.array(continuation[:-1], np.int32)])
        job = self._job(key, ids, facts)
        job.scored_rows = len(continuation)
        return job

    def require_room(self, tokens: int) -> None:
        """Raises DoesNotFitError for a continuation that has no tokens, or more than there is room for."""
        if not 0 < tokens <= self.room:
            most = f"a continuation has 1 to {self.room}"
            raise DoesNotFitError(f"A continuation of {tokens} tokens cannot be scored: {most}.")

    def _job(self, key: int, ids: Ids, facts: ModelFacts) -> Job:
        images = np.concatenate([np.empty((0, facts.width), np.float32), *self.rows])
        return Job(
            key=key,
            identity=identity(ids, facts.image_token, self.digests, facts.tokens_per_tile),
            rows=PromptRows(ids, facts.image_token, images),
            sampling=Sampling(),
            max_tokens=0,
            image_tokens=len(images),
            encodes=self.encodes,
            encode_s=self.encode_s,
        )


def arrive(request: Request, sequence: TokenSequence, context_tokens: int, tile_px: int) -> Arrival:
    """Raises DoesNotFitError (no room for an answer), EngineError (pictures that cannot be encoded)."""
    room = context_tokens - len(sequence.ids)
    if room < 1:
        raise DoesNotFitError(
            f"The prompt has {len(sequence.ids)} tokens, but the context holds {context_tokens}.",
            "Use fewer tiles (--detail), fewer frames or pages, or a shorter question.",
        )
    arrival = Arrival(request, sequence, room)
    for part in sequence.images:
        if part.tiles is None:  # never an answer made without the media
            raise EngineError("A picture of the request was planned but not cut.")
        check_tile(part.tiles.rgb[0], tile_px)
        arrival.tiles += list(part.tiles.rgb)
        arrival.digests += part.tiles.digests
        arrival.sources += [part.source] * len(part.tiles.digests)
    return arrival


def check_tile(tile: RGB, tile_px: int) -> None:
    """Raises EngineError for a tile of another size: llama.cpp would cut it in its own way."""
    if tile.shape != (tile_px, tile_px, 3):
        raise EngineError(f"A tile has shape {tile.shape}, but the model reads {tile_px} px squares.")
