"""Where an answer stands on a page: the line that holds it, whatever reading did to it, or none."""

import pytest

from smolcli.regions import PageReading, Region
from smolcli.verbs.docvqa.matching import content_of, find_answer


def page(*texts):
    """A line a text, from the top; one that is a pair stands in two lines beside one another."""
    lines = []
    for number, text in enumerate(texts):
        parts = (text,) if isinstance(text, str) else text
        width = 0.9 / len(parts)
        for column, part in enumerate(parts):
            lines.append(Region("line", (0.05 + column * width, 0.05 + 0.03 * number, width * 0.9, 0.02), part))
    block = Region("paragraph", (0.05, 0.05, 0.9, 0.9), children=tuple(lines))
    return PageReading("layer", (block,), (1000, 1400))


def lines(reading, answer, question=""):
    found = find_answer(reading, answer, question)
    return [] if found is None else [line.text for line in found.lines]


BILL = page(
    "Invoice 1042", "Date: 2024-03-05", "Subtotal: $84.20", "Tax: $0.00", "Total: $84.20", "Thank you, John Miller"
)


@pytest.mark.parametrize(
    "answer",
    ["John Miller", "john  miller", "JohnMiller", "John Mi11er", "John Millar", "John Miller."],
)
def test_case_spaces_marks_and_letters_that_reading_confuses_are_tolerated(answer):
    assert lines(BILL, answer) == ["Thank you, John Miller"]


@pytest.mark.parametrize("answer", ["Jane Milton", "2023-11-17", "$7.10", "", "…", "not found", "yes", "84"])
def test_what_does_not_stand_there_has_no_place(answer):
    assert lines(BILL, answer) == []


def test_of_two_places_that_say_the_same_the_one_beside_the_questions_words_is_taken():
    assert lines(BILL, "$84.20", "What is the total?") == ["Total: $84.20"]
    assert lines(BILL, "$84.20", "What is the subtotal?") == ["Subtotal: $84.20"]


def test_a_value_beside_its_key_in_another_line_of_the_same_row_is_taken():
    rows = page(("Order", "4711"), ("Customer", "4711"), "4711")
    found = find_answer(rows, "4711", "What is the customer number?")
    assert found is not None and found.lines[0].box[1] == pytest.approx(0.08)


def test_a_value_below_its_key_is_taken():
    rows = page("Sender", "4711", "nothing", "Receiver", "4711")
    assert find_answer(rows, "4711", "Who is the receiver?").lines[0].box[1] == pytest.approx(0.17)


def test_of_a_sentence_what_it_says_beside_the_question_is_looked_for():
    assert lines(BILL, "The date is 2024-03-05.", "What is the date?") == ["Date: 2024-03-05"]


def test_an_answer_over_several_lines_has_them_all():
    reading = page("Sold to", "The Old Book Company of", "Lower Harbour Street", "Thank you")
    assert lines(reading, "The Old Book Company of Lower Harbour Street") == [
        "The Old Book Company of",
        "Lower Harbour Street",
    ]


def test_a_short_answer_has_to_stand_there_as_it_is():
    reading = page("Room 17", "Floor 3")
    assert lines(reading, "17") == ["Room 17"] and lines(reading, "I7") == [] and lines(reading, "18") == []


def test_other_scripts_and_wide_letters_are_found():
    assert lines(page("Straße: Äußere Gasse ５"), "äußere gasse 5") == ["Straße: Äußere Gasse ５"]
    assert lines(page("日付", "合計 ￥1,200"), "合計 ¥1,200") == ["合計 ￥1,200"]


def test_of_a_page_that_was_read_without_lines_the_cell_or_the_block_holds_the_answer():
    cells = tuple(Region("cell", (0.5 * n, 0.1, 0.4, 0.1), text, column=n) for n, text in enumerate(("Total", "$7.10")))
    table = Region("table", (0, 0.1, 1, 0.1), children=cells)
    reading = PageReading("model", (Region("paragraph", (0, 0.5, 1, 0.1), "Paid by Lin Chen."), table), (10, 10))
    assert lines(reading, "$7.10") == ["$7.10"] and lines(reading, "Lin Chen") == ["Paid by Lin Chen."]


def test_the_words_that_a_question_is_about_are_left_of_it():
    assert content_of("What is the total amount?") == "total amount" and content_of("Who is it?") == "Who is it?"


def test_a_page_without_lines_holds_nothing():
    assert find_answer(PageReading("", (), (10, 10)), "Total", "What?") is None
