"""A conversation written out as JSON → its question and media: any chat layout, to be planned or asked.

The format is that of a case of `prompts.json` (tests/golden): `messages` (roles and content parts, in the layout of
transformers' chat templates) and `media`, one for each image or video part in order: a file by `path`, or by a `url`
that is one (a path, a file: or a data: URI), either with `detail`; or, to plan only, an image by `width` and `height`
(with `split`, `longest_edge`) or by `rows` and `cols`, a video by `indices`, `fps` and `duration`. The parts of
OpenAI's clients, which name their media themselves, are brought into this form first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from smolcli.datatypes import Place, Sampling
from smolcli.errors import MediaError, SmolError, UsageError
from smolcli.jobs import Expected, Failure, Job, Look, Message, Question, Shown, Words, failure
from smolcli.media import Media
from smolcli.run import Access, Item, OpenFiles, pictures_of
from smolcli.tiles import WORDS, parse_detail
from smolcli.verbs.cases import Unread, unread, wrong
from smolcli.verbs.openai_parts import PARTS, own_form, without_effect

_LARGEST = 1 << 20
ADDRESSES = {"path", "url"}
_ROLES = ("system", "user", "assistant")  # the template writes the role itself: another one could spell anything


@dataclass(frozen=True, slots=True)
class Parsed:
    """One case as it was written: what is asked, the entries of `media`, whether the assistant is to go on.

    where: its name, or its line, for errors; warnings: what of it has no effect.
    """

    name: str
    where: str
    question: Question
    media: tuple[Mapping[str, Any], ...]
    generate: bool = True
    warnings: tuple[str, ...] = ()

    @property
    def files(self) -> Iterator[str]:
        """The paths and URIs of its media, where they have some."""
        return (spec[key] for spec in self.media for key in ("path", "url") if key in spec)


def parse(case: Mapping[str, Any], words: Words) -> Parsed:
    """A case whose layout is right. words: what stands around a clip's frames. Raises UsageError."""
    messages, specs, where = case["messages"], case.get("media"), where_of(case)
    if not isinstance(messages, list) or not messages or not (specs is None or isinstance(specs, list)):
        raise wrong(where, "`messages` must be a list with at least one message, `media` a list")
    messages, specs = own_form(messages, specs or [])
    media = tuple(_spec(spec, where) for spec in specs)
    used = iter(enumerate(media))
    read = tuple(_message(message, used, where) for message in messages)
    if (left := next(used, None)) is not None:
        raise wrong(where, f"{len(media)} media are given for {left[0]} image and video parts")
    text = "".join(part["text"] for part in _content(messages[-1]) if part["type"] == "text")
    name = _name(case)
    question = Question(words, text, messages=read, name=name or "messages")
    generate = case.get("add_generation_prompt", True) is not False
    return Parsed(name, where, question, media, generate, without_effect(case))


def where_of(case: Mapping[str, Any]) -> str:
    """How errors call a case: its name, or its line."""
    return _name(case) or (f"line {case['line']}" if "line" in case else "")


def _name(case: Mapping[str, Any]) -> str:
    return str(case.get("name", ""))


def _content(message: Any) -> Any:
    """What a message holds, plain text as the one part that it is."""
    content = message.get("content") if isinstance(message, dict) else None
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _message(message: Any, media: Iterator[tuple[int, Mapping[str, Any]]], name: str) -> Message:
    content = _content(message)
    if not isinstance(content, list) or not content or message.get("role") not in _ROLES:
        raise wrong(name, f"a message needs a `role` ({', '.join(_ROLES)}) and `content`, a text or a list of parts")
    parts: list[str | Shown] = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            parts.append(_whole_text(part["text"], name))
        elif kind in ("image", "video"):
            number, spec = next(media, (-1, {}))
            if spec.get("type") != kind:
                raise wrong(name, f"there is no {kind} in `media` for one of its {kind} parts")
            parts.append(shown_at(number, spec, name))
        else:
            raise wrong(name, f"the type of a part is {', '.join(PARTS)}; a text has its `text`")
    return Message(message["role"], tuple(parts))


