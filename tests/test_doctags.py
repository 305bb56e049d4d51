"""DocTags read by the rules: blocks, places and tables of sound pages; and of any other text something honest."""

import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smolcli import doctags
from smolcli.doctags.lines import lines_in
from smolcli.doctags.markup import CELLS, LISTS
from smolcli.regions import Region

SIZE = (1000, 1400)
LOC = "<loc_50><loc_100><loc_450><loc_150>"
BOX = pytest.approx((0.1, 0.2, 0.8, 0.1))


def read(text, *rest):
    page, warnings = doctags.read(text, SIZE, *rest)
    assert all(sentence.endswith(".") and "{" not in sentence for sentence in warnings)
    return list(page.regions), list(warnings)


def sound(text):
    blocks, warnings = read(f"<doctag>{text}</doctag>")
    assert warnings == []
    return blocks


def only(text):
    [block] = sound(text)
    return block


@pytest.mark.parametrize(
    ("tag", "kind", "level"),
    [
        ("text", "paragraph", 0),
        ("title", "heading", 1),
        ("section_header_level_1", "heading", 2),
        ("section_header_level_6", "heading", 7),
        ("page_header", "header", 0),
        ("page_footer", "footer", 0),
        ("footnote", "paragraph", 0),
        ("caption", "caption", 0),
        ("formula", "formula", 0),
        ("code", "code", 0),
    ],
)
def test_each_tag_is_a_block_of_its_kind_with_its_text_and_its_place(tag, kind, level):
    block = only(f"<{tag}>{LOC}P < 0.05 & R > 3</{tag}>")
    assert (block.kind, block.level, block.text) == (kind, level, "P < 0.05 & R > 3")
    assert block.box == BOX
    assert [line.text for line in block.children] == [block.text]


def test_a_page_keeps_its_order_its_size_and_where_its_text_is_from():
    page, _ = doctags.read(f"<page_header>{LOC}A</page_header>\n<text>{LOC}B</text><title>{LOC}C</title>", SIZE)
    assert [block.text for block in page.regions] == ["A", "B", "C"]
    assert (page.size_px, page.text_from, page.confidence) == (SIZE, "model", None)


def test_a_page_of_nothing_is_blank():
    for text in ("", "  \n", "<doctag></doctag>", "<doctag>"):
        page, warnings = doctags.read(text, SIZE)
        assert (page.regions, page.text_from, warnings) == ((), "", ())


def test_items_of_lists_have_their_markers_and_keep_those_that_are_printed():
    items = "".join(f"<list_item>{LOC}{text}</list_item>\n" for text in ("One", "b) Two", "· Three", "Four"))
    bullets = [block.text for block in sound(f"<unordered_list>{items}</unordered_list>")]
    assert bullets == ["• One", "b) Two", "· Three", "• Four"]
    numbers = sound(f"<ordered_list>{items}</ordered_list>")
    assert [block.text for block in numbers] == ["1. One", "b) Two", "· Three", "4. Four"]
    assert {block.kind for block in numbers} == {"list_item"}
    assert numbers[0].children[0].text == "1. One"


def test_lists_in_lists_are_items_in_order_and_items_without_a_place_have_their_lists():
    inner = "<ordered_list><list_item>in</list_item></ordered_list>"
    blocks = sound(f"<unordered_list>{LOC}<list_item>out</list_item>{inner}<list_item>on</list_item></unordered_list>")
    assert [block.text for block in blocks] == ["• out", "1. in", "• on"]
    assert all(block.box == BOX for block in blocks)


def test_boxes_to_tick_say_whether_they_are_ticked():
    ticked = only(f"<checkbox_selected>{LOC}Yes</checkbox_selected>")
    assert (ticked.kind, ticked.text) == ("list_item", "- [x] Yes")
    assert only(f"<checkbox_unselected>{LOC}No</checkbox_unselected>").text == "- [ ] No"


def test_code_has_its_language_and_keeps_its_lines_and_what_only_looks_like_a_tag():
    block = only(f"<code>{LOC}<_C++_>#include <stdio.h>\n  vector<int> x;</code>")
    assert (block.label, block.text) == ("C++", "#include <stdio.h>\n  vector<int> x;")
    assert [line.text for line in block.children] == ["#include <stdio.h>", "vector<int> x;"]


def test_what_is_written_in_angle_brackets_and_is_no_tag_stays():
    assert (
        only(f"<text>{LOC}Ann <ann@example.org>, a <b and c> d</text>").text == "Ann <ann@example.org>, a <b and c> d"
    )


