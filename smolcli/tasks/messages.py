"""A conversation written out as JSON → its turns: any chat layout, to be planned or asked.

The format is that of a case of `prompts.json` (tests/golden): `messages` (roles and content parts, in the layout of
transformers' chat templates) and `media`, one for each image or video part in order: a file by `path`; or, to plan
only, an image by `width` and `height` (with `split`, `longest_edge`) or by `rows` and `cols`, a video by `indices`,
`fps` and `duration`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from smolcli.datatypes import ImagePart, Outline, Part, Place, Source, TextPart, TilePlan, Turn, VideoFacts
from smolcli.errors import UsageError
from smolcli.media import Media, MediaOptions, open_media
from smolcli.prompt import Clip, Medium, Prompt, clip_parts
from smolcli.tasks.answering import load_pictures
from smolcli.tasks.planning import PlannedMedium, medium_parts, planned_parts
from smolcli.tasks.video import DEFAULT_BUDGET, FrameBudget, frame_note
from smolcli.tiles import Detail, Geometry, plan

_UNKNOWN_FPS = 24.0  # what transformers takes when a clip does not say
_LARGEST = 1 << 20
_ROLES = ("system", "user", "assistant")  # the template writes the role itself: another one could spell anything


@dataclass(frozen=True, slots=True)
class _Found:
    """One entry of `media`: what is known of it, its pictures (planned, or cut too), sentences about what was odd."""

    planned: PlannedMedium
    parts: list[Medium]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """How the media of a conversation are read.

    The model's geometry, the detail of images, how to open files, clip texts, how many frames were asked for and how
    many may be read.
    """

    geometry: Geometry
    detail: Detail
    options: MediaOptions
    prompt: Prompt
    asked_frames: int | None = None
    budget: FrameBudget = DEFAULT_BUDGET


@dataclass(frozen=True, slots=True)
class Conversation:
    """One case: its turns, its media in order, those of them that are images, whether the assistant is to go on, what
    the user said last, what was odd about the media.

    Where `build` was told to render, its pictures hold tiles, and `media` the frames that came: a damaged clip may give
    fewer than it promised.
    """

    name: str
    turns: tuple[Turn, ...]
    media: tuple[PlannedMedium, ...]
    pictures: tuple[ImagePart, ...]
    generate: bool
    question: str
    warnings: tuple[str, ...] = ()


def read_cases(path: Path) -> list[Mapping[str, Any]]:
    """The cases of a file: one object, or {"cases": […]}. Raises UsageError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"The messages file {path} cannot be read: {reason}.") from error
    cases = data.get("cases", [data]) if isinstance(data, dict) else None
    if (
        not isinstance(cases, list)
        or not cases
        or not all(isinstance(case, dict) and "messages" in case for case in cases)
    ):
        raise UsageError(f"{path} holds no conversation.", 'Write {"messages": […], "media": […]} or {"cases": […]}.')
    return cases


def build(case: Mapping[str, Any], reader: Reader, render: bool) -> Conversation:
    """The turns of a case; with `render`, pictures are decoded and cut as well (all media must be files).

    Raises UsageError, MediaError.
    """
    name = str(case.get("name", ""))
    specs = [] if case.get("media") is None else case["media"]
    messages = case["messages"]
    if not isinstance(specs, list) or not isinstance(messages, list) or not messages:
        raise _wrong(name, "`messages` must be a list with at least one message, `media` a list")
    media = iter([_medium(spec, reader, render, name) for spec in specs])
    used: list[_Found] = []
    turns = tuple(_turn(message, media, used, reader.prompt, name) for message in messages)
    if next(media, None) is not None:
        raise _wrong(name, f"{len(specs)} media are given for {len(used)} image and video parts")
    return Conversation(
        name,
        turns,
        tuple(found.planned for found in used),
        tuple(part for found in used for part in found.parts if isinstance(part, ImagePart)),
        case.get("add_generation_prompt", True) is not False,
        "".join(part["text"] for part in _content(messages[-1]) if part["type"] == "text"),
        tuple(warning for found in used for warning in found.warnings),
    )


def _content(message: Any) -> Any:
    """What a message holds, plain text as the one part that it is."""
    content = message.get("content") if isinstance(message, dict) else None
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _turn(message: Any, media: Iterator[_Found], used: list[_Found], prompt: Prompt, name: str) -> Turn:
    content = _content(message)
    if not isinstance(content, list) or not content or message.get("role") not in _ROLES:
        raise _wrong(name, f"a message needs a `role` ({', '.join(_ROLES)}) and `content`, a text or a list of parts")
    parts: list[Part] = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            parts.append(TextPart(_whole_text(part["text"], name)))
        elif kind in ("image", "video"):
            found = next(media, None)
            if found is None or (found.planned.video is not None) != (kind == "video"):
                raise _wrong(name, f"there is no {kind} in `media` for one of its {kind} parts")
            used.append(found)
            for medium in found.parts:
                parts += clip_parts(prompt, medium) if isinstance(medium, Clip) else [medium]
        else:
            raise _wrong(name, 'a part is {"type": "text", "text": …}, {"type": "image"} or {"type": "video"}')
    return Turn(message["role"], tuple(parts))


def _medium(spec: Any, reader: Reader, render: bool, name: str) -> _Found:
    kind = spec.get("type") if isinstance(spec, dict) else None
    if kind not in ("image", "video"):
        raise _wrong(name, "an entry of `media` has `type` image or video")
    spec = {key: value for key, value in spec.items() if value is not None}
    if "path" in spec:
        return _from_file(spec, reader, render, name)
    if render:
        raise _wrong(name, "to be asked, every entry of `media` needs a `path`")
    planned = _from_size(spec, reader, name) if kind == "image" else _from_indices(spec, reader.geometry, name)
    return _Found(planned, planned_parts(planned))


