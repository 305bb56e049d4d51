"""A model pair in, checks out: files, fit, tokens and tiles against goldens, a known answer, speed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from smolcli import models
from smolcli.checks.check import Check, guarded
from smolcli.checks.system import memory_check
from smolcli.computing import computed_on, pair_bytes
from smolcli.datatypes import RGB, ImagePart, ModelFacts, ModelPair, Sampling, TextPart, TilePlan, Turn
from smolcli.engine import Engine, EngineOptions, Planner, load_engine, load_planner
from smolcli.errors import SmolError
from smolcli.generation import Generation, Request
from smolcli.media import MediaOptions, open_media
from smolcli.models import Store, copy_of, record_file
from smolcli.printable import megabytes
from smolcli.run import geometry
from smolcli.settings import Settings
from smolcli.tiles import Geometry, cut, parse_detail, plan
from smolcli.tuned import quickest, tuned_key

GOLDENS = Path(models.__file__).parent / "goldens"
QUESTION, ANSWER = "What does it say?", "OPEN"  # of goldens/open.png
_DIGITS = 16  # of a golden's SHA-256
_REPORT = "Please report it, with the output of: smol doctor --report"


def model_checks(pair: ModelPair, settings: Settings, options: EngineOptions) -> Iterator[Check]:
    """Everything about one model, and the built-in model's known answer."""
    yield guarded("model files", lambda: _files(pair, settings))
    yield memory_check(sum(path.stat().st_size for path in (pair.language, pair.projector) if path.exists()))
    fit = guarded("model pair", lambda: _fit(pair, options))
    yield fit
    if fit.status != "failed":
        yield guarded("tokens", lambda: _tokens(pair, options))
    yield guarded("tiles", _tiles)
    yield guarded("known answer", lambda: _known_answer(options))
    if fit.status != "failed":
        yield from _speeds(pair, options)
        yield guarded("tuning", lambda: _tuning(pair, settings, options))


def _files(pair: ModelPair, settings: Settings) -> Check:
    """Whole, by the hashes that were recorded when they came."""
    found = [record_file(path) for path in (pair.language, pair.projector)]
    recorded = {file.path: (file, local) for local in Store(settings.data_dir).all() for file in local.files}
    known = [file for file in found if file.path in recorded]
    for file in known:
        expected, local = recorded[file.path]
        if file.sha256 != expected.sha256:
            return Check("model files", "failed", f"{file.path} is not the file that was recorded", local.way_out)
    size = megabytes(sum(file.bytes for file in found))
    proof = f"{len(known)} of 2 with the recorded SHA-256" if known else "no hash is recorded"
    return Check("model files", "ok", f"{pair.language}, {pair.projector}: {size}, {proof}")


def _fit(pair: ModelPair, options: EngineOptions) -> Check:
    """Widths, markers, the projector's keys: what the engine itself asks of a pair."""
    with load_planner(pair, options) as planner:
        facts = planner.facts
    detail = (
        f"{facts.name} ({facts.family}): width {facts.width}, tiles of {facts.tile_px} px and {facts.tokens_per_tile} "
        f"tokens, longest edge {facts.longest_edge_px} px, context {facts.context_tokens}"
    )
    if facts.warnings:
        fix = f"smol repair {pair.projector} --longest-edge {facts.longest_edge_px}, or smol pull the model by its name"
        return Check("model pair", "warning", f"{detail}. {' '.join(facts.warnings)}", fix)
    return Check("model pair", "ok", f"{detail}; {pair.note}" if pair.note else detail)


def _tokens(pair: ModelPair, options: EngineOptions) -> Check:
    """The ids of a few conversations, as the family's reference has them."""
    with load_planner(pair, options) as planner:
        family, key = planner.facts.family, [planner.facts.image_token, planner.facts.tokens_per_tile]
        cases = [case for group in _goldens()["tokens"] if group["of"] == key for case in group["cases"]]
        wrong = [case["name"] for case in cases if not _same_tokens(planner, case)]
    if not cases:
        return Check("tokens", "warning", f"there are no goldens for {family}", "Nothing is wrong.")
    if wrong:
        what = f"{len(wrong)} of {len(cases)} conversations differ from {family}'s: {', '.join(wrong)}"
        return Check("tokens", "failed", what, f"The file's vocabulary or template is not the family's. {_REPORT}")
    return Check("tokens", "ok", f"{len(cases)} conversations have {family}'s ids")


def _same_tokens(planner: Planner, case: dict[str, Any]) -> bool:
    runs = ([run] if isinstance(run, int) else [run[0]] * run[1] for run in case["ids"])
    ids = planner.tokens(conversation(case["turns"], planner.facts)).ids
    return bool(ids.tolist() == list(chain.from_iterable(runs)))


def conversation(turns: Sequence[tuple[str, Sequence[Any]]], facts: ModelFacts) -> tuple[Turn, ...]:
    """A golden's turns: a text, or [rows, columns] of an image."""
    return tuple(Turn(role, tuple(_part(part, facts) for part in parts)) for role, parts in turns)


def _part(part: Any, facts: ModelFacts) -> TextPart | ImagePart:
    if isinstance(part, str):
        return TextPart(part)
    size = (facts.tile_px, facts.tile_px)
    return ImagePart(TilePlan(size, size, size, part[0], part[1], facts.tile_px, facts.tokens_per_tile))