def test_a_line_of_several_parts_is_one_paragraph_with_latex_in_dollars():
    block = only(f"<inline>{LOC}<text>where</text><formula>x^2</formula><text>grows</text></inline>")
    assert (block.kind, block.text, block.box) == ("paragraph", "where $x^2$ grows", BOX)


def test_a_picture_says_what_it_shows_and_its_caption_comes_before_it():
    caption, picture = sound(
        f"<picture>{LOC}<pie_chart><caption><loc_50><loc_160><loc_450><loc_170>Fig. 1</caption></picture>"
    )
    assert (caption.kind, caption.text, caption.box[1]) == ("caption", "Fig. 1", 0.32)
    assert (picture.kind, picture.label, picture.text, picture.box) == ("picture", "pie_chart", "", BOX)


def test_a_chart_holds_its_numbers_as_a_table():
    for text in (
        f"<chart>{LOC}<bar_chart><ched>a<ched>b<nl><fcel>1<fcel>2<nl></chart>",
        f"<picture>{LOC}<bar_chart><otsl><ched>a<ched>b<nl><fcel>1<fcel>2<nl></otsl></picture>",
    ):
        picture = only(text)
        [table] = picture.children
        assert (picture.kind, picture.label, picture.text, table.kind) == ("picture", "bar_chart", "", "table")
        assert [cell.text for cell in table.children] == ["a", "b", "1", "2"]


def test_keys_and_values_of_a_form_are_a_line_each():
    pairs = "<key_1><loc_1><loc_2><loc_3><loc_4>Name<link_2></key_1><value_2>Ann</value_2><key_3>Age</key_3>"
    assert only(f"<key_value_region>{LOC}{pairs}</key_value_region>").text == "Name Ann\nAge"


# ---- tables


def grid(table):
    return {(c.row, c.column, c.row_span, c.column_span): c.text for c in table.children}


def test_otsl_cells_have_rows_columns_spans_and_what_they_head():
    caption, table = sound(
        f"<otsl>{LOC}<caption>Sums</caption><ched>Year<ched>Sum<lcel><nl>"
        "<srow>All<lcel><lcel><nl><rhed>2024<fcel>big<lcel><nl><ucel><ucel><xcel><nl>"
        "<fcel>x<ecel><fcel>3 < 4<nl></otsl>"
    )
    assert caption.text == "Sums"
    assert (table.kind, table.text, table.box) == ("table", "", BOX)
    assert grid(table) == {
        (0, 0, 1, 1): "Year", (0, 1, 1, 2): "Sum", (1, 0, 1, 3): "All", (2, 0, 2, 1): "2024", (2, 1, 2, 2): "big",
        (4, 0, 1, 1): "x", (4, 1, 1, 1): "", (4, 2, 1, 1): "3 < 4",
    }  # fmt: skip
    assert [cell.label for cell in table.children[:4]] == ["column header", "column header", "section", "row header"]


def test_cells_share_the_place_of_their_table():
    table = only(f"<otsl>{LOC}<fcel>a<lcel><nl><fcel>b<fcel>c<nl></otsl>")
    boxes = [cell.box for cell in table.children]
    assert boxes[0] == pytest.approx((0.1, 0.2, 0.8, 0.05))
    assert boxes[2] == pytest.approx((0.5, 0.25, 0.4, 0.05))


def test_rows_of_different_lengths_and_parts_of_no_cell_are_read_as_they_are():
    blocks, _ = read(f"<otsl>{LOC}<lcel><fcel><fcel>a<nl><nl><ucel><lcel>text<fcel>b<fcel>c<nl><fcel></otsl>")
    assert grid(blocks[0]) == {
        (0, 1, 1, 1): "", (0, 2, 1, 1): "a", (1, 1, 1, 1): "text", (1, 2, 1, 1): "b", (1, 3, 1, 1): "c",
        (2, 0, 1, 1): "",
    }  # fmt: skip


# ---- lines, which DocTags does not give


def test_a_paragraph_has_more_lines_the_higher_its_box_is_and_one_in_a_box_of_one():
    words = " ".join(["wordly"] * 60)
    counts = []
    for high in (0.02, 0.1, 0.3, 0.8):
        lines = lines_in(words, (0.1, 0.1, 0.8, high), SIZE)
        assert " ".join(line.text for line in lines) == words
        assert sum(line.box[3] for line in lines) == pytest.approx(high)
        counts.append(len(lines))
    assert counts == sorted(set(counts))
    assert [line.text for line in lines_in("A title", (0.1, 0.1, 0.2, 0.02), SIZE)] == ["A title"]
    assert len(lines_in("word " * 9000, (0.1, 0.1, 0.8, 0.8), SIZE)) > 50


