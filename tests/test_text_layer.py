"""A page's own text: boxes as the page is shown, reading order, what is hidden, and text that is not what one sees."""

from __future__ import annotations

import difflib
import random

import numpy as np
import pymupdf
import pytest
from documents import draw_document, pdf_of

from smolcli.errors import MediaError
from smolcli.media import MediaOptions, TextLayer, open_media
from smolcli.media.picture_boxes import Painted, bare_pictures
from smolcli.media.plausible import fault_of
from smolcli.media.reading_order import Piece, in_reading_order
from smolcli.regions import page_text

PROSE = (
    "The quick brown fox jumps over the lazy dog while the five boxing wizards watch it from the other side of "
    "the river, and nobody says a word about the weather or about what has happened in the morning of that day. "
    "When the sun goes down the fox returns to its den, the dog sleeps, and the wizards pack their bags at last. "
)
RED = (1, 0, 0)


def sheet(width=600, height=800):
    return pymupdf.open().new_page(width=width, height=height)


def picture(width=60, height=80, alpha=False):
    drawn = pymupdf.Pixmap(pymupdf.csRGB, (0, 0, width, height), alpha)
    drawn.clear_with(120)
    return drawn


def layer(page, number=0, **options) -> TextLayer | None:
    data = page.parent.tobytes()
    from smolcli.media.document import open_document
    from smolcli.media.reading import open_bytes

    with open_document(open_bytes("a.pdf", data), MediaOptions(**options)) as media:
        return media.layer(media.places[number])


def lines_of(found: TextLayer) -> list[str]:
    return [region.text for block in found.regions for region in block.walk() if region.kind == "line"]


def red_box(page, **options) -> tuple[float, ...]:
    """Where something red is drawn on the picture of a page, in shares of it."""
    from smolcli.media.document import open_document
    from smolcli.media.reading import open_bytes

    with open_document(open_bytes("a.pdf", page.parent.tobytes()), MediaOptions(**options)) as media:
        rgb = media.frame(media.places[0]).rgb.astype(int)
    found = np.argwhere((rgb[..., 0] - rgb[..., 1] > 100) & (rgb[..., 0] > 150))
    (top, left), (bottom, right) = found.min(0), found.max(0) + 1
    height, width = rgb.shape[:2]
    return left / width, top / height, (right - left) / width, (bottom - top) / height


def test_a_page_without_text_has_no_layer():
    page = sheet()
    page.insert_image((0, 0, 600, 800), pixmap=picture())
    assert layer(page) is None


def test_a_picture_file_has_no_layer(tmp_path):
    picture().save(str(tmp_path / "a.png"))
    with open_media(str(tmp_path / "a.png"), MediaOptions()) as media:
        assert media.layer(media.places[0]) is None


@pytest.mark.parametrize("asked", [0, 90, 180, 270])
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [None, (40, 60, 560, 780)])
def test_lines_and_words_lie_where_they_are_seen(turn, asked, crop):
    page = sheet()
    page.insert_text((100, 200), "Total 12.80", fontsize=30, color=RED)
    if crop:
        page.set_cropbox(pymupdf.Rect(crop))
    page.set_rotation(turn)
    found = layer(page, rotate=asked)
    assert found is not None
    [block] = found.regions
    [line] = block.children
    seen = red_box(page, rotate=asked, longest_edge_px=800)
    middle = [line.box[at] + line.box[at + 2] / 2 for at in (0, 1)]
    assert middle == pytest.approx([seen[at] + seen[at + 2] / 2 for at in (0, 1)], abs=0.01)
    assert line.box[2:] == pytest.approx(seen[2:], abs=0.03)
    assert (block.text, line.text, [word.text for word in line.children]) == (
        "Total 12.80",
        "Total 12.80",
        ["Total", "12.80"],
    )
    assert found.rotation == (360 - turn - asked) % 360
    first, second = line.children
    assert first.box[2] * first.box[3] > second.box[2] * second.box[3] * 0.8
    assert all(word.box[at] >= line.box[at] - 0.01 for word in line.children for at in (0, 1))