def _spec(spec: Any, name: str) -> Mapping[str, Any]:
    """An entry of `media`; null is the same as leaving a key out."""
    if not isinstance(spec, dict) or spec.get("type") not in ("image", "video"):
        raise wrong(name, "an entry of `media` has `type` image or video")
    given: dict[str, Any] = {key: value for key, value in spec.items() if value is not None}
    for key in given.keys() & ADDRESSES:
        if not isinstance(given[key], str) or given[key] in ("", "-"):
            raise wrong(name, "a `path` is the name of a file, a `url` one too, or a file: or data: URI")
    return given


def shown_at(number: int, spec: Mapping[str, Any], name: str) -> Shown:
    """How an entry of `media` is shown at its place. Raises UsageError."""
    edge = whole_number(spec, "longest_edge", name) if "longest_edge" in spec else None
    split = spec.get("split", True)
    if not isinstance(split, bool):
        raise wrong(name, "`split` is true or false")
    return Shown(number, edge, split, _detail(spec.get("detail", "auto"), name))


def _detail(word: Any, name: str) -> str | None:
    """What an entry says of its own; "auto" leaves it to the option."""
    if word == "auto":
        return None
    try:
        return str(parse_detail(str(word)))
    except UsageError as error:
        raise wrong(name, f"`detail` is {', '.join(WORDS)} or a number of encodes, not {word!r}") from error


# ---- to be asked


def parse_cases(cases: Iterable[Mapping[str, Any] | Unread], words: Words) -> Iterator[Parsed | Failure]:
    """Each case, as it is asked for; a failure for one that is no conversation."""
    for case in cases:
        if isinstance(case, Unread):
            yield failure(case.where, case.error)
            continue
        try:
            yield parse(case, words)
        except UsageError as error:
            yield failure(where_of(case), error)


def converse(files: OpenFiles, cases: Iterable[Parsed | Failure], look: Look, sampling: Sampling) -> Iterator[Item]:
    """A job per conversation, all of whose media are files; one whose files cannot be read is a Failure."""
    for case in cases:
        if isinstance(case, Failure):
            yield Expected(1)
            yield case
            continue
        yield Expected(1, case.warnings)
        try:
            with ExitStack() as stack:
                places = [_place(stack, files, spec, look, case.where) for spec in case.media]
                yield Job(tuple(places), case.question, look, sampling)
        except SmolError as error:
            yield failure(case.where, error)


def _place(stack: ExitStack, files: OpenFiles, spec: Mapping[str, Any], look: Look, name: str) -> Place:
    media = stack.enter_context(held(files, spec, look, name))
    return pictures_of(media)[0]


@contextmanager
def held(files: OpenFiles, spec: Mapping[str, Any], look: Look, name: str) -> Iterator[Media]:
    """The file of an entry. Raises MediaError that names the conversation, UsageError."""
    if not spec.keys() & ADDRESSES:
        raise wrong(name, "to be asked, every entry of `media` needs a `path`")
    with ExitStack() as stack:
        try:
            access = Access(uri="path" not in spec)
            media = stack.enter_context(files.hold(spec.get("path") or spec["url"], look, access))
        except MediaError as error:
            raise type(error)(unread(name, error.message.removesuffix(".")), error.hint) from error
        _require_one(media, spec, name)
        yield media


def _require_one(media: Media, spec: Mapping[str, Any], name: str) -> None:
    if (media.video is not None) != (spec["type"] == "video") or (media.video is None and len(media.places) != 1):
        raise wrong(name, f"{media.source.path} is not one {spec['type']}")


def whole_number(spec: Mapping[str, Any], key: str, name: str, least: int = 1) -> int:
    """A whole number that an entry must have. Raises UsageError."""
    value = spec.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < _LARGEST:
        least_said = "above 0" if least else "of 0 or more"
        raise wrong(
            name,
            f"`{key}` of an image is a whole number {least_said} (it needs a `path`, a size, or `rows` and `cols`)",
        )
    return value


def is_number(value: object) -> bool:
    """A number that can be the time or the index of a frame."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value < 1e9


def _whole_text(text: str, name: str) -> str:
    """JSON can spell half a character, which is no text."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise wrong(name, "a text holds half a character (a lone surrogate)") from error
    return text
