"""Words as they are read go in; as they stand from left to right on a line, which PDF wants, they come out."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def runs_left(text: str) -> bool:
    """Whether the first letter of a text is of a script that runs from the right."""
    kinds = (unicodedata.bidirectional(character) for character in text)
    return next((kind in ("R", "AL") for kind in kinds if kind in ("L", "R", "AL")), False)


def as_drawn(word: str) -> str:
    """The characters of a word from left to right."""
    return word[::-1] if runs_left(word) else word


def left_to_right(words: Sequence[tuple[str, T]]) -> list[tuple[str, T]]:
    """The words of a line, each with something of its own, from left to right (UAX 9, for whole words)."""
    base = runs_left(" ".join(word for word, _ in words))
    runs: list[tuple[bool, list[tuple[str, T]]]] = []
    leftward = base
    for word in words:
        if any(unicodedata.bidirectional(character) in ("L", "R", "AL") for character in word[0]):
            leftward = runs_left(word[0])  # numbers and signs go with the word before them
        if not runs or runs[-1][0] != leftward:
            runs.append((leftward, []))
        runs[-1][1].append(word)
    ordered = [run[::-1] if leftward else run for leftward, run in runs]
    return [word for run in (ordered[::-1] if base else ordered) for word in run]
