"""JSON that may have been cut goes in; what was whole of it comes out."""

from __future__ import annotations

import json
from typing import Any

_CLOSING = {"{": "}", "[": "]"}


def closed(text: str) -> Any:
    """The value of a JSON text. Of one that was cut, what came before the value that is not whole; None for nothing."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    opened: list[str] = []
    ends: list[str] = [""]  # the texts that could be the whole, shortest first
    quoted = escaped = False
    for at, character in enumerate(text):
        if quoted:
            quoted, escaped = escaped or character != '"', not escaped and character == "\\"
        elif character == '"':
            quoted = True
        elif character in _CLOSING:
            opened.append(character)
            ends.append(text[: at + 1] + _rest(opened))
        elif character in "}]" and opened:
            opened.pop()
            ends.append(text[: at + 1] + _rest(opened))
        elif character == ",":
            ends.append(text[:at] + _rest(opened))
    ends.append(text + _rest(opened))
    for end in reversed(ends[-8:]):
        try:
            return json.loads(end)
        except (ValueError, RecursionError):
            continue
    return None


def _rest(opened: list[str]) -> str:
    return "".join(_CLOSING[bracket] for bracket in reversed(opened))
