"""A line cut into pieces, and boxes carried back to the page as it was given: arithmetic, held by properties."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolcli.errors import UsageError
from smolcli.layout import Line, pieces, straight_to_page, straightened


@st.composite
def lines(draw):
    """A line of words and spaces from left to right."""
    left, top = draw(st.integers(0, 500)), draw(st.integers(0, 500))
    x, gaps = left, []
    for _ in range(draw(st.integers(0, 12))):
        x += draw(st.integers(1, 300))
        wide = draw(st.integers(2, 40))
        gaps.append((x, x + wide))
        x += wide
    return Line((left, top, x + draw(st.integers(1, 300)), top + draw(st.integers(1, 60))), 20.0, tuple(gaps))


def width(box) -> int:
    return box[2] - box[0]


@given(lines(), st.floats(1, 900))
def test_pieces_are_in_order_hold_all_ink_and_none_is_wider_than_allowed(line, widest):
    cut = pieces(line, widest)
    assert all(0 < width(box) <= widest for box in cut)
    assert all(box[1::2] == line.box_px[1::2] for box in cut)
    assert all(a[2] <= b[0] for a, b in pairwise(cut))
    held = {x for left, _, right, _ in cut for x in range(left, right)}
    white = {x for left, right in line.gaps_px for x in range(left, right)}
    assert set(range(line.box_px[0], line.box_px[2])) - held <= white


@given(lines(), st.floats(1, 900))
def test_a_word_that_fits_is_never_cut(line, widest):
    edges = [line.box_px[0], *(x for gap in line.gaps_px for x in gap), line.box_px[2]]
    cut = {x for box in pieces(line, widest) for x in box[::2]}
    for left, right in zip(edges[::2], edges[1::2], strict=True):
        assert right - left > widest or not any(left < x < right for x in cut)


def test_a_line_that_fits_is_one_piece():
    line = Line((10, 20, 210, 50), 30.0, ((100, 110),))
    assert pieces(line, 200) == (line.box_px,)
    assert pieces(line, math.inf) == (line.box_px,)


def test_pieces_are_as_even_as_the_spaces_allow():
    line = Line((0, 0, 390, 20), 20.0, tuple((x, x + 10) for x in range(40, 390, 50)))
    assert [width(box) for box in pieces(line, 220)] == [190, 190]


def test_a_wide_word_is_cut_into_even_parts():
    assert [width(box) for box in pieces(Line((0, 0, 300, 20), 20.0), 160)] == [150, 150]


def test_a_wide_word_is_cut_between_two_letters_where_it_can_be():
    line = Line((0, 0, 300, 20), 20.0, joints_px=(30, 140, 290))
    assert [box[::2] for box in pieces(line, 160)] == [(0, 140), (140, 300)]


def test_no_piece_can_be_narrower_than_a_pixel():
    for widest in (0, -3, math.nan):
        with pytest.raises(UsageError, match="at least a pixel"):
            pieces(Line((0, 0, 300, 20), 20.0), widest)


shares = st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)).map(
    lambda s: (min(s[0], s[1]), min(s[2], s[3]), abs(s[0] - s[1]), abs(s[2] - s[3]))
)
sizes = st.tuples(st.integers(10, 4000), st.integers(10, 4000))
turns = st.sampled_from([0, 90, 180, 270])


@given(shares, turns, st.floats(-10, 10), sizes)
def test_a_box_on_the_page_is_inside_of_it(box, turn, skew, size):
    left, top, wide, high = straight_to_page(box, turn, skew, size)
    assert left >= 0 and top >= 0 and wide >= 0 and high >= 0
    assert left + wide <= 1 + 1e-9 and top + high <= 1 + 1e-9


@given(shares, turns, sizes)
def test_four_quarters_bring_a_box_back(box, turn, size):
    once = straight_to_page(box, turn, 0.0, size)
    turned = size if turn % 180 == 0 else size[::-1]
    back = straight_to_page(once, (360 - turn) % 360, 0.0, turned)
    assert back == pytest.approx(box, abs=1e-9)


@given(turns, st.floats(-10, 10), sizes)
def test_the_middle_stays_where_it_is(turn, skew, size):
    left, top, wide, high = straight_to_page((0.5, 0.5, 0.0, 0.0), turn, skew, size)
    assert (left, top, wide, high) == pytest.approx((0.5, 0.5, 0, 0), abs=1e-9)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("skew", [0.0, 2.5, -7.0])
def test_a_box_goes_back_to_where_its_pixels_came_from(turn, skew):
    page = np.full((300, 200, 3), 255, np.uint8)
    page[120:130, 60:90] = 0
    straight = straightened(page, turn, skew)
    assert straight.shape == (page.shape if turn % 180 == 0 else (200, 300, 3))
    rows, columns = np.nonzero(straight.min(axis=2) < 128)
    height, width = straight.shape[:2]
    box = (columns.min() / width, rows.min() / height, np.ptp(columns) / width, np.ptp(rows) / height)
    left, top, wide, high = straight_to_page(box, turn, skew, (200, 300))
    middle = (left + wide / 2) * 200, (top + high / 2) * 300
    assert middle == pytest.approx((75, 125), abs=1.5)


def test_what_comes_in_at_the_corners_has_the_papers_colour():
    page = np.full((200, 300, 3), (20, 30, 90), np.uint8)
    page[90:110, 50:250] = 255
    level = straightened(page, 0, 8.0)
    assert [level[y, x].tolist() for y in (0, -1) for x in (0, -1)] == [[20, 30, 90]] * 4
    assert np.array_equal(level, straightened(page, 0, 8.0))


def test_a_page_is_turned_by_quarters_only():
    with pytest.raises(UsageError, match="0, 90, 180 or 270"):
        straightened(np.zeros((4, 4, 3), np.uint8), 45, 0.0)


def test_a_line_is_cut_at_a_clear_space_and_not_at_a_gap_within_a_number():
    """ "1998": what stands after a 1 is half as wide as a space."""
    spaces = tuple((x, x + 20) for x in (80, 180, 300))
    line = Line((0, 0, 400, 30), 30.0, tuple(sorted((*spaces, (205, 215)))))
    assert pieces(line, 230)[0][2] == 180
    alone = Line((0, 0, 400, 30), 30.0, ((205, 215), (380, 400 - 1)))
    assert pieces(alone, 230)[0][2] == 205