@settings(deadline=None)
@given(st.text(max_size=200), st.tuples(*[st.floats(0, 1)] * 4))
def test_lines_lose_no_word_and_stay_in_their_box(text, box):
    lines = lines_in(text.strip(), box, SIZE)
    assert " ".join(line.text for line in lines).split() == text.split()
    for line in lines:
        assert line.box[1] + line.box[3] <= box[1] + box[3] + 1e-9
        assert line.box[2] <= box[2] + 1e-9


# ---- what is not sound


def test_of_an_element_in_which_the_text_breaks_off_only_the_place_is_kept():
    blocks, warnings = read(f"<text>{LOC}Whole</text><otsl>{LOC}<fcel>a<nl><fcel>b")
    assert blocks[1] == Region("table", blocks[1].box)
    assert blocks[1].box == BOX
    assert warnings == ["1 element in which the text breaks off: only the place is kept."]
    blocks, warnings = read(f"<unordered_list><list_item>{LOC}Whole</list_item><list_item>{LOC}bro")
    assert [block.text for block in blocks] == ["• Whole", ""]
    assert len(warnings) == 1


def test_an_element_without_a_closing_tag_ends_where_the_next_begins():
    blocks, warnings = read(f"<title>{LOC}A<text>{LOC}B</text><ordered_list><list_item>{LOC}C<text>{LOC}D</text>")
    assert [(block.kind, block.text) for block in blocks] == [
        ("heading", "A"), ("paragraph", "B"), ("list_item", "1. C"), ("paragraph", "D"),
    ]  # fmt: skip
    assert warnings == ["3 elements without a closing tag: ended where the next one begins."]


def test_what_is_whole_in_an_element_that_breaks_off_is_kept():
    caption = "<caption><loc_50><loc_160><loc_450><loc_170>Fig. 1</caption>"
    blocks, _ = read(f"<picture>{LOC}{caption}<pie_chart>")
    assert [(block.kind, block.text) for block in blocks] == [("caption", "Fig. 1"), ("picture", "")]
    blocks, _ = read(f"<inline>{LOC}<text>a</text><formula>x</formula>b<text>c")
    assert [(block.kind, block.text) for block in blocks] == [("paragraph", "a $x$")]


def test_closing_tags_of_nothing_mean_nothing():
    assert only(f"</text></otsl><text>{LOC}A</title>B</text></doctag></text>").text == "AB"


@pytest.mark.parametrize(
    ("locations", "box"),
    [
        ("<loc_50><loc_100><loc_900><loc_501>", (0.1, 0.2, 0.9, 0.8)),
        ("<loc_450><loc_150><loc_50><loc_100>", (0.1, 0.2, 0.8, 0.1)),
        (f"<loc_50><loc_100><loc_{'9' * 9000}><loc_500>", (0.1, 0.2, 0.9, 0.8)),
    ],
)
def test_places_outside_of_the_page_are_moved_into_it_and_said(locations, box):
    [block], warnings = read(f"<text>{locations}A</text>")
    assert block.box == pytest.approx(box)
    assert warnings == ["1 place outside of the page, or turned round: moved into it."]


def test_of_more_than_four_locations_the_first_four_count_and_fewer_are_none():
    assert only(f"<text>{LOC}<loc_1><loc_2><loc_3><loc_4>A</text>").box == BOX
    [block], warnings = read("<text><loc_1><loc_2><loc_3>A</text>")
    assert block.box == (0, 0, 1, 1)
    assert warnings == ["1 block without a place: the whole page stands for it."]


def test_tags_that_are_not_of_doctags_are_left_out_and_named():
    [block], warnings = read(f"<text>{LOC}x <b>y</b> <|odd_token|>z {{}}</text>")
    assert block.text == "x y z {}"
    assert warnings == ["3 tags that DocTags does not have left out: <b>, </b>, <|odd_token|>."]


def test_text_outside_of_any_tag_is_not_lost():
    blocks, _ = read(f"I see a page. <text>{LOC}A</text> and more")
    assert [(block.kind, block.text) for block in blocks] == [
        ("paragraph", "I see a page."), ("paragraph", "A"), ("paragraph", "and more"),
    ]  # fmt: skip


