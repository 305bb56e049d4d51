"""The boxes of DocTags place the text of a searchable PDF: words are found where they were printed."""

import pymupdf
import pytest
from pages import Memory

from smolcli import doctags
from smolcli.formats.pdf import ReadPage, write_searchable
from smolcli.formats.pdf_opening import PdfOptions

TEXT = (
    "The committee met in the morning and heard what had been done since the spring. It was found that most of the "
    "work on the northern bridge is finished, that the road to the harbour will be open before winter, and that the "
    "money for both is still in hand. No other matter was raised, and the next meeting was fixed for the second week."
)
PAGE = pymupdf.Rect(0, 0, 595, 842)


def printed(font, size, width):
    """A scan of a paragraph in print, its words with their rectangles, and DocTags with its box on the ink."""
    with pymupdf.open() as document:
        sheet = document.new_page(width=PAGE.width, height=PAGE.height)
        place = pymupdf.Rect(60, 120, 60 + width, 800)
        assert sheet.insert_textbox(place, TEXT, fontsize=size, fontname=font, lineheight=1.3) > 0
        words = [(word[4], pymupdf.Rect(word[:4])) for word in sheet.get_text("words")]
        picture = sheet.get_pixmap(dpi=72)
    ink = pymupdf.Rect(words[0][1])
    for _, rect in words:
        ink |= rect
    edges = (ink.x0 / PAGE.width, (ink.y0 + 0.2 * size) / PAGE.height, ink.x1 / PAGE.width, ink.y1 / PAGE.height)
    tags = "".join(f"<loc_{round(500 * edge)}>" for edge in edges)
    scan = pymupdf.open()
    scan.new_page(width=PAGE.width, height=PAGE.height).insert_image(PAGE, pixmap=picture)
    return scan.tobytes(), words, f"<doctag><text>{tags}{TEXT}</text></doctag>"


@pytest.mark.parametrize("width", [200, 320, 470])
@pytest.mark.parametrize(("font", "size"), [("helv", 10), ("tiro", 12)])
def test_words_of_a_paragraph_are_found_on_the_lines_on_which_they_were_printed(font, size, width):
    scan, words, text = printed(font, size, width)
    reading, warnings = doctags.read(text, (1190, 1684))
    assert warnings == ()
    target = Memory()
    write_searchable(scan, {0: ReadPage(reading, 0)}, PdfOptions(), target)
    with pymupdf.open(stream=target.data) as made:
        found = made[0].get_text("words")
    assert [word[4] for word in found] == [word for word, _ in words]
    assert len(reading.regions[0].children) == len({round(rect.y0) for _, rect in words})
    off = [abs((f[1] + f[3]) / 2 - (r.y0 + r.y1) / 2) / (1.3 * size) for f, (_, r) in zip(found, words, strict=True)]
    assert max(off) < 1.5  # lines: a word at a line's end may be taken for the first of the next
    assert sum(each < 0.5 for each in off) / len(off) > 0.75
