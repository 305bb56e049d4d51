"""Pages that were read go in, hOCR (XHTML) comes out: what other programs lay over a page or correct.

The form is that of hOCR 1.2 as Tesseract writes it: ocr_page, ocr_carea, ocr_par, ocr_line, ocrx_word, boxes in pixels.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from smolcli.files import Target
from smolcli.formats.page import Pixels, lines_of, percent, pixels, plain, reading_of, words_of
from smolcli.formats.whole import WholeWriter
from smolcli.jobs import Answer
from smolcli.regions import PageReading, Region

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>%s</title>
  <meta http-equiv="Content-Type" content="text/html;charset=utf-8" />
  <meta name="ocr-system" content="smol" />
  <meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_par ocr_line ocrx_word ocr_photo ocrp_wconf" />
 </head>
 <body>
"""
TAIL = " </body>\n</html>\n"


class HocrWriter(WholeWriter):
    """One file, one ocr_page for each page."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._pages = 0

    def answer(self, answer: Answer) -> None:
        """Write one page."""
        place = answer.job.places[0]
        if not self._pages:
            self._target.write(HEAD % escape(plain(place.source.path)))
        self._pages += 1
        number = place.page - 1 if place.page is not None else place.index
        self._target.write(_page(reading_of(answer), self._pages, place.source.path, number))

    def finish(self) -> None:
        """Close the document."""
        self._target.write(("" if self._pages else HEAD % "") + TAIL)


def _page(reading: PageReading, count: int, path: str, number: int) -> str:
    """One ocr_page. count: of pages written, which its ids hold; number: of the page in its file, from 0."""
    width, height = reading.size_px
    image = plain(path).replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    title = f'image "{image}"; bbox 0 0 {width} {height}; ppageno {number}'
    blocks = [
        block for at, region in enumerate(reading.regions, 1) for block in _block(region, reading, f"{count}_{at}")
    ]
    return "\n".join([f"  <div class='ocr_page' id='page_{count}' title={quoteattr(title)}>", *blocks, "  </div>\n"])


def _block(region: Region, reading: PageReading, name: str) -> Iterator[str]:
    """A block's lines of XHTML; a picture is an ocr_photo, everything else an ocr_carea with one ocr_par."""
    title = _bbox(pixels(region.box, reading.size_px))
    lines = [line for line in lines_of(region) if plain(line.text).strip()]
    if region.kind == "picture" and not lines:
        yield f"   <div class='ocr_photo' id='block_{name}' title='{title}'></div>"
        return
    if not lines:
        return
    yield f"   <div class='ocr_carea' id='block_{name}' title='{title}'>"
    yield f"    <p class='ocr_par' id='par_{name}'{_direction(region.text)} title='{title}'>"
    for at, line in enumerate(lines, 1):
        yield from _line(line, reading, f"{name}_{at}")
    yield "    </p>"
    yield "   </div>"


def _line(line: Region, reading: PageReading, name: str) -> Iterator[str]:
    box = pixels(line.box, reading.size_px)
    yield f"     <span class='ocr_line' id='line_{name}' title='{_bbox(box)}{_slope(box, reading)}'>"
    for at, word in enumerate(words_of(line, reading.rotation // 90), 1):
        sure = line.confidence if word.confidence is None else word.confidence
        title = f"{_bbox(pixels(word.box, reading.size_px))}; x_wconf {round(percent(sure))}"
        yield f"      <span class='ocrx_word' id='word_{name}_{at}' title='{title}'>{escape(plain(word.text))}</span>"
    yield "     </span>"


def _bbox(box: Pixels) -> str:
    return "bbox " + " ".join(map(str, box))


def _slope(box: Pixels, reading: PageReading) -> str:
    """How a line's text runs, where it was turned to be read: its angle, and its baseline where it is only askew."""
    if reading.rotation:
        return f"; textangle {(reading.rotation + reading.skew_deg) % 360:g}"
    if not reading.skew_deg:
        return ""
    slope = -math.tan(math.radians(reading.skew_deg))  # down the page; a page is turned against its lines
    below = -slope * (box[2] - box[0]) if slope > 0 else 0.0  # at the left, of the box's lower edge
    return f"; baseline {slope:.4f} {round(below)}"


def _direction(text: str) -> str:
    """The attribute of a paragraph whose letters run from the right."""
    kinds = [unicodedata.bidirectional(c) for c in text if c.isalpha()]
    return " dir='rtl'" if 2 * sum(kind in ("R", "AL") for kind in kinds) > len(kinds) else ""
