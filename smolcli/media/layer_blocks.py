"""The lines of a page's own text go in, its blocks come out in reading order: headings, paragraphs, lists, tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from smolcli.datatypes import Box
from smolcli.media.layer_tables import Piece as TablePiece
from smolcli.media.layer_tables import Table, tables_in
from smolcli.media.reading_order import Piece, in_reading_order
from smolcli.regions import Region, list_marker, turned

HEADINGS = ((2.0, 1), (1.5, 2), (1.17, 3))  # so many times the size of the body text: a heading of that level
HEADING_LINES = 3  # what is longer is no heading, however large
TYPEWRITTEN = 0.85  # a page with more of its letters of one width is no page of code
NEW_CODE = 2.0  # the same of code, in which lines may be empty
NEW_BLOCK = 1.0  # so many letter sizes of empty space between two lines: another block


@dataclass(slots=True)
class LayerLine:
    """A line of MuPDF's. box: shares of the page; size_pt: of its letters; angle: 0, 90, 180, 270 as it is shown.

    is_code: all of its letters are equally wide, as not all on the page are.
    """

    block: int
    text: str
    box: Box
    size_pt: float
    angle: int
    hidden: bool
    is_code: bool
    words: list[Region] = field(default_factory=list)


def usual_angle(lines: Sequence[LayerLine]) -> int:
    """The direction in which most letters of a page run: 0, 90, 180, 270 degrees clockwise from level."""
    letters = dict.fromkeys((0, 90, 180, 270), 0)
    for line in lines:
        letters[line.angle] += len(line.text)
    return max(letters, key=lambda angle: letters[angle])


def blocks_of(lines: Sequence[LayerLine]) -> tuple[Region, ...]:
    """Lines, as blocks in reading order."""
    if not lines:
        return ()
    upright = -usual_angle(lines) // 90
    body = _body_size(lines)
    pieces = [Piece(turned(line.box, upright), line.block, line.text) for line in lines]
    order = in_reading_order(pieces)
    lines = _with_marks([lines[number] for number in order], upright)
    free = [TablePiece(turned(line.box, upright), line.text, not line.is_code) for line in lines]
    found: list[Region] = []
    at = 0
    for table in tables_in(free):
        found += _texts(lines[at : table.start], upright, body)
        found.append(_table(table, lines))
        at = table.end
    return (*found, *_texts(lines[at:], upright, body))


def _with_marks(lines: Sequence[LayerLine], upright: int) -> list[LayerLine]:
    """Lines in which the mark of a list's item, which stands apart, is joined with what comes after it in its row."""
    found: list[LayerLine] = []
    for line in lines:
        mark = found[-1] if found else None
        if mark is not None and mark.text and list_marker(f"{mark.text} x") == mark.text and mark.angle == line.angle:
            (_, y0, _, h0), (_, y1, _, h1) = turned(mark.box, upright), turned(line.box, upright)
            if abs(y0 + h0 - y1 - h1) < min(h0, h1) / 2:
                words, size = [*mark.words, *line.words], max(mark.size_pt, line.size_pt)
                text, box = f"{mark.text} {line.text}", _around([mark, line])
                found[-1] = replace(line, text=text, box=box, size_pt=size, words=words)
                continue
        found.append(line)
    return found


def _texts(lines: Sequence[LayerLine], upright: int, body_pt: float) -> list[Region]:
    """Lines that are in no table, as blocks."""
    groups: list[list[LayerLine]] = []
    for line in lines:
        if not groups or not _goes_on(groups[-1], line, upright):
            groups.append([])
        groups[-1].append(line)
    return [_block(group, body_pt) for group in groups]


