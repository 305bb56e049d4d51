"""One model pair as an engine: planning with its vocabulary, reading with its weights."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Self

import numpy as np

from smolcli.datatypes import RGB, Floats, Generation, ImagePart, ModelPair, Piece, Request, TilePlan, Turn
from smolcli.engine import EngineOptions
from smolcli.engine.cores import physical_cores
from smolcli.engine.facts import read_pair
from smolcli.engine.kvcells import KVCells
from smolcli.engine.llama.language import ContextSize, LanguageModel
from smolcli.engine.llama.library import NativeThread, choose_devices, set_verbose
from smolcli.engine.llama.vision import VisionTower
from smolcli.engine.metadata import GGUFFile
from smolcli.engine.scheduler import Batch, Ids, Job, Scheduler
from smolcli.engine.tokens import Prompter, TokenSequence
from smolcli.errors import DoesNotFitError, EngineError, UsageError

MOST_NEW_TOKENS = 1024  # where the user sets no limit
_BATCH_ROWS = 512
_CELL_STEP, _SPARE_CELLS = 256, 512  # KV rows: room for the next, longer question about the same media
_MEMO_BYTES = 128 << 20  # embeddings kept for pictures that come again: a page asked twice, blank tiles, still frames


class Vocabulary:
    """Facts and tokens of a pair; the weights stay on disk."""

    _vocab_only = True

    def __init__(self, pair: ModelPair, options: EngineOptions) -> None:
        self._pair, self._options = pair, options
        self._language_file = GGUFFile(pair.language)
        self.facts, specials = read_pair(pair, self._language_file, GGUFFile(pair.projector))
        self.context_tokens = self._context(options.context)
        set_verbose(options.verbose)
        self._owned: list[LanguageModel | VisionTower] = []  # native handles, in the order in which they were made
        self._thread: NativeThread | None = NativeThread()
        try:
            self._devices = self._thread.call(choose_devices, options.device)
            arguments = (pair.language, self._devices, options.gpu_layers, self._vocab_only)
            self._model = self._thread.call(LanguageModel, *arguments)
            self._owned.append(self._model)
            template = self._language_file.get("tokenizer.chat_template", "")
            self._prompter = Prompter(template, specials, self._model.tokenize)
        except BaseException:
            self.close()
            raise

    def _context(self, wanted: int | None) -> int:
        trained = self.facts.context_tokens
        if wanted is not None and not 64 <= wanted <= trained:
            raise UsageError(
                f"--context {wanted} is out of range: {self.facts.name} was trained with {trained} tokens.",
                f"Use 64 to {trained}, or leave it out.",
            )
        return wanted or trained

    def tokens(self, turns: Sequence[Turn], generate: bool = True) -> TokenSequence:
        """The exact id sequence of a conversation. Raises ModelError when the model's template cannot hold it."""
        self._native()
        return self._prompter.build(turns, generate)

    def image_tokens(self, plan: TilePlan) -> int:
        """How many ids one image takes, markers and line breaks included."""
        self._native()
        return self._prompter.image_tokens(plan)

    def _native(self) -> NativeThread:
        if self._thread is None:
            raise EngineError("The engine is closed.")
        return self._thread

    def close(self, wait: bool = True) -> None:
        """Free everything native, in reverse order; safe to call twice. Without `wait`, once llama.cpp lets go."""
        if self._thread is not None:
            thread, self._thread = self._thread, None
            thread.close(self._free, wait)

    def _free(self) -> None:
        while self._owned:
            self._owned.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(wait=kind is not KeyboardInterrupt)  # who presses Ctrl-C twice does not wait for a tile


