"""DocTags text in, elements out: each with its tag and what stands in it, in one pass over any text whatever.

An element ends with its closing tag; without one it ends where something begins that cannot stand in it, and with the
text. docling-core looks for the next closing tag of that name instead, and loses what is between.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

LISTS = ("ordered_list", "unordered_list")
CHECKBOXES = ("checkbox_selected", "checkbox_unselected")
HEADERS = tuple(f"section_header_level_{level}" for level in range(1, 7))
_TEXTS = ("title", *HEADERS, "text", "page_header", "page_footer", "formula", "footnote", "code", *CHECKBOXES)
# Every element → the elements that may stand in it.
_INSIDE: dict[str, tuple[str, ...]] = {
    **dict.fromkeys((*_TEXTS, "caption", "key_value_region"), ()),
    **dict.fromkeys(("picture", "chart"), ("caption", "otsl")),
    **dict.fromkeys(("otsl", "document_index"), ("caption",)),
    **dict.fromkeys(LISTS, ("list_item", *LISTS)),
    "inline": _TEXTS,
    "list_item": ("inline",),
}
CELLS = ("fcel", "ecel", "lcel", "ucel", "xcel", "nl", "ched", "rhed", "srow")
_MARK = re.compile(rf"{'|'.join(CELLS)}|(?:loc|key|value|link)_[0-9]+")
_AROUND = ("doctag", "page_break")
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9_]*)>|<\|[A-Za-z0-9_]+\|>")
_PLACED = re.compile(r"<([a-z0-9_]+)>(?=<loc_[0-9])")
_DEEPEST = 8  # lists in lists; what is deeper stands in the last of them


@dataclass(frozen=True, slots=True)
class Mark:
    """A tag without an element: a location, the beginning of a cell ("fcel"), the end of a key ("/key_1")."""

    name: str


@dataclass(slots=True)
class Element:
    """One element of a page. tag: "" of text that stands outside of any; cut: the text ended before it did."""

    tag: str
    inside: list[str | Mark | Element] = field(default_factory=list)
    cut: bool = False

    def elements(self) -> Iterator[Element]:
        """The elements in it, not those in these."""
        return (part for part in self.inside if isinstance(part, Element))

    def marks(self) -> Iterator[str]:
        """The names of all marks in it and in its elements, in order."""
        for part in self.inside:
            if isinstance(part, Mark):
                yield part.name
            elif isinstance(part, Element):
                yield from part.marks()

    @property
    def text(self) -> str:
        """What is written in it, without that of its elements."""
        return "".join(part for part in self.inside if isinstance(part, str)).strip()


@dataclass(slots=True)
class Parsed:
    """A page's elements in order; how many had no closing tag; tags that are none of DocTags, each once."""

    elements: list[Element]
    unclosed: int
    unknown: list[str]


def is_markup(text: str) -> bool:
    """Whether a text is DocTags: it says so, or an element in it has a place."""
    return text.lstrip().startswith("<doctag>") or any(tag[1] in _INSIDE for tag in _PLACED.finditer(text))


def is_mark(name: str) -> bool:
    """Whether DocTags has this tag as a mark."""
    return _MARK.fullmatch(name) is not None


def parse(text: str) -> Parsed:
    """The elements of a page. Every text can be parsed, in time proportional to its length."""
    builder, end = _Builder(), 0
    for tag in _TAG.finditer(text):
        if builder.is_text(tag[2]):
            continue
        builder.text(text[end : tag.start()])
        builder.tag(tag[0], tag[2], tag[1] == "/")
        end = tag.end()
    builder.text(text[end:])
    return builder.finish()


class _Builder:
    """The elements that are open, outermost first, below the page itself."""

    def __init__(self) -> None:
        self._page = Element("")
        self._open = [self._page]
        self._names: Counter[str] = Counter()  # of those that are open
        self._unclosed = 0
        self._unknown: dict[str, None] = {}

    def is_text(self, name: str | None) -> bool:
        """Whether a tag is part of what is written: `vector<int>` is code."""
        known = name is None or name in _INSIDE or name in _AROUND or is_mark(name)
        return not known and self._open[-1].tag == "code"

    def text(self, text: str) -> None:
        """What stands between two tags."""
        if len(self._open) > 1:
            self._open[-1].inside += [text] if text else []
        elif text.strip():
            self._page.inside.append(Element("", [text]))

    def tag(self, whole: str, name: str | None, closing: bool) -> None:
        """A tag; what it is called, None for a model's own (`<|end_of_text|>`)."""
        inner = self._open[-1]
        if name in _INSIDE:
            (self._close if closing else self._start)(name)
        elif name is not None and (is_mark(name) or inner.tag in ("picture", "chart")):
            # any other tag in a picture says what it shows
            inner.inside += [Mark(f"/{name}" if closing else name)] if len(self._open) > 1 else []
        elif name not in _AROUND:
            self._unknown.setdefault(whole)

    def _start(self, name: str) -> None:
        while len(self._open) > 1 and name not in _INSIDE[self._open[-1].tag]:
            self._leave()
            self._unclosed += 1
        if name in LISTS and len(self._open) > _DEEPEST:
            return
        element = Element(name)
        self._open[-1].inside.append(element)
        self._open.append(element)
        self._names[name] += 1

    def _close(self, name: str) -> None:
        if not self._names[name]:
            return
        while self._leave() != name:
            self._unclosed += 1

    def _leave(self) -> str:
        name = self._open.pop().tag
        self._names[name] -= 1
        return name

    def finish(self) -> Parsed:
        """The text has ended."""
        for element in self._open[1:]:
            element.cut = True
        return Parsed(list(self._page.elements()), self._unclosed, list(self._unknown))
