"""Pages that were read, as hOCR, TSV, Markdown and CSV."""

from __future__ import annotations

import csv
import io
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pages import HOSTILE, SAMPLE, SIZE, answer, block, line, page, table, written

from smolcli.formats.csv import TablesWriter
from smolcli.formats.flow import joined
from smolcli.formats.hocr import HocrWriter
from smolcli.formats.markdown import MarkdownWriter, page_markdown
from smolcli.formats.page import pixels, plain, words_of
from smolcli.formats.page_tsv import COLUMNS, PageTsvWriter
from smolcli.regions import PageReading, Region, list_marker

XHTML = "{http://www.w3.org/1999/xhtml}"
MARKUP = st.text(st.sampled_from(list("ab1 #*_-+>`~[]()!<&;=|\\.:/\"'x^é中\n")), max_size=25)


def hocr(*answers):
    """An hOCR file, parsed: (class, title's properties, text, children) of every element with a class, as a tree."""
    text = written(HocrWriter, *answers)
    assert text.startswith("<?xml")
    tree = ElementTree.fromstring(text.encode())
    assert tree.tag == f"{XHTML}html"
    assert tree.find(f"{XHTML}head/{XHTML}meta[@name='ocr-system']") is not None
    ids = [each.get("id") for each in tree.iter() if each.get("id")]
    assert len(ids) == len(set(ids))
    return tree


def of_class(tree, name):
    return [each for each in tree.iter() if each.get("class") == name]


def properties(element):
    return dict(each.strip().split(" ", 1) for each in element.get("title").split(";"))


def bbox(element):
    return tuple(map(int, properties(element)["bbox"].split()))


def test_hocr_holds_pages_areas_paragraphs_lines_and_words_with_boxes():
    tree = hocr(answer(SAMPLE, 3), answer(SAMPLE, 4))
    first, second = of_class(tree, "ocr_page")
    assert properties(first) == {"image": '"scan.pdf"', "bbox": "0 0 1000 1400", "ppageno": "2"}
    assert properties(second)["ppageno"] == "3"
    lines = of_class(first, "ocr_line")
    assert [" ".join(word.text for word in line) for line in lines][:4] == [
        "Annual <report>",
        "Profits & losses were well-",
        "known to every inves-",
        "tor.",
    ]
    assert bbox(lines[0]) == (100, 70, 600, 126)
    assert len(of_class(first, "ocr_photo")) == 1
    words = of_class(lines[1], "ocrx_word")
    assert [properties(word)["x_wconf"] for word in words] == ["95"] * 5
    assert properties(of_class(lines[3], "ocrx_word")[0])["x_wconf"] == "100"


def test_every_box_of_hocr_lies_in_the_one_around_it():
    for reading in (SAMPLE, HOSTILE):
        [whole] = of_class(hocr(answer(reading)), "ocr_page")
        for parent in whole.iter():
            for child in parent:
                if child.get("title") and parent.get("title"):
                    outer, inner = bbox(parent), bbox(child)
                    assert inner[0] >= outer[0] and inner[1] >= outer[1], (parent.attrib, child.attrib)
                    assert inner[2] <= outer[2] and inner[3] <= outer[3], (parent.attrib, child.attrib)
                    assert inner[0] < inner[2] and inner[1] < inner[3]


def test_hocr_of_hostile_texts_and_names_is_valid():
    tree = hocr(answer(HOSTILE, path='a"b\\<c>&\x00\udcff\n.pdf'))
    [whole] = of_class(tree, "ocr_page")
    assert "".join(of_class(whole, "ocr_line")[0].itertext()).split() == ["ab[31m", "?c", "<script>&amp;"]
    assert [each.get("dir") for each in of_class(tree, "ocr_par")] == [None, "rtl"]


def test_hocr_says_how_the_lines_of_a_turned_or_skewed_page_run():
    text = line("x" * 30, (0.1, 0.1, 0.8, 0.05))
    [level] = of_class(hocr(answer(page(block("paragraph", text)))), "ocr_line")
    assert set(properties(level)) == {"bbox"}
    [turned] = of_class(hocr(answer(page(block("paragraph", text), rotation=90))), "ocr_line")
    assert properties(turned)["textangle"] == "90"
    [rising] = of_class(hocr(answer(page(block("paragraph", text), skew_deg=2.0))), "ocr_line")
    [falling] = of_class(hocr(answer(page(block("paragraph", text), skew_deg=-2.0))), "ocr_line")
    assert properties(rising)["baseline"] == "-0.0349 0"
    assert properties(falling)["baseline"] == "0.0349 -28"


