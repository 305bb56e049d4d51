"""What every engine and planner of the protocol does, whatever model it was given."""

from dataclasses import replace

import pytest
from drawing import synth
from models import member_pair, nano_pair

from smolcli.datatypes import Generation, ImagePart, Piece, Request, Sampling, TextPart, Turn
from smolcli.engine import EngineOptions, load_engine, load_planner
from smolcli.models import builtin
from smolcli.tiles import Detail, Geometry, cut, plan

PAIRS = {
    "builtin": builtin,
    "nano": nano_pair,
    "64 tokens a tile": lambda: member_pair("SmolVLM2-500M-Video-Instruct"),
    "81 tokens a tile, marks as text": lambda: member_pair("SmolVLM-Instruct"),
}


@pytest.fixture(scope="module", params=PAIRS)
def engine(request):
    with load_engine(PAIRS[request.param](), EngineOptions(parallel=2)) as opened:
        yield opened


@pytest.fixture(scope="module")
def asked(engine):
    facts = engine.facts
    shape = Geometry(facts.tile_px, facts.tokens_per_tile, facts.longest_edge_px, facts.grid_limit)
    cuts = plan((90, 60), shape, Detail("most", 2))
    part = ImagePart(cuts, cut(synth(90, 60, 4), cuts))
    return Request(7, (Turn("user", (part, TextPart("What is this?"))),), Sampling(max_tokens=6))


def test_pieces_come_before_their_generation_and_make_its_text(engine, asked):
    *pieces, answer = engine.run([asked])
    assert isinstance(answer, Generation)
    assert all(isinstance(piece, Piece) and piece.text and piece.key == 7 for piece in pieces)
    assert "".join(piece.text for piece in pieces) == answer.text == answer.text.strip()


def test_counts_add_up(engine, asked):
    *_, answer = engine.run([asked])
    sequence, [part] = engine.tokens(asked.turns), asked.turns[0].parts[:1]
    images = int((sequence.ids == engine.facts.image_token).sum())
    assert answer.key == 7
    assert answer.counts.prompt_tokens == len(sequence.ids)
    assert answer.counts.image_tokens == images == part.plan.tokens
    assert 0 <= answer.counts.cached_tokens < answer.counts.prompt_tokens
    assert answer.counts.new_tokens <= 6
    assert min(answer.seconds.encode, answer.seconds.prefill, answer.seconds.decode) >= 0


def test_nothing_asked_is_nothing_answered(engine):
    assert list(engine.run([])) == []


def test_greedy_answers_repeat(engine, asked):
    first, second = (list(engine.run([asked]))[-1] for _ in range(2))
    assert first.text == second.text


def test_an_embedding_is_tokens_by_width(engine, asked):
    tile = asked.turns[0].parts[0].tiles.rgb[0]
    found = engine.embed(tile)
    assert found.shape == (engine.facts.tokens_per_tile, engine.facts.width)
    assert found.dtype == "float32"


def test_a_planner_knows_what_its_engine_knows(engine, asked):
    pair = engine._pair
    with load_planner(pair, EngineOptions()) as planner:
        assert planner.facts == engine.facts
        assert planner.context_tokens == engine.context_tokens
        assert planner.tokens(asked.turns).ids.tolist() == engine.tokens(asked.turns).ids.tolist()
        without = (Turn("user", (replace(asked.turns[0].parts[0], tiles=None), asked.turns[0].parts[1])),)
        assert planner.tokens(without).ids.tolist() == engine.tokens(asked.turns).ids.tolist()
        assert planner.image_tokens(asked.turns[0].parts[0].plan) == engine.image_tokens(asked.turns[0].parts[0].plan)


def test_without_the_assistants_opening_the_ids_are_shorter(engine, asked):
    whole, short = engine.tokens(asked.turns).ids, engine.tokens(asked.turns, generate=False).ids
    assert whole[: len(short)].tolist() == short.tolist()
    assert len(short) < len(whole)
