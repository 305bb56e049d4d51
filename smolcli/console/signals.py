"""Ctrl-C, TERM and HUP in, a run that ends in order out."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

from smolcli.console.sentences import say

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


@dataclass(frozen=True, slots=True)
class Ending:
    """What a signal does to a run. is_well: it is how the run ends, after the answer under way; stop: is called, and
    the run goes on to its end.
    """

    is_well: bool = False
    stop: Callable[[], None] | None = None


BROKEN_OFF = Ending()


class Interrupt:
    """Ctrl-C, TERM or HUP, twice: the first asks to stop after the current answer, the second stops at once.

    So does the first while no answer is under way (`answering`). stop: what is being read is told to end, and with it
    the run, after what was read until then; None where it is broken off.
    """

    def __init__(self, stop: Callable[[], None] | None = None) -> None:
        self._stop = stop
        self.asked = 0  # the signal, 0 while there was none
        self.answering = False

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """The signal handler."""
        if self.asked or not (self.answering or self._stop):
            raise Ended(number)
        self.asked = number
        again = "Ctrl-C again stops at once" if number == signal.SIGINT else "a second signal stops at once"
        after = "the current answer" if self._stop is None else "what was seen until now"
        if self._stop is not None:
            self._stop()
        with suppress(OSError, ValueError):  # after HUP the terminal is gone
            say(f"interrupted; ending after {after} ({again})")


@contextmanager
def interruptible(stop: Callable[[], None] | None = None) -> Iterator[Interrupt]:
    """While answers are being written, a signal lets the current one finish, and what `stop` ends."""
    interrupt = Interrupt(stop)
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
