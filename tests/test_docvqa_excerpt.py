"""Excerpts of pages whose print is too small: which rows are shown, where they go, that letters come out readable."""

import json
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from asked_documents import draw_invoice, pdf_of_sheets
from fakes.engine import FACTS

from smolcli.datatypes import Sampling
from smolcli.generation import Counts, Generation, Seconds
from smolcli.jobs import Answer, Job, Look, Question, Words
from smolcli.layout import put_together
from smolcli.regions import PageReading, Region
from smolcli.run import Access, OpenFiles, PageTexts
from smolcli.store import rank_texts
from smolcli.verbs.docvqa.closer import phrases_of
from smolcli.verbs.docvqa.doubting import doubted, doubts, is_named
from smolcli.verbs.docvqa.excerpt import Eyes, Page
from smolcli.verbs.docvqa.ranking import Ranking

EYES, SIZE = Eyes(512, 24.0, 16.0), (1000, 1400)
LINE = 20.0  # pixels high


def reading(*lines):
    """A page of lines: (x, y, text), every letter 10 pixels wide, words with boxes."""
    regions = []
    for x, y, text in lines:
        at, words = x, []
        for word in text.split(" "):
            words.append(Region("word", shares(at, y, len(word) * 10), word))
            at += (len(word) + 1) * 10
        regions.append(Region("line", shares(x, y, at - 10 - x), text, children=tuple(words)))
    return PageReading("layer", (Region("paragraph", (0, 0, 1, 1), children=tuple(regions)),), SIZE)


def shares(left, top, width):
    return left / SIZE[0], top / SIZE[1], width / SIZE[0], LINE / SIZE[1]


def shown(page, excerpt):
    """The texts of an excerpt with where they are, in the order of the picture."""
    found = []
    for box, at in zip(excerpt.boxes, excerpt.sheet.at, strict=True):
        middle = (box[1] + box[3] / 2) * SIZE[1]
        held = [
            run.text
            for row in page.rows
            for run in row
            if run.box[1] <= middle <= run.box[3] and abs((box[0] + box[2] / 2) * SIZE[0] - sum(run.box[::2]) / 2) < 5
        ]
        found.append((at[1], at[0], held[0] if held else ""))
    return [(text, x, y) for y, x, text in sorted(found)]


def test_a_row_is_shown_with_its_far_value_at_a_size_that_is_read_and_nothing_else():
    page = Page(reading((50, 100, "INVOICE"), (50, 300, "Total"), (800, 300, "$84.20"), (50, 600, "Thank you")), SIZE)
    [excerpt] = page.excerpts([["What is the total?"]], rank_texts, EYES)
    [total, value] = shown(page, excerpt)
    assert (total[0], value[0], total[2]) == ("Total", "$84.20", value[2])
    assert 0 <= total[1] < value[1] < 300  # 750 pixels of white became a gap
    assert page.em_px * excerpt.sheet.scale == pytest.approx(24, abs=0.1)
    assert page.letters_px(EYES) < EYES.least_px


def test_columns_of_a_table_stay_columns():
    table = [(50, 100, "Item"), (500, 100, "Price"), (900, 100, "Sum"), (50, 400, "Lamp"), (510, 400, "7.50"),
             (900, 400, "15.00"), (50, 430, "Soap"), (510, 430, "1.10")]  # fmt: skip
    page = Page(reading(*table), SIZE)
    [excerpt] = page.excerpts([["What is the price of the lamp?"]], rank_texts, EYES)
    where = {text: (x, y) for text, x, y in shown(page, excerpt)}
    assert {"Item", "Price", "Sum", "Lamp", "7.50", "15.00"} <= where.keys()
    assert abs(where["Price"][0] - where["7.50"][0]) < 30 and abs(where["Item"][0] - where["Lamp"][0]) < 2
    assert where["Price"][0] < where["Sum"][0] and where["Item"][1] < where["Lamp"][1]


def test_a_value_beneath_its_name_is_shown_too():
    page = Page(reading((50, 100, "Customer"), (50, 130, "Anna Weber"), (50, 700, "Page one")), SIZE)
    [excerpt] = page.excerpts([["Who is the customer?"]], rank_texts, EYES)
    assert [text for text, _, _ in shown(page, excerpt)] == ["Customer", "Anna Weber"]


def test_questions_share_a_picture_where_there_is_room_and_what_is_nowhere_has_none():
    lines = [(50, 40 * n, f"key{n} {n}") for n in range(1, 30)]
    page = Page(reading(*lines), SIZE)
    found = page.excerpts([[f"key{n}?"] for n in range(1, 6)] + [["nothing like it"]], rank_texts, EYES)
    assert len({id(each) for each in found[:5]}) == 1 and found[5] is None
    many = page.excerpts([[f"key{n}?"] for n in range(1, 30)], rank_texts, EYES)
    assert 1 < len({id(each) for each in many}) < 5
    for each in many:
        assert max(y for _, y in each.sheet.at) < 512 - 24


def test_a_line_that_is_wider_than_the_picture_is_parted_between_words():
    text = "the total of all that was spent on lamps and soap in the whole of that year was 84 crowns"
    page = Page(reading((50, 100, text)), SIZE)
    [excerpt] = page.excerpts([["What is the total?"]], rank_texts, EYES)
    assert len(excerpt.boxes) > 1 and len({x for x, _ in excerpt.sheet.at}) == 1
    for (x, _), box in zip(excerpt.sheet.at, excerpt.boxes, strict=True):
        assert x + box[2] * SIZE[0] * excerpt.sheet.scale <= 512


