"""Pages as DocTags and as HTML; and what docling-core makes of the same pages, which is the same."""

import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import HOSTILE, SAMPLE, SIZE, answer, page, table, written

from smolcli import doctags
from smolcli.errors import UsageError
from smolcli.formats import Allowed, find_format, format_of_file
from smolcli.formats.doctags import DoclingWriter, DoctagsWriter, page_doctags, through_docling
from smolcli.formats.html import HtmlWriter, page_html
from smolcli.formats.markdown import page_markdown
from smolcli.formats.table import DOCLING
from smolcli.regions import PageReading, Region, list_marker


def loc(*numbers):
    return "".join(f"<loc_{number}>" for number in numbers)


# Pages by the rules: every kind of element, places on the grid, tables with spans. Without what a format leaves out.
REPORT = f"""<doctag><title>{loc(50, 30, 450, 50)}Annual report</title>
<section_header_level_1>{loc(50, 60, 250, 70)}1 Sums & shares</section_header_level_1>
<text>{loc(50, 80, 450, 120)}Profits grew, as P < 0.05 & R > 3 tell, on lines of their own.</text>
<unordered_list><list_item>{loc(60, 130, 300, 140)}First of all</list_item>
<list_item>{loc(60, 142, 300, 152)}Second</list_item>
</unordered_list>
<section_header_level_3>{loc(50, 155, 250, 160)}1.1.1 Steps</section_header_level_3>
<ordered_list><list_item>{loc(60, 162, 300, 170)}Open it</list_item>
<list_item>{loc(60, 172, 300, 180)}Read it</list_item>
</ordered_list>
<text>{loc(50, 182, 450, 188)}Ticked are:</text>
<checkbox_selected>{loc(50, 190, 60, 196)}Yes</checkbox_selected>
<text>{loc(50, 198, 450, 204)}and not the rest.</text>
<footnote>{loc(50, 480, 450, 490)}Notes stand below.</footnote>
</doctag>"""
TABLES = f"""<doctag><otsl>{loc(50, 200, 450, 300)}<caption>{loc(50, 190, 450, 198)}Table 1: sums</caption>
<ched>Year<ched>Item<ched>Sum<nl><rhed>2024<fcel>Nails<fcel>1.20<nl><rhed>2025<fcel>Screws<fcel>3.40<nl></otsl>
<text>{loc(50, 310, 450, 320)}Between two tables.</text>
<otsl>{loc(50, 330, 450, 400)}<fcel>a<fcel>b<nl><fcel>c<fcel>d<nl></otsl></doctag>"""
SPANS = f"""<doctag><page_header>{loc(10, 5, 490, 15)}Header</page_header>
<otsl>{loc(50, 200, 450, 300)}<ched>Year<ched>Sums<lcel><nl><fcel>2024<fcel>big<lcel><nl><ucel><ucel><xcel><nl><fcel>x
<ecel><fcel>z<nl></otsl><picture>{loc(50, 310, 450, 400)}<caption>{loc(50, 402, 450, 410)}Figure 1</caption></picture>
<picture>{loc(60, 415, 70, 420)}<pie_chart></picture>
<chart>{loc(50, 420, 450, 440)}<bar_chart><fcel>a<fcel>b<nl><fcel>1<fcel>2<nl></chart>
<code>{loc(50, 442, 450, 450)}<_Python_>def one():
    return 1</code><formula>{loc(50, 450, 450, 460)}a^2 + b^2</formula>
<inline>{loc(50, 462, 450, 468)}<text>where</text><formula>x^2</formula><text>grows</text></inline>
<page_footer>{loc(10, 490, 490, 499)}7</page_footer></doctag>"""
PAGES = {"report": REPORT, "tables": TABLES, "spans": SPANS}


def read(text):
    reading, warnings = doctags.read(text, SIZE)
    assert warnings == ()
    return reading


# ---- DocTags


def test_a_models_own_tags_are_written_as_it_wrote_them_and_pages_are_told_apart():
    own = f"<doctag><text>{loc(1, 2, 3, 4)}A & b < c</text>\n<odd>x</odd>"
    text = written(DoctagsWriter, answer(text=own), answer(page(), 2), answer(SAMPLE, 3))
    reading, _ = doctags.read(own + "<page_break>", SIZE)
    assert text == written(DoctagsWriter, answer(reading, text="A & b < c"), answer(page(), 2), answer(SAMPLE, 3))
    assert text.startswith(
        f"<doctag>\n<text>{loc(1, 2, 3, 4)}A & b < c</text>\n<odd>x</odd>\n<page_break>\n<page_break>\n"
    )
    assert text.endswith("</text>\n</doctag>\n") or text.endswith("</picture>\n</doctag>\n")
    assert text.count("<doctag>") == text.count("</doctag>") == 1
    assert written(DoctagsWriter) == "<doctag>\n</doctag>\n"


