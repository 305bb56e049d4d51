"""Questions as a person gives them in (a text, a file of them, standard input), the questions themselves out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from smolcli.errors import UsageError


def read_questions(given: Sequence[str], media: Sequence[str]) -> list[str]:
    """Values of -Q: the text itself, @FILE (a question per line), - for standard input. Raises UsageError."""
    found: list[str] = []
    for text in given:
        if text == "-":
            if "-" in media or given.count("-") > 1:
                raise UsageError(
                    "Standard input can be read only once.", "Give the question, or the media, in another way."
                )
            if sys.stdin is None or sys.stdin.closed:
                raise UsageError("Standard input is closed.", 'Send the questions into it: echo "What?" | smol ask …')
            found += _lines(sys.stdin.buffer.read(), "standard input")
        elif text.startswith("@"):
            try:
                data = Path(text[1:]).read_bytes()
            except OSError as error:
                raise UsageError(f"The questions {text[1:]!r} cannot be read: {error.strerror}.") from error
            found += _lines(data, text[1:])
        else:
            found.append(stated(text))
    return found


def stated(question: str) -> str:
    """The question, which must say something. Raises UsageError."""
    if not question.strip():
        raise UsageError("The question is empty.", "Say what you want to know, in quotes.")
    return question


def _lines(data: bytes, name: str) -> list[str]:
    """A question per line; empty lines are none. Raises UsageError."""
    try:
        lines = [line.strip() for line in data.decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise UsageError(f"The questions in {name} are not UTF-8 text.") from error
    if not any(lines):
        raise UsageError(f"There is no question in {name}.", "Write one per line.")
    return [line for line in lines if line]
