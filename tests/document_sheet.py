"""A page being drawn: words, rules and pictures go on it at points, pixels and the ink box of every line come out."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np
import pymupdf

SANS, SERIF, MONO = "helv", "tiro", "cour"
BOLD = {"helv": "hebo", "tiro": "tibo", "cour": "cobo"}
A4 = 595.0, 842.0
BLACK, WHITE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

PROSE = """
the garden of an old house in winter where seven children read their letters aloud before dinner was brought to long
table near window Mr. Brown, 1998; price 24.50 EUR (approx.) invoice No. 2291 total amount due: yes no journey quickly
paper quality every night which people from Zürich 37 km away, maybe because trains often stopped at Jagdfeld; public
libraries keep excellent maps & figures by year (see p. 12) while offices copy them again and again. However few judges
expect that objects given away might be found later with their labels still readable
"""
GOODS = """
Paper A4 80 g|Toner black|Desk lamp|Pencil HB|Envelope C5|Stapler|Cable 2 m|Notebook ruled|Glue stick|Folder blue
Marker yellow|Tape 19 mm|Espresso|Rye bread|Apples 1 kg|Oat milk|Candles|Soap|Batteries AA|Printer ink cyan
"""
WORDS = PROSE.split()
NAMES = GOODS.strip().replace("\n", "|").split("|")


@functools.cache
def advance(letter: str, font: str) -> float:
    """How far a letter moves the pen, in ems."""
    return pymupdf.get_text_length(letter, font, 1)


def width_of(text: str, font: str, size: float) -> float:
    """The width of a text in points; PyMuPDF's own sum is the same, a hundred times slower."""
    return sum(advance(letter, font) for letter in text) * size


@dataclass(frozen=True)
class Text:
    """One line as it was put: baseline's left end in points, its words, font, size, colour, and what it is part of.

    box_pt: where its ink may be; space: what is added to each space between words.
    """

    x: float
    y: float
    text: str
    font: str
    size: float
    colour: tuple[float, float, float]
    block: int
    column: int
    row: int
    kind: str
    space: float = 0.0

    @property
    def width(self) -> float:
        return width_of(self.text, self.font, self.size) + self.space * self.text.count(" ")


