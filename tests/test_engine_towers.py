"""Several vision towers: the same embeddings and answers as with one, in order; failures, ends, how many there are."""

import threading
import time
from concurrent.futures import wait
from dataclasses import replace

import numpy as np
import pytest
from drawing import synth
from scores import differ_by_close_calls_at_most

from smolcli.datatypes import ImagePart, Sampling, Source, TextPart, TilePlan, Turn
from smolcli.engine import EngineOptions, load_engine
from smolcli.engine.arrival import Arrival
from smolcli.engine.embeddings import TileMemo
from smolcli.engine.encoding import TileEncoder
from smolcli.engine.llama.vision import VisionTower
from smolcli.engine.tokens import TokenSequence
from smolcli.engine.towers import Towers
from smolcli.errors import EngineError, ModelError
from smolcli.generation import Encoded, Generation, Refused, Request
from smolcli.models import builtin
from smolcli.tiles import pack


def tiles(count, seed=0):
    return [synth(256, 256, seed + number) for number in range(count)]


def request(facts, key, count=5):
    plan = TilePlan((256, 256), (256, 256), (256, 256), 0, 0, 256, facts.tokens_per_tile)
    parts = [ImagePart(plan, pack(tile[None], plan)) for tile in tiles(count, 10 * key)]
    return Request(key, (Turn("user", (*parts, TextPart("What is this?"))),), Sampling(max_tokens=6))


def native_threads():
    return [thread for thread in threading.enumerate() if thread.name == "llama" and thread.is_alive()]


# ---- the built-in model


@pytest.fixture(scope="module")
def with_one():
    with load_engine(builtin(), EngineOptions(threads=2)) as engine:
        rows = [engine.embed(tile) for tile in tiles(4)]
        return rows, list(engine.run(request(engine.facts, key) for key in range(3)))


def test_several_towers_give_the_embeddings_and_answers_of_one_bit_for_bit(with_one):
    rows, events = with_one
    with load_engine(builtin(), EngineOptions(threads=2, towers=3)) as engine:
        assert all(np.array_equal(engine.embed(tile), one) for tile, one in zip(tiles(4), rows, strict=True))
        found = list(engine.run(request(engine.facts, key) for key in range(3)))
        assert engine._encoder.towers.count == 3

    def answers(events):
        return [(e.key, e.text, e.ids, e.mean_logprob, e.counts) for e in events if isinstance(e, Generation)]

    assert answers(found) == answers(events)


@pytest.mark.parametrize("parallel", [1, 3])
def test_beside_the_language_model_towers_that_grow_in_number_change_no_answer(with_one, parallel):
    """As on a card, with the processor in its place."""
    with load_engine(builtin(), EngineOptions(threads=2, parallel=parallel)) as engine:
        encoder = engine._encoder
        encoder._beside = True
        towers = encoder.towers = Towers(engine._open_tower, 1, 3, lambda: 1 << 40)
        towers._fit = lambda wanted, count: True
        engine.embed(tiles(1, 50)[0])
        towers._open_s = 0.0  # it pays from the first tile on
        found = list(engine.run(request(engine.facts, key) for key in range(3)))
        assert towers.count > 1
        ids = {event.key: event.ids for event in found if isinstance(event, Generation)}
        alone = {event.key: event.ids for event in with_one[1] if isinstance(event, Generation)}
        assert ids.keys() == alone.keys() == {0, 1, 2}
        for key in range(3):
            turns = request(engine.facts, key).turns
            assert ids[key] == alone[key] or differ_by_close_calls_at_most(engine, turns, ids[key], alone[key])
    for key in range(3):
        done = [event.done for event in found if isinstance(event, Encoded) and event.key == key]
        assert done == sorted(done) and done[0] == 0 and done[-1] == 5


def test_a_request_that_is_taken_back_leaves_the_others_their_tiles():
    with load_engine(builtin(), EngineOptions(parallel=2)) as engine:
        engine._encoder._beside = True
        asked = [request(engine.facts, key) for key in range(2)]
        assert all(engine.add(one) for one in asked)
        engine.step()
        engine.cancel(0)
        events = []
        while engine.busy:
            events += engine.step()
    assert [event.key for event in events if isinstance(event, Generation)] == [1]


