"""Lines with boxes go in, the order in which a person reads them comes out: columns one after the other, rows across.

A recursive cut: what shares a gap from top to bottom is columns, if they hold prose; the rest is read from the top.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from smolcli.datatypes import Box

GUTTER = 0.012  # share of the page's width: the least between two columns
PROSE_LINES = 2  # a column has at least so many
LONG = 5  # prose of so many lines is a column also beside what is none
LEVEL = 0.7  # more of its lines level with those beside it: rows of a table
PROSE_FILL = 0.55  # and at least half of its lines fill so much of its width
MOST = 3000  # lines of a page that are put in order; more than that are no page to read
TRIES = 40  # ends of a run that are tried, from the last on
SAME_ROW = 0.5  # two lines that share so much of the lower one's height are in one row


@dataclass(frozen=True, slots=True)
class Piece:
    """A line to be put in order. box: shares of the upright page; block: of the file's own order; text."""

    box: Box
    block: int
    text: str


def in_reading_order(pieces: Sequence[Piece]) -> list[int]:
    """The numbers of the pieces, in the order in which they are read: from the right where letters are.

    More than MOST stay as they are.
    """
    if len(pieces) > MOST:
        return list(range(len(pieces)))
    letters = [unicodedata.bidirectional(c) for piece in pieces for c in piece.text if c.isalpha()]
    leftward = sum(kind in ("R", "AL") for kind in letters) > len(letters) / 2
    return list(_ordered(list(range(len(pieces))), pieces, leftward))


def _ordered(numbers: list[int], pieces: Sequence[Piece], leftward: bool) -> Iterator[int]:
    """Runs of bands with a gutter in common are columns; other bands are read as they come."""
    bands = _parted(numbers, pieces, axis=1, least=0.0)
    at = 0
    while at < len(bands):
        end, columns = _longest_run(bands, at, pieces)
        if columns:
            for column in reversed(columns) if leftward else columns:
                yield from _ordered(column, pieces, leftward)
        else:
            yield from _across(bands[at], pieces, leftward)
        at = end


def _longest_run(bands: Sequence[list[int]], at: int, pieces: Sequence[Piece]) -> tuple[int, list[list[int]]]:
    """Where the longest run of bands from one on that is columns ends, and the columns; none, and the next one."""

    def parts(end: int) -> list[list[int]]:
        together = [number for band in bands[at:end] for number in band]
        return _parted(together, pieces, axis=0, least=GUTTER)

    if len(parts(at + 1)) < 2:
        return at + 1, []
    least, most = at + 1, len(bands)  # the more bands, the fewer gutters: the last end with one is between these
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if len(parts(middle)) > 1 else (least, middle - 1)
    for end in range(least, max(at, least - TRIES), -1):
        if columns := _columns(parts(end), pieces):
            return end, columns
    return at + 1, []


def _parted(numbers: Sequence[int], pieces: Sequence[Piece], axis: int, least: float) -> list[list[int]]:
    """Groups that a gap of more than `least` parts along an axis (0: across, 1: down), in order."""
    groups: list[list[int]] = []
    reach = -1.0
    for number in sorted(numbers, key=lambda number: (pieces[number].box[axis], number)):
        start, length = pieces[number].box[axis], pieces[number].box[axis + 2]
        slack = 0.2 * length if axis == 1 else 0.0  # boxes of lines reach into each other where the leading is tight
        if not groups or start + slack - reach > least:
            groups.append([])
        groups[-1].append(number)
        reach = max(reach, start + length - slack)
    return groups


def _columns(parts: Sequence[list[int]], pieces: Sequence[Piece]) -> list[list[int]]:
    """Of parts beside one another, what is read one after the other: prose, and what does not go with it line by line.

    The columns of a table are one, as their lines stand level with one another.
    """
    columns: list[list[int]] = []
    for part in parts:
        prose = columns and _is_prose(columns[-1], pieces) and _is_prose(part, pieces)
        if columns and not prose and _level_with(columns[-1], part, pieces) > LEVEL:
            columns[-1] = columns[-1] + part
        else:
            columns.append(part)
    prose_lines = [len(column) for column in columns if _is_prose(column, pieces)]
    all_are = len(prose_lines) == len(columns) or (
        max(prose_lines, default=0) >= LONG and min(map(len, columns)) >= PROSE_LINES
    )
    return columns if all_are and len(columns) > 1 else []


def _level_with(one: Sequence[int], other: Sequence[int], pieces: Sequence[Piece]) -> float:
    """The share of the lines of a part that stand level with a line of another one; of the shorter of the two."""
    few, many = sorted((one, other), key=len)
    feet = [pieces[number].box[1] + pieces[number].box[3] for number in many]
    level = 0
    for number in few:
        _, top, _, height = pieces[number].box
        level += any(abs(top + height - foot) < 0.2 * height for foot in feet)
    return level / len(few)


def _is_prose(numbers: Sequence[int], pieces: Sequence[Piece]) -> bool:
    """Whether lines fill a column, unlike the cells of a table, or words of a form."""
    boxes = [pieces[number].box for number in numbers]
    width = max(left + wide for left, _, wide, _ in boxes) - min(left for left, _, _, _ in boxes)
    if len(boxes) < PROSE_LINES or sum(len(pieces[number].text) for number in numbers) < 12 * len(boxes):
        return False
    return 2 * sum(wide >= PROSE_FILL * width for _, _, wide, _ in boxes) >= len(boxes)


def _across(numbers: Sequence[int], pieces: Sequence[Piece], leftward: bool) -> list[int]:
    """A band without columns: one row from side to side, anything else as the file has it."""
    boxes = [pieces[number].box for number in numbers]
    top, bottom = max(box[1] for box in boxes), min(box[1] + box[3] for box in boxes)
    if bottom - top >= SAME_ROW * min(box[3] for box in boxes):
        return sorted(numbers, key=lambda number: pieces[number].box[0] * (-1 if leftward else 1))
    return sorted(numbers, key=lambda number: (pieces[number].block, number))
