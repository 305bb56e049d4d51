"""A block's text and box in, its lines out: DocTags says where a block is, and not where its lines are.

Print of a size has letters of about half that size across, and lines of about 1.3 times it down. So for every number of
lines the width of the box gives one size, and its height another: the number at which both agree is the likeliest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

from smolcli.datatypes import Box, Size
from smolcli.regions import Region

_LEADING, _INK = 1.32, 0.9  # of the size of type: from line to line, and the height of the ink of a line
_NARROW, _WIDE = frozenset("iljtfrI.,;:'|!()[]-/ "), frozenset("mwMW@%—")
_SPACE = 0.25
_AROUND = 4  # numbers of lines that are tried on either side of a first guess
_STEPS = 12  # of a bisection
_LONGEST = 2000  # words of a block; what is longer is broken evenly


def lines_in(text: str, box: Box, size_px: Size) -> tuple[Region, ...]:
    """The lines of a block from the upper to the lower edge of its box: as the text breaks them, else as print would.

    They are a guess, right where a block is set in one size.
    """
    if not text:
        return ()
    rows = text.splitlines()
    if len(rows) == 1:
        rows = _broken(text.split(), box[2] * size_px[0], box[3] * size_px[1])
    left, top, width, height = box
    each = height / len(rows)
    longest = max(map(_length, rows)) or 1.0
    return tuple(
        Region("line", (left, top + each * n, width * _length(row) / longest, each), row.strip())
        for n, row in enumerate(rows)
        if row.strip()
    )


def _broken(words: list[str], width: float, height: float) -> list[str]:
    """Words as lines that fill a box of so many pixels, the last one as far as it goes."""
    lengths = [_length(word) for word in words]
    whole = sum(lengths) + _SPACE * len(words)
    if width < 1 or height < 1:
        return [" ".join(words)]
    guess = min(max(1, round(math.sqrt(whole * height / width / _LEADING))), len(words))  # lines, if the box is full
    if len(words) > _LONGEST:
        return _wrapped(words, lengths, whole / guess)
    tries = range(max(0, guess - _AROUND - 1), min(len(words), guess + _AROUND) + 1)
    least = {count: _capacity(lengths, count) for count in tries if count}
    # between the least that holds so many lines, where all are full, and that which holds one line less
    middle = {count: (size + least.get(count - 1, 1.5 * size)) / 2 for count, size in least.items()}
    best = min(middle, key=lambda count: abs(math.log(width / middle[count] / _type_px(count, height))))
    return _wrapped(words, lengths, middle[best])


def _type_px(count: int, height: float) -> float:
    """The size of type of which so many lines are so high."""
    return height / ((count - 1) * _LEADING + _INK)


def _capacity(lengths: Sequence[float], count: int) -> float:
    """How long lines have to be at least, in sizes of type, for all words to be on so many."""
    least, most = max(lengths), sum(lengths) + _SPACE * len(lengths)
    for _ in range(_STEPS):
        middle = (least + most) / 2
        least, most = (least, middle) if _lines(lengths, middle) <= count else (middle, most)
    return most


def _lines(lengths: Sequence[float], most: float) -> int:
    """How many lines of that length words take."""
    count, used = 1, -_SPACE
    for length in lengths:
        if used >= 0 and used + _SPACE + length > most:
            count, used = count + 1, -_SPACE
        used += _SPACE + length
    return count


def _wrapped(words: Sequence[str], lengths: Sequence[float], most: float) -> list[str]:
    lines: list[list[str]] = [[]]
    used = -_SPACE
    for word, length in zip(words, lengths, strict=True):
        if lines[-1] and used + _SPACE + length > most:
            lines.append([])
            used = -_SPACE
        lines[-1].append(word)
        used += _SPACE + length
    return [" ".join(line) for line in lines]


def _length(text: str) -> float:
    """How long a text is in print, in sizes of type."""
    return sum(map(_letter, text))


@cache
def _letter(letter: str) -> float:
    if letter in _NARROW:
        return 0.28
    if letter in _WIDE:
        return 0.78
    if ord(letter) >= 0x2E80:  # ideographs and kana are square
        return 1.0
    return 0.65 if letter.isupper() else 0.49
