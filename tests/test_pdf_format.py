"""The searchable PDF: text found where it was drawn, by PyMuPDF and Poppler; everything else of the document kept."""

from __future__ import annotations

import html
import io
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import pymupdf
import pytest
from documents import draw_document, pdf_of
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import Memory, answer, block, line, page
from PIL import Image, ImageDraw, ImageFont

from smolcli.errors import EncryptedError, MediaError, UsageError
from smolcli.formats.glyphless import Glyphs, font_file
from smolcli.formats.pdf import PdfWriter, ReadPage, check_pdf, write_searchable
from smolcli.formats.pdf_content import without_hidden_text
from smolcli.formats.pdf_opening import PdfOptions
from smolcli.regions import Region, turned

needs_poppler = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler-utils) is missing")
PLAIN = PdfOptions()
LINES = ["Invoice number 4711", "Total due: 12.80 EUR", "Grüße aus Łódź, naïve"]
WIDTH, HEIGHT = 600, 800
TOPS = (100, 300, 640)  # points


def reading(texts=LINES, turn=0, skew=0.0, quarters=0, size=(WIDTH, HEIGHT), long=300, tops=TOPS):
    """Lines 20 points high on an upright page, as boxes of that page turned: by `turn` the other way, by skew_deg the
    other way, and by so many quarters as asked for.
    """
    made = []
    for text, top in zip(texts, tops, strict=False):
        made.append(line(text, box_of((120, top, long, 20), size, turn, skew, quarters)))
    return page(*(block("paragraph", each) for each in made), rotation=(turn - 90 * quarters) % 360, skew_deg=skew)


