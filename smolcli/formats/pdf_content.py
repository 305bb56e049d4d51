"""The operators of a page go in; the same without the text that nobody sees (render mode 3) come out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

INVISIBLE = 3
_SHOW = (b"Tj", b"TJ", b"'", b'"')
_PLACES = (b"Tm", b"Td", b"T*")  # these end with their text; TD sets a state too
_STATES = (b"Tf", b"Tz", b"Tr", b"Tc", b"Tw", b"Ts")
_SPACE = b"\0\t\n\f\r "
_END_OF_PICTURE = re.compile(rb"[\0\t\n\f\r ]EI(?=[\0\t\n\f\r ]|$)")
_TOKEN = re.compile(
    rb"[\0\t\n\f\r ]+|%[^\r\n]*"  # white space, a comment
    rb"|<<|>>|\[|\]|\{|\}"
    rb"|<[^>]*>?"
    rb"|/[^\0\t\n\f\r \[\]()<>{}/%]*"
    rb"|[^\0\t\n\f\r \[\]()<>{}/%]+"  # a number or an operator
    rb"|\)"  # one too many
)
_NUMBER = re.compile(rb"[+-]*\d*\.?\d*")


@dataclass(frozen=True, slots=True)
class _Operation:
    """An operator with its operands, and where it stands, from the first of them to behind it."""

    operator: bytes
    operands: list[bytes]
    start: int
    end: int


def without_hidden_text(content: bytes) -> bytes | None:
    """A content stream in which nothing is shown that is invisible; None where nothing of it was.

    What sets the state is kept where something after it may count on it.
    """
    if b"Tr" not in content:
        return None
    cut: list[tuple[int, int]] = []
    mode, kept = 0, []
    text: list[_Operation] = []  # the operators since the last BT that may have to go
    seen = hidden = False  # whether something was shown since then
    for each in _operations(content):
        if each.operator == b"q":
            kept.append(mode)
        elif each.operator == b"Q":
            mode = kept.pop() if kept else mode
        elif each.operator == b"Tr" and each.operands:
            mode = _whole(each.operands[-1])
        if each.operator in _SHOW:
            seen, hidden = seen or mode != INVISIBLE, hidden or mode == INVISIBLE
            cut += [(each.start, each.end)] if mode == INVISIBLE else []
        elif each.operator == b"BT":
            text, seen, hidden = [], False, False
        elif each.operator == b"ET" and hidden and not seen:
            cut += _idle(text)
        elif each.operator in _PLACES + _STATES:
            text.append(each)
    if not cut:
        return None
    parts, at = [], 0
    for start, end in sorted(cut):
        parts.append(content[at:start])
        at = end
    return b"".join([*parts, content[at:]])


def _idle(text: list[_Operation]) -> list[tuple[int, int]]:
    """What of the operators of a text that is not shown does nothing: its places, and states that it sets again."""
    last = {each.operator: each for each in text if each.operator in _STATES}
    return [(each.start, each.end) for each in text if last.get(each.operator) is not each]


def _whole(operand: bytes) -> int:
    try:
        return int(float(operand))
    except ValueError:
        return 0


def _operations(content: bytes) -> Iterator[_Operation]:
    """The operators of a stream, one after the other; what is no operator in a damaged one is passed over."""
    operands: list[bytes] = []
    at, start, depth = 0, None, 0
    while at < len(content):
        end = _end_of_token(content, at)
        token = content[at:end]
        if token[:1] in (b"%",) or token[:1].strip(_SPACE) == b"":
            at = end
            continue
        start = at if start is None else start
        depth = max(0, depth + (token in (b"[", b"<<")) - (token in (b"]", b">>")))
        if depth or token[:1] in b"(<[/])>{}" or _NUMBER.fullmatch(token) or token in (b"true", b"false", b"null"):
            operands.append(token)
        else:
            if token == b"ID":  # the bytes of a picture, up to its end
                found = _END_OF_PICTURE.search(content, end)
                end = found.end() if found else len(content)
            yield _Operation(token, operands, start, end)
            operands, start = [], None
        at = end


def _end_of_token(content: bytes, at: int) -> int:
    if content[at : at + 1] == b"(":
        return _end_of_string(content, at)
    found = _TOKEN.match(content, at)
    return found.end() if found else at + 1


def _end_of_string(content: bytes, at: int) -> int:
    """Behind the parenthesis that closes a string; those in it are in pairs, or have a backslash before them."""
    depth = 0
    for found in re.compile(rb"\\.|[()]", re.DOTALL).finditer(content, at):
        depth += {b"(": 1, b")": -1}.get(found.group(), 0)
        if depth == 0 and found.group() == b")":
            return found.end()
    return len(content)
