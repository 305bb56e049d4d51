"""How often a quantity is measured, and what is said meanwhile: a function in, its values out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
Told = Callable[[str, int, int], None]
WIDTHS = (1, 2, 4, 8, 16, 64)


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is measured. widths: sequences at the same time, rising; runs: repeats of each quantity; tokens: new
    ones of an answer. most_s: no repeat is begun that would go beyond it, None for no limit; all_widths: a width is
    measured once at least, however long that takes.
    """

    widths: tuple[int, ...] = WIDTHS
    runs: int = 5
    tokens: int = 32
    most_s: float | None = 60.0
    all_widths: bool = False


QUICK = Amount((1, 4, 16), 3, 16, 3.0)


class Repeats:
    """Repeats what is measured. told: hears what that is now, how many quantities are done, and of how many."""

    def __init__(self, amount: Amount, total: int, told: Told) -> None:
        self.amount, self._total, self._told = amount, total, told
        self._done = 0

    def values(self, label: str, once: Callable[[int], T]) -> list[T]:
        """So many as runs were wanted, or as there is time for; one at least. once: hears the number of the run."""
        found: list[T] = []
        start = time.perf_counter()
        while len(found) < self.amount.runs:
            self._told(f"{label} ({len(found) + 1} of {self.amount.runs})", self._done, self._total)
            found.append(once(len(found)))
            spent_s = time.perf_counter() - start
            if not self.in_time(spent_s * (1 + 1 / len(found))):
                break
        self._done += 1
        return found

    def in_time(self, seconds: float) -> bool:
        """Whether a quantity may take so long."""
        return self.amount.most_s is None or seconds <= self.amount.most_s

    def leave_out(self) -> None:
        """A quantity is not measured."""
        self._done += 1
