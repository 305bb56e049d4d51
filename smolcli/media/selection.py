"""What a person types to choose pages ("1-3,7,end") goes in, 0-based page indices come out."""

from __future__ import annotations

import re

from smolcli.errors import UsageError

_RANGE = re.compile(r"(\d{1,9}|end)(?:-(\d{1,9}|end))?", re.ASCII)


def parse_pages(text: str | None, count: int) -> tuple[int, ...]:
    """Choose among pages 1 … count: numbers, ranges and "end", comma-separated, in the order typed, each once.

    None is every page. Returns 0-based indices. Raises UsageError that says how many pages there are.
    """
    if text is None:
        return tuple(range(count))
    chosen: dict[int, None] = {}
    for item in text.lower().replace(" ", "").split(","):
        match = _RANGE.fullmatch(item)
        if match is None:
            raise UsageError(f"{item!r} in {text!r} is no page or range of pages.", "Write pages as in 1-3,7,end.")
        first = _number(match[1], count, text)
        last = _number(match[2], count, text) if match[2] else first
        if last < first:
            raise UsageError(f"{item!r} in {text!r} runs backwards.", f"There {_pages(count)}: write {last}-{first}.")
        chosen.update(dict.fromkeys(range(first - 1, last)))
    return tuple(chosen)


def _number(word: str, count: int, text: str) -> int:
    page = count if word == "end" else int(word)
    if not 1 <= page <= count:
        raise UsageError(f"There is no page {page} (pages {text!r}).", f"There {_pages(count)}, counted from 1.")
    return page


def _pages(count: int) -> str:
    return "is one page" if count == 1 else f"are {count} pages"
