"""A model's name goes in, a Reader comes out: the model opened, with what it computed before. The library's front door.

with smolcli.open("500m-video") as reader:
    for answer in reader.ask("invoice.pdf", "What is the total?"):
        print(answer.text)
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from smolcli.datatypes import ModelFacts, ModelPair, Sampling
from smolcli.engine import (
    Engine,
    EngineOptions,
    Planner,
    computes_with,
    load_engine,
    load_engine_code,
    load_planner,
    place,
)
from smolcli.errors import EngineError
from smolcli.jobs import Answer, Failure, Look
from smolcli.media import load_picture_code
from smolcli.prompt import Prompt, load_prompt, prompt_of, style_of
from smolcli.run import Access, Event, Item, Kept, OpenFiles, PageTexts, RunOptions, run
from smolcli.verbs import Template, ask

if TYPE_CHECKING:
    from smolcli.run import Cluster, Crew
    from smolcli.store import Store

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where what is computed is kept: a folder and the most bytes in it. fresh: nothing is taken, all is replaced.

    note: hears about a store that cannot be used.
    """

    folder: Path
    limit_bytes: int
    fresh: bool = False
    note: Note = lambda sentence: None


class Reader:
    """An opened model. Close it, or use it as a context manager; one thread at a time may read with it.

    files: media that jobs are about, opened as they are needed. page_texts: what pages said that were read before.
    """

    def __init__(
        self,
        pair: ModelPair,
        options: EngineOptions,
        keeping: Keeping | None,
        running: RunOptions,
        cluster: Cluster | None = None,
    ) -> None:
        self._running = replace(running, seed=secrets.randbelow(1 << 31))
        self._kept: Kept | None = None
        self.page_texts = PageTexts()
        self._closed = False
        with ExitStack() as stack:
            store = None
            if keeping is not None:
                from smolcli.store import KeptAnswers, open_store  # SQLite, where something is kept

                store = open_store(keeping.folder, keeping.limit_bytes, keeping.note)
                stack.callback(store.close)
            self._engine: Engine | None = None
            self._crew: Crew | None = None
            if cluster is None:
                self._engine = stack.enter_context(_engine(pair, options, store, keeping))
                self.planner: Planner = self._engine
            else:
                self.planner = stack.enter_context(load_planner(pair, options))
                self._crew = stack.enter_context(_crew(cluster, pair, options, self._running))
            if keeping is not None and store is not None:
                model = _model_key(store, pair, options, self.planner)
                answers = KeptAnswers(store, keeping.fresh)
                self._kept, self.page_texts = Kept(answers, model, self.facts.name), PageTexts(answers)
            self.files = OpenFiles(self.facts, self.planner.context_tokens)
            stack.callback(self.files.close)
            self._stack = stack.pop_all()

    @property
    def facts(self) -> ModelFacts:
        """What the model says of itself."""
        return self.planner.facts

    @property
    def engine(self) -> Engine:
        """The model on this machine. Raises EngineError where a cluster has it."""
        if self._engine is None:
            raise EngineError("The model is on the nodes of a cluster.", "Leave out --cluster.")
        return self._engine

    @property
    def engines(self) -> int:
        """How many engines compute."""
        return self._crew.size if self._crew is not None else 1

    @property
    def at_once(self) -> int:
        """How many answers are written at the same time, so that work of several steps keeps the engines busy."""
        return self._crew.size * self._crew.parallel if self._crew is not None else self.engine.parallel

    @staticmethod
    def rank_texts(texts: Sequence[str], question: str) -> list[float]:
        """How well each of some texts fits a question."""
        from smolcli.store import rank_texts

        return rank_texts(texts, question)

    @property
    def load_s(self) -> float:
        """Seconds spent on loading weights so far; of a cluster, by the node that took longest."""
        return self._crew.load_s if self._crew is not None else self.engine.load_s

    def template(
        self,
        verb: str,
        questions: Sequence[str] = (),
        look: Look | None = None,
        sampling: Sampling | None = None,
    ) -> Template:
        """What a verb ("ask", "caption", "docvqa", "transcribe", "video") asks of every place, with its own prompt.

        questions: none for the prompt's own. Raises UsageError.
        """
        family = self.facts.family
        prompt = load_prompt(prompt_of(verb, family), style_of(family))
        return make_template(prompt, questions, "", look, sampling)

    def ask(self, media: str | Sequence[str], question: str, look: Look | None = None) -> Iterator[Answer | Failure]:
        """One answer about files that are shown together, or the failure."""
        paths = [media] if isinstance(media, str) else list(media)
        return self.read(ask(self.files, paths, self.template("ask", [question], look), Access()))

    def read(self, jobs: Iterable[Item]) -> Iterator[Answer | Failure]:
        """The answer to each job, in order; a failure where there is none. Raises EngineError, ModelError."""
        return (event for event in self.stream(jobs) if isinstance(event, Answer | Failure))

    def stream(self, jobs: Iterable[Item], running: RunOptions | None = None) -> Generator[Event]:
        """Everything that happens: plans, tiles that are encoded, pieces of answers, answers and failures.

        Raises EngineError, ModelError, which end the run.
        """
        if self._closed:
            raise EngineError("The reader is closed.", "Open another one.")
        options = self._running if running is None else replace(running, seed=self._running.seed)
        if self._crew is not None:
            from smolcli.run import run_there

            return run_there(jobs, self._crew, self.files, options, self._kept)
        return run(jobs, self.engine, self.files, options, self._kept)

    def keep(self, answer: Answer) -> None:
        """Know an answer in later runs, as one to the job that is in it now."""
        if self._kept is not None:
            self._kept.keep(answer)

    def close(self) -> None:
        """Free everything; safe to call twice."""
        self._closed = True
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closed = True
        self._stack.__exit__(kind, error, traceback)  # who presses Ctrl-C twice does not wait for a tile