def box_of(rect, size, turn=0, skew=0.0, quarters=0):
    """The upright box in shares of the page around a rectangle of the page when it stood upright."""
    left, top, wide, high = rect
    angle = math.radians(-skew)
    corners = [(x - size[0] / 2, y - size[1] / 2) for x in (left, left + wide) for y in (top, top + high)]
    xs = [x * math.cos(angle) - y * math.sin(angle) + size[0] / 2 for x, y in corners]
    ys = [x * math.sin(angle) + y * math.cos(angle) + size[1] / 2 for x, y in corners]
    box = (min(xs) / size[0], min(ys) / size[1], (max(xs) - min(xs)) / size[0], (max(ys) - min(ys)) / size[1])
    return turned(turned(box, -turn // 90), quarters)


def scan(rotate=0, crop=None, size=(WIDTH, HEIGHT), pages=1):
    """A PDF whose pages are pictures."""
    document = pymupdf.open()
    for _ in range(pages):
        sheet = document.new_page(width=size[0], height=size[1])
        drawn = pymupdf.Pixmap(pymupdf.csRGB, (0, 0, 30, 40))
        drawn.clear_with(230)
        sheet.insert_image(sheet.rect, pixmap=drawn, keep_proportion=False)
        if crop:
            sheet.set_cropbox(pymupdf.Rect(crop))
        sheet.set_rotation(rotate)
    return document.tobytes()


def made(source, *readings, options=PLAIN, quarters=0):
    """The bytes of a searchable PDF."""
    target = Memory()
    pages = {index: ReadPage(each, quarters) for index, each in enumerate(readings) if each is not None}
    write_searchable(source, pages, options, target)
    check_with_qpdf(target.data)
    return target.data


def check_with_qpdf(data):
    if shutil.which("qpdf"):
        with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
            file.write(data)
            file.flush()
            done = subprocess.run(["qpdf", "--check", file.name], capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def poppler(data, *more):
    return subprocess.run(
        ["pdftotext", *more, "-", "-"], input=data, capture_output=True, check=True, timeout=60
    ).stdout.decode()


def poppler_words(data):
    """(word, (left, top, right, bottom) in points of the page as shown) of the first page."""
    found = re.findall(
        r'<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">(.*?)</word>',
        poppler(data, "-bbox"),
    )
    return [(html.unescape(text), tuple(map(float, box))) for *box, text in found]


def middle(box):
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def assert_found(data, read, number=0):
    """Every line is found on its page by search, its middle within half a line height of where it was read."""
    with pymupdf.open(stream=data) as document:
        sheet = document[number]
        for region in read.of_kind("line"):
            found = sheet.search_for(region.text, quads=True)
            assert found, region.text
            around = pymupdf.Rect(found[0].rect)
            for quad in found[1:]:
                around |= quad.rect
            turns = sheet.rotation // 90
            sides = (sheet.rect.width, sheet.rect.height)[:: -1 if turns % 2 else 1]
            box = (around.x0 / sides[0], around.y0 / sides[1], around.width / sides[0], around.height / sides[1])
            left, top, wide, high = (
                share * side
                for share, side in zip(turned(box, turns), 2 * (sheet.rect.width, sheet.rect.height), strict=True)
            )
            got = left + wide / 2, top + high / 2
            around = pymupdf.Rect(left, top, left + wide, top + high)
            left, top, wide, high = region.box
            want = (left + wide / 2) * sheet.rect.width, (top + high / 2) * sheet.rect.height
            assert got == pytest.approx(want, abs=10), region.text
            long, found_long = max(wide * sheet.rect.width, high * sheet.rect.height), max(around.width, around.height)
            assert found_long == pytest.approx(long, rel=0.06)


@pytest.mark.parametrize("crop", [None, (50, 60, 560, 700)])
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_lines_are_found_where_they_were_read_on_turned_and_cropped_pages(rotate, turn, crop):
    size = (crop[2] - crop[0], crop[3] - crop[1]) if crop else (WIDTH, HEIGHT)
    stands = (rotate + turn) % 180 == 0  # the upright page has the sides of the page as it lies in the file
    read = reading(turn=turn, size=size if stands else size[::-1], tops=(60, 200, 400))
    data = made(scan(rotate, crop), read)
    assert_found(data, read)
    with pymupdf.open(stream=data) as document:
        assert document[0].get_text().split("\n")[:-1] == LINES


@pytest.mark.parametrize(
    ("kind", "turn", "skew"),
    [("letter", 0, 0.0), ("table", 0, -1.2), ("columns2", 90, 0.0), ("invoice", 180, 0.8), ("receipt", 270, 2.0)],
)
def test_the_lines_of_drawn_documents_are_found_where_they_were_drawn(kind, turn, skew):
    drawn = draw_document(kind, 2, dpi=100, turn=turn, skew_deg=skew)
    height, width = drawn.rgb.shape[:2]
    blocks = []
    for known in drawn.lines:
        left, top, right, bottom = known.box_px
        blocks.append(
            block(
                "paragraph",
                line(known.text, (left / width, top / height, (right - left) / width, (bottom - top) / height)),
            )
        )
    data = made(pdf_of([drawn], "scanned"), page(*blocks, rotation=turn, skew_deg=skew))
    angle = math.radians(-turn - skew)  # of the lines, clockwise
    with pymupdf.open(stream=data) as document:
        words = [(word[4], middle(word[:4])) for word in document[0].get_text("words")]
        scale = document[0].rect.width / width
        for known in drawn.lines:
            assert document[0].search_for(known.text), known.text
            x, y = (number * scale for number in middle(known.box_px))
            left, top, right, bottom = (number * scale for number in known.straight_px)
            for text in known.text.split():
                away = [
                    (abs(dy * math.cos(angle) - dx * math.sin(angle)), abs(dx * math.cos(angle) + dy * math.sin(angle)))
                    for dx, dy in ((found[0] - x, found[1] - y) for word, found in words if word == text)
                ]
                assert any(across <= (bottom - top) / 2 and along <= (right - left) / 2 for across, along in away), text


@needs_poppler
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("turn", [0, 90])
def test_poppler_finds_every_word_where_it_was_read(rotate, turn):
    stands = (rotate + turn) % 180 == 0
    read = reading(turn=turn, size=(WIDTH, HEIGHT) if stands else (HEIGHT, WIDTH), tops=(60, 200, 400))
    data = made(scan(rotate), read)
    assert poppler(data, "-raw").split() == " ".join(LINES).split()  # else lines that run upwards come last first
    wide, high = (WIDTH, HEIGHT) if rotate % 180 == 0 else (HEIGHT, WIDTH)
    words = dict(poppler_words(data))
    assert set(words) == set(" ".join(LINES).split())
    for region in read.of_kind("line"):
        boxes = [words[word] for word in region.text.split()]
        around = [min(box[at] for box in boxes) for at in (0, 1)] + [max(box[at] for box in boxes) for at in (2, 3)]
        left, top, width, height = region.box
        assert middle(around) == pytest.approx(((left + width / 2) * wide, (top + height / 2) * high), abs=10)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_pages_that_were_turned_on_request_before_they_were_read_get_their_text_where_it_is(quarters):
    read = reading(quarters=quarters)
    data = made(scan(), read, quarters=quarters)
    with pymupdf.open(stream=data) as document:
        for text, top in zip(LINES, TOPS, strict=True):
            [quad] = document[0].search_for(text, quads=True)
            assert middle(quad.rect) == pytest.approx((120 + 150, top + 10), abs=2)


@pytest.mark.parametrize("skew", [-4.0, -0.7, 0.4, 1.5, 5.0])
@pytest.mark.parametrize("turn", [0, 90, 180])
def test_the_words_of_a_skewed_page_stand_where_its_lines_run(skew, turn):
    size = (WIDTH, HEIGHT) if turn % 180 == 0 else (HEIGHT, WIDTH)
    read = reading(turn=turn, skew=skew, size=size, tops=(200, 300, 400))
    data = made(scan(), read)
    with pymupdf.open(stream=data) as document:
        assert document[0].get_text().split("\n")[:-1] == LINES
        words = {word[4]: word[:4] for word in document[0].get_text("words")}
        for text in LINES:
            assert document[0].search_for(text), text
    found = [words]
    if shutil.which("pdftotext"):
        found.append(dict(poppler_words(data)))
    for text, top in zip(LINES, (200, 300, 400), strict=True):
        for word in text.split():
            start = text.index(word) / len(text)
            wide = len(word) / len(text)
            left, up, long, high = box_of((120 + 300 * start, top, 300 * wide, 20), size, turn, skew)
            want = (left + long / 2) * WIDTH, (up + high / 2) * HEIGHT
            for boxes in found:
                assert middle(boxes[word]) == pytest.approx(want, abs=6), word


def test_words_with_boxes_of_their_own_are_each_in_theirs():
    words = [Region("word", (0.1, 0.1, 0.1, 0.02), "one"), Region("word", (0.6, 0.1, 0.2, 0.02), "two")]
    read = page(block("paragraph", line("one two", (0.1, 0.1, 0.7, 0.02), words=words)))
    with pymupdf.open(stream=made(scan(), read)) as document:
        assert document[0].get_text().split() == ["one", "two"]
        assert document[0].search_for("one two")
        boxes = [word[:4] for word in document[0].get_text("words")]
    assert [box[0] for box in boxes] == pytest.approx([60, 360], abs=1)
    assert [box[2] for box in boxes] == pytest.approx([120, 480], abs=1)
    assert [box[3] - box[1] for box in boxes] == pytest.approx([16, 16], abs=1)


@needs_poppler
@pytest.mark.parametrize("gap", [24, 40, 70], ids="{} points apart".format)
def test_poppler_finds_lines_whole_whose_words_stand_far_apart_below_one_another(gap):
    """As those of a type-written or a justified page do: they are no columns."""
    texts = ["At long paper at", "Quality children because old", "in by given yes", "window amount be quickly"]
    lines = []
    for number, text in enumerate(texts):
        words = [
            Region(
                "word", ((60 + (60 + gap) * at) / WIDTH, (100 + 28 * number) / HEIGHT, 60 / WIDTH, 20 / HEIGHT), word
            )
            for at, word in enumerate(text.split())
        ]
        box = (60 / WIDTH, words[0].box[1], (240 + 3 * gap) / WIDTH, 20 / HEIGHT)
        lines.append(line(text, box, words=words))
    data = made(scan(), page(block("paragraph", *lines)))
    found = [" ".join(each.split()) for each in poppler(data).splitlines() if each.strip()]
    assert found == texts
    with pymupdf.open(stream=data) as document:
        assert all(len(document[0].search_for(text)) == 1 for text in texts)


SCRIPTS = [
    "Ελληνικά κείμενα",
    "Русский текст",
    "日本語の文章です",
    "한국어 문장",
    "हिन्दी पाठ",
    "ไทย ข้อความ",
    "𝔉𝔯𝔞𝔨𝔱𝔲𝔯 😀 𠀀",  # beyond the first 65,536
    "שלום עולם",
    "مرحبا بالعالم",
    "a\u0301 e\u0308 combining",
]


@pytest.mark.parametrize("text", SCRIPTS)
def test_any_script_s_letters_come_out_as_they_went_in(text):
    read = reading([text])
    data = made(scan(), read)
    with pymupdf.open(stream=data) as document:
        assert document[0].get_text().strip() == text
        assert document[0].search_for(text.split()[0])
    if shutil.which("pdftotext"):
        marks = re.compile("[\u200e\u200f\u202a-\u202e]")
        assert marks.sub("", poppler(data)).split() == text.split()


def test_words_of_both_directions_on_one_line_are_all_found():
    with pymupdf.open(stream=made(scan(), reading(["Total שלום עולם 12 EUR"]))) as document:
        for word in ("Total", "שלום", "עולם", "12", "EUR"):
            assert document[0].search_for(word), word


@pytest.mark.parametrize(
    ("hostile", "text"),
    [
        ("a\x00b\x1b[31m c", "ab[31m c"),
        ("lone \ud800 half", "lone ? half"),
        (") Tj ET Q (", ") Tj ET Q ("),
        ("\ufffe non-character \uffff", "non-character"),
        ("tab\tand\nline", "tab and line"),
    ],
)
def test_hostile_texts_are_text(hostile, text):
    read = page(Region("paragraph", (0.1, 0.1, 0.5, 0.05), hostile, children=(line(hostile, (0.1, 0.1, 0.5, 0.02)),)))
    with pymupdf.open(stream=made(scan(), read)) as document:
        assert document[0].get_text().split() == text.split()


@settings(max_examples=25, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.tuples(*(st.floats(-1, 2) for _ in range(4))),
    st.sampled_from([0, 90, 180, 270]),
    st.floats(-10, 10),
)
def test_whatever_was_read_wherever_it_makes_a_sound_pdf(text, box, turn, skew):
    read = page(block("paragraph", line(text, box)), rotation=turn, skew_deg=skew)
    target = Memory()
    write_searchable(scan(), {0: ReadPage(read)}, PdfOptions(), target)
    with pymupdf.open(stream=target.data) as document:
        document[0].get_text()
        assert not document.is_repaired
        assert pymupdf.TOOLS.mupdf_warnings() == ""


def test_a_blank_page_and_pages_that_were_not_read_stay_as_they_are():
    source = scan(pages=3)
    data = made(source, page(), None, reading())
    with pymupdf.open(stream=data) as document:
        assert [bool(each.get_text()) for each in document] == [False, False, True]
    assert made(source, page()) == source


def rich():
    """A document with all that has to be kept."""
    document = pymupdf.open()
    for number, size in enumerate([(600, 800), (300, 200), (420, 297)]):
        sheet = document.new_page(width=size[0], height=size[1])
        sheet.draw_rect((10, 10, 100, 60), fill=(0.2, 0.4, 0.6))
        sheet.insert_link(
            {"kind": pymupdf.LINK_URI, "from": pymupdf.Rect(10, 10, 100, 60), "uri": "https://a.example/"}
        )
        sheet.add_text_annot((50, 50), f"note {number}")
        sheet.set_rotation(90 * number)
    document[0].set_cropbox(pymupdf.Rect(5, 5, 500, 700))
    document.set_toc([[1, "First", 1], [2, "Second", 2], [1, "Third", 3]])
    document.embfile_add("data.csv", b"a,b\n1,2\n", desc="figures")
    document.set_metadata({"title": "Füße", "author": "Ada", "creationDate": "D:20200101000000Z"})
    document.set_xml_metadata("<x:xmpmeta xmlns:x='adobe:ns:meta/'><a/></x:xmpmeta>")
    document.set_page_labels([{"startpage": 0, "prefix": "A-", "style": "D", "firstpagenum": 1}])
    return document


def facts(data):
    with pymupdf.open(stream=data) as document:
        return {
            "toc": document.get_toc(simple=False),
            "metadata": document.metadata,
            "xmp": document.get_xml_metadata(),
            "files": [(name, document.embfile_get(name)) for name in document.embfile_names()],
            "labels": document.get_page_labels(),
            "boxes": [(each.mediabox, each.cropbox, each.rotation) for each in document],
            "links": [[(link["from"], link.get("uri")) for link in each.get_links()] for each in document],
            "notes": [[(note.info["content"], note.rect) for note in each.annots()] for each in document],
            "drawn": [each.get_pixmap(dpi=30).samples for each in document],
        }


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("mode", ["", "skip", "redo", "force"])
def test_everything_else_of_a_document_is_kept(mode, compact):
    source = rich().tobytes(use_objstms=int(compact))
    read = reading(tops=(20, 60, 110), long=150)
    data = made(source, read, read, read, options=PdfOptions(mode))
    before, after = facts(source), facts(data)
    if mode == "force":  # drawn anew: the same but for what drawing at another size changes
        for one, other in zip(before.pop("drawn"), after.pop("drawn"), strict=True):
            assert np.abs(np.frombuffer(one, np.uint8).astype(int) - np.frombuffer(other, np.uint8)).mean() < 4
    assert after == before
    for number in range(3):
        with pymupdf.open(stream=data) as document:
            assert document[number].search_for("Invoice number 4711")


def test_the_content_of_a_pages_is_not_touched_and_the_file_only_grows():
    source = rich().tobytes()
    data = made(source, reading(tops=(20, 60, 110), long=150))
    assert data.startswith(source)
    with pymupdf.open(stream=source) as old, pymupdf.open(stream=data) as new:
        for one, other in zip(old, new, strict=True):
            streams = [new.xref_stream_raw(xref) for xref in other.get_contents()]
            assert [old.xref_stream_raw(xref) for xref in one.get_contents()] == streams[-len(one.get_contents()) :]


@pytest.mark.parametrize("mode", ["", "redo", "force"])
def test_two_runs_give_the_same_bytes(mode):
    source = rich().tobytes()
    assert made(source, reading(), options=PdfOptions(mode)) == made(source, reading(), options=PdfOptions(mode))


def test_the_layer_cannot_be_seen():
    source = scan()
    with pymupdf.open(stream=made(source, reading())) as new, pymupdf.open(stream=source) as old:
        assert new[0].get_pixmap(dpi=72).samples == old[0].get_pixmap(dpi=72).samples


def test_pages_that_share_or_inherit_their_resources_keep_them():
    from drawing import pdf_of

    content = b"<</Length 29>>stream\nBT /F1 20 Tf 9 9 Td (a) Tj ET\nendstream"
    data = pdf_of(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2/MediaBox[0 0 600 800]/Resources<</Font<</F1 6 0 R>>>>>>",
            b"<</Type/Page/Parent 2 0 R/Contents 5 0 R>>",
            b"<</Type/Page/Parent 2 0 R/Contents 5 0 R/Resources 7 0 R>>",
            content,
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            b"<</Font 8 0 R>>",
            b"<</F1 6 0 R>>",
        ]
    )
    read = reading(tops=(300, 400, 500))
    found = made(data, read, read, options=PdfOptions("redo"))
    with pymupdf.open(stream=found) as document:
        for each in document:
            assert each.get_text().split() == [*" ".join(LINES).split(), "a"]


def hand_written(box, extra=b"", kids=b"3 0 R", pages=1):
    from drawing import pdf_of

    each = b"<</Type/Page/Parent 2 0 R/MediaBox[%s]%s>>" % (box, extra)
    tree = b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, pages)
    return pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", tree, each])


@pytest.mark.parametrize("rotate", [0, 90])
@pytest.mark.parametrize(
    ("box", "extra"),
    [
        (b"0 0 600 800", b""),
        (b"-50 -100 550 700", b""),
        (b"300 400 900 1200", b"/CropBox[320 420 900 1200]"),
        (b"0 0 600 800", b"/CropBox[-100 -100 2000 2000]"),  # larger than the page: what they share counts
        (b"550 700 -50 -100", b""),
        (b"0 0 300 400", b"/UserUnit 2"),
        (b"0 0 600.37 800.91", b""),
    ],
)
def test_pages_of_any_origin_and_unit_get_their_text_where_it_is(box, extra, rotate):
    source = hand_written(box, extra + b"/Rotate %d" % rotate)
    with pymupdf.open(stream=source) as document:
        size = document[0].rect.width, document[0].rect.height
    read = reading(size=size, tops=(60, 200, 400))
    assert_found(made(source, read), read)


def test_a_page_that_stands_twice_in_a_document_gets_one_layer():
    source = hand_written(b"0 0 600 800", kids=b"3 0 R 3 0 R", pages=2)
    target = Memory()
    write_searchable(source, {0: ReadPage(reading()), 1: ReadPage(reading())}, PdfOptions(), target)
    with pymupdf.open(stream=target.data) as document:
        assert [each.get_text().split("\n")[:-1] for each in document] == [LINES, LINES]


def test_the_layer_is_where_it_should_be_whatever_a_page_s_own_operators_leave_behind():
    source = hand_written(b"0 0 600 800", b"/Contents 4 0 R")
    with pymupdf.open(stream=source) as document:
        document.update_object(4, "<<>>") if document.xref_length() > 4 else document.get_new_xref()
        xref = document.xref_length() - 1
        document.update_object(xref, "<<>>")
        document.update_stream(xref, b"q q 5 0 0 5 90 90 cm BT 7 Tr /Nowhere 12 Tf (unfinished")
        document.xref_set_key(document[0].xref, "Contents", f"{xref} 0 R")
        source = document.tobytes()
    read = reading()
    target = Memory()
    write_searchable(source, {0: ReadPage(read)}, PdfOptions("redo"), target)
    assert_found(target.data, read)


@pytest.mark.skipif(shutil.which("qpdf") is None, reason="qpdf is missing")
@pytest.mark.parametrize(
    "how",
    [["--linearize"], ["--object-streams=generate"], ["--object-streams=disable", "--min-version=1.3"], ["--qdf"]],
)
def test_files_of_every_make_are_added_to(tmp_path, how):
    (tmp_path / "a.pdf").write_bytes(rich().tobytes())
    subprocess.run(["qpdf", *how, "a.pdf", "b.pdf"], cwd=tmp_path, check=True)
    source = (tmp_path / "b.pdf").read_bytes()
    for mode in ("", "redo"):
        data = made(source, reading(tops=(20, 60, 110), long=150), options=PdfOptions(mode))
        assert facts(data) == facts(source)
        with pymupdf.open(stream=data) as document:
            assert document[0].search_for("4711")


def old_ocr(sheet, text="old reading", top=700):
    sheet.insert_text((100, top), text, fontsize=12, render_mode=3)


def test_pages_with_text_are_refused_without_a_mode():
    document = pymupdf.open(stream=scan(pages=2))
    document[1].insert_text((100, 700), "seen")
    data = document.tobytes()
    with pytest.raises(UsageError, match=r"Page 2 of Standard input has text already") as caught:
        made(data, reading(), reading())
    assert "--mode skip" in caught.value.hint and "redo" in caught.value.hint and "force" in caught.value.hint
    with pytest.raises(UsageError):
        check_pdf(data, PdfOptions())
    check_pdf(data, PdfOptions(), lambda count: [count - 2])  # the other page has none
    check_pdf(data, PdfOptions("skip"))


def test_a_file_is_checked_where_it_lies(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(scan())
    check_pdf(path, PdfOptions())
    assert [each.name for each in tmp_path.iterdir()] == ["a.pdf"]
    document = pymupdf.open(stream=scan())
    document.save(str(path), encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="secret", owner_pw="other")
    with pytest.raises(EncryptedError):
        check_pdf(path, PdfOptions())
    check_pdf(path, PdfOptions(password="secret"))
    with pytest.raises(MediaError):
        check_pdf(tmp_path / "none.pdf", PdfOptions())


def test_a_file_whose_name_is_no_utf8_is_read_and_written_as_any_other(tmp_path):
    path = tmp_path / os.fsdecode(b"a\xff.pdf")
    try:
        path.write_bytes(scan())
    except (OSError, UnicodeError):
        pytest.skip("this file system has no such names")
    check_pdf(path, PdfOptions())
    with pymupdf.open(stream=made(path, reading())) as new:
        assert new[0].search_for("4711")


def test_skip_leaves_pages_with_text_as_they_are():
    document = pymupdf.open(stream=scan(pages=2))
    old_ocr(document[0])
    data = made(document.tobytes(), reading(), reading(), options=PdfOptions("skip"))
    with pymupdf.open(stream=data) as new:
        assert [each.get_text().split() for each in new] == [["old", "reading"], " ".join(LINES).split()]


def test_redo_takes_out_what_nobody_sees_and_keeps_what_is_seen():
    document = pymupdf.open(stream=scan(pages=2))
    old_ocr(document[0])
    document[0].insert_text((100, 760), "seen")
    read = reading()
    data = made(document.tobytes(), read, options=PdfOptions("redo"))
    with pymupdf.open(stream=data) as new:
        assert new[0].get_text().split() == [*" ".join(LINES).split(), "seen"]
    again = made(data, reading(["Read again"]), options=PdfOptions("redo"))
    with pymupdf.open(stream=again) as new:
        assert new[0].get_text().split() == ["Read", "again", "seen"]


def test_redo_takes_hidden_text_out_of_forms_that_a_page_shows():
    layer = pymupdf.open()
    old_ocr(layer.new_page(width=WIDTH, height=HEIGHT))
    document = pymupdf.open(stream=scan())
    document[0].show_pdf_page(document[0].rect, layer, 0)
    assert document[0].get_text().strip() == "old reading"
    data = made(document.tobytes(), reading(), options=PdfOptions("redo"))
    with pymupdf.open(stream=data) as new:
        assert new[0].get_text().split() == " ".join(LINES).split()


def test_lines_of_the_page_s_own_text_are_not_laid_a_second_time():
    document = pymupdf.open(stream=scan())
    document[0].insert_text((100, 700), "own text")
    own, read = line("own text", (0.17, 0.86, 0.2, 0.02), None), line("from the picture", (0.2, 0.2, 0.5, 0.02), 0.9)
    mixed = page(block("paragraph", read), block("paragraph", own))
    mixed = type(mixed)("mixed", mixed.regions, mixed.size_px)
    layer = type(mixed)("layer", mixed.regions[1:], mixed.size_px)
    for each, want in ((mixed, "from the picture own text"), (layer, "own text")):
        data = made(document.tobytes(), each, options=PdfOptions("redo"))
        with pymupdf.open(stream=data) as new:
            assert " ".join(new[0].get_text().split()) == want


def test_force_makes_a_page_a_picture_with_all_of_its_text_as_layer():
    document = pymupdf.open(stream=scan())
    document[0].insert_text((100, 700), "own text", fontsize=20)
    own = type(page())("layer", (block("paragraph", line("own text", (0.17, 0.86, 0.2, 0.02), None)),), (600, 800))
    data = made(document.tobytes(), own, options=PdfOptions("force"))
    with pymupdf.open(stream=data) as new:
        assert new[0].get_text() == "own text\n"
        assert [font[3] for font in new[0].get_fonts()] == ["GlyphLessFont"]
        assert len(new[0].get_images()) == 1


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_page_that_is_drawn_anew_looks_as_before(rotate):
    document = pymupdf.open()
    sheet = document.new_page(width=301, height=203)
    sheet.draw_rect((20, 30, 90, 60), fill=(1, 0, 0))
    sheet.draw_rect((200, 130, 260, 180), fill=(0, 0, 1))
    sheet.set_cropbox(pymupdf.Rect(10, 15, 290, 195))
    sheet.set_rotation(rotate)
    source = document.tobytes()
    data = made(source, reading(tops=(10, 20, 30), long=50), options=PdfOptions("force"))
    with pymupdf.open(stream=source) as old, pymupdf.open(stream=data) as new:
        one, other = (
            np.frombuffer(each[0].get_pixmap().samples, np.uint8).astype(int).reshape(each[0].get_pixmap().h, -1)
            for each in (old, new)
        )
        assert np.abs(one - other).mean() < 1


def sign(document, value="<</Type/Sig/Filter/Adobe.PPKLite/ByteRange[0 1 2 3]/Contents<00>>>"):
    xref = document.get_new_xref()
    document.update_object(xref, f"<</FT/Sig/T(Signature)/Type/Annot/Subtype/Widget/Rect[0 0 0 0]/V {value}>>")
    document.xref_set_key(document.pdf_catalog(), "AcroForm", f"<</Fields[{xref} 0 R]/SigFlags 3>>")
    return document.tobytes()


def test_signed_documents_are_refused_unless_it_is_forced():
    data = sign(pymupdf.open(stream=scan()))
    for attempt in (lambda: made(data, reading()), lambda: check_pdf(data, PdfOptions())):
        with pytest.raises(UsageError, match="is signed") as caught:
            attempt()
        assert "--force" in caught.value.hint
    with pymupdf.open(stream=made(data, reading(), options=PdfOptions(force=True))) as new:
        assert new[0].search_for("4711")


def test_a_form_with_an_empty_field_for_a_signature_is_not_signed():
    with pymupdf.open(stream=made(sign(pymupdf.open(stream=scan()), "null"), reading())) as new:
        assert new[0].search_for("4711")


def test_an_encrypted_document_stays_so_and_wants_its_password():
    document = pymupdf.open(stream=scan())
    data = document.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="secret", owner_pw="other")
    for password in (None, "wrong"):
        with pytest.raises(EncryptedError):
            made(data, reading(), options=PdfOptions(password=password))
    target = Memory()
    write_searchable(data, {0: ReadPage(reading())}, PdfOptions(password="secret"), target)
    with pymupdf.open(stream=target.data) as new:
        assert new.needs_pass
        assert new.authenticate("secret")
        assert new[0].search_for("4711")


def test_a_damaged_document_is_repaired_or_is_a_sentence():
    data = scan()
    cut = data[: data.rindex(b"xref")]
    with pymupdf.open(stream=made(cut, reading())) as new:
        assert new[0].search_for("4711")
    for broken in (b"%PDF-1.7\n", b"%PDF-1.7\n" + b"\0" * 500):
        with pytest.raises(MediaError):
            made(broken, reading())
    with pytest.raises(MediaError, match="no page 2"):
        made(data, None, reading())


def test_a_source_that_is_gone_or_has_changed_is_a_sentence(tmp_path):
    path = tmp_path / "a.pdf"
    writer = PdfWriter(Memory())
    writer.answer(answer(reading(), path=str(path), sha256="0" * 64))
    with pytest.raises(MediaError, match="cannot be read any more"):
        writer.finish()
    path.write_bytes(scan())
    with pytest.raises(MediaError, match="has changed"):
        writer.finish()


def test_the_writer_collects_the_pages_of_one_file_and_refuses_a_second(tmp_path):
    import hashlib

    source = scan(pages=2)
    path = tmp_path / "a.pdf"
    path.write_bytes(source)
    target = Memory()
    writer = PdfWriter(target)
    digest = hashlib.sha256(source).hexdigest()
    for number in (2, 1):
        writer.answer(answer(reading([f"This is page {number}"]), number, str(path), sha256=digest))
    with pytest.raises(UsageError, match="made of one file") as caught:
        writer.answer(answer(reading(), 1, "b.pdf", sha256="1"))
    assert "--output-dir" in caught.value.hint
    writer.finish()
    with pymupdf.open(stream=target.data) as new:
        assert [each.get_text() for each in new] == ["This is page 1\n", "This is page 2\n"]
    assert path.read_bytes() == source


def test_standard_input_is_written_from_what_was_read():
    target = Memory()
    writer = PdfWriter(target, PdfOptions(data=scan()))
    writer.answer(answer(reading(), path="-"))
    writer.finish()
    with pymupdf.open(stream=target.data) as new:
        assert new[0].search_for("4711")


def picture(mode="RGB", size=(600, 800)):
    drawn = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(drawn)
    for text, top in zip(LINES, TOPS, strict=True):
        pen.text((120, top), text, "black", ImageFont.load_default(18))
    pen.rectangle((10, 10, 60, 40), fill="red")
    return drawn.convert(mode)


def encoded(image, kind, **more):
    file = io.BytesIO()
    image.save(file, kind, **more)
    return file.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_becomes_a_page_byte_for_byte(mode):
    source = encoded(picture(mode), "JPEG", dpi=(150, 150))
    read = reading()
    data = made(source, read)
    assert source in data
    assert_found(data, read)
    with pymupdf.open(stream=data) as new:
        assert tuple(new[0].rect) == pytest.approx((0, 0, 600 * 72 / 150, 800 * 72 / 150))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_that_says_how_it_was_held_is_shown_upright(orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    upright = picture()
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpositions that bring it into that orientation
    held = upright if orientation == 1 else upright.transpose(Image.Transpose(undo[orientation]))
    data = made(encoded(held, "JPEG", dpi=(100, 100), quality=95, exif=exif), reading())
    with pymupdf.open(stream=data) as new:
        drawn = new[0].get_pixmap(dpi=100)
        shown = np.frombuffer(drawn.samples, np.uint8).reshape(drawn.h, drawn.w, 3).astype(int)
        assert shown.shape == (800, 600, 3)
        assert np.abs(shown - np.asarray(upright)).mean() < 3
        assert new[0].search_for("4711")


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGB"), ("PNG", "L"), ("PNG", "1"), ("TIFF", "RGB"), ("BMP", "RGB")]
)
def test_other_pictures_become_pages_without_loss(kind, mode):
    drawn = picture(mode)
    data = made(encoded(drawn, kind, dpi=(144, 144)), reading())
    with pymupdf.open(stream=data) as new:
        shown = pymupdf.Pixmap(pymupdf.csRGB, pymupdf.Pixmap(new, new[0].get_images()[0][0]))
        pixels = np.frombuffer(shown.samples, np.uint8).reshape(shown.h, shown.w, -1)[..., :3]
        assert (pixels == np.asarray(drawn.convert("RGB"))).all()
        assert new[0].search_for("4711")


def test_the_pages_of_a_tiff_that_were_read_become_pages():
    pages = [picture(), picture("1"), picture("L", (800, 600))]
    source = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:], dpi=(200, 200))
    readings = [reading([f"Page {number}"]) for number in (1, 2, 3)]
    with pymupdf.open(stream=made(source, *readings)) as new:
        assert [each.get_text().strip() for each in new] == ["Page 1", "Page 2", "Page 3"]
        assert [each.rect.width for each in new] == pytest.approx([216, 216, 288])
    with pymupdf.open(stream=made(source, None, readings[1], readings[2])) as new:
        assert [each.get_text().strip() for each in new] == ["Page 2", "Page 3"]


