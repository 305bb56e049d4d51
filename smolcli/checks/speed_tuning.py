"""A model as it comes in, every way in which it may be computed more quickly tried, the quickest out.

with SpeedTuning(pair, EngineOptions(), Trying()) as tuning:
    for trial in tuning.trials(): ...
    tuning.quickest()
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from smolcli.checks.quickest import ROUNDS, Setting, SpeedTrial, best_of, others_of, quickest_of, speed_trials
from smolcli.checks.repeats import Told
from smolcli.datatypes import ModelPair
from smolcli.engine import Engine, EngineOptions, load_engine, one_of_each_core, others_running, physical_cores, place
from smolcli.models import copy_of, other_types, retyped
from smolcli.settings import load_settings
from smolcli.tuned import KV_TYPES, Quickest

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trying:
    """rounds: turns of a comparison. allow_changes: what may change an answer is tried and taken too."""

    rounds: int = ROUNDS
    allow_changes: bool = False


class SpeedTuning:
    """Tries settings of one model. Leaving it removes copies of the projector that were written for this and not won.

    tell: hears what is not tried, and why; told: what is measured now, how many settings are done, and of how many.
    """

    def __init__(
        self,
        pair: ModelPair,
        options: EngineOptions,
        trying: Trying,
        tell: Tell = lambda sentence: None,
        told: Told = lambda *_: None,
    ) -> None:
        self._pair, self._options, self._trying, self._tell, self._told = pair, options, trying, tell, told
        self._total = 1
        self._placement = place(pair, options)
        self._written: dict[str, Path] = {}
        self.tried: list[SpeedTrial] = []

    def trials(self) -> Iterator[SpeedTrial]:
        """Each setting as it was measured, what comes by itself first. Raises EngineError, ModelError, OutputError."""
        rows = self._options.batch_rows or self._placement.batch_rows
        first = Setting(self._options.threads or physical_cores(), rows, kv_type=self._options.kv_type)
        if (others_running() or 0) + first.threads > (os.cpu_count() or 1):
            self._tell("note: other programs keep the processors busy: measure again when they are done")
        types = self._types()
        others = others_of(first, types, KV_TYPES if self._trying.allow_changes else ())
        self._total = 1 + sum(map(len, others.values()))
        for trial in speed_trials(self._open, first, others, self._trying.rounds, self._trying.allow_changes):
            self.tried.append(trial)
            yield trial

    def quickest(self) -> Quickest:
        """What won, and what is gained by it; its copy of the projector stays."""
        found = quickest_of(self.tried, self._trying.allow_changes)
        self._written.pop(found.projector or "", None)
        return found

    @property
    def best(self) -> SpeedTrial:
        """The trial of what is kept."""
        return best_of(self.tried, self._trying.allow_changes)

    def _types(self) -> tuple[str, ...]:
        """Other types of the projector that are tried."""
        if not one_of_each_core():
            self._tell("pinned threads are not tried: it is not known of two processors here that they share a core")
        if not self._trying.allow_changes:
            self._tell("other types of projector, keys and values may change an answer: --allow-changes tries them too")
            return ()
        types = other_types(self._pair.projector, self._placement.card is not None)
        if not types:
            self._tell(f"no other type of {self._pair.projector.name} is tried: it is quantized already")
        return types

    def _open(self, setting: Setting) -> Engine:
        self._told(setting.line, len(self.tried), self._total)
        pair = self._pair
        if setting.projector:
            settings = load_settings()
            was_there = copy_of(pair.projector, setting.projector, settings)
            copy = retyped(pair.projector, setting.projector, settings, self._tell)
            if was_there is None:
                self._written[setting.projector] = copy
            pair = replace(pair, projector=copy)
        return load_engine(pair, setting.options(self._options), None, self._placement)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for copy in self._written.values():
            copy.unlink(missing_ok=True)