@dataclass
class Sheet:
    """A page, points from its top left corner. paper: its colour. texts are in reading order."""

    size: tuple[float, float] = A4
    paper: tuple[float, float, float] = WHITE
    texts: list[Text] = field(default_factory=list)
    shapes: list[tuple] = field(default_factory=list)  # (what, its arguments), drawn beneath the words
    pictures: list[tuple[tuple[float, float, float, float], np.ndarray]] = field(default_factory=list)
    blocks: int = 0
    column: int = 0
    font: str = SERIF
    ink: tuple[float, float, float] = BLACK

    def put(self, at, text: str, size: float, kind: str = "body", **more) -> Text:
        """A line with its baseline at a point; it belongs to the block that was begun last."""
        known = {"font": self.font, "colour": self.ink, "row": -1, "column": self.column, **more}
        line = Text(*at, text, size=size, kind=kind, block=self.blocks, **known)
        self.texts.append(line)
        return line

    def right(self, x: float, y: float, text: str, size: float, kind: str = "body", **more) -> Text:
        """A line that ends at a point."""
        font = more.get("font", self.font)
        return self.put((x - width_of(text, font, size), y), text, size, kind, **more)

    def next_block(self) -> None:
        self.blocks += 1

    def rule(self, x0: float, y0: float, x1: float, y1: float, width: float = 0.7, colour=BLACK) -> None:
        self.shapes.append(("line", (x0, y0, x1, y1), width, colour))

    def fill(self, box, colour) -> None:
        self.shapes.append(("fill", tuple(box), 0, colour))

    def outline(self, box, width: float = 0.7, colour=BLACK) -> None:
        self.shapes.append(("box", tuple(box), width, colour))

    def draw_on(self, page: pymupdf.Page, above_pt: float = 1e9) -> None:
        """Everything whose lower end is above a height, on a page of a PDF."""
        if self.paper != WHITE:
            page.draw_rect(page.rect, color=None, fill=self.paper)
        for what, (x0, y0, x1, y1), width, colour in self.shapes:
            if max(y0, y1) > above_pt:
                continue
            if what == "line":
                page.draw_line((x0, y0), (x1, y1), color=colour, width=width)
            else:
                fill = colour if what == "fill" else None
                page.draw_rect((x0, y0, x1, y1), color=None if fill else colour, fill=fill, width=width)
        for box, picture in self.pictures:
            if box[3] <= above_pt:
                page.insert_image(
                    box, pixmap=pymupdf.Pixmap(pymupdf.csRGB, *picture.shape[1::-1], picture.tobytes(), 0)
                )
        self.draw_words(page, above_pt)

    def draw_words(self, page: pymupdf.Page, above_pt: float = 1e9, colour=None) -> None:
        shape = page.new_shape()  # one stream of all: each insert_text of a page reads and writes its stream again
        for line in self.texts:
            if line.y > above_pt:
                continue
            ink = colour or line.colour
            if not line.space:
                shape.insert_text((line.x, line.y), line.text, fontsize=line.size, fontname=line.font, color=ink)
                continue
            x = line.x
            for word in line.text.split(" "):
                shape.insert_text((x, line.y), word, fontsize=line.size, fontname=line.font, color=ink)
                x += width_of(word + " ", line.font, line.size) + line.space
        shape.commit()

    def pixels(self, dpi: int, only_words: bool = False) -> np.ndarray:
        """The page, uint8 (H, W, 3); only_words: black words on white, and nothing else."""
        with pymupdf.open() as pdf:
            page = pdf.new_page(width=self.size[0], height=self.size[1])
            if only_words:
                self.draw_words(page, colour=BLACK)
            else:
                self.draw_on(page)
            pix = page.get_pixmap(dpi=dpi, alpha=False)
            return np.frombuffer(pix.samples, np.uint8).reshape(pix.h, pix.w, 3).copy()

    # paragraphs

    def wrapped(self, words, width: float, size: float, font: str) -> list[str]:
        """Words set into lines of at most a width."""
        lines = [""]
        for word in words:
            longer = f"{lines[-1]} {word}".strip()
            if width_of(longer, font, size) > width and lines[-1]:
                lines.append(word)
            else:
                lines[-1] = longer
        return lines

    def paragraph(self, words, left: float, top: float, width: float, size: float, **more) -> float:
        """A block of lines from a height down; gives the height beneath it. leading: lines' distance in ems."""
        leading, justify = more.pop("leading", 1.25), more.pop("justify", False)
        kind, font = more.pop("kind", "body"), more.pop("font", self.font)
        self.next_block()
        lines = self.wrapped(words, width, size, font)
        for number, text in enumerate(lines):
            top += size * leading
            spaces = text.count(" ")
            room = width - width_of(text, font, size)
            fill = room / spaces if justify and spaces and number < len(lines) - 1 else 0.0
            self.put((left, top - size * 0.25), text, size, kind, font=font, space=fill, **more)
        return top


def sentence(rng: np.random.Generator, count: int) -> list[str]:
    """Words of a made-up sentence, the first with a capital letter, a full stop at the end."""
    words = [WORDS[i] for i in rng.integers(0, len(WORDS), count)]
    return [words[0][0].upper() + words[0][1:], *words[1:-1], words[-1].rstrip(".,;:") + "."]


def words(rng: np.random.Generator, count: int) -> list[str]:
    """Sentences of about so many words."""
    said: list[str] = []
    while len(said) < count:
        said += sentence(rng, int(rng.integers(5, 14)))
    return said


def ink_boxes(sheet: Sheet, dpi: int) -> list[tuple[int, int, int, int]]:
    """The box (left, top, right, bottom in pixels) of the ink of every line, found on the words alone."""
    ink = sheet.pixels(dpi, only_words=True).min(axis=2) < 160
    scale, found = dpi / 72, []
    for line in sheet.texts:
        top, bottom = int((line.y - 0.80 * line.size) * scale), int(np.ceil((line.y + 0.24 * line.size) * scale))
        left, right = (
            int((line.x - 0.1 * line.size) * scale),
            int(np.ceil((line.x + line.width + 0.1 * line.size) * scale)),
        )
        top, left = max(top, 0), max(left, 0)
        part = ink[top:bottom, left:right]
        rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
        if not len(rows):
            raise ValueError(f"{line.text!r} has no ink at {dpi} dpi")
        found.append((left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1))
    return [tuple(map(int, box)) for box in found]
