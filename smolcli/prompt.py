"""ASK: a prompt file, media and a question go in, the turns of a conversation come out.

A prompt is one task file (`prompts/ask.toml`) laid over one style (`prompts/styles/reference.toml`): the style says
what stands around media, the task what is asked. Media come first, the question last, so that one prefix serves every
question.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from smolcli.datatypes import ImagePart, Part, TextPart, Turn
from smolcli.errors import UsageError
from smolcli.jobs import Message, Question, Words
from smolcli.printable import timestamp

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_LARGE = ((1_000_000, "million"), (1000, "thousand"), (100, "hundred"))


@dataclass(frozen=True, slots=True)
class Prompt(Words):
    """A prompt file: words, and what stands beside them. hints: what may be said after the question, by name; dpi: at
    which the model was shown pages; stop: strings that end its answer.
    """

    name: str = ""
    default_question: str = ""
    description: str = ""
    source: str = ""
    detail: str = "auto"
    max_tokens: int | None = None
    dpi: int | None = None
    stop: tuple[str, ...] = ()
    hints: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> Words:
        """The words alone."""
        return Words(**{f.name: getattr(self, f.name) for f in fields(Words)})

    def asking(self, text: str, hint: str = "") -> Question:
        """The question that a text is in these words; "" asks what the prompt asks by itself. Raises UsageError."""
        if hint and hint not in self.hints:
            raise UsageError(
                f"The prompt {self.name!r} has no hint {hint!r}.", f"Known: {', '.join(self.hints) or 'none'}."
            )
        return Question(self.words, text, self.hints.get(hint, ""), name=self.name)


@dataclass(frozen=True, slots=True)
class Clip:
    """The frames of one clip and their times in seconds; duration_s None: the last time is used (transformers)."""

    frames: tuple[ImagePart, ...]
    times_s: tuple[float, ...]
    duration_s: float | None


Medium = ImagePart | Clip


def render(question: Question, media: Sequence[Medium]) -> tuple[Turn, ...]:
    """The turns of one question about some media: a system turn if the prompt has one, then the user's.

    Of a conversation that was given whole, its messages: media are what its parts show, by number.
    """
    words = question.words
    if question.messages:
        return tuple(_message(message, words, media) for message in question.messages)
    asked = _fill(words.question, question=question.text) + question.hint
    texts = _merged([*_around(words, media), TextPart(asked)])
    system = [Turn("system", (TextPart(words.system),))] if words.system else []
    return (*system, Turn("user", texts))


def _message(message: Message, words: Words, media: Sequence[Medium]) -> Turn:
    parts: list[Part] = []
    for part in message.parts:
        if isinstance(part, str):
            parts.append(TextPart(part))
            continue
        medium = media[part.place]
        parts += clip_parts(words, medium) if isinstance(medium, Clip) else [medium]
    return Turn(message.role, tuple(parts))


def clip_parts(words: Words, clip: Clip) -> Iterator[Part]:
    """A clip as the reference writes it: intro, every frame after its time, outro."""
    duration = clip.duration_s if clip.duration_s is not None else (clip.times_s[-1] if clip.times_s else 0.0)
    yield TextPart(
        _fill(
            words.video_intro,
            frame_count=in_words(len(clip.frames)),
            frame_number=str(len(clip.frames)),
            video_duration=str(timedelta(seconds=int(duration))),
            video_duration_exact=str(timedelta(seconds=float(duration))),
        )
    )
    for time_s, frame in zip(clip.times_s, clip.frames, strict=True):
        yield TextPart(_fill(words.frame, timestamp=timestamp(time_s)))
        yield frame
    yield TextPart(words.video_outro)


def in_words(number: int) -> str:
    """A whole number from 0 to below a thousand million in English words, as num2words writes it ("sixty-four")."""
    if number < 20:
        return _ONES.split()[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS.split()[tens - 2] + (f"-{in_words(ones)}" if ones else "")
    size, name = next((size, name) for size, name in _LARGE if number >= size)
    many, rest = divmod(number, size)
    joint = " and " if rest < 100 else ", "
    return f"{in_words(many)} {name}" + (f"{joint}{in_words(rest)}" if rest else "")


def load_prompt(name: str, style: str) -> Prompt:
    """A packaged prompt in one style. Raises UsageError, which lists what there is."""
    around = _packaged(folder() / "styles", style, styles(), "style")
    return _build(name, {**around, **_packaged(folder(), name, names(), "prompt")})


def load_prompt_file(path: Path, base: Prompt) -> Prompt:
    """A user's own TOML file over the prompt that it replaces. Raises UsageError for a file or key that cannot be."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"The prompt file {path} cannot be read: {reason}.") from error
    try:
        own = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"The prompt file {path} is not valid TOML: {error}.") from error
    return _build(path.stem, {**{f.name: getattr(base, f.name) for f in fields(base) if f.name != "name"}, **own})


