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

from smolcli.datatypes import Outline, Part, Place, Source, TextPart, TilePlan, Turn, VideoFacts
from smolcli.errors import UsageError
from smolcli.media import MediaOptions, open_media
from smolcli.prompt import Clip, Medium, Prompt, clip_parts
from smolcli.tasks.answering import load_pictures
from smolcli.tasks.planning import PlannedMedium, medium_parts, planned_parts
from smolcli.tiles import Detail, Geometry, plan

_UNKNOWN_FPS = 24.0  # what transformers takes when a clip does not say
_LARGEST = 1 << 20
_ROLES = ("system", "user", "assistant")  # the template writes the role itself: another one could spell anything

_Medium = tuple[PlannedMedium, list[Medium]]


@dataclass(frozen=True, slots=True)
class Reader:
    """How the media of a conversation are read.

    The model's geometry, the detail of images, how to open files, clip texts.
    """

    geometry: Geometry
    detail: Detail
    options: MediaOptions
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class Conversation:
    """One case: its turns, its media in order, whether the assistant is to go on.

    Its pictures hold tiles where `build` was told to render.
    """

    name: str
    turns: tuple[Turn, ...]
    media: tuple[PlannedMedium, ...]
    generate: bool
    question: str


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
    specs = case.get("media", [])
    messages = case["messages"]
    if not isinstance(specs, list) or not isinstance(messages, list) or not messages:
        raise _wrong(name, "`messages` must be a list with at least one message, `media` a list")
    media = iter([_medium(spec, reader, render, name) for spec in specs])
    used: list[PlannedMedium] = []
    turns = tuple(_turn(message, media, used, reader.prompt, name) for message in messages)
    if next(media, None) is not None:
        raise _wrong(name, f"{len(specs)} media are given for {len(used)} image and video parts")
    texts = [part.text for part in turns[-1].parts if isinstance(part, TextPart)]
    return Conversation(name, turns, tuple(used), case.get("add_generation_prompt", True) is not False, "".join(texts))


def _turn(message: Any, media: Iterator[_Medium], used: list[PlannedMedium], prompt: Prompt, name: str) -> Turn:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    if not isinstance(content, list) or not content or message.get("role") not in _ROLES:
        raise _wrong(name, f"a message needs a `role` ({', '.join(_ROLES)}) and `content`, a text or a list of parts")
    parts: list[Part] = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            parts.append(TextPart(_whole_text(part["text"], name)))
        elif kind in ("image", "video"):
            planned, found = next(media, (None, []))
            if planned is None or (planned.video is not None) != (kind == "video"):
                raise _wrong(name, f"there is no {kind} in `media` for one of its {kind} parts")
            used.append(planned)
            for medium in found:
                parts += clip_parts(prompt, medium) if isinstance(medium, Clip) else [medium]
        else:
            raise _wrong(name, 'a part is {"type": "text", "text": …}, {"type": "image"} or {"type": "video"}')
    return Turn(message["role"], tuple(parts))


def _medium(spec: Any, reader: Reader, render: bool, name: str) -> _Medium:
    """One entry of `media` → what is known of it, and its pictures (planned, or cut too)."""
    kind = spec.get("type") if isinstance(spec, dict) else None
    if kind not in ("image", "video"):
        raise _wrong(name, "an entry of `media` has `type` image or video")
    if "path" in spec:
        return _from_file(spec, reader, render, name)
    if render:
        raise _wrong(name, "to be asked, every entry of `media` needs a `path`")
    planned = _from_size(spec, reader, name) if kind == "image" else _from_indices(spec, reader.geometry, name)
    return planned, planned_parts(planned)


def _from_file(spec: Mapping[str, Any], reader: Reader, render: bool, name: str) -> _Medium:
    if not isinstance(spec["path"], str) or spec["path"] in ("", "-"):
        raise _wrong(name, "a `path` is the name of a file")
    with open_media(spec["path"], reader.options) as medium:
        outlines = tuple(medium.outlines)
        if (medium.video is not None) != (spec["type"] == "video") or (medium.video is None and len(outlines) != 1):
            raise _wrong(name, f"{spec['path']} is not one {spec['type']}")
        geometry, detail = _cutting(spec, reader)
        if medium.video is not None:
            geometry, detail = geometry.for_video(), Detail("low")
        plans = tuple(plan(outline.size_px, geometry, detail) for outline in outlines)
        planned = PlannedMedium(medium.source, outlines, plans, medium.video)
        return planned, medium_parts(planned.video, *load_pictures(medium, planned)) if render else planned_parts(
            planned
        )


def _from_size(spec: Mapping[str, Any], reader: Reader, name: str) -> PlannedMedium:
    geometry, detail = _cutting(spec, reader)
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


def _cutting(spec: Mapping[str, Any], reader: Reader) -> tuple[Geometry, Detail]:
    """An entry may set its own longest edge, or that it is not split (`do_image_splitting`)."""
    geometry = reader.geometry
    if isinstance(edge := spec.get("longest_edge"), int) and 0 < edge < _LARGEST:
        geometry = replace(geometry, longest_edge_px=edge)
    return geometry, Detail("low") if spec.get("split") is False else reader.detail


def _whole(spec: Mapping[str, Any], key: str, name: str, least: int = 1) -> int:
    value = spec.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < _LARGEST:
        raise _wrong(name, f"an image needs `{key}`, a whole number (or `path`, or `rows` and `cols`)")
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