def _table(table: Table, lines: Sequence[LayerLine]) -> Region:
    """A table, its cells, and their lines."""
    cells = []
    for cell in table.cells:
        parts = [lines[number] for number in cell.lines]
        text, box = "\n".join(part.text for part in parts), _around(parts)
        inside = tuple(_region(part) for part in parts)
        made = Region("cell", box, text, children=inside, row=cell.row, column=cell.column, column_span=cell.span)
        cells.append(made)
    box = _around([lines[number] for number in range(table.start, table.end)])
    rows: dict[int, list[str]] = {}
    for each in cells:
        rows.setdefault(each.row, []).append(" ".join(each.text.split()))
    return Region("table", box, "\n".join("\t".join(row) for _, row in sorted(rows.items())), children=tuple(cells))


def _region(line: LayerLine) -> Region:
    return Region("line", line.box, line.text, children=tuple(line.words))


def _around(lines: Sequence[LayerLine]) -> Box:
    left, top = min(line.box[0] for line in lines), min(line.box[1] for line in lines)
    right, bottom = (max(line.box[at] + line.box[at + 2] for line in lines) for at in (0, 1))
    return left, top, right - left, bottom - top


def _goes_on(group: Sequence[LayerLine], line: LayerLine, upright: int) -> bool:
    """Whether a line belongs to the block before it: near, of one size, and no item of a list of its own."""
    before = group[-1]
    if (
        before.angle != line.angle
        or before.is_code != line.is_code
        or (before.block != line.block and not line.is_code)
    ):
        return False
    marker = list_marker(line.text)
    if (
        marker and not line.is_code and (not marker[0].isalnum() or list_marker(group[0].text))
    ):  # a paragraph may say "12. March" in a line
        return False
    (x0, y0, w0, h0), (x1, y1, w1, h1) = turned(before.box, upright), turned(line.box, upright)
    letter = min(h0, h1)
    sizes = before.size_pt, line.size_pt
    overlaps = line.is_code or (x0 < x1 + w1 and x1 < x0 + w0)
    same_row = abs(y0 + h0 - y1 - h1) < letter / 2
    return (
        (overlaps or same_row)
        and y1 - y0 - h0 < (NEW_CODE if line.is_code else NEW_BLOCK) * letter
        and max(sizes) < 1.15 * min(sizes)
    )


def _body_size(lines: Sequence[LayerLine]) -> float:
    """The size in points that most letters have."""
    letters: dict[float, int] = {}
    for line in lines:
        size = round(line.size_pt, 1)
        letters[size] = letters.get(size, 0) + len(line.text)
    return max(letters, key=lambda size: (letters[size], -size))


def _block(group: Sequence[LayerLine], body_pt: float) -> Region:
    """Lines as one block: a heading by its size, an item of a list by how it begins, or a paragraph."""
    lines = tuple(map(_region, group))
    box, text = _around(group), "\n".join(line.text for line in group)
    if group[0].is_code and len(group) > 1:  # one line is what was typed into a form
        return Region("code", box, _indented(group), children=lines)
    times = max(line.size_pt for line in group) / body_pt if body_pt > 0 else 1.0
    level = next((level for least, level in HEADINGS if times >= least), 0)
    if level and len(group) <= HEADING_LINES and any(character.isalpha() for character in text):
        return Region("heading", box, text, children=lines, level=level)
    return Region("list_item" if list_marker(text) else "paragraph", box, text, children=lines)


def _indented(group: Sequence[LayerLine]) -> str:
    """Lines of code, each part as far from the left as it stands, and empty ones where there is room for them."""
    first = [line.words[0] if line.words else Region("word", line.box, line.text) for line in group]
    left = min(word.box[0] for word in first)
    letter = max(word.box[2] / len(word.text) for word in first)
    rows: list[str] = []
    reach = 0.0  # down the page
    for line, word in zip(group, first, strict=True):
        column, bottom = round((word.box[0] - left) / letter), line.box[1] + line.box[3]
        if rows and abs(bottom - reach) < line.box[3] / 2:
            rows[-1] = f"{rows[-1]} ".ljust(column) + line.text
        else:
            rows += [""] if rows and line.box[1] - reach > 0.8 * line.box[3] else []
            rows.append(" " * column + line.text)
        reach = bottom
    return "\n".join(rows)
