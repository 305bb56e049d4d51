"""What is painted on a page, in order, goes in; the pictures that may hold text, and what lies under one, come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smolcli.datatypes import Box

NARROWEST, LOWEST, SMALLEST = 0.03, 0.008, 0.005  # width, height, area as shares of a page: less holds no text
COVERED = 0.1  # a picture with so much of its area under lines of text is a ground for them
TOUCHING = 0.002  # share of a page between two strips of one scan
PAGE_WIDE = 0.5  # a picture over so much of the page can be the page itself
MOST = 200  # pictures of a page that are looked at, the largest first


@dataclass(frozen=True, slots=True)
class Painted:
    """Something that was painted. is_opaque: a picture through which nothing under it is seen."""

    box: Box
    is_picture: bool
    is_opaque: bool = False


def painted_over(lines: Sequence[Box], painted: Sequence[Painted]) -> list[bool]:
    """Which lines of text an opaque picture as large as the page was painted over, and no text there after it."""
    covers = [number for number, each in enumerate(painted) if each.is_opaque and _area(each.box) >= PAGE_WIDE]
    if not covers:
        return [False] * len(lines)
    after = [each.box for each in painted[covers[0] + 1 :] if not each.is_picture]
    boxes = [painted[number].box for number in covers]
    before = any(not each.is_picture for each in painted[: covers[-1]])
    return [
        before
        and any(_overlap(box, line) > 0.5 * _area(line) for box in boxes)
        and not any(_overlap(box, line) > 0 for box in after)
        for line in lines
    ]


def bare_pictures(painted: Sequence[Painted], lines: Sequence[Box]) -> tuple[Box, ...]:
    """The boxes of pictures that are large enough to hold text and that no lines cover, from top to bottom.

    The strips in which a scanner leaves a page are one picture, and a picture within another is a part of it.
    """
    boxes = [each.box for each in painted if each.is_picture and _area(each.box) > 0]
    boxes = _joined(boxes, along=1)  # strips below one another
    boxes = _joined(boxes, along=0)  # tiles beside one another
    large = [box for box in boxes if box[2] >= NARROWEST and box[3] >= LOWEST and _area(box) >= SMALLEST]
    kept: list[Box] = []
    for box in sorted(large, key=_area, reverse=True)[:MOST]:
        if not any(_overlap(box, other) > 0.9 * _area(box) for other in kept):
            kept.append(box)
    bare = [box for box in kept if sum(_overlap(box, line) for line in lines) < COVERED * _area(box)]
    return tuple(sorted(bare, key=lambda box: (box[1], box[0])))


def _joined(boxes: Sequence[Box], along: int) -> list[Box]:
    """Boxes of one breadth that touch, one after the other along an axis (0: across, 1: down), as one."""
    across = 1 - along

    def order(box: Box) -> tuple[float, ...]:
        return round(box[across], 3), round(box[across + 2], 3), box[along]

    found: list[Box] = []
    for box in sorted(boxes, key=order):
        last = found[-1] if found else None
        if last and order(last)[:2] == order(box)[:2] and box[along] - last[along] - last[along + 2] <= TOUCHING:
            found[-1] = _union(last, box)
        else:
            found.append(box)
    return found


def _union(one: Box, other: Box) -> Box:
    left, top = min(one[0], other[0]), min(one[1], other[1])
    right, bottom = max(one[0] + one[2], other[0] + other[2]), max(one[1] + one[3], other[1] + other[3])
    return left, top, right - left, bottom - top


def _area(box: Box) -> float:
    return box[2] * box[3]


def _overlap(one: Box, other: Box) -> float:
    """The area that two boxes share."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)