def test_a_picture_that_does_not_say_how_large_it_is_becomes_a_page_as_long_as_a4():
    for source in (encoded(picture(), "PNG"), encoded(picture(), "JPEG", dpi=(72, 72))):
        with pymupdf.open(stream=made(source, reading())) as new:
            assert new[0].rect.height == pytest.approx(842, abs=0.1)
            assert new[0].search_for("4711")


def test_kinds_that_mupdf_does_not_read_come_from_the_pixels_that_were_read():
    source = encoded(picture(), "WEBP", lossless=True)
    for mode in ("RGB", "L"):
        pixels = np.asarray(picture(mode).convert("RGB"))
        options = PdfOptions(picture=lambda path, index, pixels=pixels: pixels if (path, index) == ("-", 0) else None)
        read = reading(quarters=1)  # turned on request; the picture is not
        data = made(source, read, options=options, quarters=1)
        assert_found(data, reading())
        with pymupdf.open(stream=data) as new:
            shown = new[0].get_pixmap(matrix=pymupdf.Matrix(800 / 842, 800 / 842))
            found = np.frombuffer(shown.samples, np.uint8).reshape(shown.h, shown.w, 3)
            assert found.shape == pixels.shape
            assert np.abs(found.astype(int) - pixels).mean() < 2
    with pytest.raises(MediaError, match="cannot be made a page"):
        made(source, reading())


