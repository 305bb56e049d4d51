"""Options in, a ready run out: model pair, engine, prompt, writer. What every reading command shares."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

from smolcli.cli._console import Progress, interruptible, is_terminal, peak_rss_bytes, say
from smolcli.cli._plans import plan_lines
from smolcli.cli._stats import stats_lines
from smolcli.datatypes import Answer, Encoded, Failure, ModelFacts, ModelPair, Piece, Sampling
from smolcli.engine import Engine, EngineOptions, Planner, computes_with, load_engine, load_planner
from smolcli.errors import SmolError, SomeInputsFailedError
from smolcli.media import MediaOptions
from smolcli.models import resolve
from smolcli.options import ModelOptions, OutputOptions, PageOptions, ReadingOptions
from smolcli.output import JsonWriter, LineWriter, Target, TextWriter, Writer, open_target
from smolcli.prompt import Prompt, load_prompt, load_prompt_file, style_of
from smolcli.settings import load_settings
from smolcli.speeds import Speeds, measured, remember, speed_key
from smolcli.store import KeptTiles, Store, open_store
from smolcli.tasks.answering import Event
from smolcli.tasks.planning import RequestPlan, Style
from smolcli.tiles import parse_detail


class InterruptedRunError(SmolError):
    """Ctrl-C, TERM or HUP: what was answered until then is written out."""

    def __init__(self, number: int) -> None:
        super().__init__("")
        self.exit_code = 128 + number


@dataclass(frozen=True, slots=True)
class Run:
    """The options of one command line."""

    model: ModelOptions
    output: OutputOptions

    @property
    def parallel(self) -> int:
        """How many answers are written at the same time."""
        return self.model.parallel or 1

    def pair(self) -> ModelPair:
        """The model to read with. The built-in one introduces itself, once, on stderr."""
        pair = resolve(self.model.model, self.model.mmproj, tell=(lambda text: None) if self.output.quiet else say)
        if pair.note and not self.output.quiet:
            say(f"reading with the built-in model {pair.name}: {pair.note} (name another with -m)")
        return pair

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """The model with its weights, and what it computed in earlier runs."""
        pair, options = self.pair(), self._engine_options()
        with self._store() as store, load_engine(pair, options, self._kept(store, pair, options)) as engine:
            self._say_facts(engine)
            yield engine

    @contextmanager
    def _store(self) -> Iterator[Store | None]:
        """The store of this user; None where none is wanted."""
        settings = load_settings()
        if self.model.no_store or not settings.values["store"]:
            yield None
            return
        note = (lambda text: None) if self.output.quiet else lambda text: say(f"note: {text}")
        with closing(open_store(settings.store_dir, int(settings.values["store_size"]), note)) as store:
            yield store

    def _kept(self, store: Store | None, pair: ModelPair, options: EngineOptions) -> KeptTiles | None:
        """The tiles that this projector has encoded on this machine."""
        if store is None:
            return None
        encoder = store.fingerprint(pair.projector) + computes_with(options).encode()
        return KeptTiles(store, encoder, self.model.fresh)

    @contextmanager
    def planner(self) -> Iterator[Planner]:
        """The model's vocabulary and facts only."""
        with load_planner(self.pair(), self._engine_options()) as planner:
            self._say_facts(planner)
            yield planner

    def _engine_options(self) -> EngineOptions:
        model = self.model
        verbose = self.output.verbose > 1
        return EngineOptions(model.threads, model.device, model.gpu_layers, model.context, self.parallel, verbose)

    def _say_facts(self, planner: Planner) -> None:
        facts = planner.facts
        self.notes(facts.warnings)
        self.detail(
            f"model {facts.name} of family {facts.family}: tiles of {facts.tile_px} px and {facts.tokens_per_tile} "
            f"tokens, longest edge {facts.longest_edge_px} px, context {planner.context_tokens} tokens"
        )

    def detail(self, sentence: str) -> None:
        """What only -v says."""
        if self.output.verbose and not self.output.quiet:
            say(sentence)

    def notes(self, notes: Sequence[str]) -> None:
        """Sentences about what will be read differently than asked."""
        if not self.output.quiet:
            for note in notes:
                say(f"note: {note}")

    def show_plan(self, facts: ModelFacts, plan: RequestPlan) -> None:
        """--plan: what will be computed, on stderr."""
        if self.output.plan:
            for line in plan_lines(facts, plan, self.speeds(facts)):
                say(f"plan: {line}")

    def speed_key(self, facts: ModelFacts) -> str:
        """Under what this run's speeds are remembered."""
        pair = resolve(self.model.model, self.model.mmproj)
        size = pair.language.stat().st_size + pair.projector.stat().st_size
        return speed_key(facts.name, size, self.model.threads or 0, self.model.device)

    def speeds(self, facts: ModelFacts) -> Speeds | None:
        """What this machine was measured to do with this model."""
        return measured(load_settings().state_dir, self.speed_key(facts))


def style_for(task: str, reading: ReadingOptions, facts: ModelFacts) -> Style:
    """The prompt in the model family's style, with the user's changes. Raises UsageError."""
    prompt: Prompt = load_prompt(task, reading.prompt_style or style_of(facts.family))
    if reading.prompt_file is not None:
        prompt = load_prompt_file(reading.prompt_file, prompt)
    if reading.system is not None:
        prompt = replace(prompt, system=reading.system)
    sampling = Sampling(reading.temp, reading.top_p, reading.seed, reading.max_tokens or prompt.max_tokens)
    return Style(prompt, parse_detail(reading.detail or prompt.detail), reading.hint, sampling)


