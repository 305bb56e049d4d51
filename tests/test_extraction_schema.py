"""Schemas: what is understood comes out small and whole, again and again; what is hostile is a sentence, and soon."""

import json
import time

import pytest
from hostile_schemas import HOSTILE
from hypothesis import given, settings
from hypothesis import strategies as st

from smolcli.engine import check_grammar, grammar_of_schema
from smolcli.errors import UsageError
from smolcli.extraction import NOTHING, asks, collect, normalized, schema_of_fields, text_grammar, unquoted
from smolcli.extraction.collect import fitted
from smolcli.extraction.schema import tree
from smolcli.run import check_schema

WORDS = st.text(st.sampled_from("abcXYZ_ äß"), min_size=1, max_size=8).filter(lambda text: text.strip())
SCALARS = st.one_of(
    st.just({"type": "string"}),
    st.just({"type": "string", "format": "date"}),
    st.just({"type": "string", "pattern": r"^[A-Z]{2}-\d+$"}),
    st.just({"type": ["number", "null"], "minimum": 0}),
    st.just({"type": "integer"}),
    st.just({"type": "boolean", "description": "Is it signed?"}),
    st.just({"anyOf": [{"type": "string", "maxLength": 9}, {"type": "null"}]}),
    st.just({"anyOf": [{"type": "number"}, {"type": "string"}]}),
    st.just({"$ref": "#/$defs/money"}),
    st.lists(st.one_of(WORDS.map(str.strip), st.integers(), st.none()), min_size=1, max_size=5, unique_by=str)
    .filter(lambda values: any(value is not None for value in values))
    .map(lambda values: {"enum": values}),
)


def object_of(parts):
    return st.dictionaries(WORDS, parts, min_size=1, max_size=4).map(lambda p: {"type": "object", "properties": p})


SCHEMAS = object_of(
    st.recursive(
        SCALARS,
        lambda parts: st.one_of(object_of(parts), parts.map(lambda part: {"type": "array", "items": part})),
        max_leaves=6,
    )
).map(lambda root: json.dumps({**root, "$defs": {"money": {"type": "number", "title": "Amount"}}}))


@settings(max_examples=150, deadline=None)
@given(schema=SCHEMAS)
def test_a_schema_that_is_understood_is_understood_again_and_the_same(schema):
    once = normalized(schema)
    assert normalized(once) == once
    assert "$ref" not in once and "null" not in once
    assert asks(once) == asks(schema)
    properties = json.loads(schema)["properties"]
    assert list(json.loads(once)["properties"]) == list(properties)


@settings(max_examples=60, deadline=None)
@given(schema=SCHEMAS)
def test_every_schema_that_is_understood_has_grammars_that_llama_cpp_reads(schema):
    check_schema(schema)
    for ask in asks(schema):
        assert ask.question.endswith((".", "?"))
        assert len(set(ask.choices)) == len(ask.choices) != 1


@settings(max_examples=150, deadline=None)
@given(schema=SCHEMAS, words=st.lists(st.text(max_size=20), min_size=1, max_size=9), cut=st.booleans())
def test_whatever_is_answered_the_object_is_json_and_follows_the_schema(schema, words, cut):
    answers = [(words[n % len(words)], cut) for n in range(len(asks(schema)))]
    data = collect(schema, answers).data
    assert json.loads(json.dumps(data, allow_nan=False)) == data == fitted(data, tree(schema))


@settings(max_examples=100, deadline=None)
@given(schema=SCHEMAS)
def test_what_is_nowhere_on_the_page_is_null(schema):
    data = collect(schema, [(NOTHING, False)] * len(asks(schema))).data

    def values(node):
        return [value for each in node.values() for value in (values(each) if isinstance(each, dict) else [each])]

    assert set(values(data)) == {None}


def test_fields_are_short_for_texts_and_for_named_types():
    assert json.loads(schema_of_fields("total, date"))["properties"] == {
        "total": {"type": "string"},
        "date": {"type": "string"},
    }
    typed = json.loads(
        schema_of_fields("total:number, n:int,day:date,paid:bool,lines[],prices[]:number,amounts:number[]")
    )
    assert typed["properties"] == {
        "total": {"type": "number"},
        "n": {"type": "integer"},
        "day": {"type": "string", "format": "date"},
        "paid": {"type": "boolean"},
        "lines": {"type": "array", "items": {"type": "string"}},
        "prices": {"type": "array", "items": {"type": "number"}},
        "amounts": {"type": "array", "items": {"type": "number"}},
    }


@pytest.mark.parametrize(
    "fields", ["", " ", ",", "total,,date", "total,total", "total:dragon", ":number", "[]", "a\nb"]
)
def test_fields_that_are_none_are_a_sentence(fields):
    with pytest.raises(UsageError) as caught:
        schema_of_fields(fields)
    assert caught.value.message.endswith(".") and caught.value.hint


