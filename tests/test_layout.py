"""Lines, their letter size and their order on drawn pages of every kind."""

from itertools import pairwise

import numpy as np
import pymupdf
import pytest
from document_kinds import photograph
from document_sheet import Sheet
from documents import draw_document
from layout_scores import looked_at, score

from smolcli.layout import find_layout, find_skew, pieces, upright_turns


@pytest.mark.parametrize("kind", ["page", "lines", "small", "large", "letter", "dark", "inverse", "contents"])
def test_all_lines_of_a_clean_page_are_found_in_order(kind):
    page = draw_document(kind, 2, dpi=150)
    result = score(page, looked_at(page))
    assert result.recall >= 0.98 and result.precision >= 0.98 and result.in_order == 1.0


@pytest.mark.parametrize("dpi", [100, 300, 600])
def test_lines_are_found_at_any_resolution(dpi):
    page = draw_document("receipt", 4, dpi=dpi)
    result = score(page, looked_at(page))
    assert result.recall >= 0.98 and result.precision >= 0.98


@pytest.mark.parametrize("kind", ["columns2", "columns3"])
def test_columns_are_read_one_after_the_other(kind):
    for seed in (1, 2):
        page = draw_document(kind, seed, dpi=150)
        result = score(page, looked_at(page))
        assert result.recall >= 0.98 and result.in_order == 1.0


def test_a_lines_letter_size_is_that_of_its_print():
    page = draw_document("large", 2, dpi=100)
    layout = looked_at(page)
    for known, found in score(page, layout).pairs:
        assert layout.lines[found].em_px == pytest.approx(page.lines[known].size_pt * 100 / 72, rel=0.12)


def test_pieces_of_a_drawn_line_are_cut_between_its_words():
    page = draw_document("lines", 1, dpi=150)
    ink = page.rgb.min(axis=2) < 128
    for line in looked_at(page).lines:
        cut = pieces(line, 10 * line.em_px)
        assert all(box[2] - box[0] <= 10 * line.em_px for box in cut)
        for left, right in pairwise(cut):
            assert not ink[left[1] : left[3], left[2] + 1 : right[0] - 1].any()


def test_a_very_long_word_is_cut_between_two_of_its_letters():
    sheet = Sheet(size=(420, 60), font="helv")
    sheet.put((20, 40), "Donaudampfschifffahrtsgesellschaftskapitän", 16)
    rgb = sheet.pixels(150)
    (line,) = find_layout(rgb).lines
    cut = pieces(line, 9 * line.em_px)
    assert len(cut) > 1 and line.gaps_px == ()
    ink = rgb.min(axis=2) < 128
    assert not any(ink[box[1] : box[3], box[2] - 1 : box[2] + 1].all(axis=1).any() for box in cut[:-1])


@pytest.mark.parametrize("skew", [-6.0, -1.3, 0.7, 3.0])
def test_skew_is_found_to_a_tenth_of_a_degree(skew):
    page = draw_document("page", 3, dpi=150, skew_deg=skew, noise=6)
    assert find_skew(page.rgb) == pytest.approx(skew, abs=0.1)


def test_columns_whose_lines_stand_in_steps_are_not_askew():
    """Three columns, each a little lower than the one before: their lines crowd along a slope as well."""
    page = np.full((1400, 1500, 3), 255, np.uint8)
    rng = np.random.default_rng(3)
    for column in range(3):
        for line in range(40):
            x, y = 60 + 480 * column, 60 + 8 * column + 32 * line
            while x < 60 + 480 * column + 430:
                high, wide = int(rng.choice([11, 11, 16])), int(rng.integers(6, 12))
                page[y - high : y, x : x + wide] = 0
                x += wide + int(rng.choice([3, 3, 3, 9]))
    assert find_skew(page) == 0.0


def test_a_level_page_and_an_empty_one_have_no_skew():
    assert find_skew(draw_document("report", 1, dpi=150).rgb) == 0.0
    assert find_skew(draw_document("blank", 1, dpi=100, noise=8).rgb) == 0.0


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_the_turn_that_makes_a_page_upright_is_tried_first(turn):
    for kind in ("page", "columns2", "report"):
        assert upright_turns(draw_document(kind, 1, dpi=100, turn=turn).rgb)[0] == turn


def test_a_blank_page_is_blank_whatever_its_noise():
    for noise in (0, 4, 12):
        layout = find_layout(draw_document("blank", 2, dpi=100, noise=noise).rgb)
        assert layout.is_blank and layout.em_px == 0.0 and layout.blocks == ()


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 2000, 3), (40, 3, 3)])
def test_pictures_of_hardly_any_size_are_blank(shape):
    rgb = np.full(shape, 255, np.uint8)
    assert find_layout(rgb).is_blank and find_skew(rgb) == 0.0 and upright_turns(rgb) == (0,)


def test_light_letters_on_dark_bars_are_lines_that_say_so():
    page = draw_document("inverse", 1, dpi=150, noise=5)
    layout = looked_at(page)
    pairs = score(page, layout).pairs
    assert len(pairs) == len(page.lines)
    assert [layout.lines[found].dark for _, found in pairs] == [page.lines[known].dark for known, _ in pairs]