def test_hocr_without_pages_is_still_a_document():
    assert of_class(hocr(), "ocr_page") == []


def rows(*answers):
    text = written(PageTsvWriter, *answers)
    return list(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))


def test_tsv_has_tesseract_s_columns_and_levels():
    assert tuple(rows(answer(SAMPLE))[0]) == COLUMNS
    found = rows(answer(SAMPLE, 3), answer(page(), 4))
    assert [row["level"] for row in found[:7]] == ["1", "2", "3", "4", "5", "5", "2"]
    words = [row for row in found if row["level"] == "5"]
    assert [row["text"] for row in words[:4]] == ["Annual", "<report>", "Profits", "&"]
    first = words[0]
    assert (first["page_num"], first["block_num"], first["par_num"], first["line_num"], first["word_num"]) == (
        *("3", "1", "1", "1"),
        "1",
    )
    assert (first["left"], first["top"], first["height"], first["conf"]) == ("100", "70", "56", "90")
    assert {row["conf"] for row in found if row["level"] != "5"} == {"-1"}
    assert found[-1]["page_num"] == "4" and found[-1]["level"] == "1"
    assert (found[-1]["width"], found[-1]["height"]) == ("1000", "1400")


def test_tsv_of_hostile_texts_keeps_its_columns():
    text = written(PageTsvWriter, answer(HOSTILE))
    assert {row.count("\t") for row in text.splitlines()} == {11}


def test_words_share_their_line_out_by_letters_where_their_boxes_are_not_known():
    first, second = words_of(line("ab cdefg", (0.0, 0.1, 0.8, 0.02)))
    assert (first.box, second.box) == (pytest.approx((0, 0.1, 0.2, 0.02)), pytest.approx((0.3, 0.1, 0.5, 0.02)))
    first, second = words_of(line("ab cdefg", (0.1, 0.0, 0.02, 0.8)), quarters=1)  # read upwards
    assert (first.box, second.box) == (pytest.approx((0.1, 0.6, 0.02, 0.2)), pytest.approx((0.1, 0.0, 0.02, 0.5)))
    first, second = words_of(line("ab cdefg", (0.0, 0.1, 0.8, 0.02)), quarters=2)
    assert (first.box[0], second.box[0]) == (pytest.approx(0.6), pytest.approx(0.0))
    known = line(
        "ab cd", (0, 0, 1, 1), words=[Region("word", (0, 0, 0.3, 1), "ab"), Region("word", (0.5, 0, 0.5, 1), "cd")]
    )
    assert [word.box[0] for word in words_of(known)] == [0, 0.5]


@given(*(st.floats(-2, 3) for _ in range(4)))
def test_a_box_in_pixels_is_always_on_the_page_and_never_empty(left, top, width, height):
    x0, y0, x1, y1 = pixels((left, top, width, height), SIZE)
    assert 0 <= x0 < x1 <= SIZE[0]
    assert 0 <= y0 < y1 <= SIZE[1]


def test_markdown_shows_headings_paragraphs_lists_and_tables():
    assert written(MarkdownWriter, answer(SAMPLE), answer(page()), answer(SAMPLE)).split("\n---\n\n")[0] == (
        "# Annual \\<report>\n\n"
        "Profits & losses were well-known to every investor.\n\n"
        "- first\n- second\n\n<!-- -->\n\n2. other\n\n"
        '| Item | Price |\n| --- | --- |\n| a\\|b | 12.80 |\n| both, "or" none |  |\n'
    )


def test_markdown_of_pages_is_parted_by_rules_also_where_one_is_empty():
    text = written(MarkdownWriter, answer(SAMPLE), answer(page()), answer(SAMPLE))
    first, second, third = text.split("\n---\n\n")
    assert (second, first) == ("", third)
    tokens = MarkdownIt().parse(text)
    assert sum(token.type == "hr" for token in tokens) == 2


MD = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def texts(markdown):
    """The texts that a Markdown reader shows, markup that it finds in them as <its name>."""
    found = []
    for token in MD.parse(markdown):
        if token.type == "inline":
            plain_kinds = ("text", "text_special")
            found.append("".join(c.content if c.type in plain_kinds else f"<{c.type}>" for c in token.children))
        elif token.type in ("fence", "code_block", "html_block"):
            found.append(f"<{token.type}>{token.content}")
    return found


