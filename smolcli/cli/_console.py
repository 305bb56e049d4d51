"""What is said to a person: one place that writes to stderr, knows the terminal, and keeps quiet when told to."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any

from smolcli.errors import SmolError
from smolcli.printable import printable

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


@dataclass(frozen=True, slots=True)
class Console:
    """What a command says, by what its user wants to hear: sentences on stderr, a result on stdout.

    quiet: only results and errors; json: results as JSON objects; verbose: details too (-v).
    """

    quiet: bool = False
    json: bool = False
    verbose: int = 0

    def tell(self, sentence: str) -> None:
        """What a user would miss."""
        if not self.quiet:
            say(sentence)

    def note(self, *sentences: str) -> None:
        """What is done in another way than was asked for."""
        for sentence in sentences:
            self.tell(f"note: {sentence}")

    def detail(self, sentence: str) -> None:
        """What only -v says."""
        if self.verbose:
            self.tell(sentence)

    def result(self, records: Iterable[dict[str, Any]], lines: Iterable[str]) -> None:
        """The same as JSON objects or as lines, made safe to print. Raises OutputError."""
        from smolcli.cli._table import show_json, show_lines

        if self.json:
            show_json(*records)
        else:
            show_lines(lines)


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
        self._total = 0

    def start(self, total: int) -> None:
        """So many answers are expected."""
        self._total = total
        if total > 1 and not self._off and not is_terminal(sys.stdout):
            self._answers = self._open().add_task("answers", total=total)
            self._bar.refresh()

    def expect(self, more: int) -> None:
        """So many more answers are expected: a file turned out to have pages."""
        if self._answers is not None:
            self._total += more
            self._bar.update(self._answers, total=self._total)
        elif more:
            self.start(self._total + more)

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


ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
SIGNALLED = frozenset(128 + number for number in ENDING)  # the exit codes, as a shell reports them


class Ended(KeyboardInterrupt):
    """A signal that ends a run at once. `last` says which: the library hands on other exceptions in its place."""

    last = int(signal.SIGINT)

    def __init__(self, number: int) -> None:
        super().__init__()
        Ended.last = number


def ended_code() -> int:
    """The exit code of a run that a signal ended: 130 after Ctrl-C, 143 after TERM, 129 after HUP."""
    return 128 + Ended.last


class Interrupt:
    """Ctrl-C, TERM or HUP, twice: the first asks to stop after the current answer, the second stops at once.

    So does the first while no answer is under way (`answering`).
    """

    def __init__(self) -> None:
        self.asked = 0  # the signal, 0 while there was none
        self.answering = False

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """The signal handler."""
        if self.asked or not self.answering:
            raise Ended(number)
        self.asked = number
        again = "Ctrl-C again stops at once" if number == signal.SIGINT else "a second signal stops at once"
        with suppress(OSError, ValueError):  # after HUP the terminal is gone
            say(f"interrupted; ending after the current answer ({again})")


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """While answers are being written, a signal lets the current one finish."""
    interrupt = Interrupt()
    with _handling(interrupt):
        yield interrupt


@contextmanager
def ending_signals() -> Iterator[None]:
    """TERM and HUP unwind as Ctrl-C does, so that what is finished is kept and nothing half-written stays."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise Ended(number)

    Ended.last = int(signal.SIGINT)
    with _handling(end, ENDING[1:]):
        yield


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], None], numbers: Sequence[int] = ENDING) -> Iterator[None]:
    """Give signals a handler for a while; those that are ignored (a job in the background, nohup) stay so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in numbers}
    ours = [number for number, usual in before.items() if usual not in (signal.SIG_IGN, None)]
    for number in ours:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])


def peak_rss_bytes() -> int | None:
    """The most memory that this process ever held, None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
