"""The options of a run in, a reader ready to run out: model, prompt, how to look, what is said beside the answers."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from smolcli import models
from smolcli.computing import Computing, device_key, last_computed_on, pair_bytes, quickest_way
from smolcli.console import Console, say
from smolcli.datatypes import ModelFacts, ModelPair, Sampling
from smolcli.engine import Engine, EngineOptions, Planner, load_planner
from smolcli.formats import ShownPlan, plan_lines
from smolcli.jobs import Look
from smolcli.known import KnownAnswers, KnownClips, known_answers, known_clips
from smolcli.models import builtin_pages, is_builtin, resolve
from smolcli.options import (
    ClipOptions,
    ClusterOptions,
    FormatOptions,
    ModelOptions,
    OutputOptions,
    PageOptions,
    ReadingOptions,
)
from smolcli.prompt import Prompt, load_prompt, load_prompt_file, prompt_of, style_of
from smolcli.rates import rate_key
from smolcli.reader import Keeping, Reader, answers_kept, make_template
from smolcli.run import Access, Kept, RequestPlan, RunOptions
from smolcli.settings import load_settings
from smolcli.speeds import measured, remember_device, speed_key
from smolcli.tiles import parse_detail
from smolcli.tuned import tuned, tuned_key
from smolcli.verbs import Template

if TYPE_CHECKING:
    from smolcli.run import Cluster
    from smolcli.verbs import Form


PAGE_DPI = 200  # of pages that are read whole: letters of 8 points are 22 px high


@dataclass(frozen=True, slots=True)
class Run:
    """The options of one command line; pages and clips as they are where a command has no such options."""

    model: ModelOptions
    output: OutputOptions
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    pages: PageOptions = field(default_factory=PageOptions)
    clips: ClipOptions = field(default_factory=ClipOptions)
    formats: FormatOptions = field(default_factory=FormatOptions)
    cluster: ClusterOptions = field(default_factory=ClusterOptions)

    @property
    def console(self) -> Console:
        """Where the conversation goes."""
        return Console(self.output.quiet, self.output.json, self.output.verbose)

    @property
    def parallel(self) -> int | None:
        """How many answers are written at the same time; None: as many as memory holds."""
        wanted = self.model.parallel or 1
        return None if wanted == "auto" else int(wanted)

    def pair(self) -> ModelPair:
        """The model to read with. The built-in one introduces itself, once, on stderr."""
        pair = resolve(self.model.model, self.model.mmproj, tell=self.console.tell)
        if pair.note:
            self.console.tell(f"reading with the built-in model {pair.name}: {pair.note} (name another with -m)")
        return pair

    @contextmanager
    def reader(self, unordered: bool = False) -> Iterator[Reader]:
        """The model with its weights, and what it computed in earlier runs."""
        settings = load_settings()
        cluster = self._cluster()
        running = RunOptions(
            ordered=not unordered,
            timeout_s=self.model.page_timeout,
            fail_fast=self.model.fail_fast,
            threads=int(settings.values["ahead_threads"]),
            ahead_bytes=int(settings.values["ahead_size"]),
        )
        pair = self.pair()
        used = self.computing(pair) if cluster is None else Computing(pair, self.engine_options())
        if used.line:
            say(f"stats: {used.line}") if self.output.stats else self.console.detail(used.line)
        with Reader(used.pair, used.options, self._keeping(), running, cluster) as reader:
            self._say_facts(reader.planner)
            if cluster is None:
                self._say_device(reader.engine)
            yield reader

    def _cluster(self) -> Cluster | None:
        """Where jobs are computed, if it is not here. Raises UsageError."""
        if self.cluster.cluster is None:
            return None
        from smolcli.run import parse_cluster

        return parse_cluster(self.cluster.cluster)

    def _keeping(self) -> Keeping | None:
        """Where this user's store is; None where none is wanted."""
        settings = load_settings()
        if self.model.no_store or not settings.values["store"]:
            return None
        limit_bytes = int(settings.values["store_size"])
        return Keeping(settings.store_dir, limit_bytes, self.model.fresh, self.console.note)

    @property
    def keeps_answers(self) -> bool:
        """Whether what is finished is known to the next run; not what is drawn with a seed that nobody gave."""
        return self._keeping() is not None and (self.reading.temp == 0 or self.reading.seed is not None)

    @contextmanager
    def planner(self) -> Iterator[Planner]:
        """The model's vocabulary and facts only."""
        used = self.computing(self.pair(), opens=False)
        with load_planner(used.pair, used.options) as planner:
            self._say_facts(planner)
            yield planner

    @contextmanager
    def known(self, planner: Planner) -> Iterator[Kept | None]:
        """What earlier runs have answered; None where nothing is kept."""
        keeping = self._keeping()
        if keeping is None:
            yield None
            return
        used = self.computing(self._named, opens=False)
        with answers_kept(used.pair, used.options, planner, keeping) as kept:
            yield kept

    def computing(self, pair: ModelPair, opens: bool = True) -> Computing:
        """How this machine computes a pair: as the user says, else as it was measured to be quickest."""
        return quickest_way(Computing(pair, self.engine_options()), self.model, opens, self.console.tell)

    def engine_options(self) -> EngineOptions:
        """How the engine is opened, as the user says."""
        model = self.model
        return EngineOptions(
            threads=model.threads,
            device=model.device,
            gpu_layers=model.gpu_layers,
            context=model.context,
            parallel=self.parallel,
            verbose=self.output.verbose > 1,
            towers=model.towers,
            batch_rows=model.batch_rows,
            kv_type=model.kv_type or "f16",
        )

    # ---- what is asked, and how files are looked at

    def prompt(self, task: str, facts: ModelFacts) -> Prompt:
        """The task's prompt in the model family's style, with the user's changes. Raises UsageError."""
        reading = self.reading
        name = reading.prompt or prompt_of(task, facts.family)
        prompt = load_prompt(name, reading.prompt_style or style_of(facts.family))
        if reading.prompt_file is not None:
            prompt = load_prompt_file(reading.prompt_file, prompt)
        return prompt if reading.system is None else replace(prompt, system=reading.system)

    def template(self, prompt: Prompt, questions: Sequence[str]) -> Template:
        """What is asked of every place: questions, or what the prompt asks by itself. Raises UsageError."""
        look = self.look(self.reading.detail or prompt.detail)
        look = replace(look, dpi=prompt.dpi) if look.dpi is None else look
        template = make_template(prompt, questions, self.reading.hint, look, self.sampling(prompt))
        if self.reading.prompt_file is None:
            return template
        return replace(template, fills="words" if questions else "text")

    def page_template(self, facts: ModelFacts) -> Template:
        """What is asked of pages, and parts of them, whose text is to be written out. Raises UsageError."""
        prompt = self.prompt("transcribe", facts)
        return self.template(replace(prompt, dpi=prompt.dpi or PAGE_DPI), [])

    def look(self, detail: str) -> Look:
        """How places are looked at. Raises UsageError (detail)."""
        pages, clips = self.pages, self.clips
        return Look(
            str(parse_detail(detail)), pages.dpi, clips.frames, clips.fps, pages.rotate, dedupe=not clips.no_dedupe
        )

    def sampling(self, prompt: Prompt) -> Sampling:
        """How words are chosen."""
        reading = self.reading
        return Sampling(reading.temp, reading.top_p, reading.seed, reading.max_tokens or prompt.max_tokens, prompt.stop)

    def page_form(self, facts: ModelFacts, layout: str) -> Form:
        """How this model is shown pages: as the user says, or as it reads them best."""
        from smolcli.verbs import Form

        known = dict(builtin_pages()) if self._reads_builtin else {}
        if found := tuned(load_settings().state_dir, self.tuned_key(facts)):
            known |= {"layout": found.layout, "rows": found.rows, "letter_px": found.letter_px}
        form = replace(Form("blocks", facts.tile_px), **known)
        if facts.doctags:
            form = Form("page", facts.tile_px, doctags=True)
        if layout == "auto" or (layout == form.layout and not form.doctags):
            return form
        return replace(form, layout=layout, doctags=False, believable=0.0)  # that was measured in the form of its own

    def say_untuned(self, facts: ModelFacts) -> None:
        """That nobody has measured how this model reads pages best, and what would."""
        known = self._reads_builtin or facts.doctags
        if not known and tuned(load_settings().state_dir, self.tuned_key(facts)) is None:
            name = shlex.quote(self.model.model or facts.name)
            self.console.note(
                f"how {facts.name} reads pages best was never measured here: it is shown blocks "
                f"(measure it once with: smol tune ocr -m {name})"
            )

    @property
    def _reads_builtin(self) -> bool:
        return self.model.model is None or is_builtin(self.model.model)

    def known_answers(self) -> KnownAnswers:
        """What is known of how this model answers questions about pages."""
        return known_answers(self._reads_builtin)

    def known_clips(self) -> KnownClips:
        """What is known of how this model watches clips."""
        return known_clips(self._reads_builtin)

    def access(self) -> Access:
        """How files are opened."""
        pages = self.pages
        return Access(pages.pages, pages.password, pages.all_frames)

    # ---- what is said beside the answers

    def _say_facts(self, planner: Planner) -> None:
        facts = planner.facts
        self.console.note(*facts.warnings)
        self.console.detail(
            f"model {facts.name} of family {facts.family}: tiles of {facts.tile_px} px and {facts.tokens_per_tile} "
            f"tokens, longest edge {facts.longest_edge_px} px, context {planner.context_tokens} tokens"
        )

    def _say_device(self, engine: Engine) -> None:
        """Say what is computed on, and why it is not a card; and keep that for plans, which start no driver."""
        on = engine.placement
        if on.note:
            self.console.note(on.note)
        if self.console.verbose:
            self.console.detail(on.line(self.model.threads))
        remember_device(load_settings().state_dir, device_key(self._named, self.model), on.name)

    def name_a_better_reader(self, facts: ModelFacts) -> None:
        """Say so where an installed model is made for whole pages, and this one is not."""
        if not facts.doctags and (name := models.installed_doctags(load_settings())) is not None:
            self.console.note(f"{name} is installed, and made for whole pages: smol ocr -m {name} would do better.")

    def show_plan(self, planner: Planner, plan: RequestPlan) -> None:
        """--plan: what will be computed, on stderr."""
        if self.output.plan:
            for line in plan_lines(self.shown_plan(planner, plan)):
                say(f"plan: {line}")

    def shown_plan(self, planner: Planner, plan: RequestPlan) -> ShownPlan:
        """A plan with how long it would take on this machine, where that was measured."""
        facts, ids = planner.facts, plan.sequence.ids.tolist()
        speeds = measured(load_settings().state_dir, self.speed_key(facts))
        seconds = speeds.estimate_s(plan.encodes, len(ids)) if speeds is not None else None
        memory = planner.ram_bytes, planner.gpu_bytes
        return ShownPlan(facts, plan.media, ids, plan.context_tokens, seconds, *memory)

    def request_s(self, planner: Planner, plan: RequestPlan) -> float | None:
        """Seconds for a request once the model is loaded, None where that was not measured."""
        speeds = measured(load_settings().state_dir, self.speed_key(planner.facts))
        return None if speeds is None else speeds.estimate_s(plan.encodes, plan.sequence.ids.size) - speeds.load_s

    def speed_key(self, facts: ModelFacts) -> str:
        """Under what this run's speeds are remembered."""
        return speed_key(facts.name, pair_bytes(self._named), self.model.threads or 0, self._device)

    def rate_key(self, facts: ModelFacts) -> str:
        """Under what is remembered how long a picture of many takes."""
        return rate_key(self.speed_key(facts), self.parallel or 0, self.reading.detail or "")

    def tuned_key(self, facts: ModelFacts) -> str:
        """Under what is remembered how this model reads pages best."""
        return tuned_key(facts.name, pair_bytes(self._named), self._device)

    @property
    def _device(self) -> str:
        """What this model is computed on, or was when it was last; "" where that is not known."""
        return last_computed_on(self._named, self.model)

    @property
    def _named(self) -> ModelPair:
        """The files that the user means."""
        return resolve(self.model.model, self.model.mmproj)
