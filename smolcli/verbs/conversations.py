"""A conversation written out as JSON → its question and media: any chat layout, to be planned or asked.

The format is that of a case of `prompts.json` (tests/golden): `messages` (roles and content parts, in the layout of
transformers' chat templates) and `media`, one for each image or video part in order: a file by `path`; or, to plan
only, an image by `width` and `height` (with `split`, `longest_edge`) or by `rows` and `cols`, a video by `indices`,
`fps` and `duration`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from smolcli.datatypes import ImagePart, ModelFacts, Outline, Place, Sampling, Source, TilePlan, Turn, VideoFacts
from smolcli.errors import SmolError, UsageError
from smolcli.jobs import Expected, Job, Look, Message, Question, Shown, Words, failure
from smolcli.media import Media
from smolcli.prompt import render
from smolcli.run import (
    Access,
    OpenFiles,
    PlannedMedium,
    cut_pictures,
    frame_budget,
    geometry,
    pictures_of,
    planned_parts,
)
from smolcli.tiles import Detail, Geometry, parse_detail, plan
from smolcli.verbs.template import Item

_UNKNOWN_FPS = 24.0  # what transformers takes when a clip does not say
_LARGEST = 1 << 20
_ROLES = ("system", "user", "assistant")  # the template writes the role itself: another one could spell anything


@dataclass(frozen=True, slots=True)
class Parsed:
    """One case as it was written: what is asked, the entries of `media`, whether the assistant is to go on."""

    name: str
    question: Question
    media: tuple[Mapping[str, Any], ...]
    generate: bool = True


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


def parse(case: Mapping[str, Any], words: Words) -> Parsed:
    """A case whose layout is right. words: what stands around a clip's frames. Raises UsageError."""
    name = str(case.get("name", ""))
    specs = [] if case.get("media") is None else case["media"]
    messages = case["messages"]
    if not isinstance(specs, list) or not isinstance(messages, list) or not messages:
        raise _wrong(name, "`messages` must be a list with at least one message, `media` a list")
    media = tuple(_spec(spec, name) for spec in specs)
    used = iter(enumerate(media))
    read = tuple(_message(message, used, name) for message in messages)
    if (left := next(used, None)) is not None:
        raise _wrong(name, f"{len(media)} media are given for {left[0]} image and video parts")
    text = "".join(part["text"] for part in _content(messages[-1]) if part["type"] == "text")
    question = Question(words, text, messages=read, name=name or "messages")
    return Parsed(name, question, media, case.get("add_generation_prompt", True) is not False)


def _content(message: Any) -> Any:
    """What a message holds, plain text as the one part that it is."""
    content = message.get("content") if isinstance(message, dict) else None
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _message(message: Any, media: Iterator[tuple[int, Mapping[str, Any]]], name: str) -> Message:
    content = _content(message)
    if not isinstance(content, list) or not content or message.get("role") not in _ROLES:
        raise _wrong(name, f"a message needs a `role` ({', '.join(_ROLES)}) and `content`, a text or a list of parts")
    parts: list[str | Shown] = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            parts.append(_whole_text(part["text"], name))
        elif kind in ("image", "video"):
            number, spec = next(media, (-1, {}))
            if spec.get("type") != kind:
                raise _wrong(name, f"there is no {kind} in `media` for one of its {kind} parts")
            parts.append(_shown(number, spec, name))
        else:
            raise _wrong(name, 'a part is {"type": "text", "text": …}, {"type": "image"} or {"type": "video"}')
    return Message(message["role"], tuple(parts))


def _spec(spec: Any, name: str) -> Mapping[str, Any]:
    """An entry of `media`; null is the same as leaving a key out."""
    if not isinstance(spec, dict) or spec.get("type") not in ("image", "video"):
        raise _wrong(name, "an entry of `media` has `type` image or video")
    given: dict[str, Any] = {key: value for key, value in spec.items() if value is not None}
    if "path" in given and (not isinstance(given["path"], str) or given["path"] in ("", "-")):
        raise _wrong(name, "a `path` is the name of a file")
    return given


def _shown(number: int, spec: Mapping[str, Any], name: str) -> Shown:
    edge = _whole(spec, "longest_edge", name) if "longest_edge" in spec else None
    split = spec.get("split", True)
    if not isinstance(split, bool):
        raise _wrong(name, "`split` is true or false")
    return Shown(number, edge, split)


# ---- to be asked