def media_options(pages: PageOptions, facts: ModelFacts) -> MediaOptions:
    """How files are to be decoded for this model."""
    return MediaOptions(
        longest_edge_px=facts.longest_edge_px,
        dpi=pages.dpi,
        pages=pages.pages,
        password=pages.password,
        all_frames=pages.all_frames,
        rotate=pages.rotate,
    )


@contextmanager
def text_output(output: OutputOptions) -> Iterator[Target]:
    """Standard output, or a file that appears whole: for what is not an answer."""
    target = open_target(output.output, output.force)
    try:
        yield target
        target.commit()
    finally:
        target.discard()


@dataclass(frozen=True, slots=True)
class Form:
    """How a command prints: a heading before each answer, or lines that begin with columns made of it; or plainly.

    questions: how many are asked of each input.
    """

    heading: Callable[[Answer], str] | None = None
    columns: Callable[[Answer], tuple[str, ...]] | None = None
    questions: int = 1


PLAIN = Form()


class Delivery:
    """Writes the answers of one run to stdout or a file as they come, and sums the run up."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.progress = Progress(run.output.quiet)
        self._target = open_target(run.output.output, run.output.force)
        on_stdout = run.output.output in (None, "-")
        self._stream_pieces = on_stdout and is_terminal(sys.stdout) and run.parallel == 1
        self.answers: list[Answer] = []
        self.failures: list[Failure] = []
        self._said: set[str] = set()  # warnings

    def __enter__(self) -> Delivery:
        return self

    def __exit__(self, *_: object) -> None:
        """Keep what was answered, even when the run broke off; leave nothing when nothing was."""
        try:
            if self.answers:
                self._target.commit()
        finally:
            self._target.discard()

    def notes(self, notes: Sequence[str]) -> None:
        """Sentences for the user, each said once."""
        self._run.notes([note for note in notes if note not in self._said])
        self._said.update(notes)

    def write(self, engine: Engine, events: Generator[Event], total: int, form: Form = PLAIN) -> None:
        """Write every answer of an expected `total`.

        Raises SomeInputsFailedError, or the one error when there is no answer at all.
        """
        writer, start, ending = self._writer(form), time.perf_counter(), False
        self.progress.start(total)
        try:
            with closing(events), interruptible() as interrupt:  # closed before the engine is
                for event in events:
                    self._take(event, writer)
                    if isinstance(event, Answer | Failure):
                        self.progress.advance()
                        if interrupt.asked and not ending:
                            ending = True  # thrown in there, so that answers which wait for their turn are kept
                            self._take(events.throw(InterruptedRunError(interrupt.asked)), writer)
        except BaseException:
            writer.broke_off()
            raise
        finally:
            self.progress.close()
            self._sum_up(engine, time.perf_counter() - start)
        self._raise_failures(form.questions)

    def _take(self, event: Event, writer: Writer) -> None:
        if isinstance(event, Encoded):
            self.progress.tile(event.done, event.total)
        elif isinstance(event, Piece):
            if self._stream_pieces:
                writer.piece(event.text)
        elif isinstance(event, Answer):
            self.answers.append(event)
            writer.answer(event)
            self.notes(event.warnings)
            self._run.detail(_summary(event))
        else:
            self.failures.append(event)
            say(f"error: {_named(event)} {event.hint}".strip())

    def _writer(self, form: Form) -> Writer:
        if self._run.output.json:
            return JsonWriter(self._target)
        if form.columns is not None:
            return LineWriter(self._target, form.columns)
        return TextWriter(self._target, form.heading)

    def _sum_up(self, engine: Engine, wall_s: float) -> None:
        if not self.answers:
            return
        if self._run.output.stats:
            for line in stats_lines(
                self.answers, (engine.load_s, wall_s), peak_rss_bytes(), engine.facts.tokens_per_tile
            ):
                say(line)
        if self._run.parallel == 1:
            key = self._run.speed_key(engine.facts)
            remember(load_settings().state_dir, key, engine.load_s, self.answers)

    def _raise_failures(self, questions: int) -> None:
        if not self.failures:
            return
        inputs = len(self.failures) + math.ceil(len(self.answers) / questions)
        error = SomeInputsFailedError(f"{len(self.failures)} of {inputs} inputs failed." if inputs > 1 else "")
        if not self.answers:
            error.exit_code = self.failures[0].exit_code
        raise error


def _named(failure: Failure) -> str:
    """Its sentence, which says of several files the one that it is about."""
    name = "Standard input" if failure.path == "-" else repr(failure.path)
    known = not failure.path or name.strip("'") in failure.message or failure.path in failure.message
    return failure.message if known else f"{name}: {failure.message}"


def _summary(answer: Answer) -> str:
    made, what = answer.generation, ", ".join(dict.fromkeys(place.label for place in answer.places))
    return (
        f"answer about {what or 'no media'}: {made.counts.prompt_tokens} tokens read, {made.counts.encodes} "
        f"encodes, {made.counts.new_tokens} tokens written, stopped by {made.stop_reason}"
    )
