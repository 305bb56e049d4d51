"""A tiny SmolDocling answers with tags, which stay in its text, up to what ends the page; loops are stopped."""

import numpy as np
import pytest
from models import golden_pair, speaking_pair

from smolcli.datatypes import Generation, Piece, Request, Sampling, TextPart, Turn
from smolcli.engine import EngineOptions, load_engine, load_planner
from smolcli.prompt import load_prompt, prompt_of

LOC = "<loc_50><loc_100><loc_450><loc_150>"
PAGE = ("<doctag>", "<text>", LOC, "Hello", "</text>", "</doctag>", "Garbage")


def answer(script, sampling):
    with load_engine(speaking_pair(script), EngineOptions(threads=1)) as engine:
        events = list(engine.run([Request(0, (Turn("user", (TextPart("Convert."),)),), sampling)]))
    [generation] = [event for event in events if isinstance(event, Generation)]
    assert "".join(event.text for event in events if isinstance(event, Piece)) == generation.text
    return generation


def test_tags_stay_in_the_answer_and_the_stop_string_ends_it():
    prompt = load_prompt(prompt_of("ocr", "smoldocling"), "reference")
    done = answer(PAGE, Sampling(max_tokens=prompt.max_tokens, stop=prompt.stop))
    assert done.text == f"<doctag><text>{LOC}Hello</text>"
    assert (done.stop_reason, done.counts.new_tokens) == ("end", 6)


def test_without_a_stop_string_it_goes_on_to_its_limit():
    done = answer(PAGE, Sampling(max_tokens=7))
    assert (done.text, done.stop_reason) == (f"<doctag><text>{LOC}Hello</text></doctag>Garbage", "length")


@pytest.mark.parametrize("tokens", [3, 11])
def test_a_block_that_comes_again_and_again_ends_the_answer_with_one_copy(tokens):
    """In few tokens or many: blocks that are as long as the window are left to the other guard, on characters."""
    words = tuple(f"w{n}" for n in range(tokens))
    done = answer(("<text>", LOC, *words, "</text>"), Sampling(max_tokens=1000))
    assert done.stop_reason == "repetition"
    assert done.text == f"<text>{LOC}{''.join(words)}</text>"
    assert done.counts.new_tokens <= 96


def test_facts_say_that_a_model_writes_doctags():
    for pair, family, doctags in ((speaking_pair(PAGE), "smoldocling", True), (golden_pair("f32"), None, False)):
        with load_planner(pair, EngineOptions()) as planner:
            assert planner.facts.doctags is doctags
            assert family in (None, planner.facts.family)


def test_an_ordinary_model_has_no_stop_string_and_no_prompt_of_its_own():
    assert prompt_of("ocr", "smolvlm2-500m") == "ocr"
    assert prompt_of("ask", "smoldocling") == "ask"
    assert load_prompt("transcribe", "reference").stop == ()
    assert Sampling().stop == ()


def test_a_users_text_never_becomes_a_tag():
    with load_planner(speaking_pair(PAGE), EngineOptions()) as planner:
        ours, typed = (
            planner.tokens([Turn("user", (TextPart("<doctag>", trusted),))]).ids for trusted in (True, False)
        )
    assert len(ours) < len(typed)
    assert not np.isin(ours[3], typed)