def test_what_is_said_twice_in_one_place_is_said_once():
    blocks, warnings = read(f"<text>{LOC}A</text>" * 5 + "<text><loc_1><loc_2><loc_3><loc_4>A</text>")
    assert [block.text for block in blocks] == ["A", "A"]
    assert warnings == ["4 blocks said again what stands in the same place before: left out."]


def rows(count):
    return "".join(f"<text><loc_50><loc_{10 * n}><loc_90><loc_{10 * n + 8}>Yes</text>" for n in range(count))


def test_of_a_loop_one_block_remains_and_of_an_honest_column_all():
    blocks, warnings = read(f"<title>{LOC}T</title>{rows(9)}<text><loc_50>", "repetition")
    assert [block.text for block in blocks] == ["T", "Yes"]
    assert "stopped" in warnings[0] and warnings[1] == "8 blocks of its loop left out."
    assert [block.text for block in sound(f"{rows(9)}")] == ["Yes"] * 9


def test_everything_in_a_page_has_the_confidence_of_its_answer():
    page, _ = doctags.read(f"<text>{LOC}A b</text><otsl>{LOC}<fcel>c<nl></otsl>", SIZE, "end", 0.75)
    assert {region.confidence for block in page.regions for region in block.walk()} == {0.75}
    assert page.confidence == 0.75


TAGS = st.sampled_from(
    [
        "doctag",
        "text",
        "title",
        "code",
        "picture",
        "caption",
        "otsl",
        "chart",
        "inline",
        "list_item",
        "foo",
        *LISTS,
        "key_value_region",
        "key_1",
        "value_1",
        "loc_7",
        "loc_499",
        "loc_777",
        "_Rust_",
        *CELLS,
    ]
)
PARTS = st.one_of(
    TAGS.map(lambda name: f"<{name}>"), TAGS.map(lambda name: f"</{name}>"), st.text(max_size=6), st.just(LOC)
)


def words_of(page):
    return " ".join(region.text for block in page.regions for region in block.walk() if region.kind != "line")


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.text(), st.lists(PARTS, max_size=40).map("".join)), st.sampled_from(["end", "length", "repetition"])
)
@example("<otsl><lcel><ucel><xcel><nl>", "end")
def test_no_text_makes_it_fail_and_every_box_is_on_the_page(text, stop_reason):
    page, warnings = doctags.read(text, SIZE, stop_reason)
    assert all(isinstance(sentence, str) for sentence in warnings)
    for block in page.regions:
        for region in block.walk():
            left, top, width, height = region.box
            assert min(region.box) >= 0
            assert left + width <= 1 + 1e-9 and top + height <= 1 + 1e-9
            assert region.row_span >= 1 and region.column_span >= 1


@settings(deadline=None)
@given(st.lists(st.sampled_from(["text", "title", "footnote"]), min_size=1, max_size=12), st.data())
def test_no_word_is_lost_where_closing_tags_are(tags, data):
    closed = data.draw(st.lists(st.booleans(), min_size=len(tags), max_size=len(tags)))
    text = "".join(
        f"<{tag}>w{n}" + (f"</{tag}>" if end else "") for n, (tag, end) in enumerate(zip(tags, closed, strict=True))
    )
    page, _ = doctags.read(text + "<page_footer>end</page_footer>", SIZE)
    assert words_of(page).split() == [*(f"w{n}" for n in range(len(tags))), "end"]


@pytest.mark.parametrize(
    "unit",
    [
        "<ordered_list>",
        "<ordered_list><list_item>",
        "<otsl>",
        "<text>a",
        "</text>",
        "<picture><caption>",
        "<fcel>",
        "<",
        "<otsl><lcel>",
        "<key_1>",
        "<loc_1>",
        "a <b",
        "<foo>",
        "<inline><text>",
        "<_",
        "<text>a</text>",
        "<otsl><nl>",
    ],
)
@pytest.mark.parametrize(("before", "after"), [("", ""), ("<otsl>", "</otsl>"), ("<code>", "</code>")])
def test_twice_the_text_takes_twice_the_steps(unit, before, after):
    def steps(count):
        """How many functions are called, and how often generators go on."""
        text, called = before + unit * count + after, 0

        def count_call(frame, event, argument):
            nonlocal called
            called += event in ("call", "c_call")

        sys.setprofile(count_call)
        try:
            doctags.read(text, SIZE, "repetition")
        finally:
            sys.setprofile(None)
        return called

    assert steps(600) < 2.3 * steps(300) + 100
