"""A block's text and box in, its lines out: DocTags says where a block is, and not where its lines are."""

from __future__ import annotations

import math

from smolcli.datatypes import Box, Size
from smolcli.regions import Region

_LETTER, _LEADING = 0.5, 1.25  # of a size of type: the width of a letter, from line to line


def lines_in(text: str, box: Box, size_px: Size) -> tuple[Region, ...]:
    """Lines that fill the box evenly: as the text breaks them, else as many as print of that much text has there.

    A line is a guess: it is right where a block is set in one size and its lines are equally full.
    """
    if not text:
        return ()
    rows = text.splitlines()
    if len(rows) == 1:
        rows = _wrapped(text.split(), _count(len(text), box, size_px))
    left, top, width, height = box
    each = height / len(rows)
    fullest = max(map(len, rows))
    return tuple(
        Region("line", (left, top + each * n, width * max(len(row), 1) / max(fullest, 1), each), row.strip())
        for n, row in enumerate(rows)
        if row.strip()
    )


def _count(letters: int, box: Box, size_px: Size) -> int:
    """How many lines so many letters have in a box: the size of type at which they fill it."""
    width, height = box[2] * size_px[0], box[3] * size_px[1]
    if width < 1 or height < 1:
        return 1
    type_px = math.sqrt(width * height / (letters * _LETTER * _LEADING))
    return max(1, min(round(height / (type_px * _LEADING)), letters))


def _wrapped(words: list[str], count: int) -> list[str]:
    """Words in about so many lines, each as full as the next."""
    per_line = sum(len(word) + 1 for word in words) / count
    lines: list[list[str]] = [[]]
    used = 0
    for word in words:
        if lines[-1] and used + (len(word) + 1) / 2 > per_line * len(lines):
            lines.append([])
        lines[-1].append(word)
        used += len(word) + 1
    return [" ".join(line) for line in lines]
