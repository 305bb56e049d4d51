"""Endless repetition is cut to one copy; honest repetition survives; what was shown is never taken back."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain.loopguard import LoopGuard as PlainGuard

from smolcli.engine.loopguard import LoopGuard
from smolcli.engine.textstream import TextStream


def guarded(text, step=1):
    """(shown text, was it a loop) with the text fed in pieces of `step` characters."""
    guard, shown = LoopGuard(), ""
    for start in range(0, len(text), step):
        shown += guard.feed(text[start : start + step])
        if guard.looping:
            break
    return shown + guard.finish(), guard.looping


LINE = "The picture shows a red square on a white ground.\n"


@pytest.mark.parametrize(
    ("before", "unit", "kept"),
    [
        ("A word:", " cat", "A word: cat"),
        ("", "The cat sat on the mat. ", "The cat sat on the mat."),
        ("Seen. ", "The cat sat on the mat. ", "Seen. The cat sat on the mat."),
        ("Page 1\n", LINE, "Page 1\n" + LINE.strip()),
        ("N", "a", "Na"),
        ("", "0 ", "0"),
        ("a bat", " cat", "a bat cat"),
        ("total: ", "1,", "total: 1,"),
        ("", "猫が座る。", "猫が座る。"),
        ("x", "\n", "x"),
        ("", "-", "-"),
        ("| a |\n", "| 1 | 2 |\n", "| a |\n| 1 | 2 |"),
        (
            "",
            "one two three four five six seven eight nine ten " * 6,
            "one two three four five six seven eight nine ten",
        ),
    ],
)
@pytest.mark.parametrize("step", [1, 7])
def test_endless_repetition_keeps_one_copy(before, unit, kept, step):
    shown, looping = guarded(before + unit * 600, step)
    assert looping
    assert shown.strip() == kept


HONEST = {
    "25 equal rows": "| item | price |\n" + "| nail | 0.10 |\n" * 25 + "| total | 2.50 |\n",
    "25 equal rows at the end": "| item | price |\n" + "| nail | 0.10 |\n" * 25,
    "dot leaders": "".join(f"Chapter {n} {'.' * 150} {n * 7}\n" for n in range(12)),
    "a rule": "Title\n" + "=" * 300 + "\nText",
    "a column of zeros": "0\n" * 35 + "1\n",
    "a matrix": "0 0 0 0 0 0 0 0\n" * 16 + "0 0 0 1",
    "laughter": "ha " * 40,
    "a chorus": ("la la la la\n" * 4 + "and so on\n") * 6,
    "counting": " ".join(map(str, range(400))),
    "equal amounts": "".join(f"2024-01-{n:02} 10.00 EUR\n" for n in range(1, 32)),
    "empty cells": "| a |" + " |" * 60 + "\n",
    "a long word": "w" + "o" * 120 + "w",
    "blanks": "a" + " " * 200 + "b",
}


@pytest.mark.parametrize("name", sorted(HONEST))
def test_honest_repetition_survives(name):
    assert guarded(HONEST[name]) == (HONEST[name], False)


UNIT = st.text(min_size=1, max_size=12)
TEXT = st.lists(st.one_of(UNIT, st.tuples(UNIT, st.integers(1, 200)).map(lambda p: p[0] * p[1])), max_size=6).map(
    "".join
)


@settings(max_examples=80, deadline=None)
@given(text=TEXT, step=st.integers(1, 40))
def test_what_is_shown_is_always_a_beginning_of_the_text(text, step):
    shown, looping = guarded(text, step)
    assert text.startswith(shown)
    assert looping or shown == text


@settings(max_examples=40, deadline=None)
@given(text=TEXT)
def test_the_size_of_the_pieces_makes_no_difference(text):
    assert guarded(text, 1) == guarded(text, 5) == guarded(text, len(text) or 1)


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=60), unit=st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=50))
def test_every_word_repeated_without_end_stops(text, unit):
    shown, looping = guarded(text + unit * 500, 16)
    assert looping
    assert len(shown) <= len(text) + 2 * len(unit)


def test_prose_is_shown_with_little_delay():
    text = "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want."
    guard, shown = LoopGuard(), 0
    for index, character in enumerate(text, 1):
        shown += len(guard.feed(character))
        assert index - shown <= 6


@settings(max_examples=80, deadline=None)
@given(data=st.binary(max_size=300) | TEXT.map(str.encode), cuts=st.lists(st.integers(0, 300), max_size=20))
def test_streamed_pieces_joined_are_the_text(data, cuts):
    stream, pieces = TextStream(), []
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        pieces.append(stream.feed(data[start:end]))
        if stream.looping:
            break
    pieces.append(stream.finish())
    assert "".join(pieces) == stream.text
    assert stream.text == stream.text.strip()
    if not stream.looping:
        assert stream.text == data.decode("utf-8", "replace").strip()


def test_a_character_whose_bytes_come_one_by_one_is_shown_whole():
    stream = TextStream()
    shown = [stream.feed(bytes([byte])) for byte in "é猫🐈".encode()]
    assert [text for text in [*shown, stream.finish()] if text] == ["é", "猫", "🐈"]


def test_half_a_character_at_the_end_is_said_to_be_one():
    stream = TextStream()
    assert stream.feed(b"caf" + b"\xc3") + stream.finish() == "caf\ufffd"


def test_the_guard_knows_only_the_last_characters():
    rng = np.random.default_rng(3)
    block = "".join(map(chr, rng.integers(97, 123, 500)))
    assert guarded(block * 3) == (block * 3, False)  # longer than the longest unit it looks for


PIECES = st.tuples(
    st.sampled_from(["a", "ab", "ab \n", "abc123 ", "|- \n", ".", ".\n", ".-=", "<nl>cel>", "猫a "]).flatmap(
        lambda alphabet: st.text(st.sampled_from(alphabet), min_size=1, max_size=60)
    ),
    st.sampled_from([1, 1, 2, 7, 8, 9, 39, 40, 41, 200]),
    st.integers(0, 8),
).map(lambda piece: (piece[0] * piece[1] + piece[0][: piece[2]])[:4000])
NEAR_LOOPS = st.lists(PIECES | st.text(max_size=20), min_size=1, max_size=6).map("".join)


@settings(max_examples=100, deadline=None)
@given(text=NEAR_LOOPS | TEXT, steps=st.lists(st.integers(1, 40), min_size=1, max_size=8), markup=st.booleans())
def test_it_decides_what_looking_at_every_period_after_every_character_decides(text, steps, markup):
    rows = ("<nl>", "cel>") if markup else ()
    guard, plain, start = LoopGuard(rows), PlainGuard(rows), 0
    while start < len(text) and not guard.looping:
        piece = text[start : start + steps[start % len(steps)]]
        assert (guard.feed(piece), guard.looping) == (plain.feed(piece), plain.looping)
        start += len(piece)
    assert guard.finish() == plain.finish()


@pytest.mark.parametrize("period", [1, 2, 19, 20, 21, 39, 40, 80, 159, 160, 399, 400, 401])
@pytest.mark.parametrize("ending", ["", "\n"])
def test_the_first_character_that_makes_a_loop_ends_the_text(period, ending):
    unit = "".join(chr(0x4E00 + n) for n in range(period - len(ending))) + ending  # no letter twice
    copies = max(45 if ending else 9, 170 // period)
    guard, plain, text = LoopGuard(), PlainGuard(), "x" + unit * copies + "!"
    for start in range(0, len(text), 5):
        assert guard.feed(text[start : start + 5]) == plain.feed(text[start : start + 5])
        assert guard.looping == plain.looping == (guard.looping and period <= 400)
        if guard.looping:
            return
    assert period > 400
