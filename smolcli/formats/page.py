"""A page's regions go in; what every writer of pages wants of them comes out: lines, words, boxes in pixels, tables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from smolcli.datatypes import Box, Size
from smolcli.formats.bidi import left_to_right
from smolcli.jobs import Answer
from smolcli.printable import printable
from smolcli.regions import PageReading, Region

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
Pixels = tuple[int, int, int, int]  # left, top, right, bottom


def reading_of(answer: Answer) -> PageReading:
    """What a page was read as; an answer that is no page's is one paragraph over all of it."""
    if answer.page is not None:
        return answer.page
    regions = (Region("paragraph", WHOLE, answer.text),) if answer.text.strip() else ()
    return PageReading("model" if regions else "", regions, (1000, 1000))


def plain(text: str) -> str:
    """A text that every format can hold: without control characters, halves of characters and non-characters."""
    kept = printable(text.replace("\r\n", "\n").encode("utf-8", "replace").decode())
    return "".join(c for c in kept if ord(c) & 0xFFFE != 0xFFFE)


def lines_of(block: Region) -> Iterator[Region]:
    """The lines of a block, of a table its cells' lines; where only its text is known, that over its height, evenly."""
    if block.kind in ("line", "word"):
        yield block
    elif block.children:
        for child in block.children:
            yield from lines_of(child)
    else:
        texts = [text for text in block.text.splitlines() if text.strip()]
        left, top, width, height = block.box
        for number, text in enumerate(texts):
            box = (left, top + height * number / len(texts), width, height / len(texts))
            yield Region("line", box, text, block.confidence)


def words_of(line: Region, quarters: int = 0) -> list[Region]:
    """The words of a line; where they are not known, its box shared out among them by letters.

    quarters: clockwise, by which the page has to be turned for the line to stand upright.
    """
    known = known_words(line)
    if known:
        return known
    parts = letter_shares(line.text)
    return [Region("word", _part(line.box, start, end, quarters), word, line.confidence) for word, start, end in parts]


def known_words(line: Region) -> list[Region]:
    """The words of a line that have boxes of their own."""
    return [replace(word, text=" ".join(word.text.split())) for word in line.children if word.text.strip()]


def letter_shares(text: str) -> list[tuple[str, float, float]]:
    """The words of a text as they are read, each with where it begins and ends on its line by letters, 0 to 1."""
    words = text.split()
    letters, at = max(1, len(" ".join(words))), 0
    found: dict[int, tuple[str, float, float]] = {}
    for word, number in left_to_right([(word, number) for number, word in enumerate(words)]):
        found[number] = (word, at / letters, (at + len(word)) / letters)
        at += len(word) + 1
    return [found[number] for number in range(len(words))]


def _part(box: Box, start: float, end: float, quarters: int) -> Box:
    """A part of a box, from share to share of it in the direction in which it is read."""
    left, top, width, height = box
    turn = quarters % 4
    if turn in (1, 2):  # read upwards, or from the right
        start, end = 1 - end, 1 - start
    if turn % 2:
        return left, top + start * height, width, (end - start) * height
    return left + start * width, top, (end - start) * width, height


def pixels(box: Box, size_px: Size) -> Pixels:
    """A box in whole pixels of a page of some size, on it, at least one each way."""
    found = []
    for at in (0, 1):
        whole = max(1, size_px[at])
        start = min(max(0, math.floor(box[at] * whole + 1e-6)), whole - 1)
        found.append((start, min(whole, max(start + 1, math.ceil((box[at] + box[at + 2]) * whole - 1e-6)))))
    (left, right), (top, bottom) = found
    return left, top, right, bottom


def percent(confidence: float | None) -> float:
    """A confidence as Tesseract writes it, 0 to 100; what was not guessed is certain."""
    return 100.0 if confidence is None else round(100 * min(1.0, max(0.0, confidence)), 2)


def rows_of(table: Region) -> list[list[str]]:
    """A table's cells as rows of one length. A cell that spans others is the first of them, the rest are empty."""
    cells = [cell for cell in table.children if cell.kind == "cell"]
    if not cells:
        return [[text] for text in plain(table.text).splitlines() if text.strip()]
    rows = max(cell.row for cell in cells) + 1
    columns = max(cell.column + max(1, cell.column_span) for cell in cells)
    grid = [[""] * columns for _ in range(rows)]
    for cell in cells:
        text = plain(cell.text).strip()
        before = grid[cell.row][cell.column]
        grid[cell.row][cell.column] = f"{before} {text}".strip() if before else text
    return grid