@pytest.mark.parametrize("turn", [0, 90, 270])
@pytest.mark.parametrize(
    ("box", "extra"),
    [
        (b"0 0 600 800", b"/CropBox[-100 -100 2000 2000]"),  # larger than the page: what they share counts
        (b"0 0 300 400", b"/UserUnit 2"),
        (b"-50 -100 550 700", b"/CropBox[0 0 500 600]"),
    ],
)
def test_lines_lie_where_they_are_seen_whatever_the_page_s_origin_and_unit(turn, box, extra):
    from drawing import pdf_of

    content = b"1 0 0 rg BT /F 30 Tf 60 200 Td (Total) Tj ET"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[%s]%s/Rotate %d/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>"
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        page % (box, extra, turn),
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    sheet = pymupdf.open(stream=pdf_of(parts))[0]
    [line] = layer(sheet).regions[0].children
    seen = red_box(sheet, longest_edge_px=800)
    middle = [line.box[at] + line.box[at + 2] / 2 for at in (0, 1)]
    assert middle == pytest.approx([seen[at] + seen[at + 2] / 2 for at in (0, 1)], abs=0.02)


def test_text_outside_of_the_crop_box_is_not_on_the_page():
    page = sheet()
    page.insert_text((100, 200), "seen")
    page.insert_text((100, 20), "cut off")
    page.set_cropbox(pymupdf.Rect(40, 60, 560, 780))
    assert lines_of(layer(page)) == ["seen"]


def test_columns_are_read_one_after_the_other_however_they_were_written():
    page = sheet()
    page.insert_text((50, 60), "A title over both of the columns of this page", fontsize=20)
    for row in range(12):  # line by line across the page, as some programs write
        page.insert_text((50, 100 + 14 * row), f"left {row} of the text that fills its column", fontsize=11)
        page.insert_text((320, 100 + 14 * row), f"right {row} of the text that fills its column", fontsize=11)
    page.insert_text(
        (50, 400), "A paragraph under both columns, as wide as the page is, comes at the end.", fontsize=13
    )
    assert [line.split(" of the text")[0] for line in lines_of(layer(page))] == [
        "A title over both of the columns of this page",
        *(f"left {row}" for row in range(12)),
        *(f"right {row}" for row in range(12)),
        "A paragraph under both columns, as wide as the page is, comes at the end.",
    ]


@pytest.mark.parametrize(
    "kind", ["page", "letter", "columns2", "columns3", "magazine", "report", "contents", "table", "invoice", "receipt"]
)
def test_documents_of_every_kind_are_read_in_their_order(kind):
    drawn = draw_document(kind, 1, dpi=50)
    found = layer(pymupdf.open(stream=pdf_of([drawn], "born"))[0])
    got, want = [page_text(found.reading((1, 1))).split(), drawn.text.split()]
    assert found.is_sound
    assert difflib.SequenceMatcher(None, got, want, autojunk=False).ratio() > 0.98
    tables = {(line.block, line.row) for line in drawn.lines if line.row >= 0}
    assert ("table" in {block.kind for block in found.regions}) == bool(tables)


def test_the_cells_of_a_form_are_read_row_by_row():
    page = sheet()
    for at, (name, value) in enumerate([("Name", "Ada"), ("Date", "1843"), ("Total", "12.80")]):
        page.insert_text((350, 100 + 30 * at), value)
        page.insert_text((50, 100 + 30 * at), name)
    assert lines_of(layer(page)) == ["Name", "Ada", "Date", "1843", "Total", "12.80"]


def rows_of(region):
    from smolcli.formats.page import rows_of

    return rows_of(region)


def draw_table(page, rows, columns=(50, 250, 420), top=100, leading=20):
    for at, row in enumerate(rows):
        for x, text in zip(columns, row, strict=False):
            if text:
                page.insert_text((x, top + leading * at), text, fontsize=10)


INVOICE = [["Item", "Count", "Price"], ["Paper, white", "12", "3.50"], ["Ink", "1", "17.90"], ["Glue", "", "2.10"]]


