"""What is said to a person: one place that writes to stderr, knows the terminal, and keeps quiet when told to."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from smolcli.errors import SmolError
from smolcli.output import printable

SHOW_AFTER_S = 0.7  # what is done sooner needs no bar


def say(message: str) -> None:
    """One line on stderr. A stderr that is gone is no reason to fail."""
    line = printable(message.replace("\n", " "))
    try:
        line.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character, as JSON can spell it
        line = line.encode("utf-8", "backslashreplace").decode()
    with suppress(OSError, ValueError):
        sys.stderr.write(f"smol: {line}\n")
        sys.stderr.flush()


def report(error: SmolError) -> None:
    """An error as one line: what, where, and the way out. One without words has been reported already."""
    if str(error):
        say(f"error: {error}")


def is_terminal(stream: Any) -> bool:
    """Whether a person watches this stream."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


class Progress:
    """A bar on stderr, on a terminal only: answers of how many, and the tiles of a request, the slowest part on a CPU.

    Answers are not counted where they come out on the same terminal: they show how far it is.
    """

    def __init__(self, quiet: bool) -> None:
        self._off = quiet or not is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb"
        self._bar: Any = None
        self._answers: Any = None  # rich's ids of the two lines
        self._tiles: Any = None
        self._since_s = 0.0

    def start(self, total: int) -> None:
        """So many answers are expected."""
        if total > 1 and not self._off and not is_terminal(sys.stdout):
            self._answers = self._open().add_task("answers", total=total)
            self._bar.refresh()

    def advance(self) -> None:
        """One more answer is done."""
        if self._answers is not None:
            self._bar.advance(self._answers)

    def tile(self, done: int, total: int) -> None:
        """So many tiles of a request are encoded. Only what takes a while is shown, and only while it lasts."""
        if self._off:
            return
        now = time.monotonic()
        self._since_s = now if done == 0 else self._since_s
        if done == total:
            self._end_tiles()
        elif self._tiles is not None:
            self._bar.update(self._tiles, completed=done)
        elif now - self._since_s > SHOW_AFTER_S:
            self._tiles = self._open().add_task("tiles", total=total, completed=done)
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

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)
            self._bar.start()
        return self._bar

    def _end_tiles(self) -> None:
        if self._tiles is not None and self._answers is None:
            self.close()
        elif self._tiles is not None:
            self._bar.remove_task(self._tiles)
            self._tiles = None


class Interrupt:
    """Ctrl-C, twice: the first asks to stop after the current answer, the second stops at once."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, _signal: int, _frame: FrameType | None) -> None:
        """The signal handler."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        say("interrupted; ending after the current answer (Ctrl-C again stops at once)")


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """While answers are being written, Ctrl-C lets the current one finish."""
    interrupt = Interrupt()
    ignored = signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None)  # as of a job in the background
    if ignored or threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)


def peak_rss_bytes() -> int | None:
    """The most memory that this process ever held, None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