def converse(files: OpenFiles, cases: Iterable[Parsed], look: Look, sampling: Sampling) -> Iterator[Item]:
    """A job per conversation, all of whose media are files; one whose files cannot be read is a Failure."""
    for case in cases:
        yield Expected(1)
        try:
            with ExitStack() as stack:
                places = [_place(stack, files, spec, look, case.name) for spec in case.media]
                yield Job(tuple(places), case.question, look, sampling)
        except SmolError as error:
            yield failure(next((str(spec.get("path", "")) for spec in case.media), ""), error)


def _place(stack: ExitStack, files: OpenFiles, spec: Mapping[str, Any], look: Look, name: str) -> Place:
    media = stack.enter_context(files.hold(_path(spec, name), look, Access()))
    _require_one(media, spec, name)
    return pictures_of(media)[0]


def _path(spec: Mapping[str, Any], name: str) -> str:
    if "path" not in spec:
        raise _wrong(name, "to be asked, every entry of `media` needs a `path`")
    return str(spec["path"])


def _require_one(media: Media, spec: Mapping[str, Any], name: str) -> None:
    if (media.video is not None) != (spec["type"] == "video") or (media.video is None and len(media.places) != 1):
        raise _wrong(name, f"{spec['path']} is not one {spec['type']}")


# ---- to be planned


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
    found = [_medium(spec, view, case.name) for spec in case.media]
    return Conversation(
        case.name,
        case.question,
        tuple(each.planned for each in found),
        case.generate,
        tuple(each.picture for each in found if each.picture is not None),
        tuple(warning for each in found for warning in each.warnings),
    )


def _medium(spec: Mapping[str, Any], view: View, name: str) -> _Found:
    if "path" in spec or view.cut:
        return _from_file(spec, view, name)
    if spec["type"] == "video":
        return _Found(_from_indices(spec, geometry(view.facts), name))
    planned = _from_size(spec, view, name)
    return _Found(planned, ImagePart(planned.plans[0]))


def _from_file(spec: Mapping[str, Any], view: View, name: str) -> _Found:
    with view.files.hold(_path(spec, name), view.look, Access()) as media:
        _require_one(media, spec, name)
        shape, detail = _cutting(spec, view, name)
        if media.video is not None:
            shape, detail = shape.for_video(), Detail("low")
        outlines = tuple(media.outlines)
        plans = tuple(plan(outline.size_px, shape, detail) for outline in outlines)
        planned = PlannedMedium(media.source, outlines, plans, media.video)
        note = frame_budget(view.facts, view.look.frames).note(media.source, media.video, len(outlines), view.look.fps)
        pictures, odd = [ImagePart(cuts) for cuts in plans], list(media.warnings)
        if view.cut:
            pictures, places, odd = cut_pictures(media, planned)
            came = tuple(Outline(place, outlines[0].size_px) for place in places)  # all frames of a clip are of a size
            planned = replace(planned, outlines=came, plans=plans[: len(came)])
        picture = pictures[0] if media.video is None else None
        return _Found(planned, picture, (*filter(None, [note]), *odd))


def _from_size(spec: Mapping[str, Any], view: View, name: str) -> PlannedMedium:
    shape, detail = _cutting(spec, view, name)
    if "width" in spec or "height" in spec:
        size = (_whole(spec, "width", name), _whole(spec, "height", name))
        cuts = plan(size, shape, detail)
    else:
        size = (0, 0)
        rows, cols, tile = _whole(spec, "rows", name, 0), _whole(spec, "cols", name, 0), shape.tile_px
        if (rows == 0) != (cols == 0) or max(rows, cols) > shape.grid_max:
            raise _wrong(
                name,
                f"a grid of {rows} × {cols} tiles cannot be, {shape.grid_max} each way are the most",
            )
        refined = (max(cols, 1) * tile, max(rows, 1) * tile)
        cuts = TilePlan(size, refined, refined, rows, cols, tile, shape.tokens_per_tile)
    source = Source("", "image")
    return PlannedMedium(source, (Outline(Place(source), size),), (cuts,))


def _from_indices(spec: Mapping[str, Any], shape: Geometry, name: str) -> PlannedMedium:
    indices, fps, duration = spec.get("indices"), spec.get("fps") or _UNKNOWN_FPS, spec.get("duration")
    if not isinstance(indices, list) or not indices or not all(_is_number(i) and isinstance(i, int) for i in indices):
        raise _wrong(name, "a video without a `path` needs `indices`, a list of frame numbers")
    if not _is_number(fps) or fps < 0.001 or not (duration is None or _is_number(duration)):
        raise _wrong(name, "a video's `fps` and `duration` are numbers")
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
    shape, shown = geometry(view.facts), _shown(0, spec, name)
    if shown.longest_edge_px is not None:
        shape = replace(shape, longest_edge_px=shown.longest_edge_px)
    return shape, parse_detail(view.look.detail) if shown.split else Detail("low")


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
