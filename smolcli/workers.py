"""Parts of one piece of work go in, what comes of each comes out, in order: done in as many threads as cores are idle.

For work that lets Python's lock go, as Pillow and hashlib do.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Part = TypeVar("Part")
Made = TypeVar("Made")
MOST_WORKERS = 7
_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_idle = threading.Semaphore(min(_CORES - 1, MOST_WORKERS))


class Workers:
    """Threads that help the one that asks: with none of them, all is done there."""

    def __init__(self, count: int = 0, pool: ThreadPoolExecutor | None = None) -> None:
        self._count, self._pool = count, pool
        self.threads = count + 1

    def each(self, work: Callable[[Part], Made], parts: Iterable[Part]) -> list[Made]:
        """What comes of every part, in order. Raises what the work raises."""
        left = deque(enumerate(parts))
        made: dict[int, Made] = {}

        def drain() -> None:
            while True:
                try:
                    number, part = left.popleft()
                except IndexError:
                    return
                made[number] = work(part)

        helping = [self._pool.submit(drain) for _ in range(self._count)] if self._pool and len(left) > 1 else []
        drain()
        for each in helping:
            each.result()
        return [made[number] for number in sorted(made)]


@contextmanager
def idle_cores() -> Iterator[Workers]:
    """A thread for every core that nobody else in this process has asked for in this way, beside the caller's."""
    count = 0
    while _idle.acquire(blocking=False):
        count += 1
    try:
        if not count:
            yield Workers()
            return
        with ThreadPoolExecutor(count, "smol-worker") as pool:
            yield Workers(count, pool)
    finally:
        if count:
            _idle.release(count)
