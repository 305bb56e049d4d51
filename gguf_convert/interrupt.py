"""A polite signal comes in, an exception goes out, so that a half-written file is cleaned up on the way."""

from __future__ import annotations

import signal
import threading
from typing import NoReturn

POLITE = ("SIGTERM", "SIGHUP")  # SIGINT is KeyboardInterrupt already


def unwind_on_signals() -> None:
    """From now on SIGTERM and SIGHUP raise SystemExit(128 + number).

    One that is ignored (HUP under nohup) stays so. Skipped outside the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for name in POLITE:
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) != signal.SIG_IGN:
            signal.signal(getattr(signal, name), _unwind)


def _unwind(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)
