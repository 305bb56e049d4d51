"""Pages that were read go in, an HTML document comes out: a section a page, tables with their spans."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from itertools import groupby

from smolcli.formats.flow import joined
from smolcli.formats.page import plain, reading_of
from smolcli.formats.whole import WholeWriter
from smolcli.jobs import Answer
from smolcli.regions import PageReading, Region, list_marker

HEAD = """<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<title>%s</title>
<style>
body { max-width: 50em; margin: auto; padding: 1em; font-family: serif; line-height: 1.4 }
section + section { border-top: 1px solid #999; margin-top: 2em; padding-top: 1em }
table { border-collapse: collapse } th, td { border: 1px solid #999; padding: .2em .5em; text-align: left }
figure, .formula { text-align: center } header, footer { color: #666 }
</style>
</head>
<body>
"""
TAIL = "</body>\n</html>\n"
_TAGS = {"header": "header", "footer": "footer"}
_HEADERS = {"column header": ' scope="col"', "row header": ' scope="row"', "section": ' scope="rowgroup"'}
_DEEPEST = 6  # levels of headings


class HtmlWriter(WholeWriter):
    """One file, one section for each page."""

    def answer(self, answer: Answer) -> None:
        """Write one page."""
        place = answer.job.places[0]
        if not self._begun:
            self._target.write(HEAD % _text(place.source.path))
        self._begun = True
        number = f' id="page-{place.page}"' if place.page is not None else ""
        self._target.write(f"<section{number}>\n{page_html(reading_of(answer))}</section>\n")

    def finish(self) -> None:
        """Close the document."""
        self._target.write(("" if self._begun else HEAD % "") + TAIL)


def page_html(reading: PageReading) -> str:
    """A page's blocks as HTML elements, each on a line."""
    found: list[str] = []
    for kind, regions in groupby(reading.regions, _list_kind):
        if kind:
            found += [f"<{kind}>", *map(_item, regions), f"</{kind}>"]
        else:
            found += (line for region in regions for line in _block(region))
    return "".join(line + "\n" for line in found)


def _list_kind(region: Region) -> str:
    """The list that a block is an item of; "" for what is none."""
    if region.kind != "list_item":
        return ""
    return "ol" if _number(region) else "ul"


def _number(region: Region) -> str:
    found = re.fullmatch(r"([0-9]{1,3})[.)]", list_marker(plain(region.text).strip()))
    return found[1] if found else ""


def _item(region: Region) -> str:
    text = joined(plain(region.text).splitlines())
    marker, number = list_marker(text), _number(region)
    value = f' value="{int(number)}"' if number else ""
    shown = marker[:1].isalnum() or marker[:1] == "("  # "(b)" is a part of the text
    return f"<li{value}>{_text(text if shown and not number else text[len(marker) :].strip())}</li>"


def _block(region: Region) -> Iterator[str]:
    """Nothing for a block in which nothing is."""
    text = plain(region.text).strip("\n")
    if region.kind == "table":
        yield from _table(region)
    elif region.kind == "picture":
        tables = [line for child in region.children if child.kind == "table" for line in _table(child)]
        said = [f"<p>{_text(text.strip())}</p>"] if text.strip() else []
        yield f'<figure title="{_text(region.label.replace("_", " "))}">' if region.label else "<figure>"
        yield from (*said, *tables, "</figure>")
    elif not text.strip():
        return
    elif region.kind == "heading":
        level = min(max(region.level, 1), _DEEPEST)
        yield f"<h{level}>{_flowing(text)}</h{level}>"
    elif region.kind == "code":
        language = f' class="language-{_text(region.label)}"' if region.label else ""
        yield f"<pre><code{language}>{_text(text)}</code></pre>"
    elif region.kind == "formula":
        yield f'<p class="formula">\\[{_text(text.strip())}\\]</p>'
    elif region.kind == "caption":
        yield f'<p class="caption">{_flowing(text)}</p>'
    else:
        tag = _TAGS.get(region.kind, "p")
        yield f"<{tag}>{_flowing(text)}</{tag}>"


def _table(table: Region) -> Iterator[str]:
    """A table with its spans; cells that head a column or a row say so."""
    cells = [cell for cell in table.children if cell.kind == "cell"]
    if not cells:
        return
    yield "<table>"
    for _, row in groupby(sorted(cells, key=lambda cell: (cell.row, cell.column)), lambda cell: cell.row):
        yield f"<tr>{''.join(map(_cell, row))}</tr>"
    yield "</table>"


def _cell(cell: Region) -> str:
    scope = _HEADERS.get(cell.label, "")
    spans = f' rowspan="{cell.row_span}"' if cell.row_span > 1 else ""
    spans += f' colspan="{cell.column_span}"' if cell.column_span > 1 else ""
    tag = "th" if scope else "td"
    return f"<{tag}{scope}{spans}>{_flowing(plain(cell.text))}</{tag}>"


def _flowing(text: str) -> str:
    return _text(joined(text.splitlines()))


def _text(text: str) -> str:
    return escape(plain(text))
