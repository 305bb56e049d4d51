"""A tiny SmolDocling answers with tags, which stay in its text, up to what ends the page; loops are stopped."""

import numpy as np
import pytest
from drawing import draw_pdf
from models import golden_pair, granite_pair, speaking_pair

from gguf_convert.names import FAKE, IMAGE, Tokenizer
from smolcli import tiles
from smolcli.datatypes import ImagePart, Sampling, TextPart, Turn
from smolcli.engine import EngineOptions, load_engine, load_planner
from smolcli.engine.metadata import GGUFFile
from smolcli.generation import Generation, Piece, Request
from smolcli.prompt import load_prompt, prompt_of, render, style_of
from smolcli.run.planning import geometry

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


def spelt(pair, ids):
    """Ids as the vocabulary writes them, with blanks and line ends."""
    tokens = GGUFFile(pair.language).get(Tokenizer.TOKENS)
    return "".join(tokens[number] for number in ids).replace("Ġ", " ").replace("Ċ", "\n")


def test_granite_docling_is_asked_in_its_own_template_with_positions_up_to_its_grid():
    prompt = load_prompt(prompt_of("transcribe", "granite-docling"), style_of("granite-docling"))
    with load_planner(granite_pair(), EngineOptions()) as planner:
        facts = planner.facts
        plan = tiles.plan((1200, 1600), geometry(facts), tiles.parse_detail(prompt.detail))
        question = prompt.asking(prompt.default_question)
        ids = planner.tokens(render(question, [ImagePart(plan)])).ids
    assert (facts.family, facts.doctags, facts.grid_limit) == ("granite-docling", True, 4)
    assert (plan.rows, plan.cols) == (4, 3)
    tile = IMAGE * facts.tokens_per_tile
    rows = ("".join(f"{FAKE}<row_{row}_col_{column}>{tile}" for column in (1, 2, 3)) for row in (1, 2, 3, 4))
    image = "\n".join(rows) + f"\n\n{FAKE}<global-img>{tile}{FAKE}"
    assert spelt(granite_pair(), ids) == (
        f"<|start_of_role|>user<|end_of_role|>{image}Convert this page to docling.<|end_of_text|>\n"
        "<|start_of_role|>assistant<|end_of_role|>"
    )


def test_a_page_is_read_from_the_command_line_in_the_models_own_way(smol, tmp_path):
    """docvqa without a question: one request a page of 144 dpi, in the model's words, up to its stop string."""
    draw_pdf(tmp_path / "two.pdf", [{"size": (300, 400), "text": "One"}, {"size": (300, 400), "text": "Two"}])
    pair = speaking_pair(PAGE)
    typed = ("docvqa", tmp_path / "two.pdf", "-m", pair.language, "--mmproj", pair.projector)
    done = smol(*typed, "--json", "--plan")
    assert done.code == 0
    assert [record["text"] for record in done.records] == [f"<doctag><text>{LOC}Hello</text>"] * 2
    assert {(record["prompt"], record["question"]) for record in done.records} == {
        ("docling", "Convert this page to docling.")
    }
    assert "page 1: 600×800 →" in done.err
    assert "page 1: 300×400 →" in smol(*typed, "--plan", "--dpi", "72", "--detail", "low").err