def test_a_page_that_another_model_read_is_written_as_doctags():
    lines = page_doctags(SAMPLE).splitlines()
    assert lines[0] == f"<title>{loc(50, 25, 300, 45)}Annual < report></title>"
    assert lines[1].endswith("Profits & losses were well-known to every investor.</text>")
    assert lines[2:5] == [
        "<unordered_list>",
        f"<list_item>{loc(50, 110, 150, 120)}first</list_item>",
        f"<list_item>{loc(50, 125, 150, 135)}second</list_item>",
    ]
    assert lines[6:8] == ["<ordered_list>", f"<list_item>{loc(50, 140, 150, 150)}2. other</list_item>"]
    assert "<fcel>Item<fcel>Price<nl><fcel>a|b<fcel>12.80<nl>" in lines[9]


@pytest.mark.parametrize("name", PAGES)
def test_what_is_written_of_a_page_reads_as_the_same_page(name):
    reading = read(PAGES[name])
    again = read(page_doctags(reading))
    assert again == reading


TEXTS = st.text(st.sampled_from("ab <>/_|&;\né中"), max_size=12)
EDGES = st.lists(st.integers(0, 500), min_size=2, max_size=2, unique=True).map(sorted)
BOXES = st.tuples(EDGES, EDGES).map(
    lambda edges: (edges[0][0] / 500, edges[1][0] / 500, *((end - start) / 500 for start, end in edges))
)
KINDS = st.sampled_from(
    ["paragraph", "heading", "list_item", "code", "formula", "caption", "header", "footer", "picture"]
)
BLOCKS = st.lists(st.builds(Region, KINDS, BOXES, TEXTS), max_size=8)


def letters(text):
    return "".join(text.removeprefix("• ").split())


@settings(deadline=None)
@given(BLOCKS)
def test_of_any_page_the_doctags_are_sound_and_keep_words_kinds_and_places(blocks):
    blocks = [replace(each, text=f"w{n} {each.text}") for n, each in enumerate(blocks)]
    again = read(page_doctags(page(*blocks))).regions
    assert [(each.kind, letters(each.text)) for each in again] == [(each.kind, letters(each.text)) for each in blocks]
    for one, other in zip(blocks, again, strict=True):
        assert other.box == pytest.approx(one.box)


def test_hostile_text_is_no_tag_and_no_control_character():
    text = page_doctags(HOSTILE)
    assert "<script>" not in text and "\x1b" not in text
    again, warnings = doctags.read(text, SIZE)
    assert "script>" in again.regions[0].text
    assert not [said for said in warnings if "tag" in said]
    assert len(page_doctags(page(table([["a", None], [("b", 3, 3), "c"]])))) > 20  # cells beyond the others


# ---- HTML


