"""A file of conversations, or standard input, goes in; its cases come out, each with `messages`.

A file holds one case, {"cases": […]}, a bare list of messages, a list of cases, or, as JSON Lines, any of these on
every line. A case is of our own form (conversations.py) or a request to a server (openai_parts.py).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from smolcli.errors import UsageError
from smolcli.verbs.openai_parts import case_of

MOST_BYTES = 2**30
_FORMS = 'Write {"messages": […], "media": […]}, {"cases": […]}, or one request a line.'


def read_cases(path: Path) -> list[Mapping[str, Any]]:
    """The cases of a file ("-": standard input); those of a second line and on know their `line`. Raises UsageError."""
    name = "Standard input" if str(path) == "-" else f"The messages file {path}"
    try:
        cases = list(_cases(_text(path, name)))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{name} cannot be read: {reason}.") from error
    if not cases or not all(isinstance(case, dict) and "messages" in case for case in cases):
        raise UsageError(f"{name.removeprefix('The messages file ')} holds no conversation.", _FORMS)
    return cases


def _text(path: Path, name: str) -> str:
    if str(path) != "-":
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    else:
        stream = getattr(sys.stdin, "buffer", None)
        if stream is None or stream.closed or stream.isatty():
            what = "a terminal" if stream is not None and not stream.closed else "closed"
            raise UsageError(
                f"{name} is {what}.", "Send a conversation into it: smol ask --messages - < messages.json."
            )
        data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise UsageError(f"{name} is larger than 1 GiB.", "Split it, or name the media by their paths.")
    return data.decode("utf-8-sig")


def _cases(text: str) -> Iterator[Any]:
    """Whatever stands where cases should. Raises ValueError with the line, RecursionError."""
    try:
        yield from _listed(json.loads(text))
        return
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":  # behind a whole value: more lines
            raise
    for number, line in enumerate(text.split("\n"), 1):  # no other line break is one in JSON
        if line.strip():
            try:
                found = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"line {number}, column {error.colno}: {error.msg}") from error
            for case in _listed(found):
                yield {"line": number, **case} if isinstance(case, dict) else case


def _listed(found: Any) -> list[Any]:
    """The cases that one JSON value holds."""
    if isinstance(found, dict):
        items = found.get("cases", [found])
    elif isinstance(found, list) and found and all(isinstance(item, dict) and "role" in item for item in found):
        items = [{"messages": found}]
    else:
        items = found
    return [case_of(item) if isinstance(item, dict) else item for item in items] if isinstance(items, list) else [None]
