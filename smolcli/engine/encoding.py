"""Requests on their way in get their tiles' embeddings: from earlier, or from the vision towers."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, wait
from dataclasses import dataclass

from smolcli.datatypes import RGB, Floats, Source
from smolcli.engine.arrival import Arrival
from smolcli.engine.embeddings import TileMemo
from smolcli.engine.towers import EncodedTile, Towers
from smolcli.errors import EngineError
from smolcli.generation import Encoded, EngineEvent, Refused

_AHEAD = 4  # tiles that are handed to each tower, where nobody waits for them: a step of many answers lasts as long


@dataclass(slots=True, eq=False)
class _UnderWay:
    """A tile that is with the towers, the file that it was cut from, and the request that it is encoded for."""

    future: Future[EncodedTile]
    source: Source | None
    arrival: Arrival


class TileEncoder:
    """Owner of the towers.

    beside: the towers compute beside the language model, on a card; else one after the other, as both would use the
    same cores.
    """

    def __init__(self, towers: Towers, memo: TileMemo, beside: bool) -> None:
        self.towers, self._memo, self._beside = towers, memo, beside
        self._under_way: dict[bytes, _UnderWay] = {}

    def encode(self, tile: RGB) -> Floats:
        """One pass of a tower → float32 (tokens per tile, width). Raises ModelError, EngineError."""
        return self.towers.submit(tile).result().rows

    def expect(self, sources: Iterable[Source]) -> None:
        """Pictures of these files are being cut: towers are opened meanwhile, unless tiles of theirs may be known."""
        if not any(map(self._memo.may_know, sources)):
            self.towers.open_ahead()

    def advance(self, arrivals: Iterable[Arrival], idle: bool) -> list[EngineEvent]:
        """As many tiles as there are towers, of the first requests that lack some; and what came of them.

        idle: the language model has nothing to do in the meantime. A request with a tile that cannot be encoded is
        Refused. Raises ModelError where no tower can be opened.
        """
        events: list[EngineEvent] = []
        touched: list[Arrival] = []
        self._memo.settle()
        room = self._room()
        for arrival in arrivals:
            if arrival.encoded:
                continue
            touched.append(arrival)
            if not arrival.begun:
                arrival.begun = True
                events.append(Encoded(arrival.request.key, 0, len(arrival.tiles)))
            room -= self._submit(arrival, room)
            if room <= 0:
                break
        self._wait(idle)
        failed = self._collect()
        for arrival in touched:
            events += self._gather(arrival, failed)
        return events

    def finish(self, arrival: Arrival) -> None:
        """Every tile of one request. Raises EngineError, ModelError."""
        while not arrival.encoded:
            for event in self.advance([arrival], idle=True):
                if isinstance(event, Refused):
                    raise event.error

    def forget(self) -> None:
        """Nobody asks for the tiles that are under way any more."""
        self._under_way.clear()

    def close(self) -> None:
        """Free the towers; safe to call twice."""
        self._memo.settle()
        self.towers.close()

    def _room(self) -> int:
        """How many tiles more the towers are to be given."""
        most = self.towers.at_once * (_AHEAD if self._beside else 1)
        return max(0, most - sum(not tile.future.done() for tile in self._under_way.values()))

    def _submit(self, arrival: Arrival, most: int) -> int:
        """Hand over tiles of which nothing is known; how many there were."""
        given = 0
        for place in range(len(arrival.rows), len(arrival.tiles)):
            if given >= most:
                break
            digest, source = arrival.digests[place], arrival.sources[place]
            if digest not in self._under_way and self._memo.get(digest, source) is None:
                future = self.towers.submit(arrival.tiles[place])
                self._under_way[digest] = _UnderWay(future, source, arrival)
                arrival.encodes += 1
                given += 1
        return given

    def _wait(self, idle: bool) -> None:
        """For all tiles where they compute in the language model's stead, for one where that has nothing to do."""
        futures = [tile.future for tile in self._under_way.values()]
        if futures and not self._beside:
            wait(futures, return_when=ALL_COMPLETED)
        elif futures and idle:
            wait(futures, return_when=FIRST_COMPLETED)

    def _collect(self) -> dict[bytes, EngineError]:
        """Keep what is finished; what has failed, by its digest."""
        failed: dict[bytes, EngineError] = {}
        for digest, tile in list(self._under_way.items()):
            if not tile.future.done():
                continue
            del self._under_way[digest]
            error = tile.future.exception()
            if isinstance(error, EngineError):
                failed[digest] = error
            elif error is not None:
                raise error
            else:
                found = tile.future.result()
                self._memo.keep(digest, tile.source, found.rows)
                tile.arrival.encode_s += found.seconds
        return failed

    def _gather(self, arrival: Arrival, failed: dict[bytes, EngineError]) -> list[EngineEvent]:
        before = len(arrival.rows)
        while not arrival.encoded:
            digest, source = arrival.digests[len(arrival.rows)], arrival.sources[len(arrival.rows)]
            rows = None if digest in failed else self._memo.get(digest, source)
            if rows is None:
                break
            arrival.rows.append(rows)
        for digest in arrival.digests[len(arrival.rows) :]:
            if digest in failed:
                return [Refused(arrival.request.key, failed[digest])]
        if len(arrival.rows) == before:
            return []
        return [Encoded(arrival.request.key, len(arrival.rows), len(arrival.tiles))]