class SmolVLM(Vocabulary):
    """The whole model. The projector is loaded with the first picture, the KV cache with the first answer."""

    _vocab_only = False

    def __init__(self, pair: ModelPair, options: EngineOptions) -> None:
        start = time.perf_counter()
        self._tower: VisionTower | None = None
        self._scheduler: Scheduler | None = None
        self._events: Generator[Piece | Generation, None, None] | None = None
        self._cells = 0
        self._memo: OrderedDict[bytes, Floats] = OrderedDict()
        self._threads = options.threads or physical_cores()
        super().__init__(pair, options)
        self.load_s = time.perf_counter() - start

    def run(self, requests: Iterable[Request]) -> Iterator[Piece | Generation]:
        """Pieces and Generations of many requests, up to `parallel` at a time. An earlier run that goes on is ended."""
        self._native()
        self._end_run()
        self._events = self._run(requests)
        return self._events

    def _run(self, requests: Iterable[Request]) -> Generator[Piece | Generation, None, None]:
        jobs = _Ahead(self._job(request) for request in requests)
        while (job := jobs.next) is not None:
            scheduler = self._reserve(_cells_of(job))
            yield from scheduler.run(jobs.take_while(lambda job: _cells_of(job) <= self._cells))

    def _end_run(self) -> None:
        """What an unfinished run still holds in the KV cache must not meet the next one's."""
        events, self._events = self._events, None
        if events is not None:
            with suppress(ValueError):  # it is asking for its next request right now
                events.close()

    def close(self, wait: bool = True) -> None:
        """Free everything native, in reverse order; safe to call twice."""
        self._end_run()
        super().close(wait)

    def embed(self, tile: RGB) -> Floats:
        """tile uint8 (T, T, 3) → float32 (tokens per tile, width): one pass of the vision tower. Raises EngineError."""
        if tile.shape != (self.facts.tile_px, self.facts.tile_px, 3):  # llama.cpp would cut it in its own way
            raise EngineError(f"A tile has shape {tile.shape}, but the model reads {self.facts.tile_px} px squares.")
        if self._tower is None:
            start = time.perf_counter()
            tower = VisionTower(self._pair.projector, self._model.handle, self._threads, self._devices)
            self._native().call(tower.open, self.facts.tokens_per_tile, self.facts.width)
            self._tower = tower
            self._owned.append(tower)
            self.load_s += time.perf_counter() - start
        return self._native().call(self._tower.embed, tile)

    def _reserve(self, needed: int) -> Scheduler:
        """A KV cache of the size that requests like this one need: it costs 23 kB a row with the smallest model."""
        if self._scheduler is not None and needed <= self._cells:
            return self._scheduler
        start = time.perf_counter()
        wanted = needed * self._options.parallel + _SPARE_CELLS
        self._cells = min(-(-wanted // _CELL_STEP) * _CELL_STEP, self.context_tokens)
        size = ContextSize(self._cells, KVCells.sequences(self._options.parallel), min(_BATCH_ROWS, self._cells))
        self._native().call(self._model.open_context, size, self._threads, self.facts.width)
        self.load_s += time.perf_counter() - start
        decoder = _Decoder(self._native(), self._model, self._language_file)
        self._scheduler = Scheduler(decoder, self._cells, self._options.parallel, size.batch_rows)
        return self._scheduler

    def _job(self, request: Request) -> Job:
        sequence = self.tokens(request.turns)
        prompt = len(sequence.ids)
        room = self.context_tokens - prompt
        if room < 1:
            raise DoesNotFitError(
                f"The prompt has {prompt} tokens, but the context holds {self.context_tokens}.",
                "Use fewer tiles (--detail), fewer frames or pages, or a shorter question.",
            )
        wanted = request.sampling.max_tokens or MOST_NEW_TOKENS
        start = time.perf_counter()
        embeddings, encodes = self._embed_images(sequence.images)
        return Job(
            key=request.key,
            identity=self._identity(sequence),
            rows=_Rows(sequence.ids, self.facts.image_token, embeddings, self._language_file),
            sampling=replace(request.sampling, seed=request.sampling.seed + request.key),
            max_tokens=min(wanted, room),
            image_tokens=len(embeddings),
            encodes=encodes,
            encode_s=time.perf_counter() - start,
        )

    def _identity(self, sequence: TokenSequence) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """What each row is of, int64 (n,).

        The id of a text row; for an image row a negative number that its tile's pixels and its place decide.
        """
        identity = sequence.ids.astype(np.int64)
        digests = [int.from_bytes(_digest(tile)[:7]) for part in sequence.images for tile in _tiles(part)]
        rows = np.repeat(np.array(digests, np.int64), self.facts.tokens_per_tile)
        places = np.tile(np.arange(self.facts.tokens_per_tile), len(digests))
        identity[sequence.ids == self.facts.image_token] = -1 - rows - places
        return identity

    def _embed_images(self, images: Sequence[ImagePart]) -> tuple[Floats, int]:
        """float32 (image rows, width), and how many tiles had to be encoded for it."""
        tiles = [tile for part in images for tile in _tiles(part)]
        found, encodes = [np.empty((0, self.facts.width), np.float32)], 0
        for done, tile in enumerate(tiles):
            self._options.on_tile(done, len(tiles))
            key = _digest(tile)
            if key not in self._memo:
                self._memo[key] = self.embed(tile)
                encodes += 1
            self._memo.move_to_end(key)
            found.append(self._memo[key])
            while sum(rows.nbytes for rows in self._memo.values()) > _MEMO_BYTES:
                self._memo.popitem(last=False)
        self._options.on_tile(len(tiles), len(tiles))
        return np.concatenate(found), encodes


class _Rows:
    """The prompt's embeddings, made slice by slice: text rows from the embedding matrix, image rows from the tower."""

    def __init__(self, ids: Ids, image_token: int, images: Floats, file: GGUFFile) -> None:
        self._ids, self._images, self._file = ids, images, file
        self._is_image = ids == image_token
        self._before = np.cumsum(self._is_image) - self._is_image  # image rows before each row

    def __call__(self, start: int, end: int) -> Floats:
        """float32 (end - start, width)."""
        rows = np.empty((end - start, self._images.shape[1]), np.float32)
        is_image = self._is_image[start:end]
        rows[is_image] = self._images[self._before[start:end][is_image]]
        if not is_image.all():
            rows[~is_image] = self._file.rows("token_embd.weight", self._ids[start:end][~is_image])
        return rows


class _Decoder:
    """The language model as the scheduler sees it: every computation in the native thread."""

    def __init__(self, thread: NativeThread, model: LanguageModel, file: GGUFFile) -> None:
        self._thread, self._model, self._file = thread, model, file
        self.piece, self.is_end = model.piece, model.is_end

    def decode(self, batch: Batch) -> Floats:
        return self._thread.call(self._model.decode, batch)

    def embed_tokens(self, ids: Ids) -> Floats:
        return self._file.rows("token_embd.weight", ids)

    def copy_sequence(self, source: int, target: int, rows: int) -> None:
        self._thread.post(self._model.copy_sequence, source, target, rows)

    def forget(self, sequence: int, from_row: int = 0) -> None:
        """In its turn: after Ctrl-C a decode may still be under way."""
        self._thread.post(self._model.forget, sequence, from_row)


class _Ahead:
    """Jobs with the next one known: it is made (its media encoded) before there is a place for it."""

    def __init__(self, jobs: Iterator[Job]) -> None:
        self._jobs = jobs
        self.next = next(jobs, None)

    def take_while(self, fits: Callable[[Job], bool]) -> Iterator[Job]:
        """Jobs up to the first that does not fit, which stays."""
        while (job := self.next) is not None and fits(job):
            yield job
            self.next = next(self._jobs, None)


def _cells_of(job: Job) -> int:
    return len(job.identity) + job.max_tokens


def _tiles(part: ImagePart) -> RGB:
    if part.tiles is None:  # never an answer made without the media
        raise EngineError("A picture of the request was planned but not cut.")
    return part.tiles.rgb


def _digest(tile: RGB) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(tile).data, digest_size=16).digest()
