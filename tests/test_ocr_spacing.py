"""Spaces that the model wrote into words go where fewer words are seen, and their widths say which."""

import pytest

from smolcli.verbs.ocr.spacing import respaced


def typed(*words):
    """How wide words are in type-writing, px."""
    return [14 * len(word) for word in words]


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("payable 2291 . Often", ("payable", "2291.", "Often")),
        ("children ob jects 1998", ("children", "objects", "1998")),
        ("price 24 .50 their", ("price", "24.50", "their")),
        ("( see seven )", ("(see", "seven)")),
        ("o ften", ("often",)),
    ],
)
def test_words_that_were_torn_are_whole_again(written, seen):
    assert respaced(written, typed(*seen)) == " ".join(seen)


@pytest.mark.parametrize(
    ("written", "widths_px"),
    [
        ("two words", typed("two", "words")),  # as many as are seen
        ("two words", typed("two", "more", "words")),  # fewer
        ("", [30]),
        ("some words", []),
        ("a of that was read wrong", typed("of", "incomprehensibilities")),  # nothing fits the widths
        ("a b c d e f g h", typed("abcdefgh")),  # more than slips
    ],
)
def test_what_cannot_be_told_by_widths_stays_as_it_was_read(written, widths_px):
    assert respaced(written, widths_px) == written
