"""A page of a PDF goes in; it gets a text layer, loses one, or is drawn anew. Nothing else of the document changes."""

from __future__ import annotations

from typing import Any

from smolcli.formats.glyphless import ADVANCE, ASCENT, DESCENT, NAME, Glyphs, font_file
from smolcli.formats.pdf_content import without_hidden_text
from smolcli.formats.pdf_pictures import add_stream, show_pixels

DRAWN_DPI, MOST_PIXELS = 300, 60_000_000  # of a page that is drawn anew


def add_font(pdf: Any, glyphs: Glyphs) -> int:
    """Add the font of a document's layers; returns its number."""
    file = add_stream(pdf, font_file(), f"/Length1 {len(font_file())}")
    table = add_stream(pdf, glyphs.to_unicode())
    to_glyphs = add_stream(pdf, glyphs.to_glyphs())
    descriptor = _object(
        pdf,
        f"<</Type/FontDescriptor/FontName/{NAME}/Flags 5/FontBBox[0 {DESCENT} {ADVANCE} {ASCENT}]/ItalicAngle 0"
        f"/Ascent {ASCENT}/Descent {DESCENT}/CapHeight {ASCENT}/StemV 80/FontFile2 {file} 0 R>>",
    )
    descendant = _object(
        pdf,
        f"<</Type/Font/Subtype/CIDFontType2/BaseFont/{NAME}/DW {ADVANCE}/W{glyphs.widths()}/CIDToGIDMap {to_glyphs} 0 R"
        f"/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/FontDescriptor {descriptor} 0 R>>",
    )
    return _object(
        pdf,
        f"<</Type/Font/Subtype/Type0/BaseFont/{NAME}/Encoding/Identity-H/DescendantFonts[{descendant} 0 R]"
        f"/ToUnicode {table} 0 R>>",
    )


def prepend(pdf: Any, number: int, operators: bytes, font: str, font_xref: int) -> None:
    """Put operators before a page's own: there the state of drawing is as the page's coordinates want it."""
    page = pdf[number]
    _name_resource(pdf, int(page.xref), "Font", font, font_xref)
    layer = add_stream(pdf, operators)
    contents = " ".join(f"{xref} 0 R" for xref in [layer, *page.get_contents()])
    pdf.xref_set_key(page.xref, "Contents", f"[{contents}]")


def remove_hidden_text(pdf: Any, number: int, done: set[int]) -> set[int]:
    """Take the text that nobody sees out of a page, and out of the forms that it shows; returns which were looked at.

    done: forms that other pages show too, and which need no second look.
    """
    page = pdf[number]
    kept = without_hidden_text(page.read_contents())
    if kept is not None:
        pdf.xref_set_key(page.xref, "Contents", f"{add_stream(pdf, kept)} 0 R")
    forms = {int(form[0]) for form in pdf.get_page_xobjects(number)} - done
    for xref in sorted(forms):
        form = without_hidden_text(pdf.xref_stream(xref) or b"")
        if form is not None:
            pdf.update_stream(xref, form)
    return forms


def shown_to_page(page: Any) -> tuple[float, float, float, float, float, float]:
    """The matrix from a page as it is shown (points from its upper left corner, turned, cropped) to its own space.

    PyMuPDF's own `transformation_matrix` forgets the crop box of a page that is turned.
    """
    from pymupdf import Matrix, mupdf

    shown = mupdf.FzMatrix()
    mupdf.pdf_page_transform(mupdf.pdf_page_from_fz_page(page.this), mupdf.FzRect(), shown)
    a, b, c, d, e, f = ~Matrix(shown.a, shown.b, shown.c, shown.d, shown.e, shown.f)
    return a, b, c, d, e, f


def draw_anew(pdf: Any, number: int) -> None:
    """Make a page a picture of itself. What is fastened to it (links, notes, fields) stays."""
    import numpy as np
    import pymupdf

    page = pdf[number]
    width, height = float(page.rect.width), float(page.rect.height)
    scale = min(DRAWN_DPI / 72, (MOST_PIXELS / (width * height)) ** 0.5)
    drawn = page.get_pixmap(matrix=pymupdf.Matrix(scale, scale), colorspace=pymupdf.csRGB, alpha=False, annots=False)
    rgb = np.frombuffer(drawn.samples, np.uint8).reshape(drawn.height, drawn.width, 3)
    a, b, c, d, e, f = shown_to_page(page)
    x, y = drawn.width / scale, drawn.height / scale  # the whole pixels that the page needs
    show_pixels(pdf, page, rgb, (a * x, b * x, -c * y, -d * y, c * y + e, d * y + f))


def _name_resource(pdf: Any, page_xref: int, category: str, name: str, xref: int) -> None:
    """Give a resource of a page a name, where the page looks for it: in its own dictionary, or in one it inherits."""
    kind, value = pdf.xref_get_key(page_xref, "Resources")
    if kind == "null":
        kind, value = _inherited(pdf, page_xref)
        pdf.xref_set_key(page_xref, "Resources", value if kind != "null" else "<<>>")
    owner, path = (_number(value), "") if kind == "xref" else (page_xref, "Resources/")
    kind, value = pdf.xref_get_key(owner, f"{path}{category}")
    if kind == "xref":
        pdf.xref_set_key(_number(value), name, f"{xref} 0 R")
        return
    if kind != "dict":
        pdf.xref_set_key(owner, f"{path}{category}", "<<>>")
    pdf.xref_set_key(owner, f"{path}{category}/{name}", f"{xref} 0 R")


def _inherited(pdf: Any, page_xref: int) -> tuple[str, str]:
    """The resources of the first of a page's ancestors that has some."""
    seen: set[int] = set()
    kind, parent = pdf.xref_get_key(page_xref, "Parent")
    while kind == "xref" and _number(parent) not in seen:
        seen.add(_number(parent))
        found = pdf.xref_get_key(_number(parent), "Resources")
        if found[0] != "null":
            return str(found[0]), str(found[1])
        kind, parent = pdf.xref_get_key(_number(parent), "Parent")
    return "null", ""


def _number(reference: str) -> int:
    return int(reference.split(maxsplit=1)[0])


def _object(pdf: Any, text: str) -> int:
    xref = int(pdf.get_new_xref())
    pdf.update_object(xref, text)
    return xref
