"""DocTags text in, a page reading out: blocks with boxes, tables with cells; and what was odd, as sentences.

The rules are docling's: a place is four `<loc_…>` in five hundredths of the page (left, top, right, bottom, the first
four of an element); of an element in which the text breaks off only that it is there is kept, and what is whole in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from smolcli.datatypes import Box, Size
from smolcli.doctags.lines import lines_in
from smolcli.doctags.markup import CHECKBOXES, HEADERS, LISTS, Element, Mark, is_mark, parse
from smolcli.doctags.tables import cells, has_cells
from smolcli.generation import StopReason
from smolcli.regions import PageReading, Region, RegionKind

GRID = 500  # `<loc_500>` is the right or the lower edge
_DIGITS = 9  # int() refuses what has thousands
PAGE: Box = (0.0, 0.0, 1.0, 1.0)
_LOCATION = re.compile("loc_([0-9]+)")
_LANGUAGE = re.compile(r"<_([^<>]+)_>\s*")
_MARKED = re.compile(r"(?:[•◦▪■●·∙–—*+-]|\(?[0-9A-Za-z]{1,3}[.)])\s+\S")  # an item that shows its own marker
_MOST_NAMED, _LONGEST_NAME = 5, 40
_KINDS: dict[str, RegionKind] = {
    "": "paragraph",
    "title": "heading",
    **dict.fromkeys(HEADERS, "heading"),
    "page_header": "header",
    "page_footer": "footer",
    "formula": "formula",
    "caption": "caption",
    "code": "code",
    "list_item": "list_item",
    **dict.fromkeys(CHECKBOXES, "list_item"),
}
_LEVELS = {"title": 1, **{name: 2 + n for n, name in enumerate(HEADERS)}}


def read(
    text: str, size_px: Size, stop_reason: StopReason = "end", confidence: float | None = None
) -> tuple[PageReading, tuple[str, ...]]:
    """What a page of DocTags says, and sentences about what was odd. It never fails, and takes linear time.

    size_px: of the page as it was looked at; stop_reason: of the answer, which says whether its end is a loop;
    confidence: of all of it, 0 to 1, None if unknown.
    """
    parsed = parse(text)
    page = _Page(size_px, confidence)
    found = [block for element in parsed.elements for block in page.blocks(element)]
    blocks = _once(found)
    page.say(len(found) - len(blocks), "{} block{} said again what stands in the same place before: left out.")
    if stop_reason == "repetition":
        page.warnings.append("The model repeated itself without end and was stopped: the rest of the page is missing.")
        whole = blocks[:-1] if page.cut else blocks  # without the one in which it was stopped
        page.cut, found, blocks = 0, whole, _without_loop(whole)
        page.say(len(found) - len(blocks), "{} block{} of its loop left out.")
    page.say(parsed.unclosed, "{} element{} without a closing tag: ended where the next one begins.")
    page.say(page.cut, "{} element{} in which the text breaks off: only the place is kept.")
    page.say(page.moved, "{} place{} outside of the page, or turned round: moved into it.")
    page.say(page.placeless, "{} block{} without a place: the whole page stands for it.")
    named = ", ".join(name[:_LONGEST_NAME] for name in parsed.unknown[:_MOST_NAMED])
    page.say(len(parsed.unknown), "{} tag{} that DocTags does not have left out: " + named.replace("{", "{{") + ".")
    reading = PageReading("model" if blocks else "", tuple(blocks), size_px, markup=text)
    return reading, tuple(page.warnings)


@dataclass(slots=True)
class _Page:
    """One page in the making, and how often something was odd."""

    size_px: Size
    confidence: float | None
    cut: int = 0
    moved: int = 0
    placeless: int = 0
    warnings: list[str] = field(default_factory=list)

    def say(self, count: int, sentence: str) -> None:
        """A sentence about what happened so often; nothing where it did not."""
        if count:
            self.warnings.append(sentence.format(count, "s" if count > 1 else ""))

    # ---- elements to blocks

    def blocks(self, element: Element, around: Box | None = None) -> Iterator[Region]:
        """An element as one block, or several (a list's items, a caption and what it is of).

        around: the box of what it stands in, which is its own where it has none.
        """
        if element.tag in LISTS:
            yield from self._list(element, around)
            return
        box = self._box(element) or around
        if element.cut:
            self.cut += 1
            element = Element(element.tag, [inner for inner in element.elements() if not inner.cut])
        for caption in (inner for inner in element.elements() if inner.tag == "caption"):
            yield from self.blocks(caption, box)
        if box is None:
            self.placeless += 1
        yield self._block(element, box or PAGE)

    def _block(self, element: Element, box: Box) -> Region:
        tag = element.tag
        if tag == "otsl" or (tag == "document_index" and has_cells(element)):
            return self._sure(Region("table", box, children=cells(element, box)))
        if tag in ("picture", "chart"):
            return self._sure(_picture(element, box))
        if tag == "inline":
            return self._text("paragraph", box, " ".join(map(_inline_text, element.elements())))
        if tag == "key_value_region":
            return self._text("paragraph", box, "\n".join(_pairs(element)))
        text = element.text
        if tag == "list_item":
            text = " ".join(filter(None, (text, *map(_inline_text, element.elements()))))
        if tag in CHECKBOXES:
            text = f"- [{'x' if tag == 'checkbox_selected' else ' '}] {text}"
        found = _LANGUAGE.match(text) if tag == "code" else None
        block = self._text(_KINDS.get(tag, "paragraph"), box, text[found.end() :] if found else text)
        return replace(block, level=_LEVELS.get(tag, 0), label=found[1] if found else "")

    def _list(self, element: Element, around: Box | None) -> Iterator[Region]:
        number = 0
        box = self._box(element, of_elements=False) or around
        for inner in element.elements():
            if inner.tag in LISTS:
                yield from self._list(inner, box)
                continue
            [item] = self.blocks(inner, box)
            number += 1
            if item.text and not _MARKED.match(item.text):
                marker = f"{number}." if element.tag == "ordered_list" else "•"
                item = self._text("list_item", item.box, f"{marker} {item.text}")
            yield item

    def _text(self, kind: RegionKind, box: Box, text: str) -> Region:
        return self._sure(Region(kind, box, text, children=lines_in(text, box, self.size_px)))

    def _sure(self, block: Region) -> Region:
        """The block and everything in it with the confidence of the whole answer."""
        if self.confidence is None:
            return block
        return replace(block, confidence=self.confidence, children=tuple(map(self._sure, block.children)))

    # ---- places

    def _box(self, element: Element, of_elements: bool = True) -> Box | None:
        """Its first four locations; None where it has fewer. of_elements: those of what stands in it count too."""
        names = element.marks() if of_elements else (part.name for part in element.inside if isinstance(part, Mark))
        found = list(islice((match[1] for name in names if (match := _LOCATION.fullmatch(name))), 4))
        if len(found) < 4:
            return None
        given = [int(digits) if len(digits) < _DIGITS else GRID + 1 for digits in found]
        left, top, right, bottom = (min(value, GRID) for value in given)
        self.moved += max(given) > GRID or left > right or top > bottom
        left, right = sorted((left, right))
        top, bottom = sorted((top, bottom))
        return left / GRID, top / GRID, (right - left) / GRID, (bottom - top) / GRID


# ---- what stands in an element


def _picture(element: Element, box: Box) -> Region:
    """A picture; of a chart its numbers too, as a table. What it shows is its label."""
    parts = [element, *(inner for inner in element.elements() if inner.tag == "otsl")]
    tables = tuple(Region("table", box, children=cells(part, box)) for part in parts if has_cells(part))
    names = [name for name in element.marks() if not is_mark(name) and not name.startswith("/")]
    text = "" if has_cells(element) else element.text
    return Region("picture", box, text, children=tables, label=names[0] if names else "")


def _inline_text(element: Element) -> str:
    """A part of a line: LaTeX in dollars, as Markdown has it."""
    return f"${element.text}$" if element.tag == "formula" and element.text else element.text


def _pairs(element: Element) -> Iterator[str]:
    """The keys and values of a form, each key with its value where that follows it."""
    words: list[str] = []
    for part in element.inside:
        if isinstance(part, str) and part.strip():
            words.append(" ".join(part.split()))
        elif isinstance(part, Mark) and part.name.startswith("key_") and words:
            yield " ".join(words)
            words = []
    if words:
        yield " ".join(words)


# ---- loops


def _once(blocks: list[Region]) -> list[Region]:
    """The blocks without those that say the same in the same place as the one before: nothing is printed twice."""
    return [
        block
        for n, block in enumerate(blocks)
        if n == 0 or block != blocks[n - 1] or not (block.text or block.children)
    ]


def _without_loop(blocks: list[Region]) -> list[Region]:
    """The blocks up to the first of those with which the answer went round."""
    end = len(blocks)
    while end > 1 and _words(blocks[end - 1]) == _words(blocks[end - 2]):
        end -= 1
    return blocks[:end]


def _words(block: Region) -> tuple[object, ...]:
    return block.kind, block.level, block.text, tuple(map(_words, block.children))