def test_each_tile_is_encoded_once_and_told_in_order():
    with load_engine(builtin(), EngineOptions(towers=2, parallel=3)) as engine:
        asked = [request(engine.facts, key, count=3 + key) for key in range(3)]
        again = replace(asked[2], key=3)
        events = list(engine.run([*asked, again]))
    for key in range(3):
        done = [event.done for event in events if isinstance(event, Encoded) and event.key == key]
        assert done == sorted(done) and done[0] == 0 and done[-1] == 3 + key
    counts = {event.key: event.counts.encodes for event in events if isinstance(event, Generation)}
    assert counts == {0: 3, 1: 4, 2: 5, 3: 0}


def test_a_tile_that_a_tower_cannot_encode_refuses_its_request_alone(monkeypatch):
    real, broken = VisionTower.embed, tiles(2, 10)[1]

    def embed(self, tile):
        if np.array_equal(tile, broken):
            raise EngineError("llama.cpp could not encode a tile (on purpose).")
        return real(self, tile)

    monkeypatch.setattr(VisionTower, "embed", embed)
    with load_engine(builtin(), EngineOptions(towers=2, parallel=2)) as engine:
        events = list(engine.run([request(engine.facts, key) for key in range(3)]))
        assert not engine.busy
    assert [event.key for event in events if isinstance(event, Refused)] == [1]
    assert [event.key for event in events if isinstance(event, Generation)] == [0, 2]


def test_a_projector_that_cannot_be_opened_ends_the_run_and_leaves_no_thread(monkeypatch):
    def refuse(self, tokens_per_tile, width):
        raise ModelError("llama.cpp cannot load the projector (on purpose).")

    with load_engine(builtin(), EngineOptions(towers=2)) as engine:
        with monkeypatch.context() as patched, pytest.raises(ModelError, match="projector"):
            patched.setattr(VisionTower, "open", refuse)
            list(engine.run([request(engine.facts, 0)]))
        assert len(native_threads()) == 1
        assert any(isinstance(event, Generation) for event in engine.run([request(engine.facts, 0)]))
    assert native_threads() == []


def test_after_an_interruption_nothing_is_waited_for_and_all_is_closed_in_reverse_order(monkeypatch):
    closed = []
    real = VisionTower.close
    monkeypatch.setattr(VisionTower, "close", lambda self: (closed.append(id(self)), real(self)))
    with pytest.raises(KeyboardInterrupt), load_engine(builtin(), EngineOptions(towers=2)) as engine:
        engine.embed(tiles(1)[0])
        opened = [id(place.tower) for place in engine._encoder.towers._places]
        raise KeyboardInterrupt
    for thread in native_threads():
        thread.join(20)
    assert native_threads() == []
    assert closed == opened[::-1]


# ---- how many, and who takes what: towers made of arithmetic


class FakeTower:
    """Takes some seconds a tile, gives its first pixel; closed towers are noted."""

    def __init__(self, seconds=0.0, fail=False):
        if fail:
            raise ModelError("There is no memory left (on purpose).")
        self.seconds, self.closed, self.threads = seconds, False, set()

    def embed(self, tile):
        assert not self.closed
        self.threads.add(threading.get_ident())
        time.sleep(self.seconds)
        return tile.reshape(-1)[:1].astype(np.float32)

    def close(self):
        self.closed = True


def numbered(count):
    return [np.full((2, 2, 3), number, np.uint8) for number in range(count)]


def test_every_tile_is_taken_once_by_some_tower_each_in_a_thread_of_its_own():
    made = []

    def make():
        made.append(FakeTower(0.002))
        return made[-1]

    towers = Towers(make, 3, 3)
    futures = [towers.submit(tile) for tile in numbered(60)]
    assert [future.result(20).rows[0] for future in futures] == list(range(60))
    assert len({ident for tower in made for ident in tower.threads}) > 1
    assert all(len(tower.threads) <= 1 for tower in made)
    towers.close()
    towers.close()
    assert all(tower.closed for tower in made) and len(made) == 3


@pytest.mark.parametrize(
    ("free", "most", "count"),
    [
        (lambda made: 10_000 - 100 * len(made), 8, 8),  # room for all
        (lambda made: 1_000 - 300 * len(made), 8, 2),  # half of what is free holds one more, not two
        (lambda made: 10_000 - 100 * len(made), 3, 3),  # as many as were allowed
    ],
)
def test_on_a_card_towers_are_opened_while_they_pay_and_memory_lasts(free, most, count):
    made = []

    def make():
        made.append(FakeTower())
        return made[-1]

    towers = Towers(make, 1, most, lambda: free(made))
    for number in range(200):
        wait([towers.submit(numbered(1)[0])])
        for place in towers._places:  # as on a card: no tower is slowed down by another one
            place.opened.result(20)
            place.tiles, place.busy_s = 10, 10 * max(1.0, towers._open_s)
        if number > 20 and len(made) == count:
            break
    assert len(made) == towers.count == count
    towers.close()


