"""What is kept of encoded tiles: the books of the memo, and rows that are equal where their pixels are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolcli.engine import EngineOptions, load_engine
from smolcli.engine.embeddings import TileMemo, identity
from smolcli.engine.memory import CPU_TOGETHER, MOST_TOGETHER, kv_cells, machine_bytes, together
from smolcli.models import resolve

IMAGE = 9


def rows(seed, count=4):
    return np.full((count, 8), seed, np.float32)


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 6))
def test_the_memo_keeps_the_tiles_used_last_and_never_more_than_it_may(asked, room):
    memo, order = TileMemo((4, 8), most_bytes=room * rows(0).nbytes), []
    for seed in asked:
        known = memo.get(bytes([seed]))
        assert (known is not None) == (seed in order)
        if known is None:
            memo.keep(bytes([seed]), "", rows(seed))
        else:
            assert np.array_equal(known, rows(seed))
            order.remove(seed)
        order = [*order, seed][-room:]
        assert memo._bytes == len(order) * rows(0).nbytes == sum(kept.nbytes for kept in memo._rows.values())


def test_memory_stops_growing_before_the_built_in_model_has_read_200_pictures():
    with load_engine(resolve(None, None), EngineOptions(threads=1)) as engine:
        tile_bytes = 4 * engine.facts.tokens_per_tile * engine.facts.width
        prompt_tiles = engine.context_tokens // engine.facts.tokens_per_tile
        assert prompt_tiles < engine._encoder._memo._most_bytes // tile_bytes < 200


def test_rows_of_equal_tiles_at_the_same_place_are_equal_and_of_others_are_not():
    ids = np.array([1, IMAGE, IMAGE, 2, IMAGE, IMAGE, 3, IMAGE, IMAGE], np.int32)
    found = identity(ids, IMAGE, [b"one tile", b"another!", b"one tile"], 2)
    assert found[[0, 3, 6]].tolist() == [1, 2, 3]
    assert (found[[1, 2]] == found[[7, 8]]).all()
    assert len(set(found[[1, 2, 4, 5]].tolist())) == 4
    assert (found[ids == IMAGE] < 0).all()


class Header(dict):
    """The keys of a language model's header."""


def test_the_rows_that_memory_has_room_for_follow_from_the_header():
    small = Header({"llama.block_count": 30, "llama.embedding_length": 576, "llama.attention.head_count": 9,
                    "llama.attention.head_count_kv": 3})  # fmt: skip
    assert kv_cells(small) == machine_bytes() // 8 // 23_040  # 23 kB a row with the 256M
    assert kv_cells(small | {"llama.attention.head_count_kv": 9}) <= kv_cells(small) // 3 + 1
    assert 1 << 28 < machine_bytes() < 1 << 50


def test_on_a_card_the_rows_are_those_that_half_of_its_free_memory_holds():
    small = Header({"llama.block_count": 30, "llama.embedding_length": 576, "llama.attention.head_count": 9,
                    "llama.attention.head_count_kv": 3})  # fmt: skip
    assert kv_cells(small, 8 << 30) == (4 << 30) // 23_040


@pytest.mark.parametrize(
    ("cells", "on_card", "answers"),
    [
        (200_000, True, MOST_TOGETHER),
        (200_000, False, CPU_TOGETHER),
        (20 * 1344, True, 20),
        (3000, False, 2),
        (64, True, 1),
    ],
)
def test_as_many_answers_are_written_at_once_as_have_room_with_a_picture_each(cells, on_card, answers):
    assert together(cells, 64, on_card) == answers
