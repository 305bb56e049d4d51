"""Opened media and a question → what the request would be, before any pixel is rendered or encoded.

The plan decides how finely each picture is cut, and how many frames of a clip are read, so that the prompt fits the
context.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from smolcli.datatypes import ImagePart, ModelFacts, Outline, Place, Sampling, Size, Source, TilePlan, Turn, VideoFacts
from smolcli.engine import Planner
from smolcli.engine.tokens import TokenSequence
from smolcli.errors import DoesNotFitError
from smolcli.prompt import Clip, Medium, Prompt, render
from smolcli.tiles import Detail, Geometry, ladder, plan

SLIVER = 4  # a picture so many times as long as wide
ANSWER_ROOM = 256  # tokens that `auto` leaves for the answer where the user sets no limit ...
ANSWER_SHARE = 8  # ... or this part of a small context

_Found = tuple[Source, tuple[Outline, ...], VideoFacts | None]


@dataclass(frozen=True, slots=True)
class Style:
    """How the user wants to be answered: the prompt, how fine to cut, which answer hint, how words are chosen."""

    prompt: Prompt
    detail: Detail
    hint: str = ""
    sampling: Sampling = field(default_factory=Sampling)


class Outlined(Protocol):
    """What planning needs of an opened file (or of one page of it): where it came from and the sizes of its frames."""

    @property
    def source(self) -> Source:
        """The file."""

    @property
    def outlines(self) -> Sequence[Outline]:
        """Its frames, not rendered."""

    @property
    def video(self) -> VideoFacts | None:
        """A clip's facts, None for all else."""


@dataclass(frozen=True, slots=True)
class Page:
    """One picture of a file as something to plan with by itself."""

    source: Source
    outlines: tuple[Outline, ...]
    video: None = None


@dataclass(frozen=True, slots=True)
class PlannedMedium:
    """One file of a request: its frames (not rendered) and how each is cut."""

    source: Source
    outlines: tuple[Outline, ...]
    plans: tuple[TilePlan, ...]
    video: VideoFacts | None = None

    @property
    def encodes(self) -> int:
        """Vision-tower passes for all of its frames."""
        return sum(plan.encodes for plan in self.plans)


@dataclass(frozen=True, slots=True)
class RequestPlan:
    """What would be computed. `notes` are sentences for the user: fewer tiles than usual, and why."""

    media: tuple[PlannedMedium, ...]
    sequence: TokenSequence
    context_tokens: int
    notes: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether the prompt leaves room for at least one new token."""
        return len(self.sequence.ids) < self.context_tokens

    @property
    def encodes(self) -> int:
        """Vision-tower passes of the whole request."""
        return sum(medium.encodes for medium in self.media)

    def _way_out(self) -> str:
        """What to type when it does not fit: of a document, each page can be asked by itself."""
        document = next((item for item in self.media if item.source.kind == "page" and len(item.plans) > 1), None)
        if document is not None:
            return f'Ask page by page: smol docvqa {shlex.quote(document.source.path)} "…"; or choose --pages.'
        return "Use a lower --detail, fewer --pages or --frames, fewer files, or a shorter question."

    def require_fit(self) -> None:
        """Raise DoesNotFitError, with the numbers and what to change, unless the request fits."""
        if self.fits:
            return
        pictures = sum(len(medium.plans) for medium in self.media)
        raise DoesNotFitError(
            f"The request has {len(self.sequence.ids)} tokens "
            f"({pictures} picture{'s' * (pictures > 1)} in {self.encodes} tile{'s' * (self.encodes > 1)}), "
            f"but the model's context holds {self.context_tokens}.",
            self._way_out(),
        )


def geometry(facts: ModelFacts) -> Geometry:
    """The model's facts as tiles.py wants them."""
    return Geometry(facts.tile_px, facts.tokens_per_tile, facts.longest_edge_px, facts.grid_limit)


def plan_request(planner: Planner, media: Sequence[Outlined], question: str, style: Style) -> RequestPlan:
    """Plan one request about all media at once, in their order."""
    found = _found(media)
    sizes = [outline.size_px for _, outlines, video in found if video is None for outline in outlines]
    shape = geometry(planner.facts)
    lowest = iter([plan(size, shape, Detail("low")) for size in sizes])
    low = [_cut_medium(item, lowest, shape) for item in found]
    notes: tuple[str, ...] = ()
    chosen = [plan(size, shape, style.detail) for size in sizes]
    if style.detail.word == "auto" and sizes:
        base = len(planner.tokens(_turns(low, question, style)).ids)
        chosen, notes = _auto(planner, sizes, shape, planner.context_tokens - _room(planner, style) - base)
    plans = iter(chosen)
    planned = tuple(_cut_medium(item, plans, shape) for item in found)
    notes = (*notes, *_slivers(planned))
    whole = RequestPlan(planned, planner.tokens(_turns(planned, question, style)), planner.context_tokens, notes)
    return whole if whole.fits else replace(whole, notes=())


