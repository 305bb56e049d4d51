"""Many requests through the real built-in model: the same text in company as alone, shared prefixes, limits."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from scores import CLOSE_CALL, differ_by_close_calls_at_most, margins

from smolcli.datatypes import ImagePart, Sampling, TextPart, Turn
from smolcli.engine import EngineOptions, load_engine, memory, scheduler
from smolcli.errors import DoesNotFitError
from smolcli.generation import Generation, Piece, Refused, Request
from smolcli.models import builtin
from smolcli.tiles import Detail, Geometry, cut, plan

REQUESTS, COMPANY = 100, 4
MOST = 14  # new tokens; a little fewer for some
WORDS = ["Invoice", "Total", "Berlin", "4821", "Stop", "Open", "Garden", "17.50", "Hello", "Window"]
QUESTIONS = ("Read the text.", "What does it say?", "Transcribe the text in the picture.")


def picture(facts, seed, detail="low"):
    """A word or two in large print: what the built-in model is sure about."""
    canvas = Image.new("RGB", (300, 200), "white")
    draw = ImageDraw.Draw(canvas)
    draw.text((20, 30), WORDS[seed % 10], "black", ImageFont.load_default(56))
    if seed % 2:
        draw.text((20, 110), WORDS[seed * 7 % 10], "black", ImageFont.load_default(56))
    shape = Geometry(facts.tile_px, facts.tokens_per_tile, facts.longest_edge_px, facts.grid_limit)
    cuts = plan(canvas.size, shape, Detail(detail))
    return ImagePart(cuts, cut(np.asarray(canvas), cuts))


def request(facts, key, most=MOST):
    """Ragged on purpose: one or two pictures, split or not, questions and answers of several lengths."""
    seed = key // 3
    parts = [picture(facts, seed, "high" if seed % 5 == 0 else "low")]
    if seed % 8 == 1:
        parts.append(picture(facts, seed + 5))
    question = QUESTIONS[key % len(QUESTIONS)]
    return Request(key, (Turn("user", (*parts, TextPart(question))),), Sampling(max_tokens=most - key % 5))


def run(engine, requests):
    pieces, found = {}, {}
    for event in engine.run(requests):
        if isinstance(event, Piece):
            pieces[event.key] = pieces.get(event.key, "") + event.text
        elif isinstance(event, Generation):
            found[event.key] = event
            assert pieces.get(event.key, "") == event.text
    return found


@pytest.fixture(scope="module")
def alone():
    with load_engine(builtin(), EngineOptions(parallel=1)) as engine:
        yield run(engine, [request(engine.facts, key) for key in range(REQUESTS)])


def test_greedy_text_is_the_same_in_company_as_alone(alone):
    with load_engine(builtin(), EngineOptions(parallel=COMPANY)) as engine:
        found = run(engine, [request(engine.facts, key) for key in range(REQUESTS)])
    assert sorted(found) == sorted(alone) == list(range(REQUESTS))
    for key in found:
        assert found[key].counts.prompt_tokens == alone[key].counts.prompt_tokens
        assert same_but_for_close_calls(key, found[key], alone[key])
    assert len({answer.text for answer in found.values()}) > 5, "answers that are all alike prove nothing"


def same_but_for_close_calls(key, one, other):
    """Whether two answers to a request say the same, or part where the sums' order may decide."""
    if one.ids == other.ids:
        assert one.mean_logprob == pytest.approx(other.mean_logprob, abs=0.1)
        return one.text == other.text and one.stop_reason == other.stop_reason
    with load_engine(builtin(), EngineOptions()) as engine:
        return differ_by_close_calls_at_most(engine, request(engine.facts, key).turns, one.ids, other.ids)


def test_most_answers_are_no_close_calls_so_that_comparing_them_proves_something(alone):
    with load_engine(builtin(), EngineOptions()) as engine:
        clear = [
            min(margins(engine, request(engine.facts, key).turns, alone[key].ids)[: alone[key].counts.new_tokens])
            > CLOSE_CALL
            for key in range(0, REQUESTS, 5)
        ]
    assert sum(clear) > len(clear) // 3


def test_a_difference_at_a_clear_margin_is_no_close_call(alone):
    with load_engine(builtin(), EngineOptions()) as engine:
        turns, ids = request(engine.facts, 0).turns, alone[0].ids
        clear = int(margins(engine, turns, ids)[: len(ids)].argmax())
        other = (*ids[:clear], ids[clear] + 1, *ids[clear + 1 :])
        assert not differ_by_close_calls_at_most(engine, turns, ids, other)
        assert differ_by_close_calls_at_most(engine, turns, ids, ids)


def test_conversations_of_more_tokens_than_one_context_are_written_side_by_side():
    """Each may take 1,024 tokens beside its prompt, of a context of 2,048: the rows of all are one budget."""
    with load_engine(builtin(), EngineOptions(parallel=6)) as engine:
        asked = [replace(request(engine.facts, 3 * seed), sampling=Sampling()) for seed in (1, 2, 3, 4, 6, 7)]
        assert all(engine.add(one) for one in asked)
        most, events = 0, []
        while engine.busy:
            events += engine.step()
            most = max(most, len(engine._scheduler or ()))
    assert sum(isinstance(event, Generation) for event in events) == 6
    assert most == 6