@pytest.mark.parametrize("turn", [0, 90])
def test_a_table_is_rows_of_cells(turn):
    page = sheet()
    page.insert_textbox((50, 20, 550, 80), PROSE[:160], fontsize=10)
    draw_table(page, INVOICE)
    page.insert_textbox((50, 190, 550, 300), PROSE, fontsize=10)
    page.set_rotation(turn)
    before, table, after = layer(page).regions
    assert (before.kind, table.kind, after.kind) == ("paragraph", "table", "paragraph")
    assert rows_of(table) == INVOICE
    assert [cell.text for cell in table.children if cell.row == 2] == ["Ink", "1", "17.90"]
    assert table.text.splitlines()[1] == "Paper, white\t12\t3.50"


def test_a_cell_of_several_lines_and_one_over_several_columns_are_one_cell():
    page = sheet()
    draw_table(
        page,
        [["Year", "North", "South"], ["2024", "12", "13"], ["2025", "14", "15"], ["2026", "a long", "16"]],
        leading=30,
    )
    page.insert_text((250, 202), "entry", fontsize=10)
    draw_table(page, [["2027", "in all of the country: none"]], (50, 250), 220)
    draw_table(page, [["2028", "17", "18"]], top=250)
    [table] = layer(page).regions
    assert rows_of(table) == [
        ["Year", "North", "South"],
        ["2024", "12", "13"],
        ["2025", "14", "15"],
        ["2026", "a long\nentry", "16"],
        ["2027", "in all of the country: none", ""],
        ["2028", "17", "18"],
    ]


def test_a_table_in_one_column_is_none_with_the_text_of_the_other():
    page = sheet()
    draw_table(page, [[str(year), "North", "12.5"] for year in range(2010, 2022)], (50, 120, 200), leading=17)
    for row in range(16):
        page.insert_text((320, 100 + 13 * row), f"right {row} of the text that fills its column", fontsize=11)
    table, text = layer(page).regions
    assert (table.kind, len(rows_of(table)), text.kind, len(text.children)) == ("table", 12, "paragraph", 16)


def test_a_table_with_a_column_of_long_texts_is_read_by_rows():
    page = sheet()
    for row in range(8):
        page.insert_text((50, 100 + 16 * row), f"A-{row}", fontsize=11)
        page.insert_text((150, 100 + 16 * row), f"what is said about the part with number {row}", fontsize=11)
    [table] = layer(page).regions
    assert rows_of(table)[3] == ["A-3", "what is said about the part with number 3"]


def test_lists_columns_of_prose_and_two_rows_are_no_tables():
    page = sheet()
    draw_table(page, [[f"{n}.", f"the item of a list with number {n}"] for n in range(1, 6)], (50, 100))
    draw_table(page, [["one", "two"], ["three", "four"]], top=300)
    for row in range(12):
        page.insert_text((50, 400 + 14 * row), f"left {row} of the text that fills its column", fontsize=11)
        page.insert_text((320, 400 + 14 * row), f"right {row} of the text that fills its column", fontsize=11)
    blocks = layer(page).regions
    assert "table" not in {block.kind for block in blocks}
    assert [block.text for block in blocks if block.kind == "list_item"] == [
        f"{number}. the item of a list with number {number}" for number in range(1, 6)
    ]


def test_columns_of_right_to_left_text_begin_on_the_right():
    text = "שלום עולם וברכה לכולם כאן"
    boxes = [(x, 0.1 + 0.03 * row, 0.4, 0.02) for x in (0.05, 0.55) for row in range(4)]
    pieces = [Piece(box, 0, text) for box in boxes]
    assert in_reading_order(pieces) == [4, 5, 6, 7, 0, 1, 2, 3]


def test_every_line_is_read_once_however_lines_lie():
    drawn = random.Random(7)
    for count in (0, 1, 40, 3001):
        pieces = [
            Piece((drawn.random() * 0.8, drawn.random() * 0.9, drawn.random() * 0.2, drawn.random() * 0.1), 0, "x" * 20)
            for _ in range(count)
        ]
        assert sorted(in_reading_order(pieces)) == list(range(count))


