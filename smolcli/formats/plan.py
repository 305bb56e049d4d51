"""What a request would cost → its JSON object, or lines for people.

{"schema": 1, "model", "family", "media": […], "ids": [id or [id, count], …], "n_tokens", "context", "fits",
"estimated_s", "ram_bytes", "gpu_bytes"}
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from smolcli.datatypes import ImagePart, ModelFacts, Outline, TilePlan
from smolcli.formats.json import SCHEMA
from smolcli.jobs import PlannedMedium
from smolcli.printable import megabytes, timestamp


@dataclass(frozen=True, slots=True)
class ShownPlan:
    """What is said of a planned request. ids: of its tokens; estimated_s: None where nothing was measured yet.

    ram_bytes, gpu_bytes: what the model takes where the processor computes, and on a card where that does.
    """

    facts: ModelFacts
    media: tuple[PlannedMedium, ...]
    ids: Sequence[int]
    context_tokens: int
    estimated_s: float | None
    ram_bytes: int
    gpu_bytes: int

    @property
    def fits(self) -> bool:
        """Whether the prompt leaves room for at least one new token."""
        return len(self.ids) < self.context_tokens

    @property
    def encodes(self) -> int:
        """Vision-tower passes of the whole request."""
        return sum(medium.encodes for medium in self.media)


def plan_record(plan: ShownPlan) -> dict[str, Any]:
    """The whole plan as JSON data."""
    return {
        "schema": SCHEMA,
        "model": plan.facts.name,
        "family": plan.facts.family,
        "media": [record for medium in plan.media for record in _media_records(medium)],
        "ids": run_lengths(plan.ids),
        "n_tokens": len(plan.ids),
        "context": plan.context_tokens,
        "fits": plan.fits,
        "estimated_s": None if plan.estimated_s is None else round(plan.estimated_s, 2),
        "ram_bytes": plan.ram_bytes,
        "gpu_bytes": plan.gpu_bytes,
    }


def run_lengths(ids: Sequence[int]) -> list[int | list[int]]:
    """Ids with two or more of the same written as [id, count]."""
    runs = ((token, len(list(group))) for token, group in groupby(ids))
    return [token if count == 1 else [token, count] for token, count in runs]


def add_hashes(media: Iterable[dict[str, Any]], pictures: Iterable[ImagePart]) -> None:
    """Write into the records of images and pages the sha256 of each tile: raw uint8 RGB, row by row, global view last.

    pictures: those of the records in their order, cut; a clip has none here.
    """
    shown = iter(pictures)
    for record in media:
        if record["kind"] != "video" and (tiles := next(shown).tiles) is not None:
            record["tile_sha256"] = [hashlib.sha256(tile.tobytes()).hexdigest() for tile in tiles.rgb]


def _media_records(medium: PlannedMedium) -> Iterator[dict[str, Any]]:
    source = medium.source.path or None
    if medium.video is None:
        for outline, cut in zip(medium.outlines, medium.plans, strict=True):
            yield _picture_record(source, outline, cut)
        return
    yield {
        "kind": "video",
        "source": source,
        "size": list(medium.video.size_px),
        "fps": medium.video.fps,
        "duration_s": medium.video.duration_s,
        "frames": [
            {"index": o.place.index, "time_s": o.place.time_s, "label": timestamp(o.place.time_s or 0.0)}
            for o in medium.outlines
        ],
        "tokens": sum(cut.tokens for cut in medium.plans),
        "encodes": medium.encodes,
    }


def _picture_record(source: str | None, outline: Outline, cut: TilePlan) -> dict[str, Any]:
    return {
        "kind": "page" if outline.place.page is not None else "image",
        "source": source,
        "page": outline.place.page,
        "size": list(outline.size_px),
        "resized": list(cut.resized_px),
        "rows": cut.rows,
        "cols": cut.cols,
        "tile_px": cut.tile_px,
        "tokens": cut.tokens,
        "encodes": cut.encodes,
    }


def plan_lines(plan: ShownPlan) -> Iterator[str]:
    """The plan in words, a line per picture or clip."""
    for medium in plan.media:
        if medium.video is not None:
            first, last = medium.outlines[0].place.time_s or 0.0, medium.outlines[-1].place.time_s or 0.0
            tile = medium.plans[0].tile_px
            yield (
                f"{medium.source.path}: {_size(medium.video.size_px)}, {medium.video.duration_s:.1f} s → "
                f"{_count(len(medium.plans), 'frame')} ({timestamp(first)} to {timestamp(last)}), "
                f"each {tile}×{tile}, {_count(medium.encodes, 'encode')}"
            )
            continue
        for outline, cut in zip(medium.outlines, medium.plans, strict=True):
            where = f" {outline.place.label}" if outline.place.page is not None else ""
            grid = f"{cut.rows}×{cut.cols} tiles and the global view" if cut.rows else "one tile"
            yield (
                f"{medium.source.path}{where}: {_size(outline.size_px)} → {_size(cut.resized_px)} → {grid} "
                f"of {cut.tile_px} px, {_count(cut.encodes, 'encode')}, {cut.tokens} tokens"
            )
    tokens, encodes = len(plan.ids), _count(plan.encodes, "encode")
    verdict = f"{plan.context_tokens - tokens} left for the answer" if plan.fits else "does not fit"
    known = plan.estimated_s is not None
    time = f"about {plan.estimated_s:.1f} s" if known else "time not measured yet on this machine"
    memory = f"{megabytes(plan.ram_bytes)} of RAM or {megabytes(plan.gpu_bytes)} on a GPU"
    yield f"{plan.facts.name}: {tokens} tokens of {plan.context_tokens} ({verdict}), {encodes}, {time}, {memory}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"
