"""Answers that follow a grammar: valid in any company and at any temperature, and no grammar ends the process."""

import gc
import json

import numpy as np
import pytest
from drawing import synth
from hypothesis import given, settings
from hypothesis import strategies as st

from smolcli.datatypes import ImagePart, Sampling, TextPart, TilePlan, Turn
from smolcli.engine import EngineOptions, check_grammar, grammar_of_schema, load_engine
from smolcli.engine.llama.grammar import MOST_CHARACTERS, MOST_NESTED, Grammar
from smolcli.engine.sampling import RowSampling, Sampler
from smolcli.errors import EngineError, UsageError
from smolcli.extraction import asks, unquoted
from smolcli.generation import Generation, Refused, Request
from smolcli.models import builtin
from smolcli.tiles import pack

WORD = 'root ::= ("yes" | "no" | "maybe")'
DEEP, LONG = "root ::= " + "(" * 100_000 + '"a"' + ")" * 100_000, 'root ::= "' + "a" * MOST_CHARACTERS + '"'
SCHEMA = json.dumps({
    "type": "object",
    "properties": {"total": {"type": ["number", "null"]}, "paid": {"type": "boolean"}},
    "required": ["total", "paid"],
})  # fmt: skip


@pytest.fixture(scope="module")
def engine():
    with load_engine(builtin(), EngineOptions(parallel=4)) as opened:
        yield opened


def request(engine, key, grammar, question="What is this?", **sampling):
    tile, count = engine.facts.tile_px, engine.facts.tokens_per_tile
    plan = TilePlan((tile, tile), (tile, tile), (tile, tile), 0, 0, tile, count)
    picture = ImagePart(plan, pack(synth(tile, tile, key % 3)[None], plan))
    return Request(key, (Turn("user", (picture, TextPart(question))),), Sampling(**sampling), grammar)


def answers(engine, requests):
    events = list(engine.run(requests))
    assert not [event for event in events if isinstance(event, Refused)]
    return {event.key: event for event in events if isinstance(event, Generation)}


def test_an_answer_is_one_of_the_words_that_its_grammar_allows(engine):
    found = answers(engine, [request(engine, key, WORD, max_tokens=20) for key in range(3)])
    assert {one.text for one in found.values()} <= {"yes", "no", "maybe"}
    assert {one.stop_reason for one in found.values()} == {"end"}


@pytest.mark.parametrize("temperature", [0.0, 30.0])
def test_json_is_whole_at_every_temperature_with_a_grammar_of_its_own_for_each_answer_of_a_batch(engine, temperature):
    json_grammar = grammar_of_schema(SCHEMA)
    requests = [
        request(engine, key, (json_grammar, WORD, "")[key % 3], temperature=temperature, seed=key, max_tokens=60)
        for key in range(6)
    ]
    for key, one in answers(engine, requests).items():
        if key % 3 == 0:
            assert one.stop_reason == "end"
            data = json.loads(one.text)
            assert list(data) == ["total", "paid"] and isinstance(data["paid"], bool)
        elif key % 3 == 1:
            assert one.text in ("yes", "no", "maybe")


def test_an_answer_without_a_grammar_is_the_same_beside_others_that_have_one(engine):
    [alone] = answers(engine, [request(engine, 0, "", max_tokens=8)]).values()
    beside = answers(engine, [request(engine, key, "" if key == 0 else WORD, max_tokens=8) for key in range(4)])[0]
    assert beside.text == alone.text


def test_the_grammar_decides_and_the_model_chooses(engine):
    free = answers(engine, [request(engine, 0, "", max_tokens=8)])[0].text
    again = answers(engine, [request(engine, 0, r"root ::= [^\x00]*", max_tokens=8)])[0]
    assert again.text == free


@pytest.mark.parametrize(
    "grammar",
    [
        "roo ::= 'a'",
        "root ::= missing",
        'root ::= root "a"',
        'root ::= "a',
        'root ::= "a"{2000000000}',
        "  ",
        "\0",
        DEEP,
        LONG,
    ],
    ids=range(9),
)
def test_what_is_no_grammar_is_a_sentence_and_the_next_request_is_answered(engine, grammar):
    with pytest.raises(UsageError, match="grammar"):
        check_grammar(grammar)
    bad, good = request(engine, 0, grammar), request(engine, 1, WORD, max_tokens=20)
    events = [event for event in engine.run([bad, good]) if isinstance(event, Generation | Refused)]
    assert isinstance(events[0], Refused) and isinstance(events[0].error, UsageError)
    assert events[1].text in ("yes", "no", "maybe")


def test_brackets_as_deep_as_is_allowed_are_read():
    check_grammar("root ::= " + "(" * MOST_NESTED + '"a"' + ")" * MOST_NESTED)


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from('root:= "a|()*+?{}[]^-\\x1,\n#'), max_size=60))
def test_no_text_that_is_given_as_a_grammar_ends_the_process(text):
    try:
        check_grammar("root ::= " + text)
    except UsageError as error:
        assert "grammar" in error.message


def test_an_answer_that_is_cut_says_so(engine):
    [cut] = answers(engine, [request(engine, 0, 'root ::= "x"{50}', max_tokens=5)]).values()
    assert (cut.stop_reason, cut.text) == ("length", "xxxxx")


