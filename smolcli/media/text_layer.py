"""A page of MuPDF's goes in, its own text comes out as a TextLayer: regions with boxes, and whether it can be trusted.

Nothing is drawn. MuPDF reports in points on the page as it lies in the file; every box that leaves this file is in
shares of the page as `Media.frame` gives it: turned as the page says and as was asked, and cut to its crop box.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from smolcli.datatypes import Box, Size
from smolcli.media.layer_blocks import TYPEWRITTEN, LayerLine, blocks_of, usual_angle
from smolcli.media.picture_boxes import Painted, bare_pictures, painted_over
from smolcli.media.plausible import fault_of, is_private, without_controls
from smolcli.regions import PageReading, Region, turned

# PyMuPDF's own numbers: TEXT_PRESERVE_WHITESPACE | TEXT_MEDIABOX_CLIP. Without TEXT_CID_FOR_UNKNOWN_UNICODE (part of
# its defaults) a glyph that stands for no character is U+FFFD, and not a letter that happens to have its number.
FLAGS = 2 | 64
_SHOWN = 16 | 32  # of a span's char_flags: filled, stroked; neither in render mode 3
_EQUALLY_WIDE = 8  # of a span's flags (TEXT_FONT_MONOSPACED)
_TYPEWRITER = re.compile(r"mono|courier|cm(sl)?tt\d|consola|typewriter|menlo", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TextLayer:
    """The text that a page has of its own.

    regions: what is seen of it, as blocks in reading order with their lines and those with their words. hidden: text
    that is there but cannot be seen, as an OCR program leaves it. pictures: the boxes of pictures on the page that may
    hold text and that no seen text covers. rotation: degrees clockwise (0, 90, 180, 270) by which the page has to be
    turned for most of its lines to stand upright. fault: why it cannot be trusted, as the end of a sentence ("the
    text layer …"); "" where it can.
    """

    regions: tuple[Region, ...]
    hidden: tuple[Region, ...] = ()
    pictures: tuple[Box, ...] = ()
    rotation: int = 0
    fault: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether `regions` can stand for the page's text."""
        return not self.fault

    def reading(self, size_px: Size) -> PageReading:
        """The page as read from its seen text alone. size_px: of the page as it would be drawn."""
        return PageReading("layer" if self.regions else "", self.regions, size_px, self.rotation)


def layer_of(page: Any, quarters: int) -> TextLayer | None:
    """The text of a page of PyMuPDF's that is then turned by so many quarters clockwise; None where it has none."""
    textpage = page.get_textpage(flags=FLAGS)
    blocks = page.get_text("dict", textpage=textpage)["blocks"]
    if not any(span["text"].strip() for line in _lines_in(blocks) for span in line["spans"]):
        return None
    to_box = _boxes(page, quarters)
    painted = _painted(page, to_box)
    lines = _lines(blocks, page.get_text("words", textpage=textpage), page, to_box, quarters)
    for line, is_over in zip(lines, painted_over([line.box for line in lines], painted), strict=True):
        line.hidden = line.hidden or is_over
    seen = [line for line in lines if not line.hidden]
    hidden = [line for line in lines if line.hidden]
    raw = "\n".join("".join(span["text"] for span in line["spans"]) for line in _lines_in(blocks))
    return TextLayer(
        regions=blocks_of(seen),
        hidden=blocks_of(hidden),
        pictures=bare_pictures(painted, [line.box for line in seen]),
        rotation=(360 - usual_angle(lines)) % 360,
        fault=_hidden_fault(seen, hidden) or fault_of(raw),
    )


def _hidden_fault(seen: Sequence[LayerLine], hidden: Sequence[LayerLine]) -> str:
    letters_seen, letters_hidden = (sum(len(line.text) for line in lines) for lines in (seen, hidden))
    return "is hidden behind the picture, as another OCR left it" if letters_hidden > letters_seen else ""


def _lines_in(blocks: Sequence[Any]) -> Iterator[Any]:
    return (line for block in blocks if block["type"] == 0 for line in block["lines"])


def _boxes(page: Any, quarters: int) -> Callable[[Sequence[float]], Box]:
    """What makes a rectangle of MuPDF's (points, page not turned) a box in shares of the page as it is shown."""
    turns = int(page.rotation) // 90
    width, height = float(page.rect.width), float(page.rect.height)
    sides = (height, width) if turns % 2 else (width, height)

    def to_box(rect: Sequence[float]) -> Box:
        (left, right), (top, bottom) = (
            sorted((_share(rect[at], sides[at]), _share(rect[at + 2], sides[at]))) for at in (0, 1)
        )
        return turned((left, top, right - left, bottom - top), turns + quarters)

    return to_box


def _share(position: float, whole: float) -> float:
    return min(1.0, max(0.0, position / whole)) if math.isfinite(position) else 0.0


def _painted(page: Any, to_box: Callable[[Sequence[float]], Box]) -> list[Painted]:
    """What is painted on the page, in order: texts, and pictures with whether one sees through them."""
    see_through = {tuple(info["bbox"]) for info in page.get_image_info() if info.get("has-mask")}
    found = []
    for kind, rect in page.get_bboxlog():
        if kind in ("fill-image", "fill-imgmask"):
            opaque = kind == "fill-image" and tuple(rect) not in see_through
            found.append(Painted(to_box(rect), is_picture=True, is_opaque=opaque))
        elif kind.endswith("-text"):
            found.append(Painted(to_box(rect), is_picture=False))
    return found


def _lines(
    blocks: Sequence[Any], words: Sequence[Any], page: Any, to_box: Callable[[Sequence[float]], Box], quarters: int
) -> list[LayerLine]:
    """MuPDF's lines, with boxes of ours, and their words."""
    found: dict[tuple[int, int], LayerLine] = {}
    for number, block in enumerate(blocks):
        for at, line in enumerate(block["lines"] if block["type"] == 0 else ()):
            text = _clean("".join(span["text"] for span in line["spans"]))
            if text:
                spans = [span for span in line["spans"] if span["text"].strip()] or line["spans"]
                size = max(float(span["size"]) for span in spans)
                angle = (_angle(line["dir"]) + int(page.rotation) + 90 * quarters) % 360
                hidden = all(_is_hidden(span) for span in spans)
                code = all(_is_equally_wide(span) for span in spans)
                found[number, at] = LayerLine(number, text, to_box(line["bbox"]), size, angle, hidden, code)
    for x0, y0, x1, y1, word, block, at, _ in words:
        if (block, at) in found and (text := _clean(word)):
            found[block, at].words.append(Region("word", to_box((x0, y0, x1, y1)), text))
    lines = [line for line in found.values() if line.box[2] > 0 and line.box[3] > 0]
    if sum(len(line.text) for line in lines if line.is_code) > TYPEWRITTEN * sum(len(line.text) for line in lines):
        for line in lines:
            line.is_code = False  # a page from a typewriter, or a receipt
    return lines


def _is_equally_wide(span: Any) -> bool:
    """Whether its letters are all of one width, as the font says, or its name, which many know by heart."""
    return bool(int(span["flags"]) & _EQUALLY_WIDE or _TYPEWRITER.search(str(span["font"])))


def _is_hidden(span: Any) -> bool:
    """Painted in no way (render mode 3), or fully transparent."""
    return not int(span.get("char_flags", _SHOWN)) & _SHOWN or span.get("alpha", 255) == 0


def _angle(direction: Sequence[float]) -> int:
    """A line's direction, degrees clockwise, as the nearest of 0, 90, 180, 270."""
    return round(math.degrees(math.atan2(direction[1], direction[0])) / 90) * 90 % 360


def _clean(text: str) -> str:
    """A line that can be shown: no control characters, no halves of characters; a symbol font's bullet as a bullet."""
    text = without_controls(text.encode("utf-8", "replace").decode()).strip()
    return "•" + text[1:] if text and is_private(text[0]) and text[1:2] in ("", " ", "\t") else text
