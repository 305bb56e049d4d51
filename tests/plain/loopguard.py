"""The guard against endless repetition as its rule says: after each character, every period is looked at."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from smolcli.engine.loopguard import _ENDS, COPIES, LEADER_LENGTH, LENGTH, MAX_PERIOD, ROW_COPIES

_PERIODS = np.arange(1, MAX_PERIOD + 1)


class LoopGuard:
    """Feed it text; it returns what may be shown."""

    def __init__(self, rows: Iterable[str] = ()) -> None:
        self._rows = ("\n", *rows)
        self.looping = False
        self._tail = np.zeros(MAX_PERIOD, np.uint32)  # the last characters, newest first
        self._length = 0
        self._matches = np.zeros(MAX_PERIOD, np.int64)  # [p-1]: how many last characters equal the one p before
        self._held = ""  # the end of the text that may yet turn out to be a loop

    def feed(self, text: str) -> str:
        """Add text; returns the part of all held text that is now safe."""
        for character in text:
            self._push(character)
            self._held += character
            if period := self._loop_period():
                self.looping = True
                return self._cut(period)
        return self._release()

    def finish(self) -> str:
        """The answer ended by itself: what was held back is honest."""
        text, self._held = ("" if self.looping else self._held), ""
        return text

    def _push(self, character: str) -> None:
        code = ord(character)
        equal = self._tail == code
        equal[self._length :] = False
        self._matches = np.where(equal, self._matches + 1, 0)
        self._tail[1:] = self._tail[:-1].copy()
        self._tail[0] = code
        self._length = min(self._length + 1, MAX_PERIOD)

    def _loop_period(self) -> int:
        """The period of the loop that the text has fallen into, 0 while it has not."""
        length = self._matches + _PERIODS
        suspects = np.nonzero((length >= COPIES * _PERIODS) & (length >= LENGTH))[0]
        return next((int(index) + 1 for index in suspects if self._is_loop(int(length[index]), int(index) + 1)), 0)

    def _is_loop(self, length: int, period: int) -> bool:
        unit = "".join(map(chr, self._tail[:period][::-1]))
        if any(row in unit + unit for row in self._rows):  # where a unit begins is chance
            return length >= ROW_COPIES * period
        return length >= LEADER_LENGTH or any(character.isalnum() for character in unit)

    def _cut(self, period: int) -> str:
        """Keep the text before the loop and the first copy of its unit, to the end of its line, sentence or word."""
        keep = len(self._held) - int(self._matches[period - 1])
        unit = self._held[keep : keep + period]
        around = (unit * 2)[-2:] + unit * 2  # what stands before the cut, and what comes after it
        ends = (match.end() - 2 for end in _ENDS for match in end.finditer(around) if match.end() >= 2)
        text, self._held = self._held[: keep + next(ends, 0)], ""
        return text

    def _release(self) -> str:
        """Hold back what would be cut if the text went on as it does now."""
        keep = len(self._held) - int(self._matches.max())
        text, self._held = self._held[:keep], self._held[keep:]
        return text
