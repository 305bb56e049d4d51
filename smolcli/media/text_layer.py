"""A page of MuPDF's goes in, its own text comes out as a TextLayer: regions with boxes, and whether it can be trusted.

Nothing is drawn. MuPDF reports in points on the page as it lies in the file; every box that leaves this file is in
shares of the page as `Media.frame` gives it: turned as the page says and as was asked, and cut to its crop box.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from smolcli.datatypes import Box, Size
from smolcli.media.picture_boxes import Painted, bare_pictures, is_painted_over
from smolcli.media.plausible import fault_of, is_private, without_controls
from smolcli.media.reading_order import Piece, in_reading_order
from smolcli.regions import PageReading, Region, list_marker, turned

# PyMuPDF's own numbers: TEXT_PRESERVE_WHITESPACE | TEXT_MEDIABOX_CLIP. Without TEXT_CID_FOR_UNKNOWN_UNICODE (part of
# its defaults) a glyph that stands for no character is U+FFFD, and not a letter that happens to have its number.
FLAGS = 2 | 64
_SHOWN = 16 | 32  # of a span's char_flags: filled, stroked; neither in render mode 3
_EQUALLY_WIDE = 8  # of a span's flags (TEXT_FONT_MONOSPACED)
_TYPEWRITER = re.compile(r"mono|courier|cm(sl)?tt\d|consola|typewriter|menlo", re.IGNORECASE)
HEADINGS = ((2.0, 1), (1.5, 2), (1.17, 3))  # so many times the size of the body text: a heading of that level
HEADING_LINES = 3  # what is longer is no heading, however large
TYPEWRITTEN = 0.85  # a page with more of its letters of one width is no page of code
NEW_CODE = 2.0  # the same of code, in which lines may be empty
NEW_BLOCK = 1.0  # so many letter sizes of empty space between two lines: another block


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


@dataclass(slots=True)
class _Line:
    """A line of MuPDF's. box: shares of the page; size_pt: of its letters; angle: 0, 90, 180, 270 as it is shown.

    is_code: all of its letters are equally wide, as not all on the page are.
    """

    block: int
    text: str
    box: Box
    size_pt: float
    angle: int
    hidden: bool
    is_code: bool
    words: list[Region] = field(default_factory=list)


def layer_of(page: Any, quarters: int) -> TextLayer | None:
    """The text of a page of PyMuPDF's that is then turned by so many quarters clockwise; None where it has none."""
    textpage = page.get_textpage(flags=FLAGS)
    blocks = page.get_text("dict", textpage=textpage)["blocks"]
    if not any(span["text"].strip() for line in _lines_in(blocks) for span in line["spans"]):
        return None
    to_box = _boxes(page, quarters)
    painted = _painted(page, to_box)
    lines = _lines(blocks, page.get_text("words", textpage=textpage), page, to_box, quarters)
    for line in lines:
        line.hidden = line.hidden or is_painted_over(line.box, painted)
    seen = [line for line in lines if not line.hidden]
    hidden = [line for line in lines if line.hidden]
    raw = "\n".join("".join(span["text"] for span in line["spans"]) for line in _lines_in(blocks))
    return TextLayer(
        regions=_blocks(seen),
        hidden=_blocks(hidden),
        pictures=bare_pictures(painted, [line.box for line in seen]),
        rotation=(360 - _usual_angle(lines)) % 360,
        fault=_hidden_fault(seen, hidden) or fault_of(raw),
    )


def _hidden_fault(seen: Sequence[_Line], hidden: Sequence[_Line]) -> str:
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
) -> list[_Line]:
    """MuPDF's lines, with boxes of ours, and their words."""
    found: dict[tuple[int, int], _Line] = {}
    for number, block in enumerate(blocks):
        for at, line in enumerate(block["lines"] if block["type"] == 0 else ()):
            text = _clean("".join(span["text"] for span in line["spans"]))
            if text:
                spans = [span for span in line["spans"] if span["text"].strip()] or line["spans"]
                size = max(float(span["size"]) for span in spans)
                angle = (_angle(line["dir"]) + int(page.rotation) + 90 * quarters) % 360
                hidden = all(_is_hidden(span) for span in spans)
                code = all(_is_equally_wide(span) for span in spans)
                found[number, at] = _Line(number, text, to_box(line["bbox"]), size, angle, hidden, code)
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


