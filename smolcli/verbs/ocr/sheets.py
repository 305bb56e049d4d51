"""A page's lines go in, sheets of their pieces come out; the model's answers go in, every line's words come out.

A small model reads a few short lines at the letter size that it knows; a whole page, or a line squeezed into a square,
it does not. So a line is cut at spaces into pieces as wide as a sheet, and pieces of one letter size share sheets.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from smolcli.datatypes import Box, Size
from smolcli.generation import Generation
from smolcli.jobs import Sheet
from smolcli.layout import MARGIN_PX, TOP_PX, Line, pieces

SIZES_APART = 1.12  # letters of sizes whose ratio is smaller share a sheet
TALLEST = 0.95  # of a row of a sheet, the most that a piece may fill
Pixels = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True, slots=True)
class Form:
    """How a model reads a page best: layout "lines", "blocks" or "page".

    Of lines: sheets of side_px with so many rows, letters (em) letter_px high on them. nothing: what it says of a
    picture without text. doctags: it writes whole pages in that markup. believable: a page of less confidence is in a
    script or a hand that it does not read; 0.0 where nobody has measured that.
    """

    layout: str
    side_px: int
    rows: int = 4
    letter_px: float = 26.0
    nothing: str = ""
    doctags: bool = False
    believable: float = 0.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line: which line, where it is on the straight page, and whether it begins within a word."""

    line: int
    box_px: Pixels
    within_word: bool


@dataclass(frozen=True, slots=True)
class Filled:
    """A sheet and the pieces on it, from the top."""

    sheet: Sheet
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """What a piece says, and how sure the model was of it (the geometric mean of its tokens' probabilities)."""

    text: str
    confidence: float


def fill_sheets(lines: Sequence[Line], size_px: Size, form: Form) -> tuple[Filled, ...]:
    """Lines of a straight page, in reading order → sheets. size_px: of the page."""
    classes: list[list[int]] = []
    for number in sorted(range(len(lines)), key=lambda number: lines[number].em_px):
        if not classes or lines[number].em_px > SIZES_APART * lines[classes[-1][0]].em_px:
            classes.append([])
        classes[-1].append(number)
    return tuple(filled for numbers in classes for filled in _of_one_size(lines, sorted(numbers), size_px, form))


def _of_one_size(lines: Sequence[Line], numbers: Sequence[int], size_px: Size, form: Form) -> Iterator[Filled]:
    ems = sorted(lines[number].em_px for number in numbers)
    scale = form.letter_px / max(ems[len(ems) // 2], 1.0)
    tallest = max(lines[number].box_px[3] - lines[number].box_px[1] for number in numbers)
    scale = round(min(scale, TALLEST * (form.side_px - 2 * TOP_PX) / form.rows / tallest), 4)
    found = [
        piece for number in numbers for piece in _pieces(number, lines[number], (form.side_px - MARGIN_PX) / scale)
    ]
    beside = max(1, round(2 / scale)) if scale < 1 else 2
    found = [Piece(each.line, _wider(each.box_px, beside, size_px), each.within_word) for each in found]
    for start in range(0, len(found), form.rows):
        yield Filled(Sheet(form.side_px, form.rows, scale), tuple(found[start : start + form.rows]))


def _pieces(number: int, line: Line, widest_px: float) -> Iterator[Piece]:
    within = False
    for box in pieces(line, widest_px):
        yield Piece(number, box, within)
        within = not any(left <= box[2] <= right for left, right in line.gaps_px)


def _wider(box: Pixels, by_px: int, size_px: Size) -> Pixels:
    """A little paper above and below, as on the pages that the model learnt from."""
    left, top, right, bottom = box
    return left, max(0, top - by_px), right, min(size_px[1], bottom + by_px)


def shares(box_px: Pixels, size_px: Size) -> Box:
    """Pixels as shares of the page, such that the same pixels come of them again."""
    left, top, right, bottom = box_px
    width, height = size_px
    return (left + 0.25) / width, (top + 0.25) / height, (right - left) / width, (bottom - top) / height


def said(made: Generation, count: int, nothing: str) -> list[Read] | None:
    """What each of `count` pieces of a sheet says, None where the answer has another number of lines."""
    lines = list(lines_of(made, nothing))
    if not lines:
        return [Read("", 1.0)] * count
    if made.stop_reason == "repetition" or len(lines) != count:
        return None
    return lines


def said_by_one(made: Generation, nothing: str) -> Read:
    """What a piece says that was read by itself: all of the answer."""
    lines = list(lines_of(made, nothing))
    if not lines:
        return Read("", 1.0)
    letters = sum(len(line.text) for line in lines)
    mean = sum(math.log(max(line.confidence, 1e-9)) * len(line.text) for line in lines) / letters
    return Read(" ".join(line.text for line in lines), math.exp(mean))


def lines_of(made: Generation, nothing: str) -> Iterator[Read]:
    """The lines of an answer that hold something; each token counts for the line in which it ends."""
    if nothing and made.text.strip() == nothing:
        return
    start = at = 0
    trace = made.trace
    for line in made.text.split("\n"):
        end = start + len(line)
        own = []
        while at < len(trace) and (trace[at][0] <= end or end == len(made.text)):
            own.append(trace[at][1])
            at += 1
        if line.strip():
            yield Read(" ".join(line.split()), math.exp(sum(own) / len(own)) if own else 1.0)
        start = end + 1


def joined(reads: Iterable[tuple[Piece, Read]]) -> Read:
    """The pieces of one line, in order, as the line that they are."""
    text, weights, total = "", 0, 0.0
    for piece, read in reads:
        text += read.text if piece.within_word or not text else f" {read.text}"
        weights += len(read.text)
        total += math.log(max(read.confidence, 1e-9)) * len(read.text)
    return Read(text.strip(), math.exp(total / weights) if weights else 1.0)
