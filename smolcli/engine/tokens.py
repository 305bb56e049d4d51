"""Turns in, the exact id sequence out: the model's own chat template, media expanded as the reference does.

The template decides where turns begin and end and may write special tokens; the text of a message never becomes one,
whatever it spells (`ids_safe` of the goldens). Text is tokenized in runs from one special token to the next, never part
by part: "User: " and "Describe" must merge. Expansion: transformers `processing_smolvlm.py`, `processing_idefics3.py`
(get_image_prompt_string).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from gguf_convert.names import FAKE, GLOBAL, IMAGE
from smolcli.datatypes import ImagePart, Part, TextPart, TilePlan, Turn
from smolcli.errors import ModelError, UsageError

_ROLE = re.compile("[A-Za-z_]{1,40}")
_MAX_TEMPLATE = 1 << 16  # characters; the longest known has 7 thousand
_MAX_REPEAT = 1 << 20  # of what a template may multiply

# The family's template (256M / 500M / 2.2B, both generations), for files that carry none.
DEFAULT_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}"
    "{% if message['content'][0]['type'] == 'image' %}{{':'}}{% else %}{{': '}}{% endif %}"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}"
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)


@dataclass(frozen=True, slots=True)
class TokenSequence:
    """ids int32 (n,): image rows hold the image token; images: the parts that fill those rows, in order."""

    ids: npt.NDArray[np.int32]
    images: tuple[ImagePart, ...]


class Prompter:
    """Builds token sequences for one model. specials: special token text → id; tokenize: plain text → ids."""

    def __init__(self, template: str, specials: Mapping[str, int], tokenize: Callable[[str], list[int]]) -> None:
        if IMAGE not in specials or FAKE not in specials:
            raise ModelError(f"The model's vocabulary has no {IMAGE} or {FAKE} token: it is not of the SmolVLM family.")
        self._template = template or DEFAULT_TEMPLATE
        self._specials, self._tokenize = specials, tokenize
        longest_first = sorted(specials, key=len, reverse=True)
        self._special = re.compile("(" + "|".join(map(re.escape, longest_first)) + ")")

    def build(self, turns: Sequence[Turn], generate: bool = True) -> TokenSequence:
        """The whole id sequence of a conversation; `generate` appends the assistant's opening.

        Raises UsageError for a role that is no word, ModelError.
        """
        for turn in turns:
            if not _ROLE.fullmatch(turn.role):  # the template writes it among its own text
                raise UsageError(f"{turn.role[:40]!r} is no role of a message.", "Use system, user or assistant.")
        parts = [part for turn in turns for part in turn.parts]
        texts = [part for part in parts if isinstance(part, TextPart)]
        images = tuple(part for part in parts if isinstance(part, ImagePart))
        pieces = self._pieces(_render(self._template, turns, generate), texts, images)
        return TokenSequence(np.array(list(self._ids(pieces)), np.int32), images)

    def image_tokens(self, plan: TilePlan) -> int:
        """How many ids one image takes, markers and line breaks included.

        Images never merge with what stands around them.
        """
        return sum(1 for _ in self._ids([(expand(plan), True)]))

    def _pieces(
        self, rendered: str, texts: list[TextPart], images: tuple[ImagePart, ...]
    ) -> Iterator[tuple[str, bool]]:
        """(text, may hold special tokens) from the rendered template with marks and images filled in."""
        found = re.split(f"(\0[0-9]+\0|{re.escape(IMAGE)})", rendered)
        if found[1::2].count(IMAGE) != len(images) or [int(m[1:-1]) for m in found[1::2] if m != IMAGE] != [
            *range(len(texts))
        ]:
            raise ModelError(
                "The model's chat template does not place every text and image of the messages in their order.",
                "Use a model of the SmolVLM family, or one whose GGUF file carries its own template.",
            )
        next_text, next_image = iter(texts), iter(images)
        for index, piece in enumerate(found):
            if index % 2 == 0:
                yield piece, True
            elif piece == IMAGE:
                yield expand(next(next_image).plan), True
            else:
                part = next(next_text)
                yield part.text, part.trusted

    def _ids(self, pieces: Iterable[tuple[str, bool]]) -> Iterator[int]:
        run = ""
        for text, trusted in pieces:
            for index, chunk in enumerate(self._special.split(text) if trusted else [text]):
                if index % 2 == 0:
                    run += chunk
                    continue
                yield from self._tokenize(run) if run else ()
                run = ""
                yield self._specials[chunk]
        yield from self._tokenize(run) if run else ()


def template_text(template: str, turns: Sequence[Turn], generate: bool = True) -> str:
    """The conversation as a template writes it, each image as one image token: for people to look at.

    Raises ModelError.
    """
    texts = [part.text for turn in turns for part in turn.parts if isinstance(part, TextPart)]
    return re.sub("\0([0-9]+)\0", lambda mark: texts[int(mark[1])], _render(template, turns, generate))


def _render(template: str, turns: Sequence[Turn], generate: bool) -> str:
    """The template's text with every text part as a mark (NUL number NUL) and every image as the image token."""
    if len(template) > _MAX_TEMPLATE:
        raise ModelError(f"The model's chat template cannot be used: it has {len(template)} characters.")
    number = iter(range(sum(len(turn.parts) for turn in turns)))
    messages = [{"role": turn.role, "content": [_content(part, number) for part in turn.parts]} for turn in turns]
    if template == DEFAULT_TEMPLATE and all(turn.parts for turn in turns):
        return _render_default(messages, generate)
    from jinja2 import TemplateError

    try:
        return str(_compiled(template).render(messages=messages, add_generation_prompt=generate))
    except (TemplateError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RuntimeError) as error:
        raise ModelError(f"The model's chat template cannot be used: {error}.") from error


