"""A model and what the user says of how it is computed in; how it is computed quickest out (`smol tune speed`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from smolcli import models
from smolcli.datatypes import ModelPair
from smolcli.engine import EngineOptions, place
from smolcli.errors import SmolError
from smolcli.options import ModelOptions
from smolcli.settings import load_settings
from smolcli.speeds import last_device
from smolcli.tuned import Quickest, quickest, tuned_key, was_timed

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Computing:
    """A model's files and how they are computed. found: what of that was measured, and not said by the user."""

    pair: ModelPair
    options: EngineOptions
    found: Quickest = field(default_factory=Quickest)

    @property
    def line(self) -> str:
        """What is not as it comes, as one line; "" where all is."""
        return f"computed as smol tune speed found it quickest: {', '.join(self.found.words)}" * bool(self.found.words)


def pair_bytes(pair: ModelPair) -> int:
    """Of both files; what is not there is said by who opens it."""
    return sum(file.stat().st_size for file in (pair.language, pair.projector) if file.exists())


def device_key(pair: ModelPair, asked: ModelOptions) -> str:
    """Under what is remembered what this was computed on."""
    return f"{pair.name}/{pair_bytes(pair)}/{asked.device}"


def last_computed_on(pair: ModelPair, asked: ModelOptions) -> str:
    """What a model was computed on when it was last asked for so, "" where it never was. No driver is started."""
    if asked.device == "cpu" or asked.gpu_layers == 0:
        return "cpu"
    return _with_layers(last_device(load_settings().state_dir, device_key(pair, asked)), asked.gpu_layers)


def computed_on(pair: ModelPair, options: EngineOptions) -> str:
    """What a model is computed on now; the drivers of cards are started to know. Raises UsageError, EngineError."""
    return _with_layers(place(pair, options).name, options.gpu_layers)


def _with_layers(device: str, layers: int | None) -> str:
    return device if layers is None or device == "cpu" else f"{device} {layers}"


def quickest_way(plain: Computing, asked: ModelOptions, opens: bool, tell: Tell) -> Computing:
    """The same, as it was measured to be quickest where the user does not say how.

    opens: the model is opened next, so that drivers may be started and files written for it. tell: hears about that,
    and about what is not there. Raises UsageError (device), EngineError.
    """
    pair, state = plain.pair, load_settings().state_dir
    if not was_timed(state, pair.name, pair_bytes(pair)):
        return plain
    device = computed_on(pair, plain.options) if opens else last_computed_on(pair, asked)
    found = quickest(state, tuned_key(pair.name, pair_bytes(pair), device))
    if found is None:
        return plain
    found = replace(
        found,
        threads=None if asked.threads else found.threads,
        pinned=found.pinned and asked.threads is None,
        batch_rows=None if asked.batch_rows else found.batch_rows,
        kv_type=None if asked.kv_type else found.kv_type,
    )
    if found.projector is not None:
        pair, found = _projected(pair, found, opens, tell)
    return Computing(pair, with_found(plain.options, found), found)


def with_found(plain: EngineOptions, found: Quickest) -> EngineOptions:
    """The options of an engine, with what was found in place of what comes by itself."""
    return replace(
        plain,
        threads=found.threads or plain.threads,
        batch_rows=found.batch_rows or plain.batch_rows,
        pinned=found.pinned or plain.pinned,
        kv_type=found.kv_type or plain.kv_type,
    )


def _projected(pair: ModelPair, found: Quickest, opens: bool, tell: Tell) -> tuple[ModelPair, Quickest]:
    """The pair with our copy of its projector; with its own where there is none, and none can be made."""
    settings, kind = load_settings(), str(found.projector)
    try:
        copy = (
            models.retyped(pair.projector, kind, settings, tell)
            if opens
            else models.copy_of(pair.projector, kind, settings)
        )
    except SmolError as error:
        tell(f"note: {pair.projector.name} is used as it is, not in {kind.upper()}: {error.message}")
        copy = None
    return (pair, replace(found, projector=None)) if copy is None else (replace(pair, projector=copy), found)