def test_every_request_gets_the_tokens_it_asked_for_at_most(alone):
    for key, answer in alone.items():
        assert answer.counts.new_tokens <= MOST - key % 5
        assert (answer.stop_reason == "length") == (answer.counts.new_tokens == MOST - key % 5)
        assert answer.mean_logprob is None or answer.mean_logprob <= 0


def test_the_next_question_about_the_same_picture_reads_only_itself(alone):
    for first in range(0, REQUESTS - 2, 3):
        answer = alone[first + 1]
        assert answer.counts.encodes == 0
        assert answer.counts.cached_tokens >= answer.counts.image_tokens
    assert alone[0].counts.encodes > 1
    assert alone[0].counts.cached_tokens == 0


def test_shared_rows_change_no_answer(alone):
    for key in (1, 13, 26):  # each the second question about its picture, here asked first
        with load_engine(builtin(), EngineOptions(parallel=1)) as engine:
            answer = run(engine, [request(engine.facts, key)])[key]
        assert answer.counts.cached_tokens == 0
        assert same_but_for_close_calls(key, answer, alone[key])


def test_requests_are_pulled_as_room_appears():
    pulled, ended = [], 0
    with load_engine(builtin(), EngineOptions(parallel=2)) as engine:

        def requests():
            for key in range(6):
                pulled.append(key)
                yield request(engine.facts, key, most=8)

        for event in engine.run(requests()):
            ended += isinstance(event, Generation)
            assert len(pulled) <= ended + 3  # two in the making, one made ready
    assert ended == 6


def test_drawn_answers_depend_on_the_seed():
    def draw(seed):
        drawn = Sampling(temperature=2.0, seed=seed, max_tokens=16)
        with load_engine(builtin(), EngineOptions()) as engine:
            return [answer.text for answer in run(engine, [replace(request(engine.facts, 1), sampling=drawn)]).values()]

    assert draw(3) == draw(3)
    assert len({draw(seed)[0] for seed in range(4)}) > 1


def test_a_prompt_that_is_too_long_says_the_numbers():
    with load_engine(builtin(), EngineOptions(context=64)) as engine:
        asked = request(engine.facts, 0)
        count = len(engine.tokens(asked.turns).ids)
        with pytest.raises(DoesNotFitError, match=f"{count} tokens, but the context holds 64"):
            engine.add(asked)
        [refused] = engine.run([asked])
    assert isinstance(refused, Refused) and isinstance(refused.error, DoesNotFitError)


def test_an_answer_ends_where_the_context_does():
    with load_engine(builtin(), EngineOptions(context=64)) as engine:
        turns = (Turn("user", (TextPart("a " * 20),)),)
        prompt = len(engine.tokens(turns).ids)
        [answer] = run(engine, [Request(0, turns)]).values()
        assert answer.stop_reason != "length" or answer.counts.new_tokens == 64 - prompt
        assert answer.counts.new_tokens <= 64 - prompt


def test_the_same_pixels_are_encoded_once():
    with load_engine(builtin(), EngineOptions()) as engine:
        blank = np.full((400, 400, 3), 255, np.uint8)
        shape = Geometry(engine.facts.tile_px, engine.facts.tokens_per_tile, engine.facts.longest_edge_px, 6)
        cuts = plan((400, 400), shape, Detail("high"))
        part = ImagePart(cuts, cut(blank, cuts))
        turns = (Turn("user", (part, part, TextPart("?"))),)
        [answer] = run(engine, [Request(0, turns, Sampling(max_tokens=2))]).values()
    assert cuts.encodes > 1
    assert answer.counts.encodes == 1
    assert answer.counts.image_tokens == 2 * cuts.tokens


def test_as_many_answers_as_asked_are_written_at_once_even_after_a_short_request(monkeypatch):
    """The KV cache was made for the short one; requests with pictures need six times the rows."""
    writing = []
    step = scheduler.Scheduler.step

    def watched(self):
        writing.append(sum(not item.reading for item in self._running))
        return step(self)

    monkeypatch.setattr(scheduler.Scheduler, "step", watched)
    with load_engine(builtin(), EngineOptions(parallel=64)) as engine:
        run(engine, [Request(0, (Turn("user", (TextPart("Hello."),)),), Sampling(max_tokens=2))])
        small = engine._cells
        shown = picture(engine.facts, 3, "high")
        turns = [(Turn("user", (shown, TextPart(f"{QUESTIONS[0]} {n}"))),) for n in range(70)]
        found = run(engine, [Request(n, turn, Sampling(max_tokens=12)) for n, turn in enumerate(turns)])
        assert len(found) == 70 and max(writing) == 64
        assert engine._cells > 2 * small


def test_auto_is_as_many_answers_as_memory_holds(monkeypatch):
    monkeypatch.setattr(memory, "machine_bytes", lambda: 64 << 20)
    with load_engine(builtin(), EngineOptions(parallel=None)) as engine:
        few = engine.parallel
        assert len(run(engine, [request(engine.facts, key, 4) for key in range(3)])) == 3
    monkeypatch.undo()
    with load_engine(builtin(), EngineOptions(parallel=None)) as engine:
        assert 1 <= few < engine.parallel == memory.CPU_TOGETHER
