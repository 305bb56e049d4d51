"""A job and its opened media → what the request would be, before any pixel is rendered or encoded.

The plan decides how finely each picture is cut, and how many frames of a clip are read, so that the prompt fits the
context.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from smolcli.datatypes import ImagePart, ModelFacts, Outline, Place, Size, TilePlan, VideoFacts
from smolcli.engine import Planner, TokenSequence
from smolcli.errors import DoesNotFitError, about_part
from smolcli.jobs import Job, Look, PlannedMedium, Question, Shown
from smolcli.media import Media
from smolcli.prompt import Clip, Medium, render
from smolcli.run.frames import frame_budget, most_frames
from smolcli.run.outlined import Outlined, boxed_size, sheet_outlined
from smolcli.tiles import Detail, Geometry, ladder, parse_detail, plan

SLIVER = 4  # a picture so many times as long as wide
ANSWER_ROOM = 256  # tokens that `auto` leaves for the answer where the user sets no limit ...
ANSWER_SHARE = 8  # ... or this part of a small context


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
        pages = Counter(item.source.path for item in self.media if item.source.kind == "page")
        if pages and (most := pages.most_common(1)[0])[1] > 1:
            return f'Ask page by page: smol docvqa {shlex.quote(most[0])} "…"; or choose --pages.'
        return "Use a lower --detail, fewer --pages or --frames, fewer files, or a shorter question."

    def require_fit(self) -> None:
        """Raise DoesNotFitError, with the numbers and what to change, unless the request fits.

        It is about the one place whose pictures alone are too many, where there is one.
        """
        if self.fits:
            return
        pictures = sum(len(medium.plans) for medium in self.media)
        error = DoesNotFitError(
            f"The request has {len(self.sequence.ids)} tokens "
            f"({pictures} picture{'s' * (pictures > 1)} in {self.encodes} tile{'s' * (self.encodes > 1)}), "
            f"but the model's context holds {self.context_tokens}.",
            self._way_out(),
        )
        tokens = [sum(plan.tokens for plan in medium.plans) for medium in self.media]
        alone = [number for number, count in enumerate(tokens) if count >= self.context_tokens]
        error.part = alone[0] if len(alone) == 1 else None
        raise error


def geometry(facts: ModelFacts) -> Geometry:
    """The model's facts as tiles.py wants them."""
    return Geometry(facts.tile_px, facts.tokens_per_tile, facts.longest_edge_px, facts.grid_limit)


def plan_job(planner: Planner, media: Sequence[Media], job: Job) -> RequestPlan:
    """Plan one job. media: what holds each of its places, in their order. Raises MediaError for a clip without frames.

    A clip is read in as many frames as fit beside all else, a conversation as it was given.
    """
    if job.look.sheet is not None:  # one picture, made of all places
        return plan_outlined(planner, [sheet_outlined(job)], replace(job, places=job.places[:1]))
    shown = most_frames(planner.facts, planner.context_tokens, job.look.frames)
    found: list[Outlined] = []
    for number, (medium, place) in enumerate(zip(media, job.places, strict=True)):
        with about_part(number):
            found.append(_outlined(medium, place, job.look, shown))
    budget = frame_budget(planner.facts, job.look.frames)
    most = max((len(item.outlines) for item in found if item.video is not None), default=0)
    if most and not job.question.messages and (fit := _frames_that_fit(planner, found, job)) < most:
        reason = f"the context of {planner.context_tokens} tokens holds no more and an answer"
        budget = replace(budget, frames=fit, reason=reason)
        found = [
            replace(item, outlines=tuple(medium.sampled(fit, place.window_s)))
            if item.video and len(item.outlines) > fit
            else item
            for medium, item, place in zip(media, found, job.places, strict=True)
        ]
    notes = [budget.note(item.source, item.video, len(item.outlines), job.look.fps) for item in found]
    notes += [warning for item in found for outline in item.outlines for warning in outline.warnings]
    whole = plan_outlined(planner, found, job)
    return replace(whole, notes=(*filter(None, notes), *whole.notes) if whole.fits else ())


def plan_outlined(planner: Planner, found: Sequence[Outlined], job: Job) -> RequestPlan:
    """The same for pictures of which only the sizes are known."""
    shapes = _shapes(planner.facts, job)
    pictures = [
        (outline.size_px, *shapes[number])
        for number, item in enumerate(found)
        if item.video is None
        for outline in item.outlines
    ]
    notes: tuple[str, ...] = ()
    chosen = [plan(*picture) for picture in pictures]
    if any(detail.word == "auto" for _, _, detail in pictures):
        low = [plan(size, shape, Detail("low")) for size, shape, _ in pictures]
        base = len(_tokens(planner, _cut_all(found, low, shapes), job.question).ids)
        chosen, notes = _auto(planner, pictures, planner.context_tokens - _room(planner, job) - base)
    planned = _cut_all(found, chosen, shapes)
    notes = (*notes, *_slivers(planned))
    whole = RequestPlan(planned, _tokens(planner, planned, job.question), planner.context_tokens, notes)
    return whole if whole.fits else replace(whole, notes=())