def _render_default(messages: Sequence[Mapping[str, Any]], generate: bool) -> str:
    """DEFAULT_TEMPLATE, rendered without loading jinja2: the whole family has it, and a start takes a tenth less."""
    text = "<|im_start|>"
    for message in messages:
        content = message["content"]
        text += message["role"].capitalize() + (":" if content[0]["type"] == "image" else ": ")
        text += "".join(line["text"] if line["type"] == "text" else IMAGE for line in content) + "<end_of_utterance>\n"
    return text + ("Assistant:" if generate else "")


@cache
def _compiled(template: str) -> Any:
    """Compiled once: a long document renders it for every page."""
    return _environment().from_string(template)


@cache
def _environment() -> Any:
    """Options as in transformers' apply_chat_template; a sandbox, because a GGUF file is a stranger's file."""
    from jinja2 import TemplateError
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Environment(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset(["*", "**"])

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            """No template needs a gigabyte of text."""
            sizes = [len(value) if isinstance(value, str | list | tuple) else abs(value) for value in (left, right)]
            if operator == "**" or sizes[0] * sizes[1] > _MAX_REPEAT:
                raise TemplateError(f"it computes {operator} of large things")
            return super().call_binop(context, operator, left, right)

    environment = Environment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.globals["raise_exception"] = _refuse
    return environment


def expand(plan: TilePlan) -> str:
    """One image as text: its tiles row by row with their position tokens, then the global view (smolvlm.md §3.3)."""
    view = FAKE + GLOBAL + IMAGE * plan.tokens_per_tile + FAKE
    if not plan.rows:
        return view
    lines = (
        "".join(f"{FAKE}<row_{row}_col_{col}>{IMAGE * plan.tokens_per_tile}" for col in range(1, plan.cols + 1)) + "\n"
        for row in range(1, plan.rows + 1)
    )
    return "".join(lines) + "\n" + view


def grid_limit(specials: Mapping[str, int]) -> int | None:
    """The largest square grid with a position token for every tile; None where positions are text (the first 2.2B)."""
    size = 0
    while all(
        f"<row_{n}_col_{size + 1}>" in specials and f"<row_{size + 1}_col_{n}>" in specials for n in range(1, size + 2)
    ):
        size += 1
    return size or None


def _content(part: Part, number: Iterator[int]) -> dict[str, str]:
    return {"type": "image"} if isinstance(part, ImagePart) else {"type": "text", "text": f"\0{next(number)}\0"}


def _refuse(message: Any) -> None:
    from jinja2 import TemplateError

    raise TemplateError(str(message))