def _usual_angle(lines: Sequence[_Line]) -> int:
    letters = dict.fromkeys((0, 90, 180, 270), 0)
    for line in lines:
        letters[line.angle] += len(line.text)
    return max(letters, key=lambda angle: letters[angle])


def _blocks(lines: Sequence[_Line]) -> tuple[Region, ...]:
    """Lines, as blocks in reading order."""
    if not lines:
        return ()
    upright = -_usual_angle(lines) // 90
    body = _body_size(lines)
    pieces = [Piece(turned(line.box, upright), line.block, line.text) for line in lines]
    groups: list[list[_Line]] = []
    for number in in_reading_order(pieces):
        line = lines[number]
        if not groups or not _goes_on(groups[-1], line, upright):
            groups.append([])
        groups[-1].append(line)
    return tuple(_block(group, body) for group in groups)


def _goes_on(group: Sequence[_Line], line: _Line, upright: int) -> bool:
    """Whether a line belongs to the block before it: near, of one size, and no item of a list of its own."""
    before = group[-1]
    if (
        before.angle != line.angle
        or before.is_code != line.is_code
        or (before.block != line.block and not line.is_code)
    ):
        return False
    marker = list_marker(line.text)
    if (
        marker and not line.is_code and (not marker[0].isalnum() or list_marker(group[0].text))
    ):  # a paragraph may say "12. March" in a line
        return False
    (x0, y0, w0, h0), (x1, y1, w1, h1) = turned(before.box, upright), turned(line.box, upright)
    letter = min(h0, h1)
    sizes = before.size_pt, line.size_pt
    overlaps = line.is_code or (x0 < x1 + w1 and x1 < x0 + w0)
    same_row = abs(y0 + h0 - y1 - h1) < letter / 2
    return (
        (overlaps or same_row)
        and y1 - y0 - h0 < (NEW_CODE if line.is_code else NEW_BLOCK) * letter
        and max(sizes) < 1.15 * min(sizes)
    )


def _body_size(lines: Sequence[_Line]) -> float:
    """The size in points that most letters have."""
    letters: dict[float, int] = {}
    for line in lines:
        size = round(line.size_pt, 1)
        letters[size] = letters.get(size, 0) + len(line.text)
    return max(letters, key=lambda size: (letters[size], -size))


def _block(group: Sequence[_Line], body_pt: float) -> Region:
    """Lines as one block: a heading by its size, an item of a list by how it begins, or a paragraph."""
    lines = tuple(Region("line", line.box, line.text, children=tuple(line.words)) for line in group)
    left, top = min(line.box[0] for line in group), min(line.box[1] for line in group)
    right, bottom = (max(line.box[at] + line.box[at + 2] for line in group) for at in (0, 1))
    box, text = (left, top, right - left, bottom - top), "\n".join(line.text for line in group)
    if group[0].is_code:
        return Region("code", box, _indented(group), children=lines)
    times = max(line.size_pt for line in group) / body_pt if body_pt > 0 else 1.0
    level = next((level for least, level in HEADINGS if times >= least), 0)
    if level and len(group) <= HEADING_LINES and any(character.isalpha() for character in text):
        return Region("heading", box, text, children=lines, level=level)
    return Region("list_item" if list_marker(text) else "paragraph", box, text, children=lines)


def _indented(group: Sequence[_Line]) -> str:
    """Lines of code, each part as far from the left as it stands, and empty ones where there is room for them."""
    first = [line.words[0] if line.words else Region("word", line.box, line.text) for line in group]
    left = min(word.box[0] for word in first)
    letter = max(word.box[2] / len(word.text) for word in first)
    rows: list[str] = []
    reach = 0.0  # down the page
    for line, word in zip(group, first, strict=True):
        column, bottom = round((word.box[0] - left) / letter), line.box[1] + line.box[3]
        if rows and abs(bottom - reach) < line.box[3] / 2:
            rows[-1] = f"{rows[-1]} ".ljust(column) + line.text
        else:
            rows += [""] if rows and line.box[1] - reach > 0.8 * line.box[3] else []
            rows.append(" " * column + line.text)
        reach = bottom
    return "\n".join(rows)