def _from_file(spec: Mapping[str, Any], reader: Reader, render: bool, name: str) -> _Found:
    if not isinstance(spec["path"], str) or spec["path"] in ("", "-"):
        raise _wrong(name, "a `path` is the name of a file")
    with open_media(spec["path"], reader.options) as medium:
        outlines = tuple(medium.outlines)
        if (medium.video is not None) != (spec["type"] == "video") or (medium.video is None and len(outlines) != 1):
            raise _wrong(name, f"{spec['path']} is not one {spec['type']}")
        geometry, detail = _cutting(spec, reader, name)
        if medium.video is not None:
            geometry, detail = geometry.for_video(), Detail("low")
        plans = tuple(plan(outline.size_px, geometry, detail) for outline in outlines)
        planned = PlannedMedium(medium.source, outlines, plans, medium.video)
        note = frame_note(medium, reader.budget, reader.asked_frames, reader.options.fps)
        if not render:
            return _Found(planned, planned_parts(planned), (*filter(None, [note]), *medium.warnings))
        planned, parts, odd = _rendered(medium, planned)
        return _Found(planned, parts, (*filter(None, [note]), *odd))


def _rendered(medium: Media, planned: PlannedMedium) -> tuple[PlannedMedium, list[Medium], list[str]]:
    """The pictures, cut, and the plan of those that came, at the places where they were found."""
    pictures, places, odd = load_pictures(medium, planned)
    sizes = [outline.size_px for outline in planned.outlines]  # those of a clip are all the same
    came = tuple(Outline(place, size) for place, size in zip(places, sizes, strict=False))
    parts = medium_parts(planned.video, pictures, places)
    return replace(planned, outlines=came, plans=planned.plans[: len(came)]), parts, odd


def _from_size(spec: Mapping[str, Any], reader: Reader, name: str) -> PlannedMedium:
    geometry, detail = _cutting(spec, reader, name)
    if "width" in spec or "height" in spec:
        size = (_whole(spec, "width", name), _whole(spec, "height", name))
        cuts = plan(size, geometry, detail)
    else:
        size = (0, 0)
        rows, cols, tile = _whole(spec, "rows", name, 0), _whole(spec, "cols", name, 0), geometry.tile_px
        if (rows == 0) != (cols == 0) or max(rows, cols) > geometry.grid_max:
            raise _wrong(
                name,
                f"a grid of {rows} × {cols} tiles cannot be, {geometry.grid_max} each way are the most",
            )
        refined = (max(cols, 1) * tile, max(rows, 1) * tile)
        cuts = TilePlan(size, refined, refined, rows, cols, tile, geometry.tokens_per_tile)
    source = Source("", "image")
    return PlannedMedium(source, (Outline(Place(source), size),), (cuts,))


def _from_indices(spec: Mapping[str, Any], geometry: Geometry, name: str) -> PlannedMedium:
    indices, fps, duration = spec.get("indices"), spec.get("fps") or _UNKNOWN_FPS, spec.get("duration")
    if not isinstance(indices, list) or not indices or not all(_is_number(i) and isinstance(i, int) for i in indices):
        raise _wrong(name, "a video without a `path` needs `indices`, a list of frame numbers")
    if not _is_number(fps) or fps < 0.001 or not (duration is None or _is_number(duration)):
        raise _wrong(name, "a video's `fps` and `duration` are numbers")
    if duration is None:  # transformers falls back to the last frame's time
        duration = indices[-1] / fps
    tile = geometry.tile_px
    source = Source("", "video")
    outlines = tuple(Outline(Place(source, index, time_s=index / fps), (tile, tile)) for index in indices)
    cuts = plan((tile, tile), geometry.for_video(), Detail("low"))
    total = spec.get("total_frames")
    facts = VideoFacts((0, 0), float(fps), float(duration), total if isinstance(total, int) else indices[-1] + 1)
    return PlannedMedium(source, outlines, (cuts,) * len(indices), facts)


def _cutting(spec: Mapping[str, Any], reader: Reader, name: str) -> tuple[Geometry, Detail]:
    """An entry may set its own longest edge, or that it is not split (`do_image_splitting`)."""
    geometry, split = reader.geometry, spec.get("split", True)
    if "longest_edge" in spec:
        geometry = replace(geometry, longest_edge_px=_whole(spec, "longest_edge", name))
    if not isinstance(split, bool):
        raise _wrong(name, "`split` is true or false")
    return geometry, reader.detail if split else Detail("low")


def _whole(spec: Mapping[str, Any], key: str, name: str, least: int = 1) -> int:
    value = spec.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < _LARGEST:
        least_said = "above 0" if least else "of 0 or more"
        raise _wrong(
            name,
            f"`{key}` of an image is a whole number {least_said} (it needs a `path`, a size, or `rows` and `cols`)",
        )
    return value


def _is_number(value: object) -> bool:
    """A number that can be the time or the index of a frame."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value < 1e9


def _whole_text(text: str, name: str) -> str:
    """JSON can spell half a character, which is no text."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise _wrong(name, "a text holds half a character (a lone surrogate)") from error
    return text


def _wrong(name: str, what: str) -> UsageError:
    return UsageError(
        f"The conversation {name!r} cannot be read: {what}." if name else f"The conversation cannot be read: {what}."
    )
