"""Tables, by their rules and by their gaps, and what is none."""

import pytest
from documents import draw_document
from layout_scores import ious, looked_at, score

from smolcli.layout import Line
from smolcli.layout.tables import is_running, listed, table_by_gaps


def cells_and_rows(page, layout):
    """Of every known cell that was found: (block, row) as drawn, and (table, row) as found."""
    where = {
        line: (number, cell.row)
        for number, table in enumerate(layout.tables)
        for row in table.rows
        for cell in row
        for line in cell.lines
    }
    for known, found in score(page, layout).pairs:
        line = page.lines[known]
        if line.kind == "cell":
            yield (line.block, line.row), where.get(layout.lines[found])


@pytest.mark.parametrize(("kind", "ruled"), [("table", True), ("form", True), ("invoice", False), ("receipt", False)])
def test_every_cell_is_in_the_row_that_it_was_drawn_in(kind, ruled):
    page = draw_document(kind, 2, dpi=150)
    layout = looked_at(page)
    (table,) = layout.tables
    assert table.ruled == ruled
    pairs = set(cells_and_rows(page, layout))
    assert None not in {found for _, found in pairs}
    assert len(pairs) == len({known for known, _ in pairs}) == len({found for _, found in pairs})


def test_a_ruled_table_has_its_columns_its_empty_cells_and_the_places_of_its_cells():
    page = draw_document("table", 1, dpi=150)
    (table,) = looked_at(page).tables
    assert {len(row) for row in table.rows} == {4}
    assert [cell.column for cell in table.rows[0]] == [0, 1, 2, 3]
    for row in table.rows:
        for cell in row:
            (line,) = cell.lines
            assert cell.box_px[0] < line.box_px[0] and line.box_px[2] < cell.box_px[2]
            assert cell.row_span == cell.column_span == 1


@pytest.mark.parametrize("kind", ["page", "lines", "small", "letter", "columns2", "columns3", "magazine", "report"])
def test_running_text_is_never_a_table(kind):
    wear = "worn" if kind in ("columns2", "small") else "clean"
    assert looked_at(draw_document(kind, 2, dpi=100, wear=wear)).tables == ()


def column(left: int, widths, words: int = 4, pitch: int = 30):
    """A column of lines of some widths, each of some words."""
    lines = []
    for number, width in enumerate(widths):
        step = width // words
        gaps = tuple((left + step * i, left + step * i + 6) for i in range(1, words))
        top = 100 + pitch * number
        lines.append(Line((left, top, left + width, top + 20), 22.0, gaps, False, top + 16.0))
    return lines


def test_two_columns_whose_lines_stand_on_the_same_levels_are_running_text():
    left, right = column(100, [400, 395, 398, 390, 150]), column(560, [399, 400, 380, 396, 400])
    assert is_running(left) and is_running(right)
    assert table_by_gaps([left, right], 22.0) is None


def test_words_and_figures_side_by_side_are_a_table_without_the_address_above_it():
    names, figures = column(100, [120, 90, 200, 240, 90, 130], 2), column(560, [60, 60, 50, 60], 1)
    address, rows = names[:2], names[2:]
    figures = [Line(line.box_px, 22.0, (), False, line.base_px + 60) for line in figures]
    above, table, beneath = table_by_gaps([names, figures], 22.0)
    assert above == address and beneath == []
    assert [tuple(cell.lines for cell in row) for row in table.rows] == [
        ((name,), (figure,)) for name, figure in zip(rows, figures, strict=True)
    ]


def test_a_lists_marks_belong_to_its_lines():
    marks, texts = column(100, [20, 20, 20], 1), column(150, [400, 300, 350], 5)
    lines = listed([marks, texts], 22.0)
    assert [line.box_px[0::2] for line in lines] == [(100, 550), (100, 450), (100, 500)]
    assert all(line.gaps_px[0] == (120, 150) for line in lines)


def test_ious_are_of_every_pair():
    import numpy as np

    table = ious(np.array([[0, 0, 10, 10]]), np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]]))
    assert table[0].tolist() == pytest.approx([1, 1 / 3, 0])
