"""A page's lines go in; the operators that lay them over the page as text that nobody sees come out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from smolcli.datatypes import Box
from smolcli.formats.bidi import as_drawn
from smolcli.formats.glyphless import ASCENT, DESCENT, EM, WIDTH, Glyphs, is_mark
from smolcli.formats.page import known_words, letter_shares, lines_of, plain
from smolcli.regions import PageReading, Region, turned

Matrix = tuple[float, float, float, float, float, float]
Point = tuple[float, float]
BELOW = 0.5 + DESCENT / EM  # of a letter size: from the middle of a line down to its baseline
THINNEST = 0.15  # of a box's height: what a line askew can at least be of the upright box around it
# Poppler takes a word apart whose letters do not stand level: so each word does, at its own height on a line that is
# askew, and a line that rises by less than 0.7 of its height does as a whole.
ASKEW, FLAT = 15, 0.7
# Words that are a letter size apart, as type-written and justified ones are, it takes for those of two columns: so they
# reach for one another where they are no more than FAR apart, until they are NEAR (letter sizes).
NEAR, FAR = 0.6, 4.0
assert ASCENT - DESCENT == EM  # a line's box is one letter size high


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page of a PDF as it is shown: points, from its upper left corner, and how they become the page's own.

    quarters: by which it was turned clockwise before it was read.
    """

    width: float
    height: float
    to_page: Matrix
    quarters: int = 0


@dataclass(frozen=True, slots=True)
class _Run:
    """Where a line runs: through `middle`, at `angle` (degrees clockwise from level), points long and high."""

    middle: Point
    angle: float
    length: float
    height: float

    @property
    def along(self) -> Point:
        """A step of one point along the line, across and down the page."""
        return math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))

    @property
    def level(self) -> Point:
        """The same along its words, which are not askew where the line is a little."""
        quarters = 90 * round(self.angle / 90)
        angle = math.radians(quarters if abs(self.angle - quarters) <= ASKEW else self.angle)
        return math.cos(angle), math.sin(angle)

    @property
    def rise(self) -> float:
        """How far its end lies above or below its beginning, seen level, in points."""
        return self.length * abs(self.along[0] * self.level[1] - self.along[1] * self.level[0])


@dataclass(frozen=True, slots=True)
class Pen:
    """What writes on a page. font: the name of the font in the page's resources, glyphs: what it holds."""

    sheet: Sheet
    glyphs: Glyphs
    font: str

    def layer(self, reading: PageReading) -> str:
        """The operators of a page's layer, "" where there is nothing to lay.

        Lines that the page's own text has already are left out.
        """
        shown: list[str] = []
        for block in reading.regions:
            for line in lines_of(block):
                own = reading.text_from == "layer" or (reading.text_from == "mixed" and line.confidence is None)
                if not own and plain(line.text).strip():
                    shown += self._line(line, reading)
        return "\n".join(["q", "BT", "3 Tr", *shown, "ET", "Q\n"]) if shown else ""

    def _line(self, line: Region, reading: PageReading) -> Iterator[str]:
        """A line, word by word, each stretched to its box, and with a space behind it.

        A space of its own would be a line of its own to pdfium on pages that are turned, and no space to pypdf.
        """
        angle = -(reading.rotation + reading.skew_deg + 90 * self.sheet.quarters)
        run = _run(line.box, angle, self.sheet)
        if run.length < run.height / 2 and len(plain(line.text).strip()) > 2:  # it runs across the others
            angle += 90
            run = _run(line.box, angle, self.sheet)
        spans = sorted(self._spans(line, run))
        if known_words(line):
            spans = _bridged(spans, run.height)
        yield f"/{self.font} {_number(run.height)} Tf"
        for at, (start, length, text) in enumerate(spans):
            yield self._stretched(text, start, length, run, " " if at + 1 < len(spans) else "")

    def _spans(self, line: Region, run: _Run) -> Iterator[tuple[float, float, str]]:
        """Where the words of a line begin (points from the middle of it), how long they are, and what is drawn."""
        for word in known_words(line):
            part, text = _run(word.box, run.angle, self.sheet), plain(word.text).strip()
            middle = sum((part.middle[at] - run.middle[at]) * run.along[at] for at in (0, 1))
            if text:
                yield middle - part.length / 2, part.length, as_drawn(text)
        if not known_words(line):
            for text, start, end in letter_shares(plain(line.text)):
                yield (start - 0.5) * run.length, (end - start) * run.length, as_drawn(text)

    def _stretched(self, text: str, start: float, length: float, run: _Run, after: str) -> str:
        """A text from a place on its line (points from the middle of it), as long as it is to be, and what is after."""
        (ax, ay), (mx, my) = run.along, run.middle
        lx, ly = run.level
        up = (ly, -lx)
        at = 0.0 if run.rise <= FLAT * run.height else start + length / 2  # of the line, where the word's middle is
        beyond = start + length / 2 - at  # how far it lies from there, level
        x = mx + ax * at + lx * (beyond - length / 2) - up[0] * BELOW * run.height
        y = my + ay * at + ly * (beyond - length / 2) - up[1] * BELOW * run.height
        a, b, c, d, e, f = self.sheet.to_page
        placed = (
            *(a * lx + c * ly, b * lx + d * ly),
            *(a * up[0] + c * up[1], b * up[0] + d * up[1]),
            *(a * x + c * y + e, b * x + d * y + f),
        )
        letters = max(1, sum(not is_mark(character) for character in text))
        percent = 100 * length / (WIDTH * run.height * letters)
        return f"{_number(percent)} Tz {' '.join(map(_number, placed))} Tm {self.glyphs.encoded(text + after)} Tj"


def _bridged(spans: list[tuple[float, float, str]], height: float) -> list[tuple[float, float, str]]:
    """The words of a line, from left to right, each of those that stand apart a little longer than its letters."""
    edges = [[start, start + length] for start, length, _ in spans]
    for before, after in pairwise(edges):
        gap = after[0] - before[1]
        if NEAR * height < gap <= FAR * height:
            reach = (gap - NEAR * height) / 2
            before[1] += reach
            after[0] -= reach
    return [(start, end - start, text) for (start, end), (_, _, text) in zip(edges, spans, strict=True)]


def _run(box: Box, angle: float, sheet: Sheet) -> _Run:
    """The line that an upright box was drawn around, where lines run at an angle. What is not on the page is cut."""
    left, top, width, height = turned(box, -sheet.quarters)
    right, bottom = min(1.0, left + width), min(1.0, top + height)
    left, top = max(0.0, min(left, right)), max(0.0, min(top, bottom))
    wide, high = max(1e-3, right - left) * sheet.width, max(1e-3, bottom - top) * sheet.height
    middle = (left + right) / 2 * sheet.width, (top + bottom) / 2 * sheet.height
    quarters = round(angle / 90)
    long, across = (high, wide) if quarters % 2 else (wide, high)
    askew = math.radians(abs(angle - 90 * quarters))
    twice = math.cos(2 * askew)
    if askew and twice > 0:
        length = (long * math.cos(askew) - across * math.sin(askew)) / twice
        thick = (across * math.cos(askew) - long * math.sin(askew)) / twice
        if length > 0 and thick > THINNEST * across:
            long, across = length, thick
    return _Run(middle, angle, long, across)


def _number(value: float) -> str:
    """A number as PDF writes it: no exponent, no more than four decimals, no minus zero."""
    return f"{value:.4f}".rstrip("0").rstrip(".") if abs(value) >= 5e-5 else "0"