def names() -> list[str]:
    """The packaged prompts."""
    return sorted(path.stem for path in folder().glob("*.toml") if path.stem != "families")


def styles() -> list[str]:
    """The packaged styles."""
    return sorted(path.stem for path in (folder() / "styles").glob("*.toml"))


def style_of(family: str) -> str:
    """The style that a model family reads by default."""
    table = tomllib.loads((folder() / "families.toml").read_text(encoding="utf-8"))
    return str(table["families"].get(family, table["default"]))


def prompt_of(task: str, family: str) -> str:
    """The prompt with which a model family does a task: its own, where it was trained to answer that one only."""
    table = tomllib.loads((folder() / "families.toml").read_text(encoding="utf-8"))
    return str(table["prompts"].get(family, {}).get(task, task))


@cache
def folder() -> Path:
    """Where the prompts lie: in the package, or beside it in a checkout."""
    packaged = Path(__file__).parent / "_prompts"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "prompts"


def _packaged(where: Path, name: str, known: list[str], what: str) -> dict[str, Any]:
    if name not in known:
        raise UsageError(f"There is no {what} {name!r}.", f"Known: {', '.join(known)}.")
    return tomllib.loads((where / f"{name}.toml").read_text(encoding="utf-8"))


def _build(name: str, values: dict[str, Any]) -> Prompt:
    known = {f.name for f in fields(Prompt)} - {"name"}
    if unknown := sorted(set(values) - known):
        raise UsageError(
            f"The prompt {name!r} has unknown keys: {', '.join(unknown)}.", f"Known: {', '.join(sorted(known))}."
        )
    for key, value in values.items():
        if not _is_of_type(key, value):
            raise UsageError(
                f"In the prompt {name!r}, the value of {key!r} is of the wrong type.",
                "hints is a table of texts, stop a list of them; max_tokens and dpi are whole numbers above 0, "
                "all else is a text.",
            )
    return Prompt(name=name, **{**values, "stop": tuple(values.get("stop", ()))})


def _is_of_type(key: str, value: object) -> bool:
    if key == "hints":
        return isinstance(value, Mapping) and all(isinstance(text, str) for text in value.values())
    if key == "stop":
        return isinstance(value, list | tuple) and all(isinstance(text, str) and text for text in value)
    if key in ("max_tokens", "dpi"):
        return value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)
    return isinstance(value, str)


def _around(words: Words, media: Sequence[Medium]) -> Iterator[Part]:
    """The media in order; pictures share one intro before the first and one outro after the last."""
    pictures = [index for index, medium in enumerate(media) if isinstance(medium, ImagePart)]
    several = len(pictures) > 1
    intro = words.images_intro if several and words.images_intro else words.image_intro
    outro = words.images_outro if several and words.images_outro else words.image_outro
    for index, medium in enumerate(media):
        if isinstance(medium, Clip):
            yield from clip_parts(words, medium)
            continue
        if index == pictures[0]:
            yield TextPart(_fill(intro, image_count=str(len(pictures))))
        yield medium
        if index == pictures[-1]:
            yield TextPart(outro)


def _merged(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Without empty texts: the template writes "User:" or "User: " by what the first part is.

    The question stays, even empty.
    """
    return (*(part for part in parts[:-1] if not isinstance(part, TextPart) or part.text), parts[-1])


def _fill(text: str, **values: str) -> str:
    """Replace {name}; every other brace is text (questions and prompt files may hold JSON)."""
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), text)