def test_pictures_that_mupdf_cannot_decode_or_count_come_from_their_pixels():
    pixels = np.asarray(picture())
    options = PdfOptions(picture=lambda path, index: pixels)
    moving = encoded(picture(), "PNG", save_all=True, append_images=[picture("L").convert("RGB")])
    for source, *readings in ((b"\x89PNG\r\n\x1a\nnothing", reading()), (moving, None, reading())):
        with pymupdf.open(stream=made(source, *readings, options=options)) as new:
            assert [bool(each.search_for("4711")) for each in new] == [True]


def test_nothing_is_said_on_standard_output_about_what_is_damaged():
    code = (
        "from smolcli.formats.pdf import *; from smolcli.formats.pdf_opening import PdfOptions; import sys;"
        "from smolcli.errors import MediaError; from smolcli.files import StandardOutput\n"
        "for head in (b'\\xff\\xd8\\xff', b'\\x89PNG\\r\\n\\x1a\\n', b'%PDF-1.7'):\n"
        "    try: write_searchable(head + bytes(90), {}, PdfOptions(), StandardOutput())\n"
        "    except MediaError as error: print(error, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert [word in done.stderr for word in ("PNG first", "the PDF is damaged")] == [True, True]


def test_what_stands_before_a_pdf_is_left_out():
    for junk in (b"\n", b"HTTP/1.1 200 OK\r\n" * 100):
        data = made(junk + scan(), reading())
        assert data.startswith(b"%PDF-")
        with pymupdf.open(stream=data) as new:
            assert new[0].search_for("4711")


@pytest.mark.parametrize(
    ("content", "left"),
    [
        (b"BT 3 Tr (hidden) Tj ET", b"BT 3 Tr  ET"),
        (b"BT /F 1 Tf (seen) Tj ET", None),
        (b"BT /F 1 Tf 3 Tr 1 0 0 1 0 0 Tm (h) Tj 9 0 Td /F 2 Tf (h) Tj ET 1 0 Td", b"BT  3 Tr    /F 2 Tf  ET 1 0 Td"),
        (b"BT 1 0 Td 3 Tr (h) Tj 0 Tr (seen) Tj ET", b"BT 1 0 Td 3 Tr  0 Tr (seen) Tj ET"),
        (b"q 3 Tr BT (h) Tj ET Q BT (s) Tj ET", b"q 3 Tr BT  ET Q BT (s) Tj ET"),
        (b"BT 3 Tr [(a\\) ) -20 (Tj)] TJ 0 Tr (s\\() Tj ET", b"BT 3 Tr  0 Tr (s\\() Tj ET"),
        (b"3 Tr BT <</A[(x)]>> BDC <41>' 1 2 (c)\" EMC ET", b"3 Tr BT <</A[(x)]>> BDC   EMC ET"),
        (b"(3 Tr) Tj % 3 Tr\n(s) Tj", None),
        (b"3 Tr BI /W 1 ID \x00(Tj) EIx\nEI BT (h) Tj", b"3 Tr BI /W 1 ID \x00(Tj) EIx\nEI BT "),
        (b"3 Tr (never closed Tj", None),
        (b"]] >> ) Q Q 3 Tr (h)Tj", b"]] >> ) Q Q 3 Tr "),
        (b"/N Tr 3 0 Tr (s) Tj", None),
    ],
)
def test_only_operators_that_show_hidden_text_are_cut(content, left):
    assert without_hidden_text(content) == left


@given(st.binary(max_size=60))
def test_a_damaged_content_stream_is_no_error(content):
    found = without_hidden_text(b"3 Tr " + content)
    assert found is None or len(found) < len(content) + 5


def test_the_font_is_sound_and_numbers_run_out_into_replacements():
    font = pymupdf.Font(fontbuffer=font_file())
    at = font_file().index(b"glyf")
    offset, length = (int.from_bytes(font_file()[at + step : at + step + 4]) for step in (8, 12))
    contours, *box = np.frombuffer(font_file()[offset : offset + 10], ">i2").tolist()
    assert (contours, box, length) == (1, [0, -200, 500, 800], 24)  # a line: pdfium does not see what has no height
    assert (font.ascender, font.descender) == pytest.approx((0.8, -0.2))
    glyphs = Glyphs()
    everything = "".join(chr(c) for c in range(0x20, 0x20000) if not 0xD800 <= c < 0xE000)
    assert glyphs.encoded(everything).endswith("0001>")
    assert glyphs.encoded(" ") == "<0002>"