def test_questions_use_the_words_of_the_schema():
    schema = {
        "properties": {
            "invoice_number": {},
            "dueDate": {},
            "VAT": {"description": "The value-added tax, in euros."},
            "who": {"description": "Who signed it?"},
            "is_paid": {"type": "boolean"},
            "has_stamp": {"type": "boolean"},
            "vendor": {"type": "object", "properties": {"name": {"type": "string"}}},
            "lines": {"type": "array"},
        }
    }
    assert [ask.question for ask in asks(json.dumps(schema))] == [
        "What is the invoice number?",
        "What is the due Date?",
        "What is the value-added tax, in euros?",
        "Who signed it?",
        "Is it paid?",
        "Is there a stamp?",
        "What is the vendor name?",
        "List the lines as JSON.",
    ]


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_schema_is_a_sentence_and_soon(case):
    schema = HOSTILE[case] if isinstance(HOSTILE[case], str) else json.dumps(HOSTILE[case])
    start = time.process_time()
    with pytest.raises(UsageError) as caught:
        check_schema(schema)
    assert time.process_time() - start < 2
    assert caught.value.exit_code == 2
    assert len(caught.value.message) < 300 and caught.value.message[-1] in ".:"


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.floats(allow_nan=False)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(
                    ["type", "properties", "items", "enum", "anyOf", "allOf", "$ref", "pattern", "maxLength"]
                ),
                inner,
                max_size=4,
            ),
        ),
        max_leaves=12,
    )
)
def test_no_json_is_more_than_a_sentence(schema):
    try:
        once = normalized(json.dumps(schema))
    except UsageError:
        return
    assert normalized(once) == once


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from(r"ab1[]()|*+?{}2,\dw.-^\"$"), max_size=14))
def test_no_pattern_is_more_than_a_sentence_and_what_is_taken_is_a_grammar(text):
    schema = json.dumps({"properties": {"a": {"type": "string", "pattern": f"^{text}$"}}})
    try:
        [ask] = asks(schema)
        check_grammar(unquoted(grammar_of_schema(ask.json)))
    except UsageError:
        return


def test_a_text_is_as_long_as_the_schema_says_and_never_endless():
    assert text_grammar(12).endswith("{0,12}") and text_grammar(10**9).endswith("{0,2000}")
    check_grammar(text_grammar(10**9))


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (True, {"type": "string"}),
        ({"allOf": [{"$ref": "#/$defs/money"}], "default": 0}, {"title": "Amount", "type": "number"}),
        ({"$ref": "#/$defs/money", "minimum": 3}, {"title": "Amount", "type": "number", "minimum": 3}),
        ({"$ref": "#/%24defs/money"}, {"title": "Amount", "type": "number"}),
        ({"$ref": "#word"}, {"type": "string", "maxLength": 9}),
        ({"$ref": "#/$defs/listed/anyOf/1"}, {"type": "boolean"}),
        ({"allOf": [{"maximum": 9}, {"maximum": 5, "type": "number"}, {"type": "integer"}]},
         {"type": "integer", "maximum": 5}),
        ({"allOf": [{"type": "string", "minLength": 2}, {"minLength": 4}]}, {"type": "string", "minLength": 4}),
        ({"type": "string", "anyOf": [{"maxLength": 3}, {"format": "date"}]},
         {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "string", "format": "date"}]}),
        ({"anyOf": [{"type": "string"}, {"type": "string"}, {"const": None}]}, {"type": "string"}),
        ({"type": "integer", "enum": ["a", 1, 2.0, None]}, {"enum": [1, 2.0]}),
        ({"type": ["object", "null"], "required": ["b"], "properties": {"a": {}}},
         {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}),
        ({"type": "array", "uniqueItems": True}, {"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
    ],
)  # fmt: skip
def test_what_a_schema_says_in_several_places_holds_together(given, meant):
    definitions = {
        "money": {"type": "number", "title": "Amount"},
        "named": {"$anchor": "word", "maxLength": 9},
        "listed": {"anyOf": [{}, {"type": "boolean"}]},
    }
    schema = json.dumps({"properties": {"a": given}, "$defs": definitions})
    assert tree(schema)["properties"]["a"] == meant
    check_schema(schema)
    assert normalized(normalized(schema)) == normalized(schema)


def test_two_parts_may_be_of_the_same_kind_without_being_of_themselves():
    base = {"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}}}
    parts = {
        "b": {"allOf": [{"$ref": "#/$defs/base"}]},
        "c": {"allOf": [{"$ref": "#/$defs/base"}, {"$ref": "#/$defs/b"}]},
    }
    schema = {"allOf": [{"$ref": "#/$defs/c"}], "$defs": {"base": base, "n": {"type": "number"}, **parts}}
    assert tree(json.dumps(schema)) == {"type": "object", "properties": {"n": {"type": "number"}}}


def test_names_with_dots_and_brackets_are_no_levels():
    assert list(tree(schema_of_fields("U.S.A. No. of pcs. a.b.c.d.e, x[1][2][3][4][5][6][7]"))["properties"])
