"""Grammars (GBNF) of answers that are no JSON: a value as it stands on the page."""

from __future__ import annotations

import re

NOT_FOUND = '"Not found." | "null"'
MOST_CHARACTERS = 400  # of a text, where the schema sets no limit
_REPEATS = 2000  # llama.cpp's own limit of a repetition

# Words, a sign or a currency, the number, its unit; words alone say that there is none.
NUMBER = r"root ::= [^0-9\x00-\x1F\x7F]{0,40} ([0-9] [0-9.,' ]{0,24} [^0-9\x00-\x1F\x7F]{0,12})?"


def text_grammar(most: int | None) -> str:
    """A text of so many characters, on any number of lines."""
    return rf"root ::= [^\x00-\x09\x0B-\x1F\x7F]{{0,{min(most or MOST_CHARACTERS, _REPEATS)}}}"


def unquoted(gbnf: str) -> str:
    """The grammar of one JSON string without its quotes; or that there is none."""
    lines = gbnf.split("\n")
    return "\n".join(
        re.sub(r'^root ::= "\\"" (.*) "\\""( space)?$', rf"root ::= (\1) | {NOT_FOUND}", line) for line in lines
    )
