"""Characters in, the characters that are safe to show out: stops a text that repeats itself without end.

Small models fall into loops in long greedy answers (docling#1515); a repeat penalty would also punish honest tables, so
we look at the text instead. It works on characters because one model writes words and another bytes. A tail is periodic
with period p when its last run of characters each equal the one p before; it is a loop when it holds enough copies of
its unit and is long enough. What repeats earlier text is held back until it goes on differently, a few characters in
ordinary prose: so what was shown never has to be taken back, and of a loop exactly one copy remains.

The longest run is looked for by searching the text for its own end, a token at a time: a few microseconds in prose.
Single periods are looked at only when so many characters have come that one of them may have become a loop.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

MAX_PERIOD = 400  # characters; longer units are left to the token limit
COPIES, LENGTH = 8, 160  # a unit within a line: a loop from 8 copies and 160 characters on
ROW_COPIES = 40  # a unit with a line break is a table's row, which may honestly come again and again
LEADER_LENGTH = 400  # "......", "-----": leaders and rules, honest up to several lines
_SHORTEST_RUN = min(max((COPIES - 1) * period, LENGTH - period) for period in range(1, MAX_PERIOD + 1))
_AHEAD = 64  # for how many characters at most it is said that no loop is complete within them
_RANGES = (
    (1, 40),
    (40, 80),
    (80, 160),
    (160, MAX_PERIOD + 1),
)  # of periods: the longer, the more of them must be there
_PART = 16  # characters that are looked at together, a long token
_ENDS = (re.compile(r"\n"), re.compile(r"[.!?]\s|。"), re.compile(r"\s"))  # where a cut is clean, best first


class LoopGuard:
    """Feed it text; it returns what may be shown. `looping` turns True when the answer must end.

    rows: what makes a unit a row of a table, beside a line break.
    """

    def __init__(self, rows: Iterable[str] = ()) -> None:
        self._rows = ("\n", *rows)
        self.looping = False
        self._tail = ""  # what is held back, and MAX_PERIOD characters before it
        self._held = 0  # characters at its end that may yet turn out to be a loop
        self._run = 0  # the most characters at its end that each equal the one some period before
        self._period = 1  # one that has that run
        self._quiet = 0  # characters that may come before any loop is complete

    def feed(self, text: str) -> str:
        """Add text; returns the part of all held text that is now safe."""
        for start in range(0, len(text), _PART):
            part = text[start : start + _PART]
            if len(part) > self._quiet:
                self._quiet = min((lacking - 1 for lacking, _ in self._near(_AHEAD)), default=_AHEAD)
            ends = self._near(len(part)) if len(part) > self._quiet else ()
            self._quiet -= len(part)
            self._tail += part
            self._held += len(part)
            if self._falls_into_loop(len(part), ends):
                return self._cut()
            self._extend(len(part))
        return self._release()

    def finish(self) -> str:
        """The answer ended by itself: what was held back is honest."""
        held, self._held = self._held, 0
        return "" if self.looping else self._tail[len(self._tail) - held :]

    def _extend(self, new: int) -> None:
        """The longest run, now that so many characters have come: what repeats goes on with all of them, or is new."""
        text, longest = self._tail, self._run + new
        if self._run and _is_periodic(text, new, self._period):
            self._run = longest
            return
        farther = self._period + new  # the same place as before, as with dots that end a line and begin the next
        if farther <= MAX_PERIOD and _is_periodic(text, longest, farther):
            self._run, self._period = longest, farther
            return
        fits, fails = 0, longest + 1  # a run of so many characters is there, one of so many is not
        while fails - fits > 1:
            size = min(2 * fits + 1, longest) if fails > longest else (fits + fails) // 2
            found = text.rfind(text[-size:], max(0, len(text) - size - MAX_PERIOD), len(text) - 1)
            if found < 0:
                fails = size
            else:
                fits, self._period = size, len(text) - size - found
        self._run = fits

    def _falls_into_loop(self, new: int, ends: Iterable[tuple[int, int]]) -> bool:
        """Whether one of these loops was completed by the last `new` characters. Then the text ends there."""
        start = len(self._tail) - new
        done = [(count, period) for count, period in ends if _is_periodic(self._tail[: start + count], count, period)]
        if not done:
            return False
        count, self._period = min(done)
        self._tail, self._held = self._tail[: start + count], self._held - new + count
        self._run = _run_of(self._tail, self._period, self._run + count)
        self.looping = True
        return True

    def _near(self, most: int) -> list[tuple[int, int]]:
        """Loops that may be complete within `most` characters: how many are lacking, at least 1, and the period.

        What has a period has its multiples too, which reach as far back and need more: those are left out.
        """
        near: list[tuple[int, int]] = []
        seen: list[int] = []
        for first, last in _RANGES:
            least = max(_SHORTEST_RUN, (COPIES - 1) * first) - most
            if self._run < least:
                break
            for period in _recurrences(self._tail, least, first, last):
                if any(period % shorter == 0 for shorter in seen):
                    continue
                seen.append(period)
                needed = self._loop_length(self._tail[-period:]) - period
                lacking = needed - _run_of(self._tail, period, self._run)
                if lacking <= most:
                    near.append((max(1, lacking), period))
        return near

    def _loop_length(self, unit: str) -> int:
        """From how many characters on its repetition is a loop."""
        if any(row in unit + unit for row in self._rows):  # where a unit begins is chance
            return max(LENGTH, ROW_COPIES * len(unit))
        shortest = LENGTH if any(map(str.isalnum, unit)) else LEADER_LENGTH
        return max(shortest, COPIES * len(unit))

    def _cut(self) -> str:
        """Keep the text before the loop and the first copy of its unit, to the end of its line, sentence or word."""
        held, self._held = self._tail[len(self._tail) - self._held :], 0
        keep = len(held) - self._run
        unit = held[keep : keep + self._period]
        around = (unit * 2)[-2:] + unit * 2  # what stands before the cut, and what comes after it
        ends = (match.end() - 2 for end in _ENDS for match in end.finditer(around) if match.end() >= 2)
        return held[: keep + next(ends, 0)]

    def _release(self) -> str:
        """Hold back what would be cut if the text went on as it does now."""
        start, stop = len(self._tail) - self._held, len(self._tail) - self._run
        text, self._held = self._tail[start:stop], self._run
        self._tail = self._tail[max(0, stop - MAX_PERIOD) :]
        return text


def _recurrences(text: str, size: int, first: int, last: int) -> Iterator[int]:
    """How far before the end the last `size` characters stand again: every distance from `first` to below `last`."""
    end, at = text[-size:], len(text) - first + 1
    lowest = max(0, len(text) - size - last + 1)
    while (found := text.rfind(end, lowest, at - 1)) >= 0:
        at = found + size
        yield len(text) - at


def _is_periodic(text: str, size: int, period: int) -> bool:
    """Whether each of the last `size` characters equals the one `period` before it."""
    return len(text) >= size + period and text[len(text) - size :] == text[-size - period : -period]


def _run_of(text: str, period: int, most: int) -> int:
    """How many characters at the end, at most `most`, each equal the one `period` before."""
    if _is_periodic(text, most, period):
        return most
    fits, fails = 0, most
    while fails - fits > 1:
        size = (fits + fails) // 2
        fits, fails = (size, fails) if _is_periodic(text, size, period) else (fits, size)
    return fits