@settings(max_examples=400, deadline=None)
@given(MARKUP, st.sampled_from(["paragraph", "heading", "list_item", "caption", "footer"]))
def test_a_markdown_reader_shows_the_text_and_finds_no_markup_in_it(text, kind):
    want = joined(plain(text).splitlines())
    reading = PageReading("model", (Region(kind, (0, 0, 1, 1), text, level=2),), (1, 1))
    marker = list_marker(want) if kind == "list_item" else ""
    if marker and not (marker[0].isalpha() or marker[0] == "("):
        want = want[len(marker) :].strip()
    assert texts(page_markdown(reading)) == ([want] if want else [])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(MARKUP, min_size=2, max_size=2), min_size=1, max_size=3))
def test_a_markdown_reader_shows_the_cells_of_a_table(cells):
    want = [[" ".join(text.split("\n")) for text in row] for row in cells]
    found = texts(page_markdown(page(table(cells))))
    if any(text.strip() for row in want for text in row):
        shown = [" ".join(text.replace("<html_inline>", " ").split()) for text in found]
        assert shown == [" ".join(text.split()) for row in want for text in row]
    else:
        assert found == []


def test_code_is_fenced_whatever_is_in_it():
    text = "a = `b`\n```\nc"
    [found] = texts(page_markdown(page(Region("code", (0, 0, 1, 1), text))))
    assert found == f"<fence>{text}\n"


def test_tables_come_as_csv_with_an_empty_line_between_them():
    text = written(TablesWriter, answer(SAMPLE), answer(page()), answer(page(table([["a\nb", "c"]]))))
    assert text == 'Item,Price\na|b,12.80\n"both, ""or"" none",\n\n"a\nb",c\n'
    assert written(TablesWriter, answer(page(block("paragraph", line("x", (0, 0, 1, 1)))))) == ""


def test_cells_that_span_rows_and_columns_leave_the_others_where_they_are():
    text = written(
        TablesWriter, answer(page(table([[("a", 2, 1), "b", "c"], [None, ("d", 1, 2), None], ["e", "f", "g"]])))
    )
    assert text == "a,b,c\n,d,\ne,f,g\n"


def test_an_answer_that_is_no_page_is_one_paragraph():
    assert written(MarkdownWriter, answer(text="It is *red*.")) == "It is \\*red\\*.\n"
    assert rows(answer(text="two words"))[-1]["text"] == "words"
    assert written(MarkdownWriter, answer(text="")) == ""


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["A para-", "graph of", "three lines."], "A paragraph of three lines."),
        (["It is well-", "known."], "It is well-known."),
        (["A state-of-the-", "art method"], "A state-of-the-art method"),
        (["heavily self-ref-", "erential, up-to-", "date"], "heavily self-referential, up-to-date"),
        (["the low-cost way, a low-", "cost one"], "the low-cost way, a low-cost one"),  # it is there in another place
        (["The infor-", "mation, all the information"], "The information, all the information"),
        (["Anglo-", "Saxon"], "Anglo-Saxon"),
        (["an e-", "mail"], "an e-mail"),
        (["1990-", "1995"], "1990-1995"),
        (["Covid-", "19"], "Covid-19"),
        (["ALL CAPI-", "TALS"], "ALL CAPITALS"),
        (["Vor-", "und Nachteile"], "Vor- und Nachteile"),
        (["soft hy\xad", "phen and in\xadside"], "soft hyphen and inside"),
        (["a dash -", "here"], "a dash - here"),
        (["- item"], "- item"),
        (["  many   spaces ", "", "\tand tabs"], "many spaces and tabs"),
        (["日本語の", "文章です。", "English word", "here"], "日本語の文章です。 English word here"),
        (["한국어 문장", "입니다"], "한국어 문장 입니다"),
        (["שלום", "עולם"], "שלום עולם"),
        ([], ""),
        (["-"], "-"),
    ],
)
def test_lines_are_joined_as_a_person_would(lines, text):
    assert joined(lines) == text


@given(st.lists(st.text(st.sampled_from(list("abZ -‐\xad.19é中の")), max_size=8), max_size=5))
def test_joining_loses_no_letter_and_leaves_no_line_end(lines):
    text = joined(lines)
    assert re.sub(r"[\s‐\xad-]", "", text) == re.sub(r"[\s‐\xad-]", "", "".join(lines))
    assert "\n" not in text and "  " not in text and text == text.strip()
    assert joined([text]) == text


@given(st.lists(st.text(st.sampled_from(list("ab .")), max_size=8), max_size=5))
def test_lines_without_hyphens_keep_their_words(lines):
    assert joined(lines).split() == " ".join(lines).split()
