"""Pages that were read go in, DocTags comes out; or, through docling-core, a docling document in its own formats.

This is docling-core's only door (`pip install "smolcli[docling]"`). Whatever read a page, it is handed over as DocTags:
of a model that writes it by itself as that wrote it.
"""

from __future__ import annotations

import logging
import math
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from smolcli import doctags
from smolcli.datatypes import Box, Size
from smolcli.errors import UsageError
from smolcli.files import Target
from smolcli.formats.flow import joined
from smolcli.formats.page import plain, reading_of
from smolcli.formats.table import Export
from smolcli.formats.whole import WholeWriter
from smolcli.jobs import Answer
from smolcli.regions import PageReading, Region, list_marker

if TYPE_CHECKING:
    from docling_core.types.doc import DoclingDocument

BEGIN, BREAK, END = "<doctag>", "<page_break>", "</doctag>"
_GRID = doctags.GRID
_TAGS = {
    "paragraph": "text", "formula": "formula", "caption": "caption", "code": "code", "header": "page_header",
    "footer": "page_footer", "line": "text", "word": "text", "cell": "text",
}  # fmt: skip
_CELLS = {"column header": "ched", "row header": "rhed", "section": "srow"}
_TAG_BEGINS = re.compile(r"<(?=[A-Za-z/|])")
_TICKED = re.compile(r"- \[([x ])\] ")


class DoctagsWriter(WholeWriter):
    """One text for all pages, a `<page_break>` between two."""

    def answer(self, answer: Answer) -> None:
        """Write one page: as the model wrote it, if it writes DocTags."""
        reading = _reading(answer)
        own = plain(reading.markup).replace(BREAK, "").strip().removeprefix(BEGIN).removesuffix(END).strip()
        text = own or page_doctags(reading)
        self._target.write((BREAK if self._begun else BEGIN) + "\n" + (text + "\n" if text else ""))
        self._begun = True

    def finish(self) -> None:
        """Close the document."""
        self._target.write(("" if self._begun else BEGIN + "\n") + END + "\n")


class DoclingWriter(WholeWriter):
    """One document of all pages, made by docling-core when the last one is there. Raises UsageError without it."""

    def __init__(self, target: Target, export: Export = "json") -> None:
        require_docling()
        super().__init__(target)
        self._export = export
        self._name = "document"
        self._pages: list[tuple[str, Size]] = []

    def answer(self, answer: Answer) -> None:
        """Keep a page's DocTags, some kilobytes."""
        reading = _reading(answer)
        self._name = answer.job.places[0].source.path if answer.job.places else self._name
        self._pages.append((page_doctags(reading), reading.size_px))

    def finish(self) -> None:
        """Write the document."""
        self._target.write(through_docling(self._pages, self._export, plain(self._name)).rstrip("\n") + "\n")


# ---- DocTags of a page


def _reading(answer: Answer) -> PageReading:
    """What a page was read as, also where the answer is no more than what a DocTags model wrote."""
    reading = reading_of(answer)
    if answer.page is None and doctags.is_markup(answer.text):
        reading, _ = doctags.read(answer.text, reading.size_px, answer.generation.stop_reason)
    return reading


def page_doctags(reading: PageReading) -> str:
    """A page's blocks as DocTags, each on a line; what is written in it is never taken for a tag.

    A caption stands in the table or picture that follows it.
    """
    lines: list[str] = []
    around, number = "", 0  # the list that is open, and how many items it has
    caption = ""
    for region, after in zip_longest(reading.regions, reading.regions[1:]):
        tag, text = _list_item(region, number + 1 if around == "ordered_list" else 1)
        if tag != around:
            lines += [f"</{around}>"] if around else []
            lines += [f"<{tag}>"] if tag else []
            around, number = tag, 0
            tag, text = _list_item(region, 1)
        number += 1
        if tag:
            lines.append(f"<list_item>{_place(region.box)}{_safe(text)}</list_item>")
        elif region.kind == "caption" and after is not None and after.kind in ("table", "picture"):
            caption = _block(region)
        else:
            shown = replace(region, box=_seen(region.box, reading.size_px)) if region.kind == "picture" else region
            lines.append(_block(shown, caption))
            caption = ""
    return "\n".join([*lines, *([f"</{around}>"] if around else [])])


def _list_item(region: Region, number: int) -> tuple[str, str]:
    """The list that an item belongs to, and its text without the marker that the list gives it; "" for no item."""
    text = joined(plain(region.text).splitlines())
    if region.kind != "list_item" or _TICKED.match(text):
        return "", ""
    marker = list_marker(text)
    ordered = re.fullmatch(r"[0-9]{1,3}\.", marker) is not None
    given = marker == "•" or (ordered and marker == f"{number}.")
    return ("ordered_list" if ordered else "unordered_list"), text[len(marker) :].strip() if given else text


