"""What every line of a page says goes in, the page as a tree of regions comes out: blocks, their lines, their words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from smolcli.datatypes import Box
from smolcli.layout import Layout, Line, Table
from smolcli.regions import Region, RegionKind, list_marker
from smolcli.verbs.ocr.sheets import Piece, Read, joined
from smolcli.verbs.ocr.spacing import respaced
from smolcli.verbs.ocr.view import Turned

HEADING = 1.2  # times the size of most letters
MARK = "[?]"  # before a line that the model was not sure of
HEADING_LINES = 3  # a heading has no more
Pieces = Sequence[tuple[Piece, Read]]


def regions_of(page: Turned, texts: Sequence[Pieces]) -> tuple[Region, ...]:
    """Blocks in reading order; `texts`: of each line of the layout, in its order, what its pieces say."""
    given = iter(texts)
    found: list[Region] = []
    for block in page.layout.blocks:
        lines = [(line, _line(page, line, next(given))) for line in block.lines]
        read = [(line, region) for line, region in lines if region.text]
        if read and isinstance(block, Table):
            found.append(_table(page, block, dict(lines)))
        elif read:
            found += _block(page, read)
    return tuple(found)


def _table(page: Turned, table: Table, lines: Mapping[Line, Region]) -> Region:
    """The cells of a table, each with its lines."""
    cells = []
    for cell in (cell for row in table.rows for cell in row):
        own = [region for line in cell.lines if (region := lines[line]).text]
        text = "\n".join(region.text for region in own)
        weight = sum(len(region.text) for region in own)
        sure = sum((region.confidence or 0.0) * len(region.text) for region in own) / weight if weight else None
        place = cell.row, cell.column, cell.row_span, cell.column_span
        cells.append(Region("cell", page.box(cell.box_px), text, sure, tuple(own), 0, *place))
    text = "\n".join(lines[line].text for line in table.lines if lines[line].text)
    return Region("table", page.box(table.box_px), text, children=tuple(cells))


def _block(page: Turned, lines: Sequence[tuple[Line, Region]]) -> Iterator[Region]:
    """A block of text as what it is: a heading, the items of a list, a paragraph."""
    level = _level(page.layout, lines)
    items = [bool(list_marker(region.text)) for _, region in lines]
    if level:
        yield _joined("heading", [region for _, region in lines], level)
    elif items[0] and not level:
        starts = [number for number, item in enumerate(items) if item]
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            yield _joined("list_item", [region for _, region in lines[start:end]])
    else:
        yield _joined("paragraph", [region for _, region in lines])


def _level(layout: Layout, lines: Sequence[tuple[Line, Region]]) -> int:
    """Of a heading by the size of its letters, 1 the largest on the page; 0 where it is none."""
    size = max(line.em_px for line, _ in lines)
    if len(lines) > HEADING_LINES or size < HEADING * layout.em_px:
        return 0
    larger = {round(line.em_px / layout.em_px, 1) for block in layout.blocks for line in block.lines}
    above = [ratio for ratio in larger if ratio > round(size / layout.em_px, 1) + 0.1]
    return min(6, 1 + len(above))


def _joined(kind: RegionKind, lines: Sequence[Region], level: int = 0) -> Region:
    box = around([line.box for line in lines])
    return Region(kind, box, "\n".join(line.text for line in lines), children=tuple(lines), level=level)


def whole_block(page: Turned, lines: Sequence[Line], reads: Sequence[Read]) -> Region | None:
    """What was said of several lines at once; None where it was nothing.

    Where as many lines came back as were found, each is where it was found; else they share the height evenly.
    """
    if not reads or not lines:
        return None
    left, right = min(line.box_px[0] for line in lines), max(line.box_px[2] for line in lines)
    top, bottom = min(line.box_px[1] for line in lines), max(line.box_px[3] for line in lines)
    pitch = (bottom - top) / len(reads)
    even = [(left, round(top + n * pitch), right, round(top + (n + 1) * pitch)) for n in range(len(reads))]
    boxes = [line.box_px for line in lines] if len(lines) == len(reads) else even
    return _joined(
        "paragraph",
        [Region("line", page.box(box), read.text, read.confidence) for box, read in zip(boxes, reads, strict=True)],
    )


def merged(own: Sequence[Region], read: Sequence[Region]) -> tuple[Region, ...]:
    """Blocks of two readings of one page as one: each of `read` stands before the first of `own` that is below it."""
    whole = list(own)
    for region in read:
        left, _, width, _ = region.box
        below = (
            number
            for number, other in enumerate(whole)
            if other.box[1] >= region.box[1] + region.box[3] / 2
            and other.box[0] < left + width
            and left < other.box[0] + other.box[2]
        )
        whole.insert(next(below, len(whole)), region)
    return tuple(whole)


def weeded(regions: Sequence[Region], least: float, drop: bool) -> tuple[Region, ...]:
    """Blocks whose lines of a smaller confidence are marked, or left out."""
    found = []
    for block in regions:
        lines = [_marked(line) if _is_doubtful(line, least) else line for line in block.children]
        if drop:
            lines = [line for line in block.children if not _is_doubtful(line, least)]
        if lines == list(block.children):
            found.append(block)
        elif lines:
            found.append(replace(block, text="\n".join(line.text for line in lines), children=tuple(lines)))
    return tuple(found)


def guessed_left_out(regions: Sequence[Region]) -> tuple[Region, ...]:
    """Blocks that are known from the page itself, without those of which a line was guessed."""
    return tuple(block for block in regions if all(part.confidence is None for part in block.walk()))


def _is_doubtful(line: Region, least: float) -> bool:
    return line.confidence is not None and line.confidence < least


def _marked(line: Region) -> Region:
    return replace(line, text=f"{MARK} {line.text}")


def around(boxes: Sequence[Box]) -> Box:
    """The smallest box that holds some boxes (left, top, width, height)."""
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
    return left, top, right - left, bottom - top


def _line(page: Turned, line: Line, reads: Pieces) -> Region:
    reads = [(piece, _respaced(piece, line, read)) for piece, read in reads]
    whole = joined(reads)
    words = tuple(_words(page, line, reads))
    return Region("line", page.box(line.box_px), whole.text, whole.confidence, words)


def _words(page: Turned, line: Line, reads: Pieces) -> list[Region]:
    """The words of a line where its gaps say that they are; by their letters where they say another number."""
    found: list[tuple[int, int, str, float]] = []  # left, right, word, confidence
    for piece, read in reads:
        words = read.text.split()
        own = [(*span, word, read.confidence) for span, word in zip(_spans(piece, line, words), words, strict=True)]
        if piece.within_word and found and own:  # it goes on with the last word
            left, _, head, sure = found.pop()
            own[0] = left, own[0][1], head + own[0][2], min(sure, own[0][3])
        found += own
    _, top, _, bottom = line.box_px
    return [Region("word", page.box((left, top, right, bottom)), word, sure) for left, right, word, sure in found]


def _spans(piece: Piece, line: Line, words: Sequence[str]) -> list[tuple[int, int]]:
    """Left and right (px) of each word of a piece."""
    seen = _seen_spans(piece, line)
    if len(seen) == len(words):
        return seen
    left, right = seen[0][0], seen[-1][1]
    letters = sum(map(len, words)) + max(0, len(words) - 1)
    spans, at = [], 0
    for word in words:
        spans.append((left + (right - left) * at // letters, left + (right - left) * (at + len(word)) // letters))
        at += len(word) + 1
    return spans


def _seen_spans(piece: Piece, line: Line) -> list[tuple[int, int]]:
    """Left and right (px) of what stands between the spaces that are seen in a piece: one at least."""
    left, _, right, _ = piece.box_px
    gaps = [(start, end) for start, end in line.gaps_px if left < start and end < right]
    left = max([left, *(end for start, end in line.gaps_px if start <= left < end)])
    right = min([right, *(start for start, end in line.gaps_px if start < right <= end)])
    edges = [left, *(edge for gap in gaps for edge in gap), right]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _respaced(piece: Piece, line: Line, read: Read) -> Read:
    return replace(read, text=respaced(read.text, [right - left for left, right in _seen_spans(piece, line)]))
