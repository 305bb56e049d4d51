"""An answer and the lines of a page go in, the lines that hold it come out: evidence, or none rather than a wrong one.

What a model writes is seldom what stands there letter by letter: case, spaces, marks and the letters that reading
confuses are tolerated. Of several places that say the same, that is taken beside which the question's words stand.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from smolcli.regions import PageReading, Region

LEAST = 0.8  # of the letters, that have to be the same
SHORT = 4  # letters: an answer of fewer has to be there as it is
MOST_LINES = 4  # that one answer may run over
MOST_WORDS = 60  # of an answer whose place is looked for
CONFUSED = 0.98  # how good a match is that is exact but for letters that reading confuses
NEAR = 0.05  # of the page's height: how far the question's words may be from a line to count for it

_WORD = re.compile(r"\d+(?:[.,:/-]\d+)*|\w+")  # a number is a word, with its marks
_MARK = re.compile(r"\W")
_BEFORE = re.compile(r"(?<![^\s:;,(\[])[-+−#$€£¥]+\Z")  # signs that a value begins with
_BEHIND = re.compile(r"\A(?:[%‰°€£$]+|[!?](?=\s|\Z))")  # … and ends with
_CONFUSED = str.maketrans("oi|lszb", "0111528")
_COMMON = """
    a an and are as at by for from in is it its of on or that the this to was were will with what which who when
    where why how much many does do did i my me you your page document say says"""
_EMPTY = frozenset(_COMMON.split())  # words that tell nothing apart


@dataclass(frozen=True, slots=True)
class Found:
    """Lines of a page that hold an answer, in order; how alike it is to what stands there, 0 to 1.

    printed: what stands there in its place, with its marks; "" where only a part of the answer was found, or in several
    lines.
    """

    lines: tuple[Region, ...]
    likeness: float
    printed: str = ""


@dataclass(frozen=True, slots=True)
class _Said:
    """A word of a page (its letters and digits, in small letters), the number of the line that it is in, and where it
    is in the line's text.
    """

    text: str
    line: int
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class _Span:
    """Words of a page, the first and the last of them, and how like they are to what is looked for."""

    first: _Said
    last: _Said
    likeness: float


def find_answer(reading: PageReading, answer: str, question: str) -> Found | None:
    """Where an answer stands on a page; None where it does not, or not well enough to be sure."""
    lines = [region for block in reading.regions for region in _lines_of(block) if region.text.strip()]
    page = [said for number, line in enumerate(lines) for said in _said(line.text, number)]
    for order, wanted in enumerate(_wordings(answer, question)):
        spans = list(_spans(page, wanted))
        if spans:
            best = max(span.likeness for span in spans)
            good = [span for span in spans if span.likeness >= best - 0.02]
            span = max(good, key=lambda span: (_beside(lines, span, question), span.likeness, -span.first.line))
            held = tuple(lines[span.first.line : span.last.line + 1])
            return Found(held, span.likeness, _printed(held[0].text, span) if len(held) == 1 and not order else "")
    return None


def _said(text: str, line: int) -> Iterator[_Said]:
    """The words of a line."""
    for found in _WORD.finditer(text):
        for word in words_of(found[0]):
            yield _Said(word, line, found.start(), found.end())


def _printed(text: str, span: _Span) -> str:
    """What of a line's text a span is, with the signs that belong to it."""
    before = _BEFORE.search(text[: span.first.start])
    behind = _BEHIND.match(text[span.last.end :])
    return (before[0] if before else "") + text[span.first.start : span.last.end] + (behind[0] if behind else "")


def _lines_of(block: Region) -> Sequence[Region]:
    """The lines of a block; its cells, or itself, where the model gave no lines (DocTags)."""
    inside = list(block.walk())
    for kind in ("line", "cell"):
        if found := [region for region in inside if region.kind == kind]:
            return found
    return [block]


def words_of(text: str) -> list[str]:
    """The words of a text in small letters, their marks left out; $84.20 is one of them, and 84 not in it."""
    return [_MARK.sub("", word) for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold())]


def content_of(question: str) -> str:
    """The words of a question that it is about ("What is the total?": "total"); all of it where there are none."""
    said = re.findall(r"[\w'-]+", question)
    return " ".join(word for word in said if word.casefold() not in _EMPTY) or question


def _wordings(answer: str, question: str) -> Iterator[list[str]]:
    """The answer as it is; of a sentence ("The total is $84.20."), what it says beside the question's own words."""
    said = words_of(answer)
    if not 0 < len(said) <= MOST_WORDS:
        return
    yield said
    asked = set(words_of(question)) | _EMPTY
    runs: list[list[str]] = [[]]
    for word in said:
        if word in asked:
            runs.append([])
        else:
            runs[-1].append(word)
    for run in sorted(runs, key=lambda run: -sum(map(len, run))):
        if run and run != said and (len("".join(run)) >= SHORT or any(word.isdigit() for word in run)):
            yield run


def _spans(page: Sequence[_Said], wanted: Sequence[str]) -> Iterator[_Span]:
    """Whatever is like some words, wherever words are parted."""
    text = "".join(wanted)
    letters = Counter(text.translate(_CONFUSED))
    for start in range(len(page)):
        joined = ""
        for word in page[start:]:
            if word.line - page[start].line >= MOST_LINES:
                break
            joined += word.text
            if len(joined) > len(text) / LEAST:
                break
            if len(joined) >= len(text) * LEAST:
                likeness = _likeness(joined, text, letters)
                if likeness >= (LEAST if len(text) >= SHORT else 1.0):
                    yield _Span(page[start], word, likeness)


def _likeness(one: str, other: str, letters: Counter[str]) -> float:
    """1 for the same letters; letters: of the other one, those that reading confuses as one."""
    if one == other:
        return 1.0
    one, other = one.translate(_CONFUSED), other.translate(_CONFUSED)
    if one == other:
        return CONFUSED
    longest = max(len(one), len(other))
    shared = sum((Counter(one) & letters).values())
    if shared < LEAST * longest:
        return 0.0
    return CONFUSED * (1 - _edits(one, other) / longest)


def _edits(one: str, other: str) -> int:
    """How many letters have to be put in, left out or changed to make one text the other (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        before, row[0] = row[0], number
        for at, wanted in enumerate(other, 1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (letter != wanted))
    return row[-1]


def _beside(lines: Sequence[Region], span: _Span, question: str) -> float:
    """How many of the question's words stand in some lines, or close to them: to their left, or right above."""
    asked = set(words_of(question)) - _EMPTY
    if not asked:
        return 0.0
    found = 0.0
    for word in asked:
        found += max(
            (_closeness(line, lines[span.first.line]) for line in lines if word in words_of(line.text)), default=0.0
        )
    return found / len(asked)


def _closeness(line: Region, other: Region) -> float:
    """1 in the same line, less for one in the same row or just above, 0 elsewhere."""
    if line is other:
        return 1.0
    left, top, width, height = line.box
    x, y = other.box[0], other.box[1] + other.box[3] / 2
    if top <= y <= top + height:  # the same row
        return 0.8 if left < x else 0.3
    above = other.box[1] - (top + height)
    is_over = left < x + other.box[2] and x < left + width
    return 0.4 if is_over and -height / 2 < above < NEAR else 0.0
