"""Processes that draw for a run: signals meant for the run are the trainer's to heed."""

import signal
from collections.abc import Iterable
from multiprocessing.process import BaseProcess

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def start(processes: Iterable[BaseProcess]) -> None:
    """Start processes that hear no Ctrl-C, not even while they still load what they need.

    What is blocked here is blocked in them from their first instruction on; here it comes through at once after that.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows: they are deaf once they have called `hear_nothing`
        for process in processes:
            process.start()
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        for process in processes:
            process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def hear_nothing() -> None:
    """Called in a process that draws: the trainer ends it."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
