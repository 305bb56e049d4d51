"""One model pair as an engine: requests are taken, their tiles encoded, their answers written, step by step."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property, partial
from itertools import count

from smolcli.datatypes import RGB, Floats, ModelPair, Source, Turn
from smolcli.engine import EngineOptions, TileStore
from smolcli.engine.arrival import Arrival, arrive, check_tile
from smolcli.engine.batching import Job
from smolcli.engine.choosing import Choosing, forms
from smolcli.engine.cores import physical_cores, pin
from smolcli.engine.embeddings import MEMO_BYTES, MEMO_PROMPTS, TileMemo
from smolcli.engine.encoding import TileEncoder
from smolcli.engine.kvcells import KVCells
from smolcli.engine.llama.devices import free_bytes
from smolcli.engine.llama.language import ContextSize
from smolcli.engine.llama.vision import VisionTower
from smolcli.engine.memory import kv_cells, together
from smolcli.engine.placement import Placement, place
from smolcli.engine.sampling import log_softmax
from smolcli.engine.scheduler import Scheduler, Scored, StepEvent
from smolcli.engine.threaded import ThreadedDecoder, ThreadedGrammar
from smolcli.engine.towers import MOST_UNASKED, Tower, Towers
from smolcli.engine.vocabulary import Vocabulary
from smolcli.errors import SmolError
from smolcli.generation import EngineEvent, Refused, Request

_OUTPUTS = 32  # rows of logits in one pass, 200 kB each with the family's vocabulary
_ANSWERS_PER_TILE = 4  # that wait while one is encoded
_CELL_STEP, _SPARE_CELLS = 256, 512  # KV rows: room for the next, longer question about the same media


class SmolVLM(Vocabulary):
    """The whole model. Projectors are loaded with the first picture, the KV cache with the first answer."""

    _vocab_only = False

    def __init__(
        self,
        pair: ModelPair,
        options: EngineOptions,
        kept: TileStore | None = None,
        placement: Placement | None = None,
    ) -> None:
        start = time.perf_counter()
        self._placed = placement
        self._scheduler: Scheduler | None = None
        self._events: Generator[EngineEvent, None, None] | None = None  # of the run that goes on
        self._late: list[EngineEvent] = []  # what happened to requests while something was scored
        self._arrivals: deque[Arrival] = deque()
        self._subkeys = count(-1, -1)  # of what is scored; requests have keys from 0 on
        self._choosing: list[Choosing] = []  # requests with choices, whose tiles are all encoded
        self._cells = 0
        self._threads = options.threads or physical_cores()
        self._opening_s = 0.0
        super().__init__(pair, options)
        on_card = self.placement.card is not None
        self.parallel = options.parallel or together(self._most_cells, self.facts.tokens_per_tile, on_card)
        self._ahead = self.parallel // _ANSWERS_PER_TILE  # requests whose tiles are encoded before there is room
        self._encodes = 1 if on_card else max(1, self._ahead)  # in a step; a card's towers go on by themselves
        # several prompts' worth, so that a clip asked again is there, and a thousand pictures do not pile up
        most_bytes = min(MEMO_BYTES, MEMO_PROMPTS * 4 * self.context_tokens * self.facts.width)
        memo = TileMemo((self.facts.tokens_per_tile, self.facts.width), kept, most_bytes)
        self._encoder = TileEncoder(self._towers(), memo, beside=on_card)
        self._owned.append(self._encoder)
        self._opening_s = time.perf_counter() - start

    def _place(self) -> Placement:
        pin(self._options.pinned)  # it is called in the thread that starts those of the language model
        return self._placed or place(self._pair, self._options)

    def _towers(self) -> Towers:
        """None is opened yet. On a card their number grows where nobody sets it."""
        card, asked = self.placement.card, self._options.towers
        if asked is None and card is not None:
            return Towers(self._open_tower, 1, MOST_UNASKED, partial(free_bytes, card))
        return Towers(self._open_tower, asked or 1, asked or 1)

    def _open_tower(self) -> Tower:
        pin(self._options.pinned)
        threads = max(1, self._threads // (self._options.towers or 1))
        tower = VisionTower(self._pair.projector, self._model.handle, threads, self.placement.card)
        tower.open(self.facts.tokens_per_tile, self.facts.width)
        return tower

    @property
    def load_s(self) -> float:
        """Seconds spent on loading weights so far."""
        return self._opening_s + self._encoder.towers.load_s

    # ---- requests

    def run(self, requests: Iterable[Request]) -> Iterator[EngineEvent]:
        """What happens to many requests, up to `parallel` at a time. An earlier run that goes on is ended."""
        self._native()
        self._end_run()
        self._events = self._run(iter(requests))
        return self._events

    def _run(self, requests: Iterator[Request]) -> Generator[EngineEvent, None, None]:
        mine: set[int] = set()
        request = None
        try:
            while True:
                while self._has_room and (request := next(requests, None)) is not None:
                    try:
                        self.add(request)
                        mine.add(request.key)
                    except SmolError as error:
                        yield Refused(request.key, error)
                if not self.busy:
                    return
                yield from self.step()
        finally:
            for key in mine:
                self.cancel(key)

    def add(self, request: Request) -> bool:
        """Take a request, or say that there is no room for it now. Raises DoesNotFitError, EngineError (pictures)."""
        self._native()
        if not self._has_room:
            return False
        arrival = self._arrival(request)
        if request.choices:
            written = list(forms(request.choices, self.answer_ids))
            self._choosing.append(Choosing(arrival, self._native().call(self._model.ends), written, self._subkeys))
        elif request.grammar:
            arrival.grammar = ThreadedGrammar(self._native(), self._model, request.grammar)
        self._arrivals.append(arrival)
        return True

    def expect(self, sources: Iterable[Source]) -> None:
        """Pictures of these files will come with a request: what encodes them may be opened in the meantime."""
        self._native()
        self._encoder.expect(sources)

    def step(self) -> list[EngineEvent]:
        """Encode a tile of the next request, then write a token of every answer; [] when there is nothing to do.

        So an answer goes on while the next picture is encoded; in much company, where nobody waits for a single token,
        a few tiles are encoded in between, so that passes are fuller. Raises EngineError and ModelError, which end all
        requests that were taken.
        """
        self._native()
        events, self._late = self._late, []
        try:
            for _ in range(self._encodes):
                events += self._encode()
            while self._arrivals and self._arrivals[0].encoded and self._begin(self._arrivals[0]):
                self._arrivals.popleft()
            for event in self._scheduler.step() if self._scheduler is not None else ():
                events += self._told(event)
        except BaseException:
            self._forget_all()
            raise
        return events

    def cancel(self, key: int) -> None:
        """Forget a request that is under way; nothing more is said of it."""
        self._arrivals = deque(arrival for arrival in self._arrivals if arrival.request.key != key)
        cancelled = [each for each in self._choosing if each.arrival.request.key == key]
        self._choosing = [each for each in self._choosing if each not in cancelled]
        if self._scheduler is not None and self._thread is not None:
            for one in (key, *(subkey for each in cancelled for subkey in each.under_way)):
                self._scheduler.cancel(one)

    @property
    def busy(self) -> bool:
        """Whether `step` has something to do or to say."""
        return bool(self._late or self._arrivals or self._scheduler)

    @property
    def _has_room(self) -> bool:
        return len(self._arrivals) + len(self._scheduler or ()) < self.parallel + self._ahead

    def score(self, turns: Sequence[Turn], continuations: Sequence[Sequence[int]]) -> list[Floats]:
        """How likely each continuation (ids) of a conversation is, without writing anything.

        For each of them float32 (its length, vocabulary): row k holds the natural log-probability of every token after
        the prompt and the first k ids. What the continuations have in common is computed once. Raises DoesNotFitError,
        EngineError.
        """
        arrival = self._arrival(Request(-1, tuple(turns)))
        self._encoder.finish(arrival)
        jobs = deque(arrival.score_job(next(self._subkeys), ids, self.facts) for ids in continuations)
        keys = [job.key for job in jobs]
        found: dict[int, Floats] = {}
        while len(found) < len(keys):
            while jobs and self._take(jobs[0]):
                jobs.popleft()
            for event in self._scheduler.step() if self._scheduler is not None else ():
                if isinstance(event, Scored) and event.key in keys:
                    found[event.key] = event.logits
                else:
                    self._late += self._told(event)
        return [log_softmax(found[key]) for key in keys]

    def embed(self, tile: RGB) -> Floats:
        """tile uint8 (T, T, 3) → float32 (tokens per tile, width): one pass of the vision tower. Raises EngineError."""
        check_tile(tile, self.facts.tile_px)
        self._native()
        return self._encoder.encode(tile)

    def close(self, wait: bool = True) -> None:
        """Free everything native, in reverse order; safe to call twice."""
        self._end_run()
        super().close(wait)

    # ---- from a request to a job

    def _arrival(self, request: Request) -> Arrival:
        return arrive(request, self.tokens(request.turns), self.context_tokens, self.facts.tile_px)

    def _begin(self, arrival: Arrival) -> bool:
        """Have the answer written, or its choices scored; False while there is no room for it, or for all of them."""
        if not arrival.request.choices:
            return self._take(arrival.job(self.facts))
        choosing = next(each for each in self._choosing if each.arrival is arrival)
        while (job := choosing.next_job(self.facts)) is not None and self._take(job):
            choosing.taken()
        return job is None

    def _told(self, event: StepEvent) -> list[EngineEvent]:
        """What there is to say of something that the scheduler has done."""
        if not isinstance(event, Scored):
            return [event]
        choosing = next(each for each in self._choosing if event.key in each.under_way)
        events: list[EngineEvent] = [*choosing.take(event)]
        if events:
            self._choosing.remove(choosing)
        return events

    def _encode(self) -> list[EngineEvent]:
        """The next tiles; a request with one that cannot be encoded is taken back."""
        events = self._encoder.advance(self._arrivals, idle=not self._scheduler)
        for event in events:
            if isinstance(event, Refused):
                self.cancel(event.key)
        return events

    def _take(self, job: Job) -> bool:
        """Hand a job to the scheduler. A KV cache that is much too small is made anew once nothing is in it."""
        if self._scheduler is None or (self._outgrown(job) and not self._scheduler):
            self._scheduler = self._reserve(max(job.cells, *(arrival.cells for arrival in self._arrivals), 0))
        return not self._outgrown(job) and self._scheduler.add(job)

    def _outgrown(self, job: Job) -> bool:
        """Whether a job does not fit, or less than half as many like it as could be written at once."""
        return job.cells > self._cells or self._cells_for(job.cells) >= 2 * self._cells

    def _cells_for(self, needed: int) -> int:
        """KV rows for requests that need so many each."""
        wanted = needed * self.parallel + _SPARE_CELLS
        return min(-(-wanted // _CELL_STEP) * _CELL_STEP, self._most_cells)

    @cached_property
    def _most_cells(self) -> int:
        """KV rows that there is memory for, beside the weights; one conversation has room in any case."""
        card = self.placement.card
        free = None if card is None else free_bytes(card)
        return max(self.context_tokens, kv_cells(self._language_file, free, self._options.kv_type))

    def _reserve(self, needed: int) -> Scheduler:
        """A KV cache of the size that requests like this one need: it costs 23 kB a row with the smallest model."""
        start = time.perf_counter()
        self._cells = self._cells_for(needed)
        sequences = KVCells.sequences(self.parallel)
        rows = self._options.batch_rows or self.placement.batch_rows
        size = ContextSize(self._cells, sequences, min(max(rows, self.parallel), self._cells), max(_OUTPUTS, sequences))
        kv_type = self._options.kv_type
        self._native().call(self._model.open_context, size, self._threads, self.facts.width, kv_type)
        self._opening_s += time.perf_counter() - start
        decoder = ThreadedDecoder(self._native(), self._model, self._language_file)
        return Scheduler(decoder, self._cells, self.parallel, size.batch_rows, size.outputs)

    # ---- ends

    def _end_run(self) -> None:
        """What an unfinished run still holds in the KV cache must not meet the next one's."""
        events, self._events = self._events, None
        if events is not None:
            with suppress(ValueError):  # it is asking for its next request right now
                events.close()

    def _forget_all(self) -> None:
        self._arrivals.clear()
        self._choosing.clear()
        self._encoder.forget()
        if self._scheduler is not None and self._thread is not None:
            self._scheduler.clear()
