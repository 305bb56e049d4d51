"""A conversation that was parsed → what its request would be, its media looked at or only described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from smolcli.datatypes import ImagePart, ModelFacts, Outline, Place, Source, TilePlan, Turn, VideoFacts
from smolcli.jobs import Look, PlannedMedium, Question
from smolcli.prompt import render
from smolcli.run import OpenFiles, cut_pictures, frame_budget, geometry, planned_parts
from smolcli.tiles import Detail, Geometry, parse_detail, plan
from smolcli.verbs.cases import wrong
from smolcli.verbs.conversations import ADDRESSES, Parsed, held, is_number, shown_at, whole_number

_UNKNOWN_FPS = 24.0  # what transformers takes when a clip does not say


@dataclass(frozen=True, slots=True)
class Conversation:
    """One case to be planned: its media in order, what was odd about them, the images among them (cut where asked)."""

    name: str
    question: Question
    media: tuple[PlannedMedium, ...]
    generate: bool
    pictures: tuple[ImagePart, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def turns(self) -> tuple[Turn, ...]:
        """Its messages, with every picture planned."""
        return render(self.question, [part for item in self.media for part in planned_parts(item)])


@dataclass(frozen=True, slots=True)
class View:
    """How the media of a conversation that is only planned are looked at; cut: images are decoded and cut as well."""

    facts: ModelFacts
    files: OpenFiles
    look: Look
    cut: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    """One entry of `media`: what is known of it, its picture where it is an image, sentences about what was odd."""

    planned: PlannedMedium
    picture: ImagePart | None = None
    warnings: tuple[str, ...] = ()


def build(case: Parsed, view: View) -> Conversation:
    """What a case would be. Raises UsageError, MediaError."""
    found = [_medium(spec, view, case.where) for spec in case.media]
    return Conversation(
        case.name,
        case.question,
        tuple(each.planned for each in found),
        case.generate,
        tuple(each.picture for each in found if each.picture is not None),
        (*case.warnings, *(warning for each in found for warning in each.warnings)),
    )


def _medium(spec: Mapping[str, Any], view: View, name: str) -> _Found:
    if spec.keys() & ADDRESSES or view.cut:
        return _from_file(spec, view, name)
    if spec["type"] == "video":
        return _Found(_from_indices(spec, geometry(view.facts), name))
    planned = _from_size(spec, view, name)
    return _Found(planned, ImagePart(planned.plans[0]))


def _from_file(spec: Mapping[str, Any], view: View, name: str) -> _Found:
    with held(view.files, spec, view.look, name) as media:
        shape, detail = _cutting(spec, view, name)
        if media.video is not None:
            shape, detail = shape.for_video(), Detail("low")
        outlines = tuple(media.outlines)
        plans = tuple(plan(outline.size_px, shape, detail) for outline in outlines)
        planned = PlannedMedium(media.source, outlines, plans, media.video)
        note = frame_budget(view.facts, view.look.frames).note(media.source, media.video, len(outlines), view.look.fps)
        pictures, odd = [ImagePart(cuts) for cuts in plans], list(media.warnings)
        if view.cut:
            pictures, places, odd = cut_pictures(media, planned, view.look)
            came = tuple(Outline(place, outlines[0].size_px) for place in places)  # all frames of a clip are of a size
            planned = replace(planned, outlines=came, plans=plans[: len(came)])
        picture = pictures[0] if media.video is None else None
        return _Found(planned, picture, (*filter(None, [note]), *odd))


def _from_size(spec: Mapping[str, Any], view: View, name: str) -> PlannedMedium:
    shape, detail = _cutting(spec, view, name)
    if "width" in spec or "height" in spec:
        size = (whole_number(spec, "width", name), whole_number(spec, "height", name))
        cuts = plan(size, shape, detail)
    else:
        size = (0, 0)
        rows, cols, tile = whole_number(spec, "rows", name, 0), whole_number(spec, "cols", name, 0), shape.tile_px
        if (rows == 0) != (cols == 0) or max(rows, cols) > shape.grid_max:
            raise wrong(
                name,
                f"a grid of {rows} × {cols} tiles cannot be, {shape.grid_max} each way are the most",
            )
        refined = (max(cols, 1) * tile, max(rows, 1) * tile)
        cuts = TilePlan(size, refined, refined, rows, cols, tile, shape.tokens_per_tile)
    source = Source("", "image")
    return PlannedMedium(source, (Outline(Place(source), size),), (cuts,))


def _from_indices(spec: Mapping[str, Any], shape: Geometry, name: str) -> PlannedMedium:
    indices, fps, duration = spec.get("indices"), spec.get("fps") or _UNKNOWN_FPS, spec.get("duration")
    if not isinstance(indices, list) or not indices or not all(is_number(i) and isinstance(i, int) for i in indices):
        raise wrong(name, "a video without a `path` needs `indices`, a list of frame numbers")
    if not is_number(fps) or fps < 0.001 or not (duration is None or is_number(duration)):
        raise wrong(name, "a video's `fps` and `duration` are numbers")
    if duration is None:  # transformers falls back to the last frame's time
        duration = indices[-1] / fps
    tile = shape.tile_px
    source = Source("", "video")
    outlines = tuple(Outline(Place(source, index, time_s=index / fps), (tile, tile)) for index in indices)
    cuts = plan((tile, tile), shape.for_video(), Detail("low"))
    total = spec.get("total_frames")
    facts = VideoFacts((0, 0), float(fps), float(duration), total if isinstance(total, int) else indices[-1] + 1)
    return PlannedMedium(source, outlines, (cuts,) * len(indices), facts)


def _cutting(spec: Mapping[str, Any], view: View, name: str) -> tuple[Geometry, Detail]:
    """An entry may set its own longest edge, or that it is not split (`do_image_splitting`)."""
    shape, shown = geometry(view.facts), shown_at(0, spec, name)
    if shown.longest_edge_px is not None:
        shape = replace(shape, longest_edge_px=shown.longest_edge_px)
    return shape, parse_detail(shown.detail or view.look.detail) if shown.split else Detail("low")