def has_room(planner: Planner, question: Question, max_tokens: int | None) -> bool:
    """Whether a question without media leaves room for its answer in the context."""
    return len(_tokens(planner, (), question).ids) + (max_tokens or ANSWER_ROOM) <= planner.context_tokens


def _outlined(medium: Media, place: Place, look: Look, most: int) -> Outlined:
    """most: frames of a clip. A frame of one (a moment) is a picture like any other."""
    if medium.video is not None and place.time_s is not None:
        width, height = medium.video.size_px
        return Outlined(medium.source, (Outline(place, (width, height)),))
    if medium.video is not None and place.window_s is not None:
        outlines = tuple(medium.sampled(most, place.window_s))
        lasts_s = min(place.window_s[1], medium.video.duration_s) - max(0.0, place.window_s[0])
        return Outlined(medium.source, outlines, replace(medium.video, duration_s=lasts_s))
    if medium.video is not None:
        return Outlined(medium.source, tuple(medium.outlines), medium.video)
    outline = medium.outline(place)
    size_px = outline.size_px[::-1] if look.turn % 180 else outline.size_px
    return Outlined(medium.source, (replace(outline, place=place, size_px=boxed_size(size_px, place)),))


def _shapes(facts: ModelFacts, job: Job) -> list[tuple[Geometry, Detail]]:
    """How each place is cut: as the job looks, or as a conversation says of its picture."""
    usual = geometry(facts), parse_detail(job.look.detail)
    found = [usual] * len(job.places)
    for message in job.question.messages:
        for part in message.parts:
            if isinstance(part, Shown):
                edge = part.longest_edge_px or facts.longest_edge_px
                own = usual[1] if part.detail is None else parse_detail(part.detail)
                detail = own if part.split else Detail("low")
                found[part.place] = replace(usual[0], longest_edge_px=edge), detail
    return found


def _frames_that_fit(planner: Planner, found: Sequence[Outlined], job: Job) -> int:
    """The most frames of each clip, whose prompt, with everything else as coarse as may be, leaves room for an answer.

    At least 1.
    """
    coarse = Detail("low")
    shapes = [(shape, coarse if detail.word == "auto" else detail) for shape, detail in _shapes(planner.facts, job)]
    limit = planner.context_tokens - _room(planner, job)
    cuts = [plan(o.size_px, *shapes[n]) for n, item in enumerate(found) if not item.video for o in item.outlines]

    def tokens(count: int) -> int:
        items = [replace(item, outlines=item.outlines[:count]) if item.video else item for item in found]
        return len(_tokens(planner, _cut_all(items, cuts, shapes), job.question).ids)

    low, high = 1, max(len(item.outlines) for item in found)
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


def _tokens(planner: Planner, planned: Sequence[PlannedMedium], question: Question) -> TokenSequence:
    return planner.tokens(render(question, [part for item in planned for part in planned_parts(item)]))


def _cut_all(
    found: Sequence[Outlined], plans: Iterable[TilePlan], shapes: Sequence[tuple[Geometry, Detail]]
) -> tuple[PlannedMedium, ...]:
    """Plans for pictures, in order; a clip's frames are never split (smolvlm.md §5.1)."""
    cuts, planned = iter(plans), []
    for item, (shape, _) in zip(found, shapes, strict=True):
        if item.video is not None:
            own = tuple(plan(outline.size_px, shape.for_video(), Detail("low")) for outline in item.outlines)
        else:
            own = tuple(next(cuts) for _ in item.outlines)
        planned.append(PlannedMedium(item.source, item.outlines, own, item.video))
    return tuple(planned)


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


def _room(planner: Planner, job: Job) -> int:
    """Tokens that `auto` keeps free for the answer."""
    return min(job.sampling.max_tokens or ANSWER_ROOM, max(1, planner.context_tokens // ANSWER_SHARE))


def _auto(
    planner: Planner, pictures: Sequence[tuple[Size, Geometry, Detail]], room: int
) -> tuple[list[TilePlan], tuple[str, ...]]:
    """The finest plans whose tokens beyond the unsplit form fit in `room`: the costliest picture goes down first."""
    ladders = [
        ladder(size, shape) if detail.word == "auto" else (plan(size, shape, detail),)
        for size, shape, detail in pictures
    ]
    costs = [[planner.image_tokens(step) for step in steps] for steps in ladders]
    at = [0] * len(pictures)
    room += sum(cost[-1] for cost in costs)
    spent = sum(cost[0] for cost in costs)
    while spent > room:
        lowerable = [index for index in range(len(pictures)) if at[index] + 1 < len(ladders[index])]
        if not lowerable:
            break
        index = max(lowerable, key=lambda i: costs[i][at[i]])
        spent -= costs[index][at[index]] - costs[index][at[index] + 1]
        at[index] += 1
    chosen = [steps[step] for steps, step in zip(ladders, at, strict=True)]
    wanted, given = (sum(plan.encodes for plan in plans) for plans in ([steps[0] for steps in ladders], chosen))
    if given == wanted:
        return chosen, ()
    what = "the picture is" if len(pictures) == 1 else f"{len(pictures)} pictures are"
    return chosen, (
        f"{what} read in {given} tile{'s' * (given > 1)} instead of {wanted}, so that the prompt fits the context.",
    )
