"""Values: numbers and dates as people print them, answers that were cut, values that the page does not hold."""

import json
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smolcli.extraction import as_printed, collect, missing
from smolcli.extraction.repair import closed
from smolcli.extraction.values import day, days, is_nothing, number, numbers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$84.20", 84.2), ("1,234.50", 1234.5), ("1.234,50 €", 1234.5), ("1 234,50", 1234.5), ("1'234.50", 1234.5),
        ("1,234", 1234), ("12,5", 12.5), ("1,234,567", 1234567), ("1.234.567", 1234567), ("-5", -5), ("(12.00)", -12.0),
        ("$ -3", -3), ("about 12 %", 12), ("Total: 7.", 7), ("no number", None), ("", None), ("9" * 50, None),
    ],
)  # fmt: skip
def test_numbers_are_read_as_they_are_printed(text, value):
    assert number(text) == value
    assert type(number(text)) is type(value)


@settings(deadline=None)
@given(st.decimals(0, 10**9, places=2).filter(lambda value: value.is_finite()))
def test_both_ways_to_set_thousands_apart_mean_the_same(value):
    english = f"{value:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert number(english) == number(german) == float(value)


def test_a_range_of_dates_or_numbers_is_no_negative_number():
    assert list(numbers("12-15")) == [12, 15]
    assert list(numbers("84 20")) == [84, 20]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-03-05", "2024-03-05"), ("5.3.2024", "2024-03-05"), ("05.03.24", "2024-03-05"),
        ("3/5/2024", "2024-03-05"), ("13/4/2024", "2024-04-13"), ("March 5, 2024", "2024-03-05"),
        ("5th of nothing", None), ("5 Mar 2024", "2024-03-05"),
        ("5-Mar-2024", "2024-03-05"), ("99/99/2024", None), ("30.2.2024", None), ("on 2024/3/5.", "2024-03-05"),
        ("12024-03-051", None), ("Foo 5, 2024", None),
    ],
)  # fmt: skip
def test_dates_are_read_as_they_are_printed(text, value):
    assert day(text) == value


@settings(deadline=None)
@given(st.dates(min_value=date(1000, 1, 1)))
def test_a_date_is_found_in_every_way_to_write_it(when):
    ways = [when.isoformat(), f"{when.day}.{when.month}.{when.year}", f"{when:%B} {when.day}, {when.year}"]
    assert [list(days(f"Date: {way}")) for way in ways] == [[when.isoformat()]] * 3


@pytest.mark.parametrize(
    "text", ["Not found.", "none", "N/A", "-", "", "  ", "There is no vendor.", "null", "Unanswerable"]
)
def test_what_says_that_there_is_nothing_is_null(text):
    assert is_nothing(text)


@pytest.mark.parametrize("text", ["Nonesuch Ltd", "0", "No 5", "nullarbor", "Notting Hill"])
def test_what_only_sounds_like_nothing_is_a_value(text):
    assert not is_nothing(text)


def values(inner):
    keys = st.text(max_size=4)
    return st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4))


JSON = st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=6)), values, max_leaves=12)


@settings(max_examples=200, deadline=None)
@given(value=values(JSON), data=st.data())
def test_of_json_that_was_cut_anywhere_what_was_whole_is_left(value, data):
    text = json.dumps(value)
    assert closed(text) == value
    found = closed(text[: data.draw(st.integers(0, len(text) - 1))])
    assert found is None or _is_part(found, value)


def _is_part(part, whole):
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and _is_part(part[key], whole[key]) for key in part)
    if isinstance(part, list):
        return isinstance(whole, list) and len(part) <= len(whole) and all(map(_is_part, part, whole))
    return part == whole or (isinstance(part, int) and str(whole).startswith(str(part)))  # digits were cut off


def test_a_list_that_was_cut_keeps_its_whole_items_and_says_so():
    schema = '{"properties": {"lines": {"items": {"properties": {"name": {}, "price": {"type": "number"}}}}}}'
    found = collect(schema, [('[{"name": "Tea", "price": 3.5}, {"name": "Cof', True)])
    assert found.data["lines"][0] == {"name": "Tea", "price": 3.5}
    assert found.warnings == ("lines: the answer was cut.",)


