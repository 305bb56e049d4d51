"""What every engine and planner of the protocol does, whatever model it was given."""

from dataclasses import replace

import numpy as np
import pytest
from drawing import synth
from models import member_pair, nano_pair
from scores import differ_by_close_calls_at_most

from smolcli.datatypes import ImagePart, Sampling, TextPart, Turn
from smolcli.engine import EngineOptions, load_engine, load_planner
from smolcli.errors import DoesNotFitError
from smolcli.generation import Encoded, Generation, Piece, Request
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
    *events, answer = engine.run([asked])
    assert isinstance(answer, Generation)
    pieces = [event for event in events if isinstance(event, Piece)]
    assert all(piece.text and piece.key == 7 for piece in pieces)
    assert "".join(piece.text for piece in pieces) == answer.text == answer.text.strip()


def test_every_tile_is_counted_before_the_first_piece(engine, asked):
    events = [event for event in engine.run([asked]) if not isinstance(event, Generation)]
    told = [(event.done, event.total) for event in events if isinstance(event, Encoded)]
    total = asked.turns[0].parts[0].plan.encodes
    assert told[0] == (0, total) and told[-1] == (total, total)
    assert all(isinstance(event, Encoded) for event in events[: len(told)])


def test_an_answer_is_made_step_by_step(engine, asked):
    assert engine.step() == [] and not engine.busy
    assert engine.add(asked)
    assert engine.busy
    events = []
    while engine.busy:
        events += engine.step()
    again = list(engine.run([asked]))[-1]
    assert differ_by_close_calls_at_most(engine, asked.turns, events[-1].ids, again.ids)


def test_a_third_request_waits_for_room_and_a_cancelled_one_makes_it(engine, asked):
    one, two, three = (replace(asked, key=key) for key in range(3))
    assert engine.add(one) and engine.add(two) and not engine.add(three)
    engine.cancel(0)
    assert engine.add(three)
    events = []
    while engine.busy:
        events += engine.step()
    assert {event.key for event in events} == {1, 2}


def test_what_is_written_is_what_scores_best(engine, asked):
    *_, answer = engine.run([asked])
    ids = [*answer.ids, 0]
    [logprobs] = engine.score(asked.turns, [ids])
    assert logprobs.shape[0] == len(ids) and logprobs.dtype == "float32"
    chosen = logprobs[range(len(answer.ids)), answer.ids]
    assert np.all(logprobs.max(axis=1)[:-1] - chosen < 0.5)  # the likeliest, but for the order of sums
    assert answer.mean_logprob == pytest.approx(chosen.mean(), abs=0.1)
    assert np.exp(logprobs).sum(axis=1) == pytest.approx(1, abs=1e-3)


def test_scoring_beside_an_answer_in_the_making_disturbs_neither(engine, asked):
    alone = list(engine.run([asked]))[-1]
    [before] = engine.score(asked.turns, [[1, 2]])
    assert engine.add(asked)
    events = engine.step()
    [beside] = engine.score(asked.turns, [[1, 2]])
    while engine.busy:
        events += engine.step()
    assert differ_by_close_calls_at_most(engine, asked.turns, events[-1].ids, alone.ids)
    assert np.abs(before - beside).max() < 0.5


def test_an_empty_continuation_cannot_be_scored(engine, asked):
    with pytest.raises(DoesNotFitError, match="0 tokens"):
        engine.score(asked.turns, [[]])


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
    assert differ_by_close_calls_at_most(engine, asked.turns, first.ids, second.ids)


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
