"""What a piece of a line was read as and the words that are seen in it go in, its text with those spaces comes out.

A small model now and then writes a space into a word ("24 .50", "ob jects"). Where fewer words are seen than were
written, some of its spaces are its own: those go whose loss gives words of the widths that are seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

_NARROW, _WIDE = frozenset("ijltfrI.,;:!|'`()[]{}/ "), frozenset("mwMW@%&—…")
_WIDTHS = 0.3, 0.52, 0.82  # ems: of narrow letters, most letters, wide ones; capitals are a little wider than most
_CAPITAL = 0.68
_MOST = 3  # spaces that a piece may have too many
_LONGEST = 16  # words in a piece
_APART = 0.3  # of its width, that a word may be off, or of a letter or so
_LETTER = 0.8  # ems


def respaced(text: str, widths_px: Sequence[int]) -> str:
    """The text with as many words as are seen (their widths, from left to right), where the letters fit them."""
    words, seen = text.split(), len(widths_px)
    if not 0 < seen < len(words) <= min(_LONGEST, seen + _MOST):
        return text
    whole = sum(map(_width, words))
    scale = sum(widths_px) / whole  # px an em
    best: tuple[float, list[str]] | None = None
    for ends in combinations(range(1, len(words)), seen - 1):
        groups = ["".join(words[a:b]) for a, b in zip((0, *ends), (*ends, len(words)), strict=True)]
        off = max(_off(group, width, scale) for group, width in zip(groups, widths_px, strict=True))
        if best is None or off < best[0]:
            best = off, groups
    return " ".join(best[1]) if best is not None and best[0] <= 1 else text


def _off(word: str, width_px: int, scale: float) -> float:
    """How far a word is from the width that is seen, in the most that it may be."""
    allowed = max(_APART * width_px, _LETTER * scale)
    return abs(_width(word) * scale - width_px) / allowed


def _width(word: str) -> float:
    """About how wide a word is printed, in ems."""
    narrow, usual, wide = _WIDTHS
    return sum(
        narrow if letter in _NARROW else wide if letter in _WIDE else _CAPITAL if letter.isupper() else usual
        for letter in word
    )
