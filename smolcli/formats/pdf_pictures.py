"""A picture goes in, pages of a PDF that show it come out: JPEG byte for byte, everything else without loss."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

from smolcli.datatypes import RGB

LONG_SIDE_PT = 842.0  # of A4: a page whose picture does not say how large it is
UNKNOWN_DPI = 97  # up to here it is what programs write that do not know: a screen's, or nothing
KINDS = (  # how files begin that MuPDF reads as we do
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"BM", "bmp"),
)


def pages_of_picture(path: Path, head: bytes) -> Any:
    """A PDF with a page for each picture in a file, as large as it says; None for what MuPDF does not read."""
    import pymupdf

    kind = next((name for magic, name in KINDS if head.startswith(magic)), None)
    if kind is None:
        return None
    try:
        with pymupdf.open(str(path), filetype=kind) as pictures:
            made = pymupdf.open(stream=pictures.convert_to_pdf(), filetype="pdf")
    except (RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase):  # the pixels that were read are there still
        return None
    for page in made:
        widths = [max(image[2], image[3]) for image in page.get_images()]
        long_pt = max(page.rect.width, page.rect.height)
        if widths and max(widths) * 72 / long_pt < UNKNOWN_DPI:
            _scale(made, page, LONG_SIDE_PT / long_pt)
    return made


def _scale(pdf: Any, page: Any, by: float) -> None:
    """Make a page larger or smaller, with what is on it."""
    content = page.read_contents()
    width, height = page.rect.width * by, page.rect.height * by
    pdf.xref_set_key(page.xref, "MediaBox", f"[0 0 {width:.3f} {height:.3f}]")
    pdf.update_stream(page.get_contents()[0], b"q %.6f 0 0 %.6f 0 0 cm\n%s\nQ\n" % (by, by, content))


def page_of_pixels(pdf: Any, rgb: RGB) -> None:
    """Add a page that shows pixels, uint8 (H, W, 3)."""
    height, width = rgb.shape[:2]
    scale = LONG_SIDE_PT / max(width, height)
    page = pdf.new_page(width=width * scale, height=height * scale)
    show_pixels(pdf, page, rgb, (width * scale, 0, 0, height * scale, 0, 0))


def show_pixels(pdf: Any, page: Any, rgb: RGB, matrix: tuple[float, ...]) -> None:
    """Make a page show pixels and nothing else. matrix: of the picture's unit square to the page."""
    height, width = rgb.shape[:2]
    space, colours = ("/DeviceGray", 1) if _is_grey(rgb) else ("/DeviceRGB", 3)
    entries = f"/Type/XObject/Subtype/Image/Width {width}/Height {height}/ColorSpace{space}/BitsPerComponent 8"
    rows = f"<</Predictor 15/Colors {colours}/BitsPerComponent 8/Columns {width}>>"
    picture = add_stream(pdf, _filtered(rgb[..., :colours]), entries, rows)
    pdf.xref_set_key(page.xref, "Resources", f"<</XObject<</Picture {picture} 0 R>>>>")
    operators = " ".join(f"{number:.4f}" for number in matrix)
    content = add_stream(pdf, f"q {operators} cm /Picture Do Q\n".encode())
    pdf.xref_set_key(page.xref, "Contents", f"{content} 0 R")


def add_stream(pdf: Any, data: bytes, entries: str = "", rows: str = "") -> int:
    """Add a stream, packed, and return its number. rows: how its bytes were filtered before (DecodeParms)."""
    xref = int(pdf.get_new_xref())
    pdf.update_object(xref, f"<<{entries}>>")
    pdf.update_stream(xref, zlib.compress(data, 6), compress=False)
    pdf.xref_set_key(xref, "Filter", "/FlateDecode")
    if rows:
        pdf.xref_set_key(xref, "DecodeParms", rows)
    return xref


def _is_grey(rgb: RGB) -> bool:
    return bool((rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all())


def _filtered(samples: RGB) -> bytes:
    """Samples (H, W, colours) as PNG packs them: every row as its difference to the one above it."""
    import numpy as np

    rows = np.ascontiguousarray(samples).reshape(samples.shape[0], -1)
    above = np.vstack([np.zeros((1, rows.shape[1]), np.uint8), rows[:-1]])
    return bytes(np.hstack([np.full((len(rows), 1), 2, np.uint8), rows - above]).tobytes())  # filter 2: up
