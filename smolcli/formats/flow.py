"""The lines of a paragraph go in, the paragraph comes out: over line ends, hyphens and scripts without spaces."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

HYPHENS = "-‐"
SOFT_HYPHEN = "\xad"
# A hyphen at a line's end belongs to these: well-known, self-made. No "pro" (gram), "ex" (ample), "all" (ergy).
COMPOUNDS = re.compile("self|well|half|cross|quasi|vice|(?:twen|thir|for|fif|six|seven|eigh|nine)ty")
LINKS = re.compile("of|the|to|in|by|and|or|for|on|up|at|as|a|an|per|de|la|und")  # state-of-the-art, up-to-date
TOGETHER = re.compile("and|or|to|und|oder|bis|et|ou|y|o|e|of|en|i|och|og|sowie|als", re.IGNORECASE)  # "Vor- und"
SPACELESS = ("CJK", "HIRAGANA", "KATAKANA", "BOPOMOFO", "THAI", "LAO", "KHMER", "MYANMAR", "IDEOGRAPHIC", "FULLWIDTH")
_WORD = re.compile(r"\w+(?:[-‐]\w+)*")


def joined(lines: Sequence[str]) -> str:
    """Lines as one text, one space between words.

    A hyphen at a line's end goes where a word was broken there, and stays where it is a compound's: where the text has
    the compound in another place, after "up-to" and the like, at numbers, capitals and usual first parts, and before
    "and". Scripts that have no spaces get none.
    """
    texts = [" ".join(line.split(None)) for line in lines]
    words = {word.lower().replace("‐", "-") for text in texts for word in _WORD.findall(text)}
    made = ""
    for text in filter(None, texts):
        made = _with(made, text, words) if made else text
    return " ".join(made.replace(SOFT_HYPHEN, "").split())


def _with(made: str, text: str, words: set[str]) -> str:
    """A text and the line after it."""
    last, first = made[-1], text[0]
    if last == SOFT_HYPHEN:
        return made[:-1] + text
    if last in HYPHENS and len(made) > 1 and made[-2].isalnum():
        before, after = _last_word(made[:-1]), _first_word(text)
        if TOGETHER.fullmatch(after):
            return f"{made} {text}"
        if not first.isalnum():
            return f"{made} {text}"
        return made + text if _is_compound(before, after, words) else made[:-1] + text
    return made + text if _is_spaceless(last) and _is_spaceless(first) else f"{made} {text}"


def _is_compound(before: str, after: str, words: set[str]) -> bool:
    """Whether the hyphen between two parts belongs to the word, and not to the line's end."""
    low, next_low = before.lower(), after.lower()
    parts = re.split(r"[-‐]", low)
    if low + next_low in words:
        return False
    if f"{low}-{next_low}" in words or (len(parts) > 1 and LINKS.fullmatch(parts[-1])):
        return True
    if before[-1:].isdigit() or not (after[:1].islower() or (before.isupper() and after.isupper())):
        return True
    return bool(COMPOUNDS.fullmatch(parts[-1])) or len(parts[-1]) == 1


def _last_word(text: str) -> str:
    found = re.search(r"\w+(?:[-‐]\w+)*$", text)
    return found.group() if found else ""


def _first_word(text: str) -> str:
    found = _WORD.match(text)
    return found.group() if found else ""


def _is_spaceless(character: str) -> bool:
    """Whether a character is of a script that has no spaces between words, or its punctuation."""
    return unicodedata.name(character, "").startswith(SPACELESS)
