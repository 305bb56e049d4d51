"""Byte-level BPE in a few lines: a text comes in, ids go out, and back.

It proves a written vocabulary without an engine; it is no fast tokenizer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from gguf import TokenType

GPT2_REGEX = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3_REGEX = "|".join(
    (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)",
        r"[^\r\n\p{L}\p{N}]?\p{L}+",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)
STEPS = {  # llama.cpp's name → what it does
    "smollm": (r"\p{N}", GPT2_REGEX),
    "granite-docling": (GPT2_REGEX,),
    "llama-bpe": (LLAMA3_REGEX,),
    "dbrx": (LLAMA3_REGEX,),
}
NEVER = "\U0010ffff"  # a non-character: keeps a class from being empty


def _byte_letters() -> list[str]:
    """GPT-2's letter for each byte: printable ones stand for themselves, the rest follow from U+0100."""
    plain = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    spare = iter(range(0x100, 0x200))
    return [chr(byte) if byte in plain else chr(next(spare)) for byte in range(256)]


LETTERS = _byte_letters()
BYTES = {letter: byte for byte, letter in enumerate(LETTERS)}


@dataclass(slots=True)
class BytePairEncoder:
    """A vocabulary ready to encode. Control tokens in the text are recognised, as with llama.cpp's parse_special."""

    tokens: Sequence[str]
    types: Sequence[int]
    merges: Sequence[str]
    pre: str
    _ids: dict[str, int] = field(init=False)
    _ranks: dict[str, int] = field(init=False)
    _special: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        self._ids = {text: index for index, text in enumerate(self.tokens)}
        self._ranks = {merge: rank for rank, merge in enumerate(self.merges)}
        known = (TokenType.CONTROL, TokenType.USER_DEFINED)
        special = [text for text, kind in zip(self.tokens, self.types, strict=True) if kind in known]
        longest_first = sorted(special, key=len, reverse=True)
        self._special = re.compile("(" + "|".join(map(re.escape, longest_first or [NEVER])) + ")")

    def encode(self, text: str) -> list[int]:
        """Ids of a text, without bos or eos. Raises KeyError for a byte that the vocabulary lacks."""
        ids: list[int] = []
        for part in self._special.split(text):
            if part in self._ids and self._special.fullmatch(part):
                ids.append(self._ids[part])
                continue
            for word in self._words(part):
                ids += self._merge([LETTERS[byte] for byte in word.encode()])
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids; control tokens appear as they are written."""
        raw = b""
        for index in ids:
            text = self.tokens[index]
            raw += text.encode() if self._special.fullmatch(text) else bytes(BYTES[letter] for letter in text)
        return raw.decode()

    def _words(self, text: str) -> Iterator[str]:
        pieces = [text]
        for regex in STEPS[self.pre]:
            pieces = [piece for whole in pieces for piece in _isolate(regex, whole)]
        return iter(pieces)

    def _merge(self, parts: list[str]) -> list[int]:
        whole = "".join(parts)
        if self.pre == "llama-bpe" and whole in self._ids:
            return [self._ids[whole]]
        while len(parts) > 1:
            ranks = [self._ranks.get(f"{a} {b}", len(self._ranks)) for a, b in pairwise(parts)]
            best = min(range(len(ranks)), key=ranks.__getitem__)
            if ranks[best] == len(self._ranks):
                break
            parts[best : best + 2] = [parts[best] + parts[best + 1]]
        return [self._ids[part] for part in parts]


def _isolate(regex: str, text: str) -> Iterator[str]:
    """Cut a text at every match, keeping matches and what lies between."""
    end = 0
    for found in re.finditer(_for_text(regex, text), text):
        if found.start() > end:
            yield text[end : found.start()]
        if found.group():
            yield found.group()
        end = found.end()
    if end < len(text):
        yield text[end:]


def _for_text(regex: str, text: str) -> str:
    r"""Python's `re` has no \p{L} and \p{N}: name the letters and numbers that this text holds instead."""
    for name, category in (("L", "L"), ("N", "N")):
        members = sorted({char for char in text if unicodedata.category(char).startswith(category)})
        inside = "".join(map(re.escape, members or [NEVER]))
        regex = re.sub(rf"\[([^]]*)\\p{{{name}}}", lambda m, inside=inside: f"[{m[1]}{inside}", regex)  # type: ignore[misc]
        regex = regex.replace(rf"\p{{{name}}}", f"[{inside}]")
    return regex
