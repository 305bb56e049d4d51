"""Pages that were read, made up for the tests of what writes them."""

from __future__ import annotations

from dataclasses import replace

from smolcli.datatypes import Place, Sampling, Source
from smolcli.generation import Counts, Generation, Seconds
from smolcli.jobs import Answer, Failure, Job, Look, Question, Words
from smolcli.regions import PageReading, Region

SIZE = (1000, 1400)


class Memory:
    """A target that keeps what is written."""

    def __init__(self):
        self.text, self.data = "", b""

    def write(self, text: str) -> None:
        self.text += text
        text.encode("utf-8")  # as a file would be

    def write_bytes(self, data: bytes) -> None:
        self.data += data

    def commit(self) -> None:
        pass

    def discard(self) -> None:
        pass


def line(text, box, confidence=0.9, words=()):
    return Region("line", box, text, confidence, tuple(words))


def block(kind, *lines, **more):
    left, top = min(each.box[0] for each in lines), min(each.box[1] for each in lines)
    right = max(each.box[0] + each.box[2] for each in lines)
    bottom = max(each.box[1] + each.box[3] for each in lines)
    box = (left, top, right - left, bottom - top)
    return Region(kind, box, "\n".join(each.text for each in lines), children=tuple(lines), **more)


def table(rows, box=(0.1, 0.5, 0.8, 0.2)):
    """rows: of texts, or of (text, row span, column span); None where a cell above or before reaches."""
    cells, left, top = [], box[0], box[1]
    for row, texts in enumerate(rows):
        for column, cell in enumerate(texts):
            if cell is None:
                continue
            text, down, across = cell if isinstance(cell, tuple) else (cell, 1, 1)
            wide, high = box[2] / len(texts), box[3] / len(rows)
            where = (left + column * wide, top + row * high, wide * across, high * down)
            cells.append(Region("cell", where, text, 0.8, (), 0, row, column, down, across))
    return Region("table", box, "", children=tuple(cells))


def page(*regions, **more):
    return PageReading("model", regions, **({"size_px": SIZE} | more))


def answer(reading=None, number=1, path="scan.pdf", text="", kind="page", rotate=0, sha256=""):
    source = Source(path, kind, sha256)
    place = Place(source, number - 1, page=number if kind == "page" else None)
    job = Job((place,), Question(Words(), "Read."), Look(rotate=rotate), Sampling())
    made = Generation(0, text, "end", Counts(), Seconds(), None)
    return Answer(job, ((place,),), "tiny", made, page=reading)


def written(writer_of, *answers, **more):
    """What a writer makes of some answers, text or bytes."""
    target = Memory()
    writer = writer_of(target, **more)
    for each in answers:
        writer.piece("is not shown")
        writer.answer(each)
    assert writer.failure(Failure("b.pdf", "b.pdf", "MediaError", "It is empty.", "", 3)) is False
    writer.broke_off()
    writer.finish()
    return target.data or target.text


SAMPLE = page(
    block("heading", line("Annual <report>", (0.1, 0.05, 0.5, 0.04)), level=1),
    block(
        "paragraph",
        line("Profits & losses were well-", (0.1, 0.12, 0.4, 0.02), 0.95),
        line("known to every inves-", (0.1, 0.15, 0.4, 0.02), 0.5),
        line("tor.", (0.1, 0.18, 0.1, 0.02), None),
    ),
    block("list_item", line("• first", (0.1, 0.22, 0.2, 0.02))),
    block("list_item", line("• second", (0.1, 0.25, 0.2, 0.02))),
    block("list_item", line("2. other", (0.1, 0.28, 0.2, 0.02))),
    table([["Item", "Price"], ["a|b", "12.80"], [('both, "or" none', 1, 2), None]]),
    Region("picture", (0.1, 0.75, 0.3, 0.1)),
)
HOSTILE = page(
    block("paragraph", line("a\x00b\x1b[31m \ud800c \uffff <script>&amp;", (-0.2, 0.5, 2.0, 0.0))),
    block("paragraph", line("שלום עולם", (0.2, 0.6, 0.3, 0.02))),
    replace(block("paragraph", line("", (0.2, 0.7, 0.3, 0.02))), text=""),
)