def test_what_the_schema_does_not_allow_is_null_and_said():
    schema = (
        '{"properties": {"n": {"type": "integer", "maximum": 9}, "s": {"minLength": 3}, '
        '"l": {"items": {"type": "number"}}, "d": {"format": "date"}, "e": {"enum": ["none", 2]}}}'
    )
    found = collect(
        schema, [("12", False), ("ab", False), ('[1, "x", 1e999]', False), ("soon", False), ("none", False)]
    )
    assert found.data == {"n": None, "s": None, "l": [1], "d": None, "e": "none"}
    assert [warning.split(":")[0] for warning in found.warnings] == ["n", "s", "l", "d"]


def test_a_list_has_no_place_for_what_is_none_of_its_items_and_none_for_the_same_twice():
    schema = '{"properties": {"l": {"items": {"type": "integer"}, "uniqueItems": true, "minItems": 2, "maxItems": 3}}}'
    assert collect(schema, [("[1, null, 1, 2.0, 3, 4]", False)]).data == {"l": [1, 2, 3]}
    assert collect(schema, [("[1, null, 1]", False)]).data == {"l": None}


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        ("time", "at 2:05 pm", "14:05:00"),
        ("time", "12:00 am", "00:00:00"),
        ("time", "14:05:09Z", "14:05:09Z"),
        ("time", "25:99", None),
        ("date-time", "March 5, 2024 at 9:30", "2024-03-05T09:30:00"),
        ("date-time", "2024-03-05T09:30:00", "2024-03-05T09:30:00"),
        ("date-time", "March 5, 2024", None),
        ("email", "anna@example.org", "anna@example.org"),
        ("email", "Anna Weber", None),
        ("uri", "https://example.org/a?b=1", "https://example.org/a?b=1"),
        ("uri", "example.org", None),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"),
        ("uuid", "123", None),
        ("ipv4", "10.0.0.1", "10.0.0.1"),
        ("ipv4", "10.0.0.256", None),
        ("ipv6", "::1", "::1"),
        ("a name of our own", "anything", "anything"),
    ],
)
def test_a_text_is_of_the_format_that_its_schema_names(form, text, value):
    schema = json.dumps({"properties": {"a": {"type": "string", "format": form}}})
    assert collect(schema, [(text, False)]).data == {"a": value}


def test_a_number_of_which_only_the_marks_were_misread_is_that_of_the_page():
    schema = (
        '{"properties": {"total": {"type": "number"}, "n": {"type": "integer"}, "tax": {"type": "number"}, "code": {}, '
        '"parts": {"items": {"type": "number"}}}}'
    )
    page = "Total $8,617.97  Tax 12.50 or 1.25  No. 4711 of 47.11"
    data = {"total": 861797, "n": 4711, "tax": 125, "code": "861797", "parts": [8.61797, 3]}
    found = as_printed(schema, data, page)
    assert found == {"total": 8617.97, "n": 4711, "tax": 125, "code": "861797", "parts": [8617.97, 3]}
    assert as_printed('{"properties": {"n": {"type": "integer"}}}', {"n": 861797}, page) == {"n": 861797}


def test_times_are_on_a_page_however_they_are_printed():
    schema = '{"properties": {"at": {"format": "date-time"}, "by": {"format": "time"}}}'
    data = {"at": "2024-03-05T14:05:00", "by": "09:30:00"}
    assert missing(schema, data, "March 5, 2024, 2:05 pm, by 9:30") == ()
    assert len(missing(schema, data, "March 5, 2024, 2:06 pm, by 9:31")) == 2


def test_a_value_that_is_not_in_the_pages_text_is_named_and_one_that_is_printed_otherwise_is_not():
    schema = (
        '{"properties": {"total": {"type": "number"}, "when": {"format": "date"}, "who": {}, "what": {}, '
        '"paid": {"type": "boolean"}, "kind": {"enum": ["bill"]}, "lines": {"items": {"type": "string"}}}}'
    )
    page = "INVOICE\nTotal: 1.234,50 EUR\nMarch 5, 2024\nAnna\n  Weber"
    data = {"total": 1234.5, "when": "2024-03-05", "who": "anna weber", "what": None, "paid": True, "kind": "bill"}
    assert missing(schema, {**data, "lines": ["Invoice", None]}, page) == ()
    wrong = {**data, "total": 1234.0, "when": "2024-05-03", "who": "Ann Weber", "lines": ["Invoice", "Bill"]}
    assert [sentence.split(":")[0] for sentence in missing(schema, wrong, page)] == ["total", "when", "who", "lines[2]"]