def _block(region: Region, caption: str = "") -> str:
    """Any block but an item of a list. caption: the whole element, of a table or a picture."""
    place, text = _place(region.box), plain(region.text).strip("\n")
    text = _safe(text if region.kind in ("code", "formula") else joined(text.splitlines()))
    ticked = _TICKED.match(text)
    if region.kind == "table":
        return f"<otsl>{place}{caption}{_cells(region)}</otsl>"
    if region.kind == "picture":
        name = f"<{region.label}>" if re.fullmatch("[a-z][a-z0-9_]*", region.label) else ""
        tables = [child for child in region.children if child.kind == "table"]
        tag = "chart" if tables else "picture"
        return f"<{tag}>{place}{name}{caption}{_cells(tables[0]) if tables else text}</{tag}>"
    tag = _TAGS.get(region.kind, "text")
    if region.kind == "heading":
        tag = f"section_header_level_{min(region.level - 1, 6)}" if region.level > 1 else "title"
    elif ticked:
        tag, text = "checkbox_selected" if ticked[1] == "x" else "checkbox_unselected", text[ticked.end() :]
    language = f"<_{region.label}_>" if tag == "code" and re.fullmatch(r"[^<>\s]+", region.label) else ""
    return f"<{tag}>{place}{language}{text}</{tag}>"


def _seen(box: Box, size_px: Size) -> Box:
    """A picture's box, at least a pixel each way: docling-core cuts it out of the page."""
    found = []
    for start, extent, size in zip(box[:2], box[2:], size_px, strict=True):
        least = max(extent, min(1.0, math.ceil(_GRID / max(size, 1)) / _GRID))
        found.append((min(max(start, 0.0), 1 - least), least))
    return found[0][0], found[1][0], found[0][1], found[1][1]


def _place(box: Box) -> str:
    left, top, width, height = box
    return "".join(f"<loc_{min(max(round(_GRID * at), 0), _GRID)}>" for at in (left, top, left + width, top + height))


def _safe(text: str) -> str:
    """What stands between tags: DocTags knows no escape, so that a space keeps "<b>" from being one."""
    return _TAG_BEGINS.sub("< ", text)


def _cells(table: Region) -> str:
    """A table as OTSL, every row of it as long as the longest."""
    cells = [cell for cell in table.children if cell.kind == "cell"]
    rows = max((cell.row + cell.row_span for cell in cells), default=0)
    columns = max((cell.column + cell.column_span for cell in cells), default=0)
    grid = [["<ecel>"] * columns for _ in range(rows)]
    for cell in cells:
        for down in range(cell.row_span):
            for across in range(cell.column_span):
                part = "<xcel>" if down and across else "<ucel>" if down else "<lcel>"
                grid[cell.row + down][cell.column + across] = part
        text = " ".join(_safe(plain(cell.text)).split())
        grid[cell.row][cell.column] = f"<{_CELLS.get(cell.label, 'fcel')}>{text}" if text else "<ecel>"
    return "".join("".join(row) + "<nl>" for row in grid)


# ---- docling-core


def require_docling() -> None:
    """Raises UsageError, which says how to get it, where docling-core is not installed."""
    try:
        import docling_core  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "docling documents are made by docling-core, which is not installed.",
            'Install it with: pip install "smolcli[docling]", or take -f html, markdown or doctags.',
        ) from error


def through_docling(pages: Sequence[tuple[str, Size]], export: Export, name: str = "document") -> str:
    """Pages of DocTags, each with its size in pixels, as docling-core writes them. Raises UsageError without it.

    "json" is a DoclingDocument with boxes in pixels from the top left. DocTags should be sound (`page_doctags`): of
    other text docling-core raises what it likes.
    """
    require_docling()
    logging.getLogger("docling_core").setLevel(logging.CRITICAL)  # of LaTeX that it cannot draw it keeps the text
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own ways that it has left behind
        document = _document(pages, name)
        written: dict[Export, Callable[[], str]] = {
            "json": lambda: document.model_dump_json(by_alias=True, exclude_none=True, indent=1),
            "html": document.export_to_html,
            "markdown": document.export_to_markdown,
            "text": document.export_to_text,
        }
        return written[export]()


def _document(pages: Sequence[tuple[str, Size]], name: str) -> DoclingDocument:
    from docling_core.types.doc import DoclingDocument
    from docling_core.types.doc.document import DocTagsDocument
    from PIL import Image

    # it takes a page's size from its picture; a white one is no picture of the page, and is taken out again
    pictures = [Image.new("1", size, 1) for _, size in pages]
    tags = DocTagsDocument.from_doctags_and_image_pairs([text for text, _ in pages], pictures)
    document = DoclingDocument.load_from_doctags(tags, document_name=name)
    for page in document.pages.values():
        page.image = None
    for picture in document.pictures:
        picture.image = None
    return document
