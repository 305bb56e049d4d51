"""A page's own text goes in; what is wrong with it comes out, as the end of a sentence: "the text layer …"."""

from __future__ import annotations

import math
import re
import unicodedata

FEW = 12  # characters: of less, nothing is said but that they are unmapped
UNMAPPED, CONTROLS = 0.05, 0.02  # as shares of the characters that are not spaces
LETTERS = 200  # Latin letters, for their distribution to say anything
UNLIKELY_BITS = 4.88  # a letter, on average: languages take 4.1 to 4.8 in Latin letters, letters without order 5.3
MOJIBAKE = 0.5  # of the Latin letters, those of U+00C0 to U+00FF: another alphabet that was taken for Latin-1
_CONTROLS = re.compile("[\\x00-\\x08\\x0e-\\x1b\\x7f-\\x84\\x86-\\x9f\\ud800-\\udfff]")  # white space is none of them
_CID = re.compile(r"\(cid:\d+\)")
# How often a letter comes, in per mille: the mean over English, German, French, Spanish, Italian, Portuguese, Dutch,
# Swedish, Polish, Czech and Finnish, accents left off.
_PER_MILLE = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        (92, 14, 27, 40, 130, 13, 19, 26, 80, 8, 19, 47, 28, 78, 71, 24, 4, 61, 62, 63, 42, 16, 12, 3, 13, 12),
        strict=True,
    )
)


def fault_of(text: str) -> str:
    """Why a text layer is not what the page shows; "" where nothing speaks against it."""
    shown = [character for character in _without_bullets(text) if not character.isspace()]
    if not shown:
        return ""
    unmapped = sum(is_private(c) or c == "�" for c in shown) + sum(map(len, _CID.findall(text)))
    if unmapped > UNMAPPED * len(shown):
        return "holds glyphs that stand for no characters"
    if len(shown) < FEW:
        return ""
    if len(_CONTROLS.findall(text)) > CONTROLS * len(shown):
        return "holds control characters"
    return _unlikely_letters(shown)


def _without_bullets(text: str) -> str:
    """Without the bullets of symbol fonts, which have no character of their own in many good files."""
    lines = [line.lstrip() for line in text.splitlines()]
    return "\n".join(line[1:] if line and is_private(line[0]) and line[1:2] in ("", " ") else line for line in lines)


def _unlikely_letters(shown: list[str]) -> str:
    """What letters alone tell: of an alphabet that was taken for another, or of glyphs numbered as they came."""
    latin = [c for c in shown if c.isalpha() and "LATIN" in unicodedata.name(c, "")]
    if len(latin) < LETTERS:
        return ""
    if sum("À" <= c <= "ÿ" for c in latin) > MOJIBAKE * len(latin):
        return "holds the letters of another alphabet"
    base = [letter for c in latin if (letter := unicodedata.normalize("NFD", c)[0].lower()) in _PER_MILLE]
    bits = sum(-math.log2(_PER_MILLE[letter] / 1000) for letter in base) / max(1, len(base))
    return "holds letters that make no words" if bits > UNLIKELY_BITS else ""


def is_private(character: str) -> bool:
    """Whether a character stands for nothing that anybody else would know: private use."""
    return unicodedata.category(character) == "Co"


def is_control(character: str) -> bool:
    """Whether it is a control character other than white space."""
    return unicodedata.category(character) == "Cc" and not character.isspace()


def without_controls(text: str) -> str:
    """Without control characters; those that are white space become spaces."""
    if text.isprintable():
        return text
    return "".join(" " if unicodedata.category(c) == "Cc" and c.isspace() else c for c in text if not is_control(c))