def test_what_is_larger_than_the_text_is_a_heading_and_what_begins_with_a_mark_an_item():
    page = sheet()
    page.insert_text((50, 60), "Annual report", fontsize=24)
    page.insert_text((50, 100), "Results", fontsize=14)
    page.insert_textbox((50, 120, 550, 300), PROSE, fontsize=10)
    page.insert_text((60, 320), "• first\n• second\n3. third".splitlines(), fontsize=10)
    found = layer(page)
    assert [(block.kind, block.level) for block in found.regions] == [
        ("heading", 1),
        ("heading", 3),
        ("paragraph", 0),
        *3 * [("list_item", 0)],
    ]
    assert " ".join(found.regions[2].text.split()) == PROSE.strip()
    reading = found.reading((600, 800))
    assert (reading.text_from, reading.rotation, reading.size_px, reading.confidence) == ("layer", 0, (600, 800), None)


def test_lines_in_letters_of_one_width_are_code_unless_the_page_is_from_a_typewriter():
    page = sheet()
    page.insert_textbox((50, 50, 550, 200), PROSE * 2, fontsize=10)
    for row, text in enumerate(["def f(x):", "    if x:", "        return - 1"]):
        page.insert_text((60, 300 + 12 * row), text, fontname="cour", fontsize=10)
    assert [block.kind for block in layer(page).regions] == ["paragraph", "code"]
    assert layer(page).regions[1].text == "def f(x):\n    if x:\n        return - 1"
    page = sheet()
    page.insert_textbox((50, 50, 550, 300), PROSE * 2, fontname="cour", fontsize=10)
    assert {block.kind for block in layer(page).regions} == {"paragraph"}


def test_text_that_another_ocr_has_hidden_is_not_trusted():
    page = sheet()
    page.insert_image((0, 0, 600, 800), pixmap=picture())
    page.insert_textbox((50, 120, 550, 300), PROSE, fontsize=10, render_mode=3)
    page.insert_text((50, 30), "scanned on Monday")
    found = layer(page)
    assert not found.is_sound
    assert found.fault == "is hidden behind the picture, as another OCR left it"
    assert lines_of(found) == ["scanned on Monday"]
    assert " ".join(" ".join(block.text for block in found.hidden).split()) == PROSE.strip()


def test_text_that_was_painted_over_by_the_scan_is_hidden_too():
    page = sheet()
    page.insert_textbox((50, 120, 550, 300), PROSE, fontsize=10)
    page.insert_image((0, 0, 600, 800), pixmap=picture())
    found = layer(page)
    assert not found.is_sound
    assert found.regions == ()
    assert found.reading((600, 800)).text_from == ""


def test_text_under_a_picture_that_one_sees_through_or_over_a_picture_is_seen():
    page = sheet()
    page.insert_image((0, 0, 600, 800), pixmap=picture())
    page.insert_textbox((50, 120, 550, 300), PROSE, fontsize=10)
    page.insert_image((0, 0, 600, 800), pixmap=picture(alpha=True))
    found = layer(page)
    assert found.is_sound
    assert found.hidden == ()


def test_a_little_hidden_text_beside_seen_text_is_left_out():
    page = sheet()
    page.insert_textbox((50, 120, 550, 300), PROSE, fontsize=10)
    page.insert_text((50, 400), "hidden words", render_mode=3)
    found = layer(page)
    assert found.is_sound
    assert [block.text for block in found.hidden] == ["hidden words"]
    assert "hidden" not in "".join(lines_of(found))


def test_pictures_without_text_over_them_are_named_and_grounds_are_not():
    page = sheet()
    page.insert_image((0, 0, 600, 300), pixmap=picture(60, 30))  # a ground
    page.insert_textbox((50, 20, 550, 280), PROSE * 4, fontsize=11)
    for strip in range(10):  # a scan in strips
        page.insert_image((60, 400 + 20 * strip, 540, 420 + 20 * strip), pixmap=picture(480, 20), keep_proportion=False)
    page.insert_image((10, 780, 22, 792), pixmap=picture())  # an icon
    found = layer(page)
    [box] = found.pictures
    assert box == pytest.approx((60 / 600, 400 / 800, 480 / 600, 200 / 800), abs=0.01)


def test_a_stamp_on_a_scan_leaves_the_scan_to_be_read():
    page = sheet()
    page.insert_image((0, 0, 600, 800), pixmap=picture(60, 80))
    page.insert_text((50, 30), "Received 12 May")
    found = layer(page)
    assert found.is_sound
    assert found.pictures == (pytest.approx((0, 0, 1, 1)),)


