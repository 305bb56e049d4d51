"""The drawn documents themselves: what is said to be known of a page is on it."""

from dataclasses import replace

import numpy as np
import pymupdf
import pytest
from documents import KINDS, draw_document, pdf_of, worn_page


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_page_is_the_same_whenever_it_is_drawn_and_another_seed_draws_another(kind):
    page, again, other = (draw_document(kind, seed, dpi=60) for seed in (1, 1, 2))
    assert np.array_equal(page.rgb, again.rgb) and page.lines == again.lines
    assert not np.array_equal(page.rgb, other.rgb) or page.text != other.text or kind == "blank"


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"blank"}))
def test_a_known_box_holds_its_ink_and_no_other_lines(kind):
    page = draw_document(kind, 3, dpi=100)
    height, width = page.rgb.shape[:2]
    for line in page.lines:
        left, top, right, bottom = line.box_px
        assert 0 <= left < right <= width and 0 <= top < bottom <= height
        part = page.rgb[top:bottom, left:right].astype(int)
        assert np.ptp(part.min(axis=2)) > 100, line.text
        assert bottom - top <= line.size_pt * 100 / 72 * 1.1 + 2
    centres = [((b[0] + b[2]) // 2, (b[1] + b[3]) // 2) for b in (line.box_px for line in page.lines)]
    assert len(set(centres)) == len(centres)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_boxes_follow_a_page_that_is_turned_and_skewed(turn):
    whole = draw_document("letter", 5, dpi=100, turn=turn, skew_deg=4.0)
    assert whole.rgb.shape[:2] == ((1170, 827) if turn % 180 == 0 else (827, 1170))
    for number in (0, 3, 8):
        alone = replace(whole.sheet, texts=[whole.sheet.texts[number]], shapes=[])
        page = worn_page(alone.pixels(100), whole.wear, 100, np.random.default_rng(0))
        rows, columns = np.nonzero(page.min(axis=2) < 160)
        ink = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        assert np.abs(np.subtract(ink, whole.lines[number].box_px)).max() <= 5


def test_a_born_digital_pdf_has_its_words_and_a_scanned_one_has_none():
    page = draw_document("report", 2, dpi=100, jpeg=70)
    with pymupdf.open(stream=pdf_of([page, page], "born")) as born:
        assert born.page_count == 2
        said = born[1].get_text().split()
        assert sum(word in said for word in page.text.split()) > 0.95 * len(page.text.split())
    with pymupdf.open(stream=pdf_of([page], "scanned")) as scanned:
        assert scanned[0].get_text() == "" and len(scanned[0].get_images()) == 1
        assert abs(scanned[0].rect.width - 595) < 1


def test_a_mixed_page_has_half_its_lines_as_words_and_half_in_a_picture():
    page = draw_document("lines", 2, dpi=100)
    with pymupdf.open(stream=pdf_of([page], "mixed")) as mixed:
        said = mixed[0].get_text()
        words = [line.text in said for line in page.lines]
        assert len(mixed[0].get_images()) == 1
        assert words == sorted(words, reverse=True) and 4 < sum(words) < 20
        pix = mixed[0].get_pixmap(dpi=100, alpha=False)
        drawn = np.frombuffer(pix.samples, np.uint8).reshape(pix.h, pix.w, 3)
        for line in page.lines:
            left, top, right, bottom = line.box_px
            assert drawn[top:bottom, left:right].min() < 100


def test_the_cells_of_a_row_stand_on_one_line_of_the_text():
    page = draw_document("invoice", 1, dpi=60)
    assert "Description\tQty\tPrice\tAmount" in page.text.split("\n")


def test_unknown_kinds_wears_and_modes_are_named():
    with pytest.raises(ValueError, match="no document is called novel"):
        draw_document("novel", 1)
    with pytest.raises(ValueError, match="no wear is called colour"):
        draw_document("page", 1, colour=1)
    with pytest.raises(ValueError, match="no mode is called paper"):
        pdf_of([], "paper")
