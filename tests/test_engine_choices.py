"""Choices are scored, not written: whatever their order or company, with nothing encoded twice."""

import math

import numpy as np
import pytest
from models import member_pair
from PIL import Image, ImageDraw, ImageFont

from smolcli.datatypes import ImagePart, Sampling, TextPart, Turn
from smolcli.engine import EngineOptions, load_engine
from smolcli.engine.choosing import MOST_CHOICES
from smolcli.errors import DoesNotFitError, UsageError
from smolcli.generation import Encoded, Generation, Piece, Refused, Request
from smolcli.models import builtin
from smolcli.tiles import Detail, Geometry, cut, plan

PAIRS = {"builtin": builtin, "member": lambda: member_pair("SmolVLM2-500M-Video-Instruct")}


@pytest.fixture(scope="module", params=PAIRS)
def engine(request):
    with load_engine(PAIRS[request.param](), EngineOptions(parallel=3)) as opened:
        opened.builtin = request.param == "builtin"
        yield opened


def request(engine, key, choices, question="What does it say?", word="Open"):
    canvas = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(canvas).text((20, 60), word, "black", ImageFont.load_default(56))
    facts = engine.facts
    cuts = plan(canvas.size, Geometry(facts.tile_px, facts.tokens_per_tile, facts.longest_edge_px, facts.grid_limit),
                Detail("low"))  # fmt: skip
    picture = ImagePart(cuts, cut(np.asarray(canvas), cuts))
    return Request(key, (Turn("user", (picture, TextPart(question))),), choices=tuple(choices))


def answers(engine, requests):
    events = list(engine.run(requests))
    assert not [event for event in events if isinstance(event, Piece | Refused)]
    return {event.key: event for event in events if isinstance(event, Generation)}


def shares(answer):
    return np.exp(np.array(answer.choice_logprobs) - np.logaddexp.reduce(answer.choice_logprobs))


def test_a_choice_is_as_likely_as_its_tokens_and_an_end_behind_them(engine):
    asked = request(engine, 0, ["Open", "Shut"])
    [answer] = answers(engine, [asked]).values()
    ends = engine._model.ends()
    for choice, logprob in zip(asked.choices, answer.choice_logprobs, strict=True):
        total = 0.0
        for form in (choice, choice.lower(), choice + ".", choice.lower() + "."):
            ids = engine.answer_ids(form)
            [rows] = engine.score(asked.turns, [[*ids, ends[0]]])
            end = np.logaddexp.reduce(rows[-1, list(ends)].astype(np.float64))
            total += math.exp(float(rows[range(len(ids)), ids].astype(np.float64).sum()) + end)
        assert logprob == pytest.approx(math.log(total), abs=0.5)  # but for the order of sums
    assert (answer.stop_reason, answer.counts.new_tokens, answer.mean_logprob) == ("end", 0, None)
    assert answer.text == asked.choices[int(np.argmax(answer.choice_logprobs))]


def test_the_built_in_model_chooses_what_the_picture_says(engine):
    if not engine.builtin:
        pytest.skip("its weights were never trained")
    for word in ("Open", "Stop", "Hello"):
        [answer] = answers(
            engine, [request(engine, 0, ["stop", "open", "hello", "stop it", "not found"], word=word)]
        ).values()
        assert answer.text == word.lower()
        assert shares(answer).max() > 0.9


def test_the_order_of_choices_and_of_requests_decides_nothing(engine):
    choices = ["open", "open the door", "shut", "no"]
    alone = shares(answers(engine, [request(engine, 0, choices)])[0])
    turned = shares(answers(engine, [request(engine, 0, choices[::-1])])[0])[::-1]
    company = answers(engine, [request(engine, key, choices, word="Open" if key == 2 else "Stop") for key in range(4)])[
        2
    ]
    assert alone == pytest.approx(turned, abs=0.05)
    assert alone == pytest.approx(shares(company), abs=0.05)
    assert alone.sum() == pytest.approx(1)


def test_a_picture_is_encoded_once_for_all_of_its_choices_and_never_again(engine):
    events = list(engine.run([request(engine, 0, ["a", "b", "c"], word="7531")]))
    assert sum(isinstance(event, Encoded) for event in events) == 2  # before it and after
    assert events[-1].counts.encodes == 1 and events[-1].counts.image_tokens == engine.facts.tokens_per_tile
    again = answers(engine, [request(engine, 0, ["d", "e"], word="7531")])[0]
    assert again.counts.encodes == 0 and again.counts.cached_tokens > 0


def test_words_are_written_beside_choices_and_a_cancelled_request_says_nothing(engine):
    written = Request(0, request(engine, 0, []).turns, Sampling(max_tokens=6))
    [alone] = answers_of(engine, [written])
    assert (
        engine.add(request(engine, 1, ["a", "b"]))
        and engine.add(written)
        and engine.add(request(engine, 2, ["c", "d"]))
    )
    events = engine.step()
    engine.cancel(1)
    engine.score(written.turns, [[1, 2]])
    while engine.busy:
        events += engine.step()
    found = {event.key: event for event in events if isinstance(event, Generation)}
    assert found.keys() == {0, 2} and len(found[2].choice_logprobs) == 2
    assert found[0].text[:5] == alone.text[:5]
    assert not engine._choosing


def answers_of(engine, requests):
    return [event for event in engine.run(requests) if isinstance(event, Generation)]


@pytest.mark.parametrize(
    "choices",
    [["yes"], ["yes", "yes"], ["yes", ""], ["yes", " no"], ["a\nb", "c"], [str(n) for n in range(MOST_CHOICES + 1)]],
)
def test_choices_that_are_none_are_refused_and_the_next_request_is_answered(engine, choices):
    bad, good = request(engine, 0, choices), request(engine, 1, ["a", "b"])
    events = [event for event in engine.run([bad, good]) if isinstance(event, Generation | Refused)]
    assert isinstance(events[0].error, UsageError) and isinstance(events[1], Generation)
    assert not engine._choosing


def test_a_choice_that_the_context_cannot_hold_does_not_fit(engine):
    asked = request(engine, 0, ["a", "long" * engine.context_tokens])
    [refused] = [event for event in engine.run([asked]) if isinstance(event, Refused)]
    assert isinstance(refused.error, DoesNotFitError)
    assert not engine._choosing
