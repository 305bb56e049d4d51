"""Which of several answers is given, and which are none."""

from dataclasses import replace

import pytest

from smolcli.datatypes import Place, Sampling, Source
from smolcli.generation import Counts, Generation, Seconds
from smolcli.jobs import Answer, Job, Look, Question, Words
from smolcli.verbs.choosing import best_of, confidence_of, filled, names_of, says_nothing


def answer(text, logprob=-0.1, **more):
    place = Place(Source("a.pdf", "page", "00"), 0, page=1)
    made = Generation(0, text, "end", Counts(), Seconds(), logprob)
    return Answer(Job((place,), Question(Words(), "What?"), Look(), Sampling()), ((place,),), "m", made, **more)


def test_the_surest_answer_wins_and_of_equals_the_first():
    made = [answer("a", -0.5), answer("b", -0.1), answer("c", -0.1)]
    assert best_of(made).text == "b" and confidence_of(made[1]) == pytest.approx(0.9048, abs=1e-4)


def test_an_answer_that_says_nothing_loses_however_sure_it_is():
    made = [answer("Not found.", -0.0), answer("$84.20", -2.0)]
    assert best_of(made).text == "$84.20"
    assert best_of([answer("Nichts da.", 0.0), answer("$1", -3.0)], ["Nichts da."]).text == "$1"


@pytest.mark.parametrize(
    "text",
    [
        "", "Not found.", "Not specified", "There is no total.", "It is not mentioned in the document.", "No answer",
        "The total is not given on this page.", "The document does not mention a phone number.", "I cannot see it.",
        "Unanswerable", "N/A", "unknown", "None", "This document doesn't contain an IBAN.",
    ],
)  # fmt: skip
def test_the_ways_of_saying_nothing_are_known(text):
    assert says_nothing(answer(text))


@pytest.mark.parametrize(
    "text",
    ["No. 5 Harbour Street", "Norway", "None of the above is paid by Omar", "It is 84.20.", "Unknown Pleasures", "0",
     "The meeting is on Monday, not Tuesday.", "No", "Nadia", "There is now a new one."],
)  # fmt: skip
def test_answers_that_only_begin_like_it_are_answers(text):
    assert not says_nothing(answer(text))


def test_a_choice_is_as_sure_as_it_is_likely_and_never_nothing():
    chosen = answer("no", None, choices={"yes": 0.3, "no": 0.7})
    assert confidence_of(chosen) == 0.7 and not says_nothing(replace(chosen, choices={"no": 1.0}))


def test_values_that_one_page_lacks_are_taken_from_another():
    first = answer("{}", -0.1, data={"total": 84, "date": None, "lines": []})
    second = answer("{}", -0.2, data={"total": 46, "date": "2024", "lines": [1]})
    whole, parts = filled(first, [second, first])
    assert parts == [(first, first.data), (second, {"date": "2024", "lines": [1]})]
    assert whole.data == {"total": 84, "date": "2024", "lines": [1]}
    assert whole.text == '{"total": 84, "date": "2024", "lines": [1]}'
    assert says_nothing(answer("{}", data={"a": None, "b": []})) and not says_nothing(first)


def test_what_is_within_a_value_is_taken_from_another_page_too_and_said_to_be_from_there():
    first = answer("{}", -0.1, data={"vendor": {"name": "Acme", "city": None}, "total": 84})
    second = answer("{}", -0.2, data={"vendor": {"name": "Acme Ltd", "city": "Oslo"}, "total": 46})
    whole, parts = filled(first, [first, second])
    assert whole.data == {"vendor": {"name": "Acme", "city": "Oslo"}, "total": 84}
    assert [part for _, part in parts] == [first.data, {"vendor": {"city": "Oslo"}}]
    assert names_of(whole.data) == ["vendor.name", "vendor.city", "total"]


def test_the_page_with_most_values_wins_over_one_that_is_sure_of_having_few():
    full, sure = answer("{}", -0.5, data={"a": 1, "b": 2, "c": None}), answer("{}", -0.01, data={"a": 9, "b": None})
    assert best_of([sure, full]) is full
