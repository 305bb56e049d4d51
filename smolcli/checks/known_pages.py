"""A number goes in, a page of print as a scanner gives it comes out, with the text that is on it."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pymupdf

DPI = 200
_PAGE_PT = 420.0, 220.0  # as wide as A5, and ten lines high: soon read
_LEFT, _TOP, _WIDE, _HIGH = 36.0, 40.0, 348.0, 200.0
_FACES = (("helv", 11.0), ("tiro", 10.0), ("helv", 9.0), ("tiro", 12.0))
_LEADING = 1.3
_INDENT = 1.2  # ems between paragraphs
# Words in no order that could be guessed: what comes out was read.
_TEXT = """
water letter between garden Monday office public journey never window table quality early seven invoice number paper
children often Street winter total amount payment Geneva library small copy annual report figure keep bright delay
machine north summer morning answer cable measure person wheel border engine village yellow kitchen January expert
object harbour ticket quickly Brown doctor evening finish balance market twelve sugar pocket justice value museum
"""
_WORDS = _TEXT.split()


@dataclass(frozen=True, slots=True)
class KnownPage:
    """A page and its lines in reading order; png: what is to be read."""

    png: bytes
    text: str


def known_page(number: int) -> KnownPage:
    """Two paragraphs in one face; another number is another text in another face."""
    chance = random.Random(number)
    face, size = _FACES[number % len(_FACES)]
    lines: list[str] = []
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=_PAGE_PT[0], height=_PAGE_PT[1])
        top = _TOP
        for _ in range(2):
            for line in _paragraph(chance, face, size):
                if top > _HIGH:
                    break
                page.insert_text((_LEFT, top), line, fontname=face, fontsize=size)
                lines.append(line)
                top += size * _LEADING
            top += size * _INDENT
        return KnownPage(page.get_pixmap(dpi=DPI).tobytes("png"), "\n".join(lines))


def _paragraph(chance: random.Random, face: str, size: float) -> list[str]:
    """Lines as wide as the page, the last one shorter."""
    lines, line = [], ""
    for number in range(30):
        word = _word(chance, number)
        longer = f"{line} {word}".strip()
        if pymupdf.get_text_length(longer, face, size) > _WIDE:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line]


def _word(chance: random.Random, number: int) -> str:
    """A word, at times with a mark behind it, or a number."""
    if chance.random() < 0.1:
        return f"{chance.uniform(1, 999):.2f}"
    word = chance.choice(_WORDS)
    return word.capitalize() if number == 0 else word + chance.choice(("", "", "", "", "", "", ",", ".", ";", ":"))
