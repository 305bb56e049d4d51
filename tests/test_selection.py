from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolcli.errors import UsageError
from smolcli.media.selection import parse_pages


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        (None, (1, 2, 3, 4, 5, 6, 7, 8, 9)),
        ("1", (1,)),
        ("1-3,7,end", (1, 2, 3, 7, 9)),
        ("7-end", (7, 8, 9)),
        ("end-end", (9,)),
        ("3,1", (3, 1)),
        ("2-4,3,4-5", (2, 3, 4, 5)),
        (" 1 - 2 , END ", (1, 2, 9)),
    ],
)
def test_pages_are_read_in_the_order_typed_and_each_once(text, pages):
    assert parse_pages(text, 9) == tuple(page - 1 for page in pages)


@pytest.mark.parametrize("text", ["0", "10", "1-10", "99999999", "10-end"])
def test_a_page_beyond_the_document_is_an_error_that_says_how_many_there_are(text):
    with pytest.raises(UsageError, match="There are 9 pages, counted from 1"):
        parse_pages(text, 9)


def test_a_page_beyond_a_single_page_is_an_error_that_says_so():
    with pytest.raises(UsageError, match=r"no page 2.*There is one page"):
        parse_pages("2", 1)


@pytest.mark.parametrize("text", ["", ",", "1,", "one", "1--2", "-1", "1-2-3", "1.5", "٣", "1" * 5000, "1;2"])
def test_what_is_no_selection_is_an_error_that_shows_how_to_write_one(text):
    with pytest.raises(UsageError, match=r"1-3,7,end"):
        parse_pages(text, 9)


def test_a_range_that_runs_backwards_is_an_error_that_turns_it_round():
    with pytest.raises(UsageError, match=r"backwards.*2-5"):
        parse_pages("5-2", 9)


@given(st.lists(st.integers(1, 30), min_size=1), st.integers(30, 10**8))
def test_any_list_of_pages_that_exist_is_read_back(pages, count):
    assert parse_pages(",".join(map(str, pages)), count) == tuple(page - 1 for page in dict.fromkeys(pages))
