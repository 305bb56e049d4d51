"""Lines → sheets of pieces → lines again: nothing is lost, nothing twice, and what is sure of what."""

import math
from typing import ClassVar

import pytest
from documents import draw_document
from hypothesis import given
from hypothesis import strategies as st

from smolcli.datatypes import Place, Source
from smolcli.generation import Counts, Generation, Seconds
from smolcli.jobs import Look
from smolcli.layout import MARGIN_PX, Line, find_layout
from smolcli.prompt import load_prompt
from smolcli.reader import make_template
from smolcli.run.outlined import boxed
from smolcli.verbs.ocr.page import read_page
from smolcli.verbs.ocr.sheets import Form, Piece, Read, fill_sheets, joined, said, said_by_one, shares
from smolcli.verbs.ocr.view import Turned, View

FORM = Form("lines", 256)
PAGE = (1700, 2200)


def generation(text, logprobs=(), reason="end", ends=None):
    ends = ends or range(1, len(text) + 1)
    trace = tuple(zip(ends, logprobs or [0.0] * len(text), strict=False))
    return Generation(0, text, reason, Counts(), Seconds(), None, (), trace)


@st.composite
def lines(draw):
    left, top = draw(st.integers(0, 800)), draw(st.integers(0, 2000))
    words = draw(st.lists(st.integers(5, 200), min_size=1, max_size=12))
    em = draw(st.sampled_from([14.0, 27.0, 28.5, 60.0]))
    gaps, at = [], left
    for width in words[:-1]:
        at += width
        gaps.append((at, at + 8))
        at += 8
    return Line((left, top, at + words[-1], top + round(0.93 * em)), em, tuple(gaps))


@given(st.lists(lines(), max_size=20), st.sampled_from([3, 4, 8]), st.sampled_from([256, 384, 512]))
def test_every_piece_is_on_one_sheet_in_order_and_none_is_wider_than_it(found, rows, side):
    form = Form("lines", side, rows)
    sheets = fill_sheets(found, PAGE, form)
    pieces = [piece for filled in sheets for piece in filled.pieces]
    for number, line in enumerate(found):
        own = [piece.box_px for piece in pieces if piece.line == number]
        assert own == sorted(own)
        assert own[0][0] == line.box_px[0] and own[-1][2] == line.box_px[2]
    for filled in sheets:
        assert 1 <= len(filled.pieces) <= rows
        for left, top, right, bottom in (piece.box_px for piece in filled.pieces):
            assert (right - left) * filled.sheet.scale <= side - MARGIN_PX + 1
            assert (bottom - top - 4) * filled.sheet.scale <= side / rows


def test_lines_of_sizes_that_are_far_apart_share_no_sheet():
    found = [Line((0, 100 * n, 300, 100 * n + 20), em, ((140, 150),)) for n, em in enumerate([20.0, 20.5, 60.0, 20.0])]
    shared = [{piece.line for piece in filled.pieces} for filled in fill_sheets(found, PAGE, FORM)]
    assert shared == [{0, 1}, {3}, {2}]


@given(st.integers(1, 5000), st.integers(1, 5000), st.data())
def test_a_box_as_shares_is_the_same_pixels_again(width, height, data):
    left = data.draw(st.integers(0, width - 1))
    top = data.draw(st.integers(0, height - 1))
    right, bottom = data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height))
    place = Place(Source("a.png", "image"), box=shares((left, top, right, bottom), (width, height)))
    assert boxed((width, height), place) == (left, top, right, bottom)


def test_the_lines_of_an_answer_are_those_of_the_pieces():
    assert said(generation("one two\nthree"), 2, "") == [Read("one two", 1.0), Read("three", 1.0)]


def test_another_number_of_lines_is_no_answer_to_rely_on():
    assert said(generation("one\ntwo\nthree"), 2, "") is None
    assert said(generation("one\ntwo", reason="repetition"), 2, "") is None


def test_an_empty_answer_and_one_that_says_so_are_of_empty_paper():
    assert said(generation(""), 3, "") == [Read("", 1.0)] * 3
    assert said(generation("There is no text."), 2, "There is no text.") == [Read("", 1.0)] * 2
    assert said_by_one(generation("There is no text."), "There is no text.") == Read("", 1.0)


def test_each_token_counts_for_the_line_in_which_it_ends():
    sure, unsure = 0.0, math.log(0.25)
    made = generation("ab\ncd", [sure, sure, sure, unsure, unsure], ends=[1, 2, 2, 4, 5])
    first, second = said(made, 2, "")
    assert (first.confidence, round(second.confidence, 6)) == (1.0, 0.25)


def test_a_piece_that_is_read_alone_says_all_that_was_answered():
    assert said_by_one(generation("one\ntwo"), "").text == "one two"


@given(st.lists(st.tuples(st.text("abc", min_size=1, max_size=5), st.booleans()), min_size=1, max_size=6))
def test_pieces_are_joined_by_a_space_but_within_a_word(parts):
    reads = [
        (Piece(0, (0, 0, 1, 1), within and number > 0), Read(text, 0.5)) for number, (text, within) in enumerate(parts)
    ]
    whole = joined(reads)
    assert whole.text.replace(" ", "") == "".join(text for text, _ in parts)
    assert whole.text.count(" ") == sum(not within for _, within in parts[1:])
    assert round(whole.confidence, 6) == 0.5


class Shown(View):
    """A page that is looked at from memory."""

    ways: ClassVar[tuple[int, ...]] = (0,)

    def turns(self):
        return self.ways

    def turned(self, turn):
        rgb = draw_document("letter", 1, 100).rgb
        size = rgb.shape[1], rgb.shape[0]
        return Turned(find_layout(rgb), size, Look(turn=turn), size)


@pytest.mark.parametrize(("ways", "alone"), [((0,), False), ((0, 180), True)])
def test_a_page_that_plainly_stands_upright_is_asked_about_at_once_and_another_first_which_way_it_stands(ways, alone):
    prompt = load_prompt("transcribe", "reference")
    template = make_template(prompt, [prompt.default_question])
    view = type("Lying", (Shown,), {"ways": ways})(None, Place(Source("a.png", "image", "00")), template, FORM)
    first = next(read_page(view))
    assert (len(first) == 1) is alone
