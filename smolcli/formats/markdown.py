"""Pages that were read go in, Markdown (CommonMark, with GitHub's tables) comes out, a rule between two pages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from smolcli.formats.flow import joined
from smolcli.formats.page import plain, reading_of, rows_of
from smolcli.formats.whole import WholeWriter
from smolcli.jobs import Answer
from smolcli.regions import PageReading, Region, list_marker

BETWEEN_PAGES = "\n---\n\n"
DEEPEST = 6  # levels of headings
_ALWAYS = re.compile(r"[\\`*\[\]~]|<(?=[A-Za-z/!?])|&(?=#?\w+;)|(?<!\w)_|_(?!\w)")
_TASK = re.compile(r"\[[ x]\] ")  # an item to tick, as GitHub writes it
_AT_START = re.compile(r"^(?:(#{1,6})(?=\s|$)|([-+])(?=\s|$)|(>)|([-=_])(?=[-=_\s]*$)|(\d{1,9})([.)])(?=\s|$))")


class MarkdownWriter(WholeWriter):
    """Headings by their size, paragraphs on one line each, lists, tables, code."""

    def answer(self, answer: Answer) -> None:
        """Write one page; one with nothing on it is an empty one between two rules."""
        text = page_markdown(reading_of(answer))
        self._target.write((BETWEEN_PAGES if self._begun else "") + text)
        self._begun = True


def page_markdown(reading: PageReading) -> str:
    """A page as Markdown, ended by a line break; "" for one on which nothing is."""
    blocks: list[str] = []
    before = ""  # the kind of list of the block before, if it was one
    for region in reading.regions:
        text = _block(region)
        if not text:
            continue
        kind = _list_kind(region)
        if kind and kind == before:
            blocks[-1] += "\n" + text
        elif kind and before:  # two lists in a row would become one
            blocks += ["<!-- -->", text]
        else:
            blocks.append(text)
        before = kind
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _list_kind(region: Region) -> str:
    """What tells one list from another: bullets, or numbers with what follows them; "" for what is no item."""
    if region.kind != "list_item":
        return ""
    marker = _number(list_marker(plain(region.text).strip()))
    return marker[-1:] or "-"


def _block(region: Region) -> str:
    """A block, "" where nothing is in it."""
    if region.kind == "table":
        return _table(rows_of(region))
    text = plain(region.text)
    if region.kind == "code":
        return _code(text, getattr(region, "label", ""))
    if region.kind == "formula":
        return f"$${' '.join(text.split())}$$" if text.strip() else ""
    if region.kind == "list_item":
        return _item(text)
    text = escaped_line(joined(text.splitlines()))
    if not text:
        return ""
    return f"{'#' * min(max(region.level, 1), DEEPEST)} {_closed(text)}" if region.kind == "heading" else text


def _closed(heading: str) -> str:
    """A heading whose own # at the end is no mark of its end."""
    return re.sub(r"(?<!\\)(#+)$", lambda found: "\\" + found.group(), heading)


def _item(text: str) -> str:
    """An item of a list: its mark as Markdown's, if it is one that Markdown has."""
    text = joined(text.splitlines())
    marker = list_marker(text)
    number = _number(marker)
    if number:
        return f"{number} {escaped_line(text[len(marker) :].strip())}".rstrip()
    said = text if marker[:1].isalnum() or marker[:1] == "(" else text[len(marker) :]  # "(b)" is a part of the text
    task = _TASK.match(said.strip())
    if task:
        return f"- {task.group()}{escaped_line(said.strip()[task.end() :])}"
    return f"- {escaped_line(said.strip())}".rstrip() if text else ""


def _number(marker: str) -> str:
    return marker if re.fullmatch(r"\d{1,3}[.)]", marker) else ""


def _code(text: str, language: str) -> str:
    """Code as it stands, in a fence longer than any in it."""
    body = text.strip("\n")
    if not body.strip():
        return ""
    longest = max((len(run) for run in re.findall(r"`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language if re.fullmatch(r'[A-Za-z0-9+#.-]+', language) else ''}\n{body}\n{fence}"


def _table(rows: list[list[str]]) -> str:
    """A table as GitHub writes it; the first row is its head. Cells that are spanned are empty."""
    if not rows or not any(any(row) for row in rows):
        return ""
    head, *body = ([_cell(text) for text in row] for row in rows)
    return "\n".join(map(_row, (head, ["---"] * len(head), *body)))


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    lines: Iterator[str] = (escaped(" ".join(line.split())) for line in text.splitlines())
    return "<br>".join(filter(None, lines)).replace("|", "\\|")


def escaped_line(text: str) -> str:
    """A text that begins a line, so that nothing in it is taken for markup."""
    text = escaped(text.strip())

    def at_start(found: re.Match[str]) -> str:
        number, mark = found.group(5), found.group(6)
        return f"{number}\\{mark}" if number else "\\" + found.group()

    return _AT_START.sub(at_start, text)


def escaped(text: str) -> str:
    """A text within a line, so that nothing in it is taken for markup."""
    return _ALWAYS.sub(lambda found: "\\" + found.group(), text)
