"""A text in any script goes in, a picture of its lines comes out: letters joined and ordered as the script has it."""

from __future__ import annotations

import unicodedata
from functools import cache
from html import escape
from typing import Any

import numpy as np

from smolcli.datatypes import RGB
from smolcli.formats.page import plain
from smolcli.locks import MUPDF

_HIGHEST_PX = 60_000
_BREAK = "\u200b"  # a space of no width


def drawn_text(text: str, height_px: int, width_px: int, colour: str) -> RGB:
    """Lines of a text uint8 (h, width_px, 3), letters so many pixels high on white, laid out by MuPDF with its fonts.

    Lines that begin with a script from the right stand on the right.
    """
    import pymupdf

    most = max(1, width_px // height_px)  # letters are no wider than high
    lines = (_breakable(line, most) for line in plain(text).splitlines())
    paragraphs = "".join(f'<p dir="auto">{escape(line)}</p>' for line in lines)
    style = f"font-family: sans-serif; font-size: {height_px}px; line-height: 1.4; color: {colour}"
    with MUPDF:
        story = pymupdf.Story(paragraphs, user_css=f"body, p {{ margin: 0; {style} }}")
        _, filled = story.place(pymupdf.Rect(0, 0, width_px, _HIGHEST_PX))
        pixels = pymupdf.Pixmap(pymupdf.csRGB, pymupdf.IRect(0, 0, width_px, max(1, round(filled[3]))), False)
        pixels.clear_with(255)
        device = pymupdf.DeviceWrapper(pixels, None)
        story.draw(device)
        pymupdf.mupdf.fz_close_device(device.this)
        return np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width, 3)


def without_glyphs(text: str) -> list[str]:
    """The characters of a text that no font here has, each once, as they come: of them nothing is drawn."""
    with MUPDF:
        return [character for character in dict.fromkeys(plain(text)) if not _is_drawn(character)]


def _is_drawn(character: str) -> bool:
    """Signs of several scripts, such as the Arabic comma, are found by drawing alone."""
    unseen = unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Zs")
    if unseen or character.isascii() or _font().has_glyph(ord(character), fallback=True):
        return True
    return bool(drawn_text(character, 20, 60, "#000000").min() < 255)


@cache
def _font() -> Any:
    import pymupdf

    return pymupdf.Font("helv")


def _breakable(line: str, most: int) -> str:
    """The line with places to break in words of more letters than fit beside one another."""
    words = line.split(" ")
    return " ".join(_BREAK.join(word[at : at + most] for at in range(0, len(word), most)) for word in words)