def test_a_grammar_that_no_token_goes_on_with_ends_the_answer():
    class Nothing:
        def allowed(self, ids):
            return np.zeros(len(ids), bool)

    samplers = [Sampler(Sampling(), Nothing()), Sampler(Sampling(1.0), Nothing())]
    assert RowSampling().choose(np.zeros((2, 400), np.float32), samplers) == [None, None]


@settings(deadline=None)
@given(
    seed=st.integers(0, 999),
    allowed=st.sets(st.integers(0, 199), min_size=1, max_size=9),
)
def test_greedy_takes_the_likeliest_of_what_is_allowed_and_draws_nothing_else(seed, allowed):
    logits = np.random.default_rng(seed).normal(size=400).astype(np.float32).round(1)  # some are equal

    class Some:
        def allowed(self, ids):
            return np.isin(ids, list(allowed))

    best = max(sorted(allowed), key=lambda token: logits[token])
    samplers = [Sampler(Sampling(), Some()), Sampler(Sampling(2.0, seed=1), Some())]
    found = RowSampling().choose(np.stack([logits, logits]), samplers)
    assert found[0][0] == best
    assert found[1][0] in allowed


def test_what_is_drawn_is_as_likely_as_if_nothing_else_had_been_there():
    class Some:
        def allowed(self, ids):
            return np.isin(ids, [0, 3])

    sampler = Sampler(Sampling(1.0, seed=4), Some())
    logits = np.log(np.array([0.3, 0.5, 0.1, 0.1], np.float32))
    drawn = np.bincount([RowSampling().choose(logits[None], [sampler])[0][0] for _ in range(4000)], minlength=4) / 4000
    assert drawn == pytest.approx([0.75, 0, 0, 0.25], abs=0.03)


def test_a_token_that_is_not_allowed_is_an_error_and_so_is_use_after_the_end(engine):
    grammar = Grammar(None, WORD)
    grammar.close()
    grammar.close()
    with pytest.raises(EngineError):
        grammar.allowed(np.zeros(1, np.int32))
    native = engine._thread.call(engine._model.grammar, WORD)
    with pytest.raises(EngineError, match="does not allow"):
        native.accept(engine.tokenize("#")[0])
    free = native._free
    del native
    gc.collect()
    assert not free.alive, "nobody holds it, and it was not freed"


def test_grammars_are_freed_when_their_answers_end_or_are_cancelled(engine):
    for key in range(3):
        assert engine.add(request(engine, key, 'root ::= "x"{50}', max_tokens=50))
    held = [arrival.grammar._grammar for arrival in engine._arrivals]
    engine.cancel(2)
    while engine.busy:
        engine.step()
    engine.tokenize("the last word of the native thread")
    assert not held[0]._free.alive and not held[1]._free.alive


def test_strings_of_a_schema_hold_no_control_characters_and_no_half_characters():
    schema = json.dumps({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]})
    rules = dict(line.split(" ::= ") for line in grammar_of_schema(schema).split("\n"))
    assert r"\x00-\x1F" in rules["char"] and '"u"' not in rules["char"]
    assert not rules["root"].endswith("space")


@pytest.mark.parametrize(
    "schema",
    ["", "[]", '{"type": "dragon"}', '{"$ref": "https://example.org/a.json"}', '{"$ref": "file:///etc/passwd"}'],
)
def test_a_schema_that_the_converter_does_not_know_is_a_sentence(schema):
    with pytest.raises(UsageError, match="cannot be made a grammar"):
        grammar_of_schema(schema)


def follows(engine, grammar, text):
    """Whether a text is one that a grammar allows, whole."""
    native = engine._thread.call(engine._model.grammar, grammar)
    try:
        for token in engine.tokenize(text):
            native.accept(token)
    except EngineError:
        return False
    return bool(native.allowed(np.array(sorted(engine._model.ends()), np.int32)).any())


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        (r"^[A-Z]{2}-\d+$", ["AB-1", "XY-907"], ["AB-", "ab-1", "AB-1x"]),
        (r"\d{3}", ["123", "No. 123!", "x1234y"], ["12", "no"]),
        (r"^INV", ["INV", "INV-7"], ["A INV", "IN"]),
        (r"EUR$", ["5 EUR", "EUR"], ["EUR 5"]),
        (r"^(\d{1,3}(,\d{3})*|\d+)(\.\d{2})?$", ["1,234.50", "12", "9.99"], ["1,23", "1.2"]),
        (r"^a|b$", ["a", "b"], ["c", "ab"]),
        (r"^\S+\D$", ["ab", "1x"], ["a1", "a b"]),
        (r"^.{2}$", ["ab", "é "], ["a", "abc"]),
    ],
)
def test_a_text_follows_its_pattern_all_of_it_or_a_part(engine, pattern, yes, no):
    [ask] = asks(json.dumps({"properties": {"a": {"type": "string", "pattern": pattern}}}))
    grammar = unquoted(grammar_of_schema(ask.json))
    assert [text for text in [*yes, *no] if follows(engine, grammar, text)] == yes
    [listed] = asks(json.dumps({"properties": {"a": {"items": {"type": "string", "pattern": pattern}}}}))
    grammar = grammar_of_schema(listed.json)
    assert [text for text in [*yes, *no] if follows(engine, grammar, json.dumps([text], ensure_ascii=False))] == yes