def _tiles() -> Check:
    """Pictures drawn by arithmetic, cut, against the reference's tiles: Pillow and numpy compute as expected."""
    cases = _goldens()["tiles"]
    wrong = [case["name"] for case in cases if _tile_hashes(case) != case["sha256"]]
    if wrong:
        return Check("tiles", "failed", f"{', '.join(wrong)} come out differently here", _REPORT)
    count = sum(len(case["sha256"]) for case in cases)
    return Check("tiles", "ok", f"{count} tiles of {len(cases)} pictures are the reference's, bit for bit")


def _tile_hashes(case: dict[str, Any]) -> list[str]:
    shape = Geometry(case["tile_px"], 1, case["longest_edge_px"])
    size = (case["width"], case["height"])
    planned = plan(size, shape, parse_detail("high" if case["split"] else "low"))
    tiles = cut(synth(*size, case["seed"]), planned).rgb
    return [hashlib.sha256(tile.tobytes()).hexdigest()[:_DIGITS] for tile in tiles]


def synth(width: int, height: int, seed: int) -> RGB:
    """The picture that the goldens were made from, uint8 (height, width, 3): gradients, checks and hash noise."""
    x, y = np.arange(width, dtype=np.uint64)[None, :], np.arange(height, dtype=np.uint64)[:, None]
    noise = (x * 73856093 ^ y * 19349663 ^ np.uint64(seed) * np.uint64(83492791)) & 0xFFFFFFFF
    noise = ((noise ^ (noise >> 13)) * 1274126177) & 0xFFFFFFFF
    noise = noise ^ (noise >> 16)
    across, down = x * 191 // max(width - 1, 1), y * 191 // max(height - 1, 1)
    check = ((x // 17 + y // 23 + np.uint64(seed)) % 2) * 96
    red, green = across + (noise & 63), down + ((noise >> 8) & 63)
    blue = check + (across + down) // 4 + ((noise >> 16) & 63)
    return np.stack([np.broadcast_to(channel, (height, width)) for channel in (red, green, blue)], -1).astype(np.uint8)


def _known_answer(options: EngineOptions) -> Check:
    """The built-in model reads the one word on the picture that ships with it."""
    with load_engine(models.builtin(), options) as engine:
        answer = _read_sign(engine).text.strip()
    if answer.upper() != ANSWER:
        what = f"the built-in model reads {answer!r} where {ANSWER!r} is written"
        return Check("known answer", "failed", what, f"llama.cpp computes wrongly here; try --device cpu. {_REPORT}")
    return Check("known answer", "ok", f"the built-in model reads {answer!r} on goldens/open.png")


def _speeds(pair: ModelPair, options: EngineOptions) -> Iterator[Check]:
    """Encode, prefill and decode, each after everything is loaded."""
    try:
        with load_engine(pair, options) as engine:
            _read_sign(engine)
            edge = engine.facts.tile_px
            tile = synth(edge, edge, 1)
            start = time.perf_counter()
            engine.embed(tile)
            encode_s = time.perf_counter() - start
            generation = _read_sign(engine, "Read this. " * 20)
    except SmolError as error:
        yield Check("speed", "failed", error.message, error.hint)
        return
    seconds, counts = generation.seconds, generation.counts
    fresh, new = counts.prompt_tokens - counts.cached_tokens, counts.new_tokens
    yield Check("encode speed", "ok", f"{encode_s * 1000:.0f} ms a tile of {edge} px")
    yield Check("prefill speed", "ok", f"{fresh / max(seconds.prefill, 1e-9):.0f} tokens/s ({fresh} tokens)")
    yield Check("decode speed", "ok", f"{new / max(seconds.decode, 1e-9):.1f} tokens/s ({new} tokens)")


def _tuning(pair: ModelPair, settings: Settings, options: EngineOptions) -> Check:
    """What `smol tune speed` has found, and what is used where nobody says otherwise."""
    device = computed_on(pair, options)
    found = quickest(settings.state_dir, tuned_key(pair.name, pair_bytes(pair), device))
    if found is None:
        what = f"on {device}, all as it comes (measure what is quickest: smol tune speed)"
        return Check("tuning", "ok", what)
    if not found.words:
        return Check("tuning", "ok", f"on {device}, all as it comes: nothing was quicker")
    what = f"on {device}, {', '.join(found.words)}: {found.times:.2f} times as quick as what comes by itself"
    if found.projector is not None and copy_of(pair.projector, found.projector, settings) is None:
        return Check("tuning", "warning", f"{what}; the copy is not there", "It is written again by the next run.")
    return Check("tuning", "ok", what)


def _read_sign(engine: Engine, question: str = QUESTION) -> Generation:
    """What a model says of the picture that ships with smol, as one tile."""
    with open_media(str(GOLDENS / "open.png"), MediaOptions(engine.facts.longest_edge_px)) as media:
        rgb = next(iter(media.frames())).rgb
    planned = plan((rgb.shape[1], rgb.shape[0]), geometry(engine.facts), parse_detail("low"))
    turns = (Turn("user", (ImagePart(planned, cut(rgb, planned)), TextPart(question))),)
    events = engine.run([Request(0, turns, Sampling(max_tokens=16))])
    return next(event for event in events if isinstance(event, Generation))


@cache
def _goldens() -> dict[str, Any]:
    table: dict[str, Any] = json.loads((GOLDENS / "goldens.json").read_text(encoding="utf-8"))
    return table