def frames_that_fit(planner: Planner, media: Sequence[Outlined], question: str, style: Style) -> int:
    """The most frames of each clip, whose prompt, with everything else as coarse as may be, leaves room for an answer.

    At least 1.
    """
    shape = geometry(planner.facts)
    coarse = Detail("low") if style.detail.word == "auto" else style.detail
    limit = planner.context_tokens - _room(planner, style)
    found = _found(media)
    plans = [plan(o.size_px, shape, coarse) for _, outlines, video in found if video is None for o in outlines]

    def tokens(count: int) -> int:
        items = ((source, outlines if video is None else outlines[:count], video) for source, outlines, video in found)
        cuts = iter(plans)
        return len(planner.tokens(_turns([_cut_medium(item, cuts, shape) for item in items], question, style)).ids)

    low, high = 1, max(len(outlines) for _, outlines, _ in found)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if tokens(middle) <= limit else (low, middle - 1)
    return low


def medium_parts(video: VideoFacts | None, parts: Sequence[ImagePart], places: Sequence[Place]) -> list[Medium]:
    """The pictures of one file as the prompt takes them: one by one, or as a clip whose frames are at `places`."""
    if video is None:
        return list(parts)
    return [Clip(tuple(parts), tuple(place.time_s or 0.0 for place in places), video.duration_s)]


def planned_parts(planned: PlannedMedium) -> list[Medium]:
    """The same before anything is rendered."""
    parts = [ImagePart(plan) for plan in planned.plans]
    return medium_parts(planned.video, parts, [outline.place for outline in planned.outlines])


def _found(media: Sequence[Outlined]) -> list[_Found]:
    return [(medium.source, tuple(medium.outlines), medium.video) for medium in media]


def _turns(planned: Sequence[PlannedMedium], question: str, style: Style) -> tuple[Turn, ...]:
    media = [part for item in planned for part in planned_parts(item)]
    return render(style.prompt, media, question, style.hint)


def _cut_medium(item: _Found, plans: Iterator[TilePlan], shape: Geometry) -> PlannedMedium:
    source, outlines, video = item
    if video is not None:  # a clip's frames are never split (smolvlm.md §5.1)
        cuts = tuple(plan(outline.size_px, shape.for_video(), Detail("low")) for outline in outlines)
    else:
        cuts = tuple(next(plans) for _ in outlines)
    return PlannedMedium(source, outlines, cuts, video)


def _slivers(planned: Sequence[PlannedMedium]) -> Iterator[str]:
    """Pictures so long (screenshots of whole pages) that fitting their length makes their letters too small to read."""
    for item in planned:
        for outline, cut in zip(item.outlines, item.plans, strict=True):
            long, short = max(outline.size_px), min(outline.size_px)
            shrunk = max(cut.resized_px) / long
            if long > SLIVER * short and shrunk < 0.5:
                name, (width, height) = outline.place.source.path, outline.size_px
                yield (
                    f"{name} is {width} × {height} pixels, read at {cut.resized_px[0]} × {cut.resized_px[1]}: letters "
                    f"of 28 px become {28 * shrunk:.0f} px. Cut it into parts to read it all."
                )


def _room(planner: Planner, style: Style) -> int:
    """Tokens that `auto` keeps free for the answer."""
    return min(style.sampling.max_tokens or ANSWER_ROOM, max(1, planner.context_tokens // ANSWER_SHARE))


def _auto(
    planner: Planner, sizes: Sequence[Size], shape: Geometry, room: int
) -> tuple[list[TilePlan], tuple[str, ...]]:
    """The finest plans whose tokens beyond the unsplit form fit in `room`: the costliest picture goes down first."""
    ladders = [ladder(size, shape) for size in sizes]
    costs = [[planner.image_tokens(step) for step in steps] for steps in ladders]
    at = [0] * len(sizes)
    room += sum(cost[-1] for cost in costs)
    spent = sum(cost[0] for cost in costs)
    while spent > room:
        lowerable = [index for index in range(len(sizes)) if at[index] + 1 < len(ladders[index])]
        if not lowerable:
            break
        index = max(lowerable, key=lambda i: costs[i][at[i]])
        spent -= costs[index][at[index]] - costs[index][at[index] + 1]
        at[index] += 1
    chosen = [steps[step] for steps, step in zip(ladders, at, strict=True)]
    wanted, given = (sum(plan.encodes for plan in plans) for plans in ([steps[0] for steps in ladders], chosen))
    if given == wanted:
        return chosen, ()
    what = "the picture is" if len(sizes) == 1 else f"{len(sizes)} pictures are"
    return chosen, (
        f"{what} read in {given} tile{'s' * (given > 1)} instead of {wanted}, so that the prompt fits the context.",
    )
