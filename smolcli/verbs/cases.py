"""A file of conversations, or standard input, goes in; its cases come out, each with `messages`.

A file holds one case, {"cases": […]}, a bare list of messages, a list of cases, or, as JSON Lines, any of these on
every line. A case is of our own form (conversations.py) or a request to a server (openai_parts.py). Lines are read as
they are needed, and one that holds no conversation leaves the others as they are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from smolcli.errors import UsageError
from smolcli.verbs.openai_parts import case_of

MOST_BYTES = 2**30  # of a line, and of a value that is written over many
MOST_UNREAD = 100  # lines at the start that hold no conversation: the file is of something else
_NONE = "it holds no conversation"
_FORMS = 'Write {"messages": […], "media": […]}, {"cases": […]}, or one request a line.'
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Unread:
    """What stands where a conversation should and is none. where: its line or its name; reason: half a sentence."""

    where: str
    reason: str

    @property
    def error(self) -> UsageError:
        """The error about it alone."""
        return wrong(self.where, self.reason)


def wrong(name: str, what: str) -> UsageError:
    """The error about a conversation (its name or its line) that is not written as it should be."""
    return UsageError(unread(name, what))


def unread(name: str, what: str) -> str:
    """The sentence of an error about a conversation. what: half a sentence."""
    return f"The conversation {name!r} cannot be read: {what}." if name else f"The conversation cannot be read: {what}."


def read_cases(path: Path) -> Iterator[Mapping[str, Any] | Unread]:
    """The cases of a file ("-": standard input); those of a line know which `line`.

    It is read as far as its first case, and on as cases are asked for. Raises UsageError where it has none, or cannot
    be read.
    """
    name = "Standard input" if str(path) == "-" else f"The messages file {path}"
    cases, head = _cases(path, name), list[Mapping[str, Any] | Unread]()
    for found in cases:
        head.append(found)
        if not isinstance(found, Unread):
            return chain(head, cases)
        if len(head) == MOST_UNREAD:
            break
    first = next((found for found in head if isinstance(found, Unread) and found.reason != _NONE), None)
    if first is None:
        raise UsageError(f"{name.removeprefix('The messages file ')} holds no conversation.", _FORMS)
    raise UsageError(f"{name} cannot be read: {first.where}, {first.reason}.", _FORMS)


def _cases(path: Path, name: str) -> Iterator[Mapping[str, Any] | Unread]:
    """Whatever stands where cases should. Raises UsageError."""
    try:
        with _opened(path, name) as file:
            lines = ((number, line) for number, line in enumerate(_lines(file, name), 1) if line.strip())
            number, first = next(lines, (1, b""))
            if not _goes_on(first):
                yield from _of_lines(chain([(number, first)] if first else [], lines))
                return
            text = first + file.read(MOST_BYTES)
            if len(text) > MOST_BYTES:
                raise _too_large(name)
            found, rest = _value(number, text), text.split(b"\n")[1:]
            if isinstance(found, Unread) and _is_case(next(filter(bytes.strip, rest), b"")):  # the first was cut off
                yield from _of_lines(enumerate([first, *rest], number))
            else:
                yield from _listed(found, "")
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}.") from error


@contextmanager
def _opened(path: Path, name: str) -> Iterator[BinaryIO]:
    """Raises OSError, UsageError."""
    if str(path) != "-":
        with path.open("rb") as file:
            yield file
        return
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None or stream.closed or stream.isatty():
        what = "a terminal" if stream is not None and not stream.closed else "closed"
        raise UsageError(f"{name} is {what}.", "Send a conversation into it: smol ask --messages - < messages.json.")
    yield stream


def _lines(file: BinaryIO, name: str) -> Iterator[bytes]:
    """The lines of a file. Raises UsageError for one that does not end."""
    line = file.readline(MOST_BYTES + 1).removeprefix(_BOM)
    while line:
        if len(line) > MOST_BYTES:
            raise _too_large(name)
        yield line
        line = file.readline(MOST_BYTES + 1)


def _too_large(name: str) -> UsageError:
    return UsageError(f"{name} is larger than 1 GiB.", "Write one conversation a line, and media by their paths.")


def _goes_on(line: bytes) -> bool:
    """Whether a line is the start of a value that ends on another one."""
    try:
        text = line.decode().rstrip()
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(text) > 0
    except (ValueError, RecursionError):
        pass
    return False


def _is_case(line: bytes) -> bool:
    return isinstance(_value(1, line), dict | list)


def _of_lines(lines: Iterable[tuple[int, bytes]]) -> Iterator[Mapping[str, Any] | Unread]:
    """The cases of lines and their numbers."""
    for number, line in lines:
        for case in _listed(_value(number, line.rstrip()), f"line {number}") if line.strip() else ():
            yield case if isinstance(case, Unread) else {"line": number, **case}


def _value(number: int, text: bytes) -> Any:
    """What JSON says, Unread where it is none. number: of its first line."""
    try:
        return json.loads(text.decode())
    except json.JSONDecodeError as error:
        return Unread(f"line {number + error.lineno - 1}", f"column {error.colno}: {error.msg}")
    except UnicodeDecodeError:
        return Unread(f"line {number}", "it is not UTF-8")
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets within brackets
        return Unread(f"line {number}", str(error))


def _listed(found: Any, where: str) -> Iterator[Mapping[str, Any] | Unread]:
    """The cases that one JSON value holds, at least one."""
    if isinstance(found, Unread):
        yield found
        return
    if isinstance(found, dict):
        items = found.get("cases", [found])
    elif isinstance(found, list) and found and all(isinstance(item, dict) and "role" in item for item in found):
        items = [{"messages": found}]
    else:
        items = found
    for item in items if isinstance(items, list) and items else [None]:
        case = case_of(item) if isinstance(item, dict) else {}
        yield case if "messages" in case else Unread(where, _NONE)
