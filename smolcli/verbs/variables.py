"""A question with {name}, {stem}, {dir} and {exif.TAG} in it goes in, the same about one picture comes out.

Values are text: they come from files, and whatever stands in them never becomes a special token.
"""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from pathlib import Path

from smolcli.datatypes import Place
from smolcli.jobs import Question, Words
from smolcli.printable import printable

_VARIABLE = re.compile(r"\{(name|stem|dir|exif\.[A-Za-z]\w*)\}")


def filled(question: Question, place: Place, text_too: bool) -> Question:
    """The question about a picture. text_too: what is asked is from a prompt file as well, and not typed.

    A tag that the picture does not have is empty; every other brace is text.
    """
    words = Words(**{name: _fill(text, place) for name, text in asdict(question.words).items()})
    return replace(question, words=words, text=_fill(question.text, place) if text_too else question.text)


def has_variables(text: str) -> bool:
    """Whether there is something to fill in."""
    return _VARIABLE.search(text) is not None


def _fill(text: str, place: Place) -> str:
    return _VARIABLE.sub(lambda found: _value(found[1], place), text) if "{" in text else text


def _value(name: str, place: Place) -> str:
    path = Path(place.source.path)
    if name.startswith("exif."):
        tags = dict(place.picture.exif) if place.picture is not None else {}
        return str(tags.get(name.removeprefix("exif."), ""))
    if name == "dir":
        return printable(path.absolute().parent.name)
    return printable(path.name if name == "name" else path.stem)
