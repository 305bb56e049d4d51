"""Lines on pages as scanners, copiers and JPEG leave them: at least 95 of 100 right, and nothing read from dirt."""

import pytest
from documents import KINDS, draw_document
from layout_scores import looked_at, score


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"blank"}))
def test_lines_of_a_worn_page_are_found(kind):
    page = draw_document(kind, 1, dpi=150, wear="worn")
    result = score(page, looked_at(page))
    assert result.recall >= 0.95 and result.precision >= 0.95


def test_a_worn_blank_page_is_blank():
    for seed in (1, 4):
        assert looked_at(draw_document("blank", seed, dpi=100, wear="worn", through=0)).is_blank


def test_lines_are_found_on_a_page_that_lay_askew_on_its_side():
    page = draw_document("columns2", 2, dpi=150, turn=90, skew_deg=-4.0, noise=8, jpeg=60)
    result = score(page, looked_at(page))
    assert result.recall >= 0.98 and result.precision >= 0.98 and result.in_order == 1.0


def test_columns_of_a_worn_page_are_read_one_after_the_other():
    for kind in ("columns2", "columns3"):
        page = draw_document(kind, 3, dpi=150, wear="worn")
        assert score(page, looked_at(page)).in_order == 1.0
