"""Tokens of DocTags in, whether they go round: the same block again and again, in one place or marching over the page.

This is the rule of docling's DocTagsRepetitionStopper: every 32 tokens, of the last 200, three or more blocks in a row
with the same tag and the same words, two of them in one place or all of them evenly spaced down or across the page. The
numbers differ from block to block, so that such a text has no period.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise

EVERY, WINDOW = 32, 200  # tokens
_COPIES = 3
_UNEVEN = 0.2  # of the mean distance
_BLOCK = re.compile(
    r"<(?P<tag>[A-Za-z0-9_]+)>[^<]*<loc_(\d{1,9})><loc_(\d{1,9})><loc_(\d{1,9})><loc_(\d{1,9})>(?P<words>.*?)</(?P=tag)>",
    re.DOTALL | re.ASCII,
)
_Place = tuple[int, ...]  # left, top, right, bottom


class BlockGuard:
    """Feed it the text of each token. `looping` turns True when the answer must end."""

    def __init__(self) -> None:
        self.looping = False
        self._tokens: deque[str] = deque(maxlen=WINDOW)
        self._count = 0

    def feed(self, token: str) -> None:
        """Add the text of one token."""
        self._tokens.append(token)
        self._count += 1
        if self._count % EVERY == 0:
            self.looping = self.looping or any(map(_goes_round, _runs("".join(self._tokens))))


def _runs(text: str) -> Iterator[list[_Place]]:
    """The places of blocks that follow each other with the same tag and the same words."""
    places: list[_Place] = []
    before = None
    for block in _BLOCK.finditer(text):
        said = block["tag"], block["words"]
        if said != before and places:
            yield places
            places = []
        before = said
        places.append(tuple(int(block[n]) for n in range(2, 6)))
    yield places


def _goes_round(places: Sequence[_Place]) -> bool:
    if len(places) < _COPIES:
        return False
    if len(set(places)) < len(places):
        return True
    left, top, right, bottom = (set(values) for values in zip(*places, strict=True))
    down = (len(left) == 1 or len(right) == 1) and _is_even([place[1] for place in places])
    across = (len(top) == 1 or len(bottom) == 1) and _is_even([place[0] for place in places])
    return down or across


def _is_even(values: Sequence[int]) -> bool:
    steps = [after - before for before, after in pairwise(values)]
    mean = sum(steps) / len(steps)
    return min(steps) > 0 and all(abs(step - mean) <= _UNEVEN * mean for step in steps)