def test_a_page_that_was_turned_is_read_upright_and_one_without_lines_says_nothing():
    upright = reading((50, 300, "Total"), (800, 300, "$84.20"))
    (line,) = upright.regions
    turned = tuple(
        replace(each, box=(each.box[1], 1 - each.box[0] - each.box[2], each.box[3], each.box[2]), children=())
        for each in line.children
    )
    page = Page(PageReading("layer", (replace(line, children=turned),), SIZE[::-1], rotation=90), SIZE)
    [row] = page.rows
    assert [run.text for run in row] == ["Total", "$84.20"]
    assert Page(PageReading("", (), SIZE), SIZE).excerpts([["What?"]], rank_texts, EYES) == [None]


def test_the_pixels_of_an_excerpt_are_those_of_the_page(tmp_path):
    document = draw_invoice(1)
    path = tmp_path / "invoice.pdf"
    path.write_bytes(pdf_of_sheets(document.sheets, "born"))
    asked = document.asked[0]
    with (
        closing(OpenFiles(replace(FACTS, longest_edge_px=512), 1000)) as files,
        files.hold(str(path), Look(dpi=200), Access()) as media,
    ):
        [place] = media.places
        rgb = files.straight(place, Look(dpi=200)).rgb
        page = Page(media.layer(place).reading((1, 1)), (rgb.shape[1], rgb.shape[0]))
        [excerpt] = page.excerpts([[asked.question]], rank_texts, EYES)
    height, width = rgb.shape[:2]
    boxes = [
        tuple(round(v * s) for v, s in zip((x, y, x + w, y + h), (width, height) * 2, strict=True))
        for x, y, w, h in excerpt.boxes
    ]
    picture = put_together(rgb, boxes, excerpt.sheet)
    assert picture.shape == (512, 512, 3) and 0.005 < (picture < 128).mean() < 0.2
    left, top, _, _ = asked.box
    assert any(x <= left * width <= r and y <= top * height <= b for x, y, r, b in boxes)  # the answer is on it
    ink = np.flatnonzero((picture < 128).any(axis=(1, 2)))
    assert ink[0] > 4 and ink[-1] < 508


def test_a_schema_looks_for_each_of_its_values():
    schema = '{"properties": {"due_date": {}, "vendor": {"properties": {"name": {"title": "Company"}}}}}'
    assert phrases_of(Question(Words(), "", schema=schema)) == ["due date", "vendor name Company"]
    assert phrases_of(Question(Words(), "What is the total?")) == ["What is the total?"]


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("What is the total?", True),
        ("what was the due date", True),
        ("What's the invoice no.?", True),
        ("What is the name of the store?", False),
        ("What is this document about?", False),
        ("What does it say?", False),
        ("Who signed it?", False),
        ("What is the title?", False),
        ("What is the very long name that nobody asks for?", False),
    ],
)
def test_only_questions_for_one_thing_by_its_name_are_asked_twice(question, named):
    assert is_named(Question(Words(), question)) is named
    assert not is_named(Question(Words(), question, choices=("yes", "no")))


def told(yes):
    made = Generation(0, "yes", "end", Counts(), Seconds(), None)
    return Answer(
        Job((), Question(Words(), "Is there?"), Look(), Sampling()), (), "m", made, choices={"yes": yes, "no": 1 - yes}
    )


def test_what_the_model_does_not_say_is_there_is_not_found_and_of_several_values_null():
    job = Job((), Question(Words(), "What is the total?"), Look(), Sampling())
    answer = Answer(job, (), "m", Generation(0, "$5", "end", Counts(), Seconds(), -0.1))
    assert doubted(answer, {(): told(0.9)}, 0.6) == answer and doubted(answer, {}, 0.6) == answer
    assert doubted(answer, {(): told(0.2)}, 0.6).text == "not found"
    several = replace(answer, data={"a": 5, "b": {"c": "x"}}, warnings=("b.c: 'x' is odd.", "a: 5 is odd."))
    found = doubted(several, {("a",): told(0.9), ("b", "c"): told(0.1)}, 0.6)
    assert found.data == {"a": 5, "b": {"c": None}} == json.loads(found.text) and found.warnings == ("a: 5 is odd.",)


def test_of_a_schema_each_value_that_is_written_out_is_asked_for_twice():
    parts = {"due_date": {"type": "string"}, "n": {"properties": {"sum": {"type": "number"}}}, "k": {"enum": ["a"]}}
    schema = json.dumps({"properties": parts})
    ranking = Ranking(PageTexts(), rank_texts, "Is there a {words}?")
    job = Job((), Question(Words(), "", schema=schema), Look(), Sampling(0.7, seed=3))
    [(asked, second)] = doubts([job, job], ranking).items()
    assert asked == job and list(second) == [("due_date",), ("n", "sum")]
    assert [each.question.text for each in second.values()] == ["Is there a due date?", "Is there a sum?"]
    assert {each.sampling.temperature for each in second.values()} == {0.0} and not doubts(
        [replace(job, question=Question(Words(), "Who?"))], ranking
    )