def test_a_page_of_very_many_small_pictures_does_not_take_long():
    painted = [Painted(((n % 100) / 100, (n // 100) / 100, 0.008, 0.008), is_picture=True) for n in range(10_000)]
    assert bare_pictures(painted, []) == ()


def test_sound_texts_of_many_kinds_have_no_fault():
    for text in (
        PROSE,
        "12.80\n13.90\n1,204.00 EUR",
        "Über die Straße läuft ein größeres Ärgernis als früher. " * 8,
        "Příliš žluťoučký kůň úpěl ďábelské ódy a nikdo se tomu nedivil. " * 8,
        "Αυτό είναι ένα κείμενο στα ελληνικά. " * 8,
        "これは日本語の文章です。" * 20,
        "هذا نص باللغة العربية " * 20,
        "\uf0b7 first\n\uf0b7 second\n\uf0b7 third",  # a symbol font's bullets
        "",
    ):
        assert fault_of(text) == "", text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("".join(chr(ord(c) - 29) if c > "=" else c for c in PROSE), "holds letters that make no words"),
        ("�" * 20 + PROSE, "holds glyphs that stand for no characters"),
        ("\ue012\ue013\ue014", "holds glyphs that stand for no characters"),
        ("(cid:12)(cid:44)(cid:7) total", "holds glyphs that stand for no characters"),
        ("\x01\x02\x03abc\x05 def\x06ghi", "holds control characters"),
        (PROSE + "\x00" * 20, "holds control characters"),
        (
            ("Привет всем, кто читает это письмо. " * 10).encode("cp1251").decode("latin-1"),
            "holds the letters of another alphabet",
        ),
    ],
)
def test_text_that_is_not_what_one_sees_is_recognised(text, fault):
    assert fault_of(text) == fault


def unmapped_font(page) -> None:
    """Take the table of characters out of every font of a document."""
    document = page.parent
    for xref in range(1, document.xref_length()):
        if document.xref_get_key(xref, "ToUnicode")[0] == "xref":
            document.xref_set_key(xref, "ToUnicode", "null")


def test_a_font_without_a_table_of_characters_is_recognised():
    page = sheet()
    writer = pymupdf.TextWriter(page.rect)
    writer.fill_textbox((50, 50, 550, 400), PROSE, font=pymupdf.Font("cjk"), fontsize=11)
    writer.write_text(page)
    assert layer(page).is_sound
    unmapped_font(page)
    found = layer(page)
    assert not found.is_sound
    assert found.fault == "holds glyphs that stand for no characters"


def test_lines_hold_no_control_characters_and_symbol_bullets_are_bullets():
    from smolcli.media.plausible import without_controls

    assert without_controls("a\x00b\tc\x9fd") == "ab cd"


def test_a_page_without_an_area_is_an_error():
    from drawing import pdf_of

    from smolcli.media.document import open_document
    from smolcli.media.reading import open_bytes

    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 0 0]>>"
    data = pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page])
    with open_document(open_bytes("a.pdf", data), MediaOptions()) as media:
        try:
            assert media.layer(media.places[0]) is None  # MuPDF takes a page of its own size instead
        except MediaError as error:
            assert "no area" in str(error)


def test_a_file_that_is_opened_again_for_every_look_gives_the_same_layer(tmp_path):
    from smolcli.media import open_media_briefly

    page = sheet()
    page.insert_text((100, 200), "Total 12.80")
    page.parent.save(str(tmp_path / "a.pdf"))
    with open_media_briefly(str(tmp_path / "a.pdf"), MediaOptions()) as media:
        assert lines_of(media.layer(media.places[0])) == ["Total 12.80"]


def test_what_is_filled_into_a_form_is_read_with_it():
    page = sheet()
    page.insert_text((50, 100), "Name")
    field = pymupdf.Widget()
    field.field_type, field.field_name, field.field_value = pymupdf.PDF_WIDGET_TYPE_TEXT, "name", "Ada Lovelace"
    field.rect = pymupdf.Rect(120, 85, 300, 105)
    page.add_widget(field)
    assert lines_of(layer(page)) == ["Name", "Ada Lovelace"]
