"""The words of an answer go in; the value that they mean comes out: numbers and dates as people print them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from uuid import UUID

_NOTHING = re.compile(
    r"(not (found|available|answerable|visible|mentioned|specified|given|present|shown|stated|provided|applicable)"
    r"|unanswerable|none|null|nothing|unknown|n/?a|-+|there is no\b.*)\.*",
    re.IGNORECASE | re.DOTALL,
)
_NUMBER = re.compile(r"\d(?:[\d.,'\u00a0\u202f ]*\d)?")
_SPACED = re.compile(r"\d{1,3}(?:[ \u00a0\u202f']\d{3})+(?:[.,]\d+)?")  # "1 234,50"; other gaps are between numbers
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATES = (
    re.compile(r"(?<!\d)(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?!\d)"),
    re.compile(r"(?<!\d)(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.\s?(?P<y>\d{4}|\d{2})(?!\d)"),
    re.compile(r"(?<!\d)(?P<m>\d{1,2})[-/](?P<d>\d{1,2})[-/](?P<y>\d{4}|\d{2})(?!\d)"),
    re.compile(r"(?<!\d)(?P<d>\d{1,2})(?:st|nd|rd|th)?[.\s-]+(?P<word>[A-Za-z]{3,9})[.,\s-]+(?P<y>\d{4})"),
    re.compile(r"(?P<word>[A-Za-z]{3,9})\.?\s+(?P<d>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<y>\d{4})"),
)


def is_nothing(text: str) -> bool:
    """Whether an answer says that there is none."""
    return not text.strip() or _NOTHING.fullmatch(text.strip()) is not None


def number(text: str) -> int | float | None:
    """The first number in a text: "$1,234.50" is 1234.5; None where there is none."""
    return next(numbers(text), None)


def numbers(text: str) -> Iterator[int | float]:
    """Every number in a text, in whichever way its thousands and decimals are set apart."""
    for found in _NUMBER.finditer(text):
        before = text[: found.start()].rstrip(" $€£¥")
        minus = before.endswith(("-", "−", "(")) and not before[:-1].rstrip()[-1:].isalnum()
        for part in [found[0]] if _SPACED.fullmatch(found[0]) else found[0].split():
            if (value := _value(re.sub(r"[\s']", "", part))) is not None:
                yield -value if minus else value
            minus = False


def _value(digits: str) -> int | float | None:
    """ "1,234.50", "1.234,50", "1,234" and "12,5": the last mark is the decimal one, unless it sets thousands apart."""
    marks = [mark for mark in digits if mark in ".,"]
    if marks:
        last = marks[-1]
        behind = len(digits) - digits.rindex(last) - 1
        if marks.count(last) > 1 or (len(set(marks)) == 1 and last == "," and behind == 3):
            digits = digits.replace(last, "") if len(set(marks)) == 1 else ""
        else:
            whole, _, decimals = digits.rpartition(last)
            digits = f"{whole.replace(',', '').replace('.', '')}.{decimals}"
    if not digits or len(digits) > 40:
        return None
    return float(digits) if "." in digits else int(digits)


def day(text: str) -> str | None:
    """The first date in a text as ISO 8601 writes it; None where there is none."""
    return next(days(text), None)


def days(text: str) -> Iterator[str]:
    """Every date in a text. Of "3/4/2024" the month comes first, as in the United States, unless it can be none."""
    found = sorted((match.start(), order, match) for order, form in enumerate(_DATES) for match in form.finditer(text))
    for _, _, match in found:
        parts = match.groupdict()
        word = (parts.get("word") or "").lower()[:3]
        if word and word not in _MONTHS:
            continue
        month, of_month = _MONTHS.index(word) + 1 if word else int(parts["m"]), int(parts["d"])
        year = int(parts["y"]) + (2000 if len(parts["y"]) == 2 else 0)
        for one, other in ((month, of_month), (of_month, month)):
            try:
                yield date(year, one, other).isoformat()
            except ValueError:
                continue
            break


_CLOCK = re.compile(
    r"(?<![\d.:])(?P<h>[01]?\d|2[0-3]):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?(?:\s?(?P<half>[ap]\.?m\b))?"
    r"(?P<zone>Z|\s?UTC)?(?![\d:])",
    re.IGNORECASE,
)


def clock(text: str) -> str | None:
    """The first time of day in a text as ISO 8601 writes it ("2:05 pm" is 14:05:00); None where there is none."""
    return next(clocks(text), None)


def clocks(text: str) -> Iterator[str]:
    """Every time of day in a text."""
    for found in _CLOCK.finditer(text):
        hour, half = int(found["h"]), (found["half"] or "").lower()[:1]
        if half and 1 <= hour <= 12:
            hour = hour % 12 + 12 * (half == "p")
        if hour < 24:
            yield f"{hour:02d}:{found['m']}:{found['s'] or '00'}{'Z' if found['zone'] else ''}"


def moment(text: str) -> str | None:
    """The first date in a text and the time of day beside it, as ISO 8601 writes them; None where one is missing."""
    when, of_day = day(text), clock(text)
    return f"{when}T{of_day}" if when is not None and of_day is not None else None


def _holds(read: Callable[[str], object]) -> Callable[[str], bool]:
    """Whether a text can be read."""

    def holds(text: str) -> bool:
        try:
            read(text)
        except ValueError:
            return False
        return True

    return holds


# What a text of a format has to be like; of those that can be printed in many ways, what it is read as.
FORMATS: Mapping[str, Callable[[str], bool]] = {
    "date": lambda text: day(text) == text,
    "time": lambda text: clock(text) == text,
    "date-time": lambda text: moment(text) == text,
    "email": lambda text: re.fullmatch(r"[^\s@]+@[^\s@.]+(\.[^\s@.]+)+", text) is not None,
    "uri": lambda text: re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+", text) is not None,
    "uuid": _holds(UUID),
    "ipv4": _holds(ipaddress.IPv4Address),
    "ipv6": _holds(ipaddress.IPv6Address),
}
READ_AS: Mapping[str, Callable[[str], str | None]] = {"date": day, "time": clock, "date-time": moment}
