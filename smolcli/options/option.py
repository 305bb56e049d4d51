"""What there is to say of an option, and what it can be: a field of a group, with an `Option` in its metadata."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from smolcli.errors import UsageError

_KEY = "option"
_MOST_DIGITS = 9  # of a number that stands for a word
_WHOLE = re.compile("-?[0-9]+")


@dataclass(frozen=True, slots=True)
class Option:
    """What there is to say of an option beside its name, type and default.

    help: a whole sentence. short: its one-letter flag. metavar: what stands for its value; a flag has none.
    minimum, maximum: of a number; a minimum that is a float lets it have decimals. choices: the words or numbers that
    it can be; a minimum beside them lets a text be a whole number as well. numbered: choices that may be one of several
    of their kind ("cuda:1"). default_text: what takes effect where it is not given, if the default does not say it.
    setting: it can be set outside the command line too. completion: the function of usage/completion.py that knows its
    values, where they are no choices. count: it may be given again and again (-vv).
    """

    help: str
    short: str = ""
    metavar: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str | int, ...] = ()
    numbered: tuple[str, ...] = ()
    default_text: str = ""
    setting: bool = False
    completion: str = ""
    count: bool = False

    @property
    def sentence(self) -> str:
        """The help with what the option can be: "Threads to compute with. [1 to 512]"."""
        if self.choices:
            number = ["a number"] if self.minimum is not None else []
            *most, last = [*map(str, self.choices), *number]
            return f"{self.help} [{', '.join(most)} or {last}]"
        return self.help if self.maximum is None else f"{self.help} [{self._range}]"

    def checked(self, value: Any, named: str) -> Any:
        """The value, or what a text says, as the program knows it: numbers, and words in small letters.

        `named` is what the user has written for it, such as "--threads". Raises UsageError for a value that the option
        cannot have.
        """
        if value is None or not self.allowed:
            return value
        known = self._parsed(value)
        if known in self.choices or self._in_range(known) or self._is_numbered(known):
            return known
        raise UsageError(f"{named} is {value!r}.", f"It must be {self.allowed}.")

    @property
    def allowed(self) -> str:
        """What the option can be, for an error: "a whole number, 1 to 512"; empty where all is allowed."""
        whole = "" if isinstance(self.minimum, float) else "whole "
        number = f"a {whole}number, {self._range}" if self.minimum is not None else ""
        words = f"one of {', '.join(map(str, self.choices))}" if self.choices else ""
        return ", or ".join(filter(None, (words, number)))

    @property
    def _range(self) -> str:
        return f"{self.minimum:g} or more" if self.maximum is None else f"{self.minimum:g} to {self.maximum:g}"

    def _parsed(self, value: Any) -> Any:
        """A number or a word; None for a text that is no number where it should be one."""
        if not isinstance(value, str):
            return value
        word = value.strip().lower()
        if self.choices and isinstance(self.choices[0], str):
            return word
        return _number(word, whole=not isinstance(self.minimum, float))

    def _is_numbered(self, value: Any) -> bool:
        word, _, number = value.partition(":") if isinstance(value, str) else ("", "", "")
        return word in self.numbered and number.isdecimal() and number.isascii()

    def _in_range(self, value: Any) -> bool:
        if isinstance(value, str):
            value = _number(value, whole=True) if len(value) <= _MOST_DIGITS else None
        if value is None or self.minimum is None or not self.minimum <= value:  # nan is not
            return False
        return bool(value < math.inf if self.maximum is None else value <= self.maximum)


def _number(text: str, *, whole: bool) -> float | None:
    try:
        return (int(text) if _WHOLE.fullmatch(text) else None) if whole else float(text)
    except ValueError:  # no number, or one of thousands of digits
        return None


def option(default: Any, about: Option) -> Any:
    """A field of a group of options."""
    return field(default=default, metadata={_KEY: about})


def options_of(group: type) -> Mapping[str, Option]:
    """Field name → option, in the order of the group."""
    return {each.name: each.metadata[_KEY] for each in fields(group)}


def with_default(sentence: str, default: str) -> str:
    """A help text that says what takes effect where the option is not given: "… [1 to 512; default: 4]"."""
    if not default:
        return sentence
    return f"{sentence[:-1]}; default: {default}]" if sentence.endswith("]") else f"{sentence} [default: {default}]"


def default_text(default: Any) -> str:
    """A default as help shows it; nothing for what is off or empty."""
    if default is None or default is False or default == "":
        return ""
    if default is True:
        return "true"
    return f"{default:g}" if isinstance(default, float) else str(default)