def test_a_picture_is_a_block_without_lines_between_the_text_around_it():
    page = draw_document("magazine", 1, dpi=150)
    layout = looked_at(page)
    (picture,) = (block for block in layout.blocks if block.kind == "picture")
    left, top, right, bottom = (side * 150 / 72 for side in page.sheet.pictures[0][0])
    assert picture.box_px == pytest.approx((left, top, right, bottom), abs=12) and picture.lines == ()
    assert score(page, layout).precision >= 0.98
    place = layout.blocks.index(picture)
    assert layout.blocks[place - 1].box_px[0] < left - 20 <= left - 5 < layout.blocks[place + 1].box_px[0]


def test_a_page_with_nothing_but_a_picture_is_blank():
    rgb = np.full((1000, 800, 3), 255, np.uint8)
    rgb[200:800, 100:700] = np.kron(photograph(np.random.default_rng(1), 300, 300), np.ones((2, 2, 1), np.uint8))
    layout = find_layout(rgb)
    assert layout.is_blank and [block.kind for block in layout.blocks] == ["picture"]


def test_small_print_beneath_large_is_whole_lines():
    """Notices in large letters with small print beneath: most of the ink is large, most of the letters are not."""
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=595, height=842)
        for number in range(4):
            page.insert_text((50, 100 + 50 * number), "Closed on Sundays", fontsize=44)
        for number in range(6):
            page.insert_text(
                (50, 300 + 9 * number), "We are sorry for every inconvenience, and open on Monday", fontsize=6
            )
        rgb = np.frombuffer(page.get_pixmap(dpi=200).samples, np.uint8).reshape(2339, 1653, 3)
    assert [len(line.gaps_px) for line in find_layout(rgb).lines] == [2] * 4 + [9] * 6


def test_a_drop_capital_is_no_part_of_the_lines_beside_it():
    page = draw_document("magazine", 2, dpi=200)
    layout = looked_at(page)
    pairs = dict(score(page, layout).pairs)
    drop = next(number for number, line in enumerate(page.lines) if line.kind == "drop")
    assert all(number in pairs for number in range(drop, drop + 6))
    assert layout.lines[pairs[drop]].em_px > 3 * layout.em_px
    assert score(page, layout).in_order == 1.0


def scribbled(rng) -> np.ndarray:
    """A small picture of anything: boxes, lines, discs, words, noise."""
    import cv2

    picture = np.full((int(rng.integers(1, 300)), int(rng.integers(1, 300)), 3), int(rng.integers(0, 256)), np.uint8)
    for _ in range(int(rng.integers(0, 30))):
        colour = tuple(map(int, rng.integers(0, 256, 3)))
        one, other = (tuple(map(int, rng.integers(0, 300, 2))) for _ in range(2))
        match int(rng.integers(0, 4)):
            case 0:
                cv2.rectangle(picture, one, other, colour, int(rng.choice([-1, 1, 4])))
            case 1:
                cv2.line(picture, one, other, colour, int(rng.integers(1, 12)))
            case 2:
                cv2.circle(picture, one, int(rng.integers(1, 60)), colour, -1)
            case _:
                cv2.putText(
                    picture, "Hello gj 123", one, 0, float(rng.uniform(0.3, 2)), colour, int(rng.integers(1, 4))
                )
    grain = rng.normal(0, float(rng.choice([0, 0, 20, 60])), picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def test_whatever_is_on_a_picture_boxes_are_within_it_and_numbers_are_plain():
    rng = np.random.default_rng(7)
    for _ in range(40):
        rgb = scribbled(rng)
        turns = upright_turns(rgb)
        assert len(set(turns)) == len(turns) and set(turns) <= {0, 90, 180, 270} and -10 <= find_skew(rgb) <= 10
        layout = find_layout(rgb)
        height, width = rgb.shape[:2]
        for thing in (*layout.blocks, *layout.lines):
            left, top, right, bottom = thing.box_px
            assert 0 <= left < right <= width and 0 <= top < bottom <= height
            assert {type(side) for side in thing.box_px} == {int}
        for line in layout.lines:
            assert line.em_px > 0 and type(line.em_px) is float and type(line.dark) is bool
            assert all(left < right for left, right in line.gaps_px) and pieces(line, line.em_px)


@pytest.mark.parametrize(
    "text", ["Dear Sir or Madam", "Total due: 123.45 EUR", "Yes, this is fine.", "INVOICE 2024-001"]
)
@pytest.mark.parametrize("size", [9, 14, 24])
def test_a_line_or_two_are_tried_upright_first_and_every_way_after(text, size):
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=420, height=300)
        page.insert_text((30, 50), text, fontsize=size, fontname="tiro")
        drawn = page.get_pixmap(dpi=300)
    rgb = np.frombuffer(drawn.samples, np.uint8).reshape(drawn.height, drawn.width, 3)
    assert upright_turns(rgb) == (0, 180, 90, 270)
