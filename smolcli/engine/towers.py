"""Tiles in, their embeddings out, in whatever order they are finished: one vision tower or several at once.

Each tower is a context of its own in a native thread of its own. A tile waits in one queue for all of them; every tower
hears of it, and the first that is free takes it. On a card a single tower leaves most of it idle: 69, 185, 297 and 388
tiles a second were measured with 1, 2, 4 and 8 on an H100. On a processor one tower with all threads is as fast as
several that share them, and takes the least memory.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from smolcli.datatypes import RGB, Floats
from smolcli.engine.llama.library import NativeThread
from smolcli.errors import SmolError

MOST_UNASKED = 8  # towers on a card where the user sets no number
_GAIN = 1.1  # twice the towers have to be this much faster, or there are enough of them
_SHARE = 2  # what is opened unasked takes at most this part of a card's free memory


class Tower(Protocol):
    """A vision tower that is open. Its methods run in its own thread."""

    def embed(self, tile: RGB) -> Floats:
        """tile uint8 (T, T, 3) → float32 (tokens per tile, width). Raises EngineError."""

    def close(self) -> None:
        """Free it."""


@dataclass(frozen=True, slots=True)
class EncodedTile:
    """Embeddings float32 (tokens per tile, width), and the seconds that they took out of the run's."""

    rows: Floats
    seconds: float


@dataclass(slots=True, eq=False)
class _Place:
    """A thread and the tower in it, once that is open.

    busy_s, tiles: what it did since towers were opened last, its first tile, which allocates, left out. open_s: seconds
    that opening took.
    """

    thread: NativeThread = field(default_factory=NativeThread)
    opened: Future[None] | None = None
    tower: Tower | None = None
    tiles: int = -1
    busy_s: float = 0.0
    open_s: float = 0.0


class Towers:
    """first: how many are opened with the first tile; most: how many at all.

    make: opens a tower, in the thread that it stays in. free_bytes: of the card's memory, where others are opened
    unasked.
    """

    def __init__(
        self, make: Callable[[], Tower], first: int, most: int, free_bytes: Callable[[], int] | None = None
    ) -> None:
        self._make, self._first, self._most, self._free_bytes = make, first, most, free_bytes
        self._places: list[_Place] = []
        self._queue: deque[tuple[RGB, Future[EncodedTile]]] = deque()
        self._free_before = self._opening_bytes = 0
        self._open_s = self._rate = 0.0
        self._are_open = False  # the first ones
        self.load_s = 0.0  # seconds that were waited until a tower was open

    @property
    def count(self) -> int:
        """How many are open."""
        return sum(place.tower is not None for place in self._places)

    @property
    def at_once(self) -> int:
        """How many can work at the same time as soon as they are open."""
        return max(len(self._places), self._first)

    def open_ahead(self) -> None:
        """Begin to open the first ones, as a tile is on its way; what goes wrong is said when it is submitted."""
        if not self._places:
            self._free_before = self._free_bytes() if self._free_bytes is not None else 0
            self._open(self._first)

    def submit(self, tile: RGB) -> Future[EncodedTile]:
        """Have a tile encoded; the first one waits until the towers are open. Raises ModelError, EngineError."""
        if not self._are_open:
            self._wait_until_open()
        self._places[0].thread.require_alive()
        future: Future[EncodedTile] = Future()
        self._queue.append((tile, future))
        self._grow()
        for place in self._places:
            place.thread.post(self._take, place)
        return future

    def close(self) -> None:
        """End the threads, each once its tile is done, the last opened first; safe to call twice."""
        self._queue.clear()
        self._are_open = False
        while self._places:
            place = self._places.pop()
            place.thread.close(lambda place=place: _close(place))  # type: ignore[misc]

    # ---- in the towers' threads

    def _open_in(self, place: _Place) -> None:
        start = time.perf_counter()
        place.tower = self._make()
        place.open_s = time.perf_counter() - start

    def _take(self, place: _Place) -> None:
        """Encode the next tile, unless another tower was quicker."""
        if place.tower is None:  # could not be opened; the others go on
            return
        try:
            tile, future = self._queue.popleft()
        except IndexError:
            return
        start = time.perf_counter()
        try:
            rows = place.tower.embed(tile)
        except BaseException as error:  # handed to the engine, which asks for the tile
            future.set_exception(error)
            return
        spent_s = time.perf_counter() - start
        place.tiles += 1
        if place.tiles > 0:
            place.busy_s += spent_s
        future.set_result(EncodedTile(rows, spent_s / self.count))

    # ---- how many

    def _wait_until_open(self) -> None:
        start = time.perf_counter()
        self.open_ahead()
        try:
            for place in self._places:
                assert place.opened is not None
                place.opened.result()
        except SmolError:
            self.close()
            raise
        self._are_open, self._open_s = True, max(place.open_s for place in self._places)
        self.load_s += time.perf_counter() - start

    def _open(self, more: int) -> None:
        for _ in range(more):
            place = _Place()
            place.opened = place.thread.submit(self._open_in, place)
            self._places.append(place)

    def _grow(self) -> None:
        """Open as many again, in their own threads, while that pays.

        It does once those that are there have worked as long as opening takes: whoever buys when the rent has come to
        the price pays at most twice what was best. No more are opened where the last ones made it no faster, could not
        be opened, or would take more memory than they should.
        """
        count = self.count
        spent_s, tiles = sum(place.busy_s for place in self._places), sum(max(0, p.tiles) for p in self._places)
        wanted = min(count, self._most - count)
        if wanted < 1 or not tiles or spent_s < self._open_s * count:
            return
        if count < len(self._places):
            if all(place.opened is not None and place.opened.done() for place in self._places):
                self._most = count  # some could not be opened
            return
        rate = count * tiles / spent_s
        if rate < _GAIN * self._rate or not self._fit(wanted, count):
            self._most = count
            return
        self._rate = rate
        for place in self._places:
            place.tiles, place.busy_s = 0, 0.0
        self._open(wanted)

    def _fit(self, wanted: int, count: int) -> bool:
        if self._free_bytes is None:
            return True
        free = self._free_bytes()
        each = max(0, self._free_before - free) // count
        return wanted * each <= free // _SHARE


def _close(place: _Place) -> None:
    tower, place.tower = place.tower, None
    if tower is not None:
        tower.close()