def test_no_more_towers_are_opened_where_the_last_one_was_no_gain():
    towers = Towers(FakeTower, 1, 8, lambda: 1 << 40)
    for _ in range(6):
        towers.submit(numbered(1)[0]).result(20)
        for place in towers._places:  # as on a CPU: the same work takes each of them twice as long
            place.opened.result(20)
            place.tiles, place.busy_s = 10, 10 * len(towers._places) * max(1.0, towers._open_s)
    assert towers.count == 2
    towers.close()


def test_a_tower_that_cannot_be_opened_unasked_is_done_without_and_not_tried_again():
    tried = []

    def make():
        tried.append(len(tried))
        return FakeTower(fail=len(tried) > 1)

    towers = Towers(make, 1, 8, lambda: 1 << 40)
    for _ in range(6):
        assert towers.submit(numbered(1)[0]).result(20).rows[0] == 0
        towers._places[0].tiles, towers._places[0].busy_s = 10, 10 * max(1.0, towers._open_s)
        wait([place.opened for place in towers._places])
    assert towers.count == 1 and tried == [0, 1]
    towers.close()


# ---- beside a language model that goes on


def test_beside_the_language_model_nobody_waits_for_a_tile_while_there_is_something_else_to_do():
    gate = threading.Event()

    class Slow(FakeTower):
        def embed(self, tile):
            assert gate.wait(20)
            return np.zeros((1, 1), np.float32)

    encoder = TileEncoder(Towers(Slow, 1, 1), TileMemo((1, 1)), beside=True)
    arrival = Arrival(Request(7, ()), TokenSequence(np.zeros(1, np.int32), ()), 1)
    arrival.tiles = numbered(2)
    arrival.digests, arrival.sources = [b"a", b"b"], ["", ""]
    assert encoder.advance([arrival], idle=False) == [Encoded(7, 0, 2)]
    assert encoder.advance([arrival], idle=False) == []
    gate.set()
    events = []
    while not arrival.encoded:
        events += encoder.advance([arrival], idle=True)
    assert events[-1] == Encoded(7, 2, 2) and arrival.encodes == 2
    encoder.close()


def test_towers_that_are_opened_ahead_are_those_that_the_first_tile_is_given_to():
    made = []

    def make():
        made.append(FakeTower())
        return made[-1]

    towers = Towers(make, 2, 2)
    towers.open_ahead()
    towers.open_ahead()
    assert towers.submit(np.full((1, 1, 3), 7, np.uint8)).result().rows.tolist() == [7.0]
    assert len(made) == towers.count == 2
    towers.close()
    assert all(tower.closed for tower in made)


def test_what_goes_wrong_while_towers_are_opened_ahead_is_said_with_the_first_tile_and_tried_again_with_the_next():
    fails = [True]
    towers = Towers(lambda: FakeTower(fail=fails[0]), 1, 1)
    towers.open_ahead()
    with pytest.raises(ModelError, match="on purpose"):
        towers.submit(np.zeros((1, 1, 3), np.uint8))
    fails[0] = False
    assert towers.submit(np.ones((1, 1, 3), np.uint8)).result().rows.tolist() == [1.0]
    towers.close()


class KnownTiles:
    """A store that has tiles of one file."""

    def knows(self, source):
        return source == "ab"


class Unhashed(Source):
    is_hashed = False


@pytest.mark.parametrize(
    ("kept", "sources", "opened"),
    [
        (None, [Source("a.png", "image", "ab")], True),
        (KnownTiles(), [Source("b.png", "image", "cd")], True),
        (KnownTiles(), [Source("b.png", "image", "cd"), Source("a.png", "image", "ab")], False),
        (KnownTiles(), [Unhashed("large.mp4", "video")], False),  # nobody waits for its hash
    ],
)
def test_towers_are_opened_ahead_only_where_no_tile_of_a_file_may_be_known(kept, sources, opened):
    begun = threading.Event()
    towers = Towers(lambda: (begun.set(), FakeTower())[1], 1, 1)
    TileEncoder(towers, TileMemo((1, 1), kept), beside=False).expect(sources)
    towers.close()  # once what is being opened is open
    assert begun.is_set() == opened
