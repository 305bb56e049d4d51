"""A regular expression of a schema goes in; out comes one in the words that grammars know, or an error.

A grammar keeps every way in which a text may have been read so far, so what can be read in ever more ways is refused.
"""

from __future__ import annotations

import re
from typing import Any

from smolcli.errors import UsageError

MOST_CHARACTERS, MOST_REPEATS = 128, 60
MOST_AROUND = 30  # letters before and behind what a pattern is about, where it is of a part of the text
_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": " \\t"}
_PLAIN = frozenset("[]()|{}*+?")  # what the converter itself knows behind a backslash
_ESCAPED = re.compile(r"\\(.)")
_CONTROLS = r"\x00-\x1F\x7F"
_UNQUOTED = r"\x22\x5C" + _CONTROLS  # not to be written in a text of JSON as they are
_COUNT = re.compile(r"\{(\d{1,4})?(,)?(\d{1,4})?\}")


def translated(pattern: Any, where: str, quoted: bool = False) -> str:
    """The pattern, with \\d and the like written out. Raises UsageError for what a grammar cannot hold.

    quoted: the text is one of JSON's, in which quotes and backslashes would have to be written otherwise.
    """
    if not isinstance(pattern, str) or len(pattern) > MOST_CHARACTERS or not pattern.isprintable():
        raise UsageError(
            f"{where}: the pattern is no text of at most {MOST_CHARACTERS} characters.", "Make it shorter."
        )
    begins = pattern.startswith("^")
    ends = re.search(r"(?<!\\)(?:\\\\)*\$$", pattern) is not None
    inner = pattern[int(begins) : len(pattern) - int(ends)]
    around = f"[^{_UNQUOTED if quoted else _CONTROLS}]{{0,{MOST_AROUND}}}"
    try:
        written = _Scanner(inner, quoted).written()
    except _NotUnderstoodError as error:
        hint = "Use letters, [classes], (groups), | and counts such as {2,4}; nothing repeated in what is repeated."
        raise UsageError(f"{where}: the pattern {pattern!r} is not understood: {error}.", hint) from error
    written = f"({written})" if "|" in written else written
    return f"^{'' if begins else around}{written}{'' if ends else around}$"


class _NotUnderstoodError(Exception):
    """What of a pattern a grammar cannot hold."""


class _Scanner:
    def __init__(self, text: str, quoted: bool) -> None:
        self._text, self._at = text, 0
        self._never = _UNQUOTED if quoted else _CONTROLS  # what "any other letter" leaves out
        self._groups: list[bool] = []  # open ones: whether something in them is repeated or may be left out

    def written(self) -> str:
        found, may_repeat = "", False
        while self._at < len(self._text):
            character = self._text[self._at]
            if character in "*+?{":
                found += self._count(may_repeat)
                may_repeat = False
                continue
            self._at += 1
            if character == "[":
                found, may_repeat = found + self._class(), True
            elif character == "(":
                self._opened()
                found, may_repeat = found + "(", False
            elif character == ")":
                found, may_repeat = found + ")", self._closed()
            elif character == "\\":
                found, may_repeat = found + self._escaped(), True
            elif character == ".":
                found, may_repeat = f"{found}[^{self._never}]", True
            elif character in "^$}]":
                raise _NotUnderstoodError(f"{character!r} in the middle")
            else:
                found, may_repeat = found + character, character != "|"
        if self._groups:
            raise _NotUnderstoodError("a bracket is not closed")
        return found

    def _opened(self) -> None:
        if self._text.startswith("?:", self._at):
            self._at += 2
        elif self._text.startswith("?", self._at):
            raise _NotUnderstoodError("'(?'")
        self._groups.append(False)

    def _closed(self) -> bool:
        """Whether the group may be repeated: nothing in it is."""
        if not self._groups:
            raise _NotUnderstoodError("a bracket that was not opened")
        inner = self._groups.pop()
        if inner and self._groups:
            self._groups[-1] = True
        return not inner

    def _count(self, may_repeat: bool) -> str:
        found = _COUNT.match(self._text, self._at)
        count = found[0] if found else self._text[self._at]
        if not may_repeat or count == "{" or count in ("{}", "{,}"):
            raise _NotUnderstoodError(f"{count!r} is behind nothing, or behind what repeats itself")
        if found and max(int(found[1] or 0), int(found[3] or 0)) > MOST_REPEATS:
            raise _NotUnderstoodError(f"{count!r} is more than {MOST_REPEATS} times")
        self._at += len(count)
        is_choice = found is None or found[2] is not None  # so many times can be read in one way only
        if self._groups and is_choice:
            self._groups[-1] = True
        return count

    def _class(self) -> str:
        end = self._at
        while end < len(self._text) and self._text[end] != "]":
            end += 2 if self._text[end] == "\\" else 1
        inside, self._at = self._text[self._at : end], end + 1
        if end >= len(self._text) or inside in ("", "^"):
            raise _NotUnderstoodError("a class of characters is empty or not closed")
        written = _ESCAPED.sub(self._in_class, inside)
        return f"[{written}{self._never}]" if inside[0] == "^" else f"[{written}]"

    @staticmethod
    def _in_class(found: re.Match[str]) -> str:
        letter = found[1]
        if letter in _CLASSES:
            return _CLASSES[letter]
        if letter.isalnum():
            raise _NotUnderstoodError(f"'\\{letter}'")
        return f"\\x{ord(letter):02X}" if ord(letter) < 256 else letter

    def _escaped(self) -> str:
        if self._at >= len(self._text):
            raise _NotUnderstoodError("a backslash at the end")
        letter = self._text[self._at]
        self._at += 1
        if letter in _CLASSES:
            return f"[{_CLASSES[letter]}]"
        if letter.lower() in _CLASSES:
            return f"[^{_CLASSES[letter.lower()]}{self._never}]"
        if letter.isalnum():
            raise _NotUnderstoodError(f"'\\{letter}'")
        return f"\\{letter}" if letter in _PLAIN else f"[\\x{ord(letter):02X}]" if ord(letter) < 256 else letter