class Flat(HTMLParser):
    """Every text with the tag that it is in; tags that nobody closed are an error."""

    VOID = ("meta", "br", "link")

    def __init__(self, text, skip=()):
        super().__init__()
        self.open, self.found, self.skip, self.attributes = [], [], skip, {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        self.attributes.setdefault(tag, []).append(dict(attrs))

    def handle_endtag(self, tag):
        assert tag in self.VOID or self.open.pop() == tag

    def handle_data(self, data):
        if data.strip() and not set(self.skip) & set(self.open):
            self.found.append((self.open[-1], " ".join(data.split())))


def test_html_has_a_section_a_page_and_every_block_as_its_element():
    text = written(HtmlWriter, answer(SAMPLE, 3, path="a<b>.pdf"), answer(read(SPANS), 4))
    flat = Flat(text, ("style",))
    assert [section["id"] for section in flat.attributes["section"]] == ["page-3", "page-4"]
    assert flat.found[:4] == [
        ("title", "a<b>.pdf"), ("h1", "Annual <report>"), ("p", "Profits & losses were well-known to every investor."),
        ("li", "first"),
    ]  # fmt: skip
    assert ("pre", "x") not in flat.found and ("code", "def one(): return 1") in flat.found
    assert {"scope": "col", "colspan": "2"} in flat.attributes["th"]
    assert {"rowspan": "2", "colspan": "2"} in flat.attributes["td"]
    assert {"title": "pie chart"} in flat.attributes["figure"]
    assert ("header", "Header") in flat.found and ("footer", "7") in flat.found
    assert flat.attributes["li"][2] == {"value": "2"}


def test_html_of_hostile_text_and_of_nothing_is_sound():
    text = written(HtmlWriter, answer(HOSTILE, path="\ud800<x>"))
    assert "<script" not in text and "\x1b" not in text
    Flat(text)
    assert Flat(written(HtmlWriter), ("style",)).found == []


@settings(deadline=None)
@given(BLOCKS)
def test_html_closes_what_it_opens_whatever_is_written(blocks):
    Flat(page_html(page(*blocks)))


def test_the_formats_are_known_where_pages_are_read():
    for word in ("html", "htm", "doctags", "dt"):
        assert find_format(word, Allowed(pages=True)).pages
    with pytest.raises(UsageError):
        find_format("doctags")


# ---- docling-core


def is_here():
    try:
        import docling_core  # noqa: F401
    except ImportError:
        return False
    return True


needs_docling = pytest.mark.skipif(not is_here(), reason="docling-core is not installed")


@pytest.mark.skipif(is_here(), reason="docling-core is installed")
def test_without_docling_core_it_is_said_how_to_get_it():
    with pytest.raises(UsageError, match="not installed") as caught:
        written(DoclingWriter)
    assert "smolcli[docling]" in caught.value.hint
    for find in (
        lambda: find_format("docling", Allowed(pages=True)),
        lambda: format_of_file("a.docling.json", Allowed(True)),
    ):
        with pytest.raises(UsageError, match="not installed"):
            find()


LABELS = {
    "title": "heading", "section_header": "heading", "text": "paragraph", "footnote": "paragraph",
    "page_header": "header", "page_footer": "footer", "list_item": "list_item", "caption": "caption", "code": "code",
    "formula": "formula", "table": "table", "picture": "picture", "chart": "picture", "checkbox_selected": "list_item",
}  # fmt: skip


def docling_blocks(document):
    """(kind, level, text, box, cells, label) of every item of a DoclingDocument, a line's parts joined."""

    def item(reference):
        kind, number = reference["$ref"].split("/")[1:]
        return document[kind][int(number)]

    for found in map(item, document["body"]["children"]):
        if found["label"] == "inline":
            parts = [item(each) for each in found["children"]]
            texts = [f"${each['text']}$" if each["label"] == "formula" else each["text"] for each in parts]
            yield "paragraph", 0, " ".join(texts), box_of(parts[0]), {}, ""
            continue
        for each in map(item, found["children"]) if found["label"] == "list" else [found]:
            level = (
                1 if each["label"] == "title" else each.get("level", 0) + 1 if each["label"] == "section_header" else 0
            )
            label = each.get("code_language", "")
            data = each.get("data", {})
            if each["label"] in ("picture", "chart"):
                meta = each.get("meta", {})
                data = meta.get("tabular_chart", {}).get("chart_data", {})
                label = next((p["class_name"] for p in meta.get("classification", {}).get("predictions", [])), "")
            yield LABELS[each["label"]], level, each.get("text", ""), box_of(each), cells_of(data), label


def box_of(item):
    [place] = item["prov"]
    box = place["bbox"]
    assert box["coord_origin"] == "TOPLEFT"
    return [box["l"] / SIZE[0], box["t"] / SIZE[1], (box["r"] - box["l"]) / SIZE[0], (box["b"] - box["t"]) / SIZE[1]]


def cells_of(data):
    return {
        (c["start_row_offset_idx"], c["start_col_offset_idx"], c["row_span"], c["col_span"]): c["text"]
        for c in data.get("table_cells", ())
    }


def own_blocks(reading):
    for region in reading.regions:
        text = region.text
        if region.kind == "list_item":
            text = text.removeprefix("- [x] ")
            text = text[len(list_marker(text)) :].strip()
        grid = [child for child in region.children if child.kind == "table"] or [region]
        cells = {(c.row, c.column, c.row_span, c.column_span): c.text for c in grid[0].children if c.kind == "cell"}
        yield region.kind, region.level, text, list(region.box), cells, region.label


@needs_docling
@pytest.mark.parametrize("canonical", [False, True], ids=["as written", "as we write it"])
@pytest.mark.parametrize("name", PAGES)
def test_docling_core_reads_the_same_blocks_places_tables_and_labels(name, canonical):
    reading = read(PAGES[name])
    text = page_doctags(reading) if canonical else PAGES[name]
    document = json.loads(through_docling([(text, SIZE)], "json"))
    assert document["schema_name"] == "DoclingDocument"
    theirs, ours = list(docling_blocks(document)), list(own_blocks(reading))
    if canonical:  # the parts of a line are one text by then
        assert [each[2] for each in theirs] == [each[2] for each in ours]
    assert len(theirs) == len(ours)
    for their, our in zip(theirs, ours, strict=True):
        assert their[:3] == our[:3]
        assert their[3] == pytest.approx(our[3])
        assert their[4:] == our[4:]


def normal(markdown):
    """Without what is taste: how wide a table's columns are, what is escaped that need not be, marks of pictures."""
    lines = []
    for text in markdown.splitlines():
        if text.startswith("|"):
            cells = [re.sub("^-+$", "---", cell.strip()) for cell in text.strip("|").split("|")]
            text = "| " + " | ".join(cells) + " |"
        lines.append(unescape(text).replace("\\", ""))
    return "\n".join(lines).strip()


@needs_docling
@pytest.mark.parametrize("name", ["report", "tables"])
def test_docling_core_writes_the_same_markdown(name):
    assert normal(through_docling([(PAGES[name], SIZE)], "markdown")) == normal(page_markdown(read(PAGES[name])))


@needs_docling
@pytest.mark.parametrize("name", ["report", "tables"])
def test_docling_core_writes_the_same_html_elements(name):
    theirs = Flat(through_docling([(PAGES[name], SIZE)], "html"), ("style", "title"))
    ours = Flat(page_html(read(PAGES[name])))
    same = {"th": "td", "div": "p", "caption": "p"}

    def plain(flat):
        return [(same.get(tag, tag), text.removeprefix("[x] ")) for tag, text in flat.found]

    ticked = [("p", text) if text == "Yes" else (tag, text) for tag, text in plain(ours)]  # they show no box
    assert plain(theirs) == ticked
    spans = [[each.get("colspan"), each.get("rowspan")] for each in theirs.attributes.get("td", ())]
    assert all(span == [None, None] for span in spans)


@needs_docling
@pytest.mark.parametrize("name", ["report", "tables"])
def test_docling_core_writes_the_same_words_as_text(name):
    theirs = through_docling([(PAGES[name], SIZE)], "text")
    ours = [region.text for block in read(PAGES[name]).regions for region in block.walk() if region.kind != "line"]

    def words(text):
        return [word for word in re.sub(r"[|•]|-{2,}|^- |\n- ", " ", text).split() if word not in ("-",)]

    assert words(theirs) == words(" ".join(ours))


@needs_docling
@pytest.mark.parametrize(("name", "extension", "_"), DOCLING)
def test_its_formats_are_known_by_name_and_by_what_files_end_with(name, extension, _):
    assert find_format(name, Allowed(pages=True)).name == name
    assert format_of_file(f"a.b.{extension}", Allowed(pages=True)).name == name


@needs_docling
def test_a_document_of_several_pages_has_each_ones_size_and_no_invented_picture():
    text = written(
        lambda target: DoclingWriter(target), answer(SAMPLE), answer(replace(read(SPANS), size_px=(500, 600)), 2)
    )
    document = json.loads(text)
    assert {n: (p["size"]["width"], p["size"]["height"]) for n, p in document["pages"].items()} == {
        "1": (1000, 1400), "2": (500, 600),
    }  # fmt: skip
    assert "data:image" not in text
    assert document["name"] == "scan.pdf"
    for _, _, export in DOCLING[1:]:
        assert "Annual" in written(lambda target, export=export: DoclingWriter(target, export), answer(SAMPLE))


@needs_docling
def test_broken_doctags_of_a_model_and_hostile_pages_go_through_too():
    broken = (
        f"<doctag><otsl>{loc(1, 2, 3, 4)}<fcel><fcel><nl><ched></otsl><text>{loc(1, 2, 900, 4)}A<b>c</text><title>x"
    )
    thin = page(Region("picture", (1.0, 0.5, 0.0, 0.0)), Region("formula", (0.1, 0.1, 0.1, 0.1), "\\frac{"))
    for each in (
        answer(text=broken),
        answer(HOSTILE),
        answer(thin),
        answer(replace(thin, size_px=(1, 1))),
        answer(page()),
        answer(PageReading("", (), (1, 1))),
    ):
        for _, _, export in DOCLING:
            assert written(lambda target, export=export: DoclingWriter(target, export), each)