@contextmanager
def answers_kept(pair: ModelPair, options: EngineOptions, planner: Planner, keeping: Keeping) -> Iterator[Kept]:
    """What a reader of a model would know from earlier runs, without its weights."""
    from smolcli.store import KeptAnswers, open_store

    store = open_store(keeping.folder, keeping.limit_bytes, keeping.note)
    with closing(store):
        model = _model_key(store, pair, options, planner)
        yield Kept(KeptAnswers(store, keeping.fresh), model, planner.facts.name)


def make_template(
    prompt: Prompt, questions: Sequence[str], hint: str = "", look: Look | None = None, sampling: Sampling | None = None
) -> Template:
    """Questions in a prompt's words; none asks what the prompt asks by itself. Raises UsageError (no such hint)."""
    asked = questions or [prompt.default_question]
    look = look or Look(prompt.detail, prompt.dpi)
    sampling = sampling or Sampling(max_tokens=prompt.max_tokens, stop=prompt.stop)
    return Template(tuple(prompt.asking(text, hint) for text in asked), look, sampling)


def open_reader(model: str | None = None, *, mmproj: str | None = None, store: bool = True, **options: Any) -> Reader:
    """Open a model: a name (`smol models`), a GGUF file, a Hugging Face folder; None for the built-in one.

    store: use and keep what is computed, in the user's own cache folder. options: those of EngineOptions (threads,
    device, gpu_layers, context, parallel, towers, batch_rows, kv_type). Raises UsageError, ModelError, EngineError.
    """
    from smolcli.models import resolve
    from smolcli.settings import load_settings

    settings = load_settings()
    keeping = Keeping(settings.store_dir, int(settings.values["store_size"]))
    wanted = store and settings.values["store"]
    pair = resolve(model, mmproj, settings)
    return Reader(pair, EngineOptions(**options), keeping if wanted else None, RunOptions())


def _load_beside() -> None:
    """What comes after the model is loaded in a thread, as long as llama.cpp's libraries and files are waited for."""

    def load() -> None:
        with suppress(ImportError):  # who needs it will say what is missing
            load_engine_code()
            load_picture_code()

    threading.Thread(target=load, name="smol-import", daemon=True).start()


def _engine(pair: ModelPair, options: EngineOptions, store: Store | None, keeping: Keeping | None) -> Engine:
    """The model on this machine, and the tiles that it encoded before. Raises UsageError, ModelError, EngineError."""
    _load_beside()
    placement, tiles = place(pair, options), None
    if store is not None and keeping is not None:
        from smolcli.store import KeptTiles

        encoder = store.fingerprint(pair.projector) + computes_with(placement).encode()
        tiles = KeptTiles(store, encoder, keeping.fresh)
    return load_engine(pair, options, tiles, placement)


def _crew(cluster: Cluster, pair: ModelPair, options: EngineOptions, running: RunOptions) -> Crew:
    """The actors that compute instead of this machine's engine. Raises UsageError, ModelError, EngineError."""
    from smolcli.models import carry_pair
    from smolcli.run import Crew, Task

    return Crew(cluster, Task(carry_pair(pair), options, running))


def _model_key(store: Store, pair: ModelPair, options: EngineOptions, engine: Planner) -> str:
    """What stands for a model in keys: both files' bytes, how long its prompts may be, how many frames it reads.

    The type of its keys and values too, where that is not the one that comes by itself.
    """
    files = store.fingerprint(pair.language) + store.fingerprint(pair.projector)
    kv_type = "" if options.kv_type == EngineOptions().kv_type else f" {options.kv_type}"
    return f"{files.hex()} {engine.context_tokens} {engine.facts.max_frames}{kv_type}"
