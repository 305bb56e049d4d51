"""What is done of how much in, a bar on stderr out: on a terminal only, and only where it takes a while."""

from __future__ import annotations

import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

from smolcli.console.sentences import is_terminal

SHOW_AFTER_S = 0.7  # what is done sooner needs no bar


class Progress:
    """A bar on stderr, on a terminal only: answers of how many, and the tiles of a request, the slowest part on a CPU.

    visible: answers come out on the same terminal. They are not counted then: they show how far it is. unit: what is
    counted. Beside the count stand how many are done a second, the time left, and how many failed.
    """

    def __init__(self, quiet: bool, visible: bool = False, unit: str = "answers") -> None:
        self._visible, self._unit, self._failed = visible, unit, 0
        self._off = quiet or not is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb"
        self._bar: Any = None
        self._answers: Any = None  # rich's ids of the two lines
        self._tiles: Any = None
        self._since_s = 0.0
        self._total = 0

    def start(self, total: int) -> None:
        """So many answers are expected."""
        self._total = total
        if total > 1 and not self._off and not self._visible:
            self._answers = self._open().add_task(self._unit, total=total, pace="", failed="")
            self._bar.refresh()

    def expect(self, more: int) -> None:
        """So many more answers are expected: a file turned out to have pages."""
        if self._answers is not None:
            self._total += more
            self._bar.update(self._answers, total=self._total)
        elif more:
            self.start(self._total + more)

    def advance(self, failed: bool = False) -> None:
        """One more answer is done, or failed."""
        self._failed += failed
        if self._answers is None:
            return
        self._bar.advance(self._answers)
        speed = next((task.speed for task in self._bar.tasks if task.id == self._answers), None)
        pace = f"{speed:.1f} {self._unit}/s" if speed else ""
        self._bar.update(self._answers, pace=pace, failed=f"{self._failed} failed" if self._failed else "")

    def tile(self, done: int, total: int) -> None:
        """So many tiles of a request are encoded. Only what takes a while is shown, and only while it lasts."""
        if self._off:
            return
        now = time.monotonic()
        self._since_s = now if done == 0 else self._since_s
        if done == total:
            self._end_tiles()
        elif self._tiles is not None:
            self._bar.update(self._tiles, completed=done, total=total)
        elif now - self._since_s > SHOW_AFTER_S:
            self._tiles = self._open().add_task("tiles", total=total, completed=done, pace="", failed="")
            self._bar.refresh()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = self._answers = self._tiles = None

    def _open(self) -> Any:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            fields = (
                TextColumn("{task.fields[pace]}"),
                TimeRemainingColumn(),
                TextColumn("[red]{task.fields[failed]}"),
            )
            self._bar = Bar(*columns, *fields, console=Console(stderr=True), transient=True, redirect_stdout=False)
            self._bar.start()
        return self._bar

    def _end_tiles(self) -> None:
        if self._tiles is not None and self._answers is None:
            self.close()
        elif self._tiles is not None:
            self._bar.remove_task(self._tiles)
            self._tiles = None


class _StepsBar(ABC):
    """A bar on stderr, on a terminal only, for who is told a step, how much of it is done, and of how much."""

    def __init__(self, quiet: bool) -> None:
        self._shown = not quiet and is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"
        self._bar: Any = None

    def __call__(self, step: str, done: int, total: int) -> None:
        """Draw."""
        if not self._shown:
            return
        if self._bar is None:
            from rich import progress as bars
            from rich.console import Console

            console = Console(stderr=True)
            self._bar = bars.Progress(*self._columns(bars), console=console, transient=True, redirect_stdout=False)
            self._task = self._bar.add_task("", total=total)
            self._bar.start()
        self._bar.update(self._task, description=step, completed=done, total=total)

    @abstractmethod
    def _columns(self, bars: Any) -> Sequence[Any]:
        """What it shows, of rich's `bars`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


class ByteBar(_StepsBar):
    """Bytes, speed and the time left. Called by the conversion after every block."""

    def _columns(self, bars: Any) -> Sequence[Any]:
        return (
            bars.TextColumn("{task.description}"),
            bars.BarColumn(),
            bars.DownloadColumn(),
            bars.TimeRemainingColumn(),
        )


class StepBar(_StepsBar):
    """What is done now, and how many steps of all are done."""

    def _columns(self, bars: Any) -> Sequence[Any]:
        return bars.BarColumn(20), bars.TextColumn("{task.description}"), bars.TimeElapsedColumn()
