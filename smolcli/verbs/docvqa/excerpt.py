"""The lines of a page and questions go in; pictures of those of its rows that are about the questions come out.

A model that takes pages small sees only specks of usual print. So it is shown what of a page is about a question, at a
letter size that it reads, with most of the white between left out: columns stay columns, and rows stay in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from smolcli.datatypes import Box, Size
from smolcli.jobs import Sheet
from smolcli.regions import PageReading, Region, turned

Rank = Callable[[Sequence[str], str], list[float]]
BEST = 2  # rows that are looked for by a question's words
BELOW = 1  # rows beneath one of them that has no figures itself: its value may stand there
GAP, LEADING = 1.5, 1.5  # ems: between columns at most, and from row to row
MARGIN = 0.8  # ems of white around
OF_LAYER, OF_INK = 1.3, 0.93  # a line's height in ems: as fonts say, and of its ink from ascender to descender


@dataclass(frozen=True, slots=True)
class Eyes:
    """How a model sees a page: letters (em) letter_px high it reads best, below least_px it does not read them.

    side_px: of the square picture that it takes. letter_px 0.0: it reads whatever is shown, or nobody has measured it.
    """

    side_px: int
    letter_px: float = 0.0
    least_px: float = 0.0


Pixels = tuple[float, float, float, float]  # left, top, right, bottom on the page


@dataclass(frozen=True, slots=True)
class Run:
    """Words that stand together, each with its box."""

    words: tuple[tuple[Pixels, str], ...]

    @property
    def box(self) -> Pixels:
        """Around all of them."""
        left, top, right, bottom = zip(*(box for box, _ in self.words), strict=True)
        return min(left), min(top), max(right), max(bottom)

    @property
    def width(self) -> float:
        """In pixels of the page."""
        return self.box[2] - self.box[0]

    @property
    def text(self) -> str:
        """What it says."""
        return " ".join(text for _, text in self.words)


Row = Sequence[Run]  # side by side, from left to right


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A picture of parts of a page: their boxes in shares of the page, turned upright, and how they make the sheet."""

    boxes: tuple[Box, ...]
    sheet: Sheet


class Page:
    """What a page says, as rows. reading: of it; size_px: as it is looked at, turned upright."""

    def __init__(self, reading: PageReading, size_px: Size) -> None:
        self._size_px, self._quarters = size_px, reading.rotation // 90
        lines = [line for block in reading.regions for line in block.walk() if line.kind == "line" and line.text]
        boxes = [self._pixels(line.box) for line in lines]
        heights = sorted(bottom - top for _, top, _, bottom in boxes)
        high = OF_LAYER if reading.text_from == "layer" else OF_INK
        self.em_px = heights[len(heights) // 2] / high if heights else 0.0
        self.rows = _rows([run for line in lines for run in self._runs(line)])

    def letters_px(self, eyes: Eyes) -> float:
        """How high its letters are where the whole of it is shown."""
        return self.em_px * eyes.side_px / max(self._size_px)

    def excerpts(self, phrases: Sequence[Sequence[str]], rank: Rank, eyes: Eyes) -> list[Excerpt | None]:
        """For each question what is to be shown, None where no row is about it; as few pictures as hold all rows.

        phrases: of each question, what it looks for.
        """
        widest = (eyes.side_px / eyes.letter_px - 2 * MARGIN) * self.em_px
        most = int((eyes.side_px / eyes.letter_px - 2 * MARGIN) / LEADING)
        wanted = [self._about(each, rank, widest, most) for each in phrases]
        shared: list[set[int]] = []
        for rows in wanted:
            if rows and not any(rows <= taken for taken in shared):
                taken = next((taken for taken in shared if self._count(taken | rows, widest) <= most), None)
                if taken is None:
                    shared.append(set(rows))
                else:
                    taken |= rows
        made = [self._picture([self.rows[n] for n in sorted(rows)], eyes, widest) for rows in shared]
        return [
            next((each for each, taken in zip(made, shared, strict=True) if rows and rows <= taken), None)
            for rows in wanted
        ]

    def _pixels(self, box: Box) -> Pixels:
        left, top, width, height = turned(box, self._quarters)
        across, down = self._size_px
        return left * across, top * down, (left + width) * across, (top + height) * down

    def _runs(self, line: Region) -> Iterator[Run]:
        """The words of a line, parted where the space between them is wide."""
        words = [(self._pixels(word.box), word.text) for word in line.children if word.kind == "word"]
        words = words or [(self._pixels(line.box), line.text)]
        run = [words[0]]
        for word in words[1:]:
            if word[0][0] - run[-1][0][2] > self.em_px:
                yield Run(tuple(run))
                run = []
            run.append(word)
        yield Run(tuple(run))

    def _about(self, phrases: Sequence[str], rank: Rank, widest: float, most: int) -> set[int]:
        """The rows with most of the words of some phrases, and those beneath them, as many as there is room for."""
        texts = [" ".join(run.text for run in row) for row in self.rows]
        ranked = []
        for phrase in phrases:
            scores = rank(texts, phrase)
            ranked.append(sorted((n for n, score in enumerate(scores) if score > 0), key=lambda n: -scores[n])[:BEST])
        chosen: set[int] = set()
        for depth in range(BEST):
            for best in ranked:
                for near in self._with_value(best[depth]) if depth < len(best) else ():
                    if self._count(chosen | {near}, widest) <= most:
                        chosen.add(near)
        return chosen

    def _with_value(self, number: int) -> range:
        """A row, and those beneath it where it has no figures itself: what it names may stand there."""
        has_figures = any(letter.isdigit() for run in self.rows[number] for letter in run.text)
        return range(number, number + 1 if has_figures else min(len(self.rows), number + 1 + BELOW))

    def _count(self, rows: set[int], widest: float) -> int:
        """How many rows of a picture some rows of the page take."""
        return sum(len(list(_broken(self.rows[n], widest, self.em_px))) for n in rows)

    def _picture(self, rows: Sequence[Row], eyes: Eyes, widest: float) -> Excerpt:
        em = self.em_px
        whole = [row for row in rows if sum(run.width for run in row) <= widest]
        columns = Columns([run.box for row in whole for run in row], GAP * em)
        if columns.width > widest:
            whole = []
        placed: list[tuple[Run, float, float]] = []  # with its left end and its middle, in pixels of the page
        y = (MARGIN + LEADING / 2) * em
        for row in rows:
            if row in whole:
                parts = [[(run, columns.at(run.box[0])) for run in row]]
            else:
                parts = list(_broken(row, widest, em))
            for part in parts:
                placed += [(run, x + MARGIN * em, y) for run, x in part]
                y += LEADING * em
        return self._sheet(placed, eyes)

    def _sheet(self, placed: Sequence[tuple[Run, float, float]], eyes: Eyes) -> Excerpt:
        scale, (across, down) = eyes.letter_px / self.em_px, self._size_px
        paper = 0.1 * self.em_px
        boxes: list[Box] = []
        at: list[tuple[int, int]] = []
        for run, x, y in placed:
            left, top, right, bottom = run.box
            left, right = max(0.0, left - paper), min(across, right + paper)
            boxes.append((left / across, top / down, (right - left) / across, (bottom - top) / down))
            at.append((round((x - paper) * scale), round((y - (bottom - top) / 2) * scale)))
        return Excerpt(tuple(boxes), Sheet(eyes.side_px, len(placed), round(scale, 4), tuple(at)))


class Columns:
    """Boxes beside one another → where they stand with all white between columns but so much left out."""

    def __init__(self, boxes: Sequence[Pixels], gap: float) -> None:
        self._spans: list[tuple[float, float, float]] = []  # (left, right) on the page, left end where it goes
        at = 0.0
        for left, right in sorted((box[0], box[2]) for box in boxes):
            if self._spans and left - self._spans[-1][1] < gap:
                start, end, there = self._spans[-1]
                self._spans[-1] = start, max(end, right), there
            else:
                at = self._spans[-1][2] + self._spans[-1][1] - self._spans[-1][0] + gap if self._spans else 0.0
                self._spans.append((left, right, at))

    @property
    def width(self) -> float:
        """Of all columns together."""
        return self._spans[-1][2] + self._spans[-1][1] - self._spans[-1][0] if self._spans else 0.0

    def at(self, x: float) -> float:
        """Where what was at x goes; x is in a column."""
        start, _, there = next(span for span in self._spans if span[0] <= x <= span[1])
        return there + x - start


def _rows(runs: Sequence[Run]) -> list[Row]:
    """Runs whose middles are beside one another share a row; rows from the top."""
    rows: list[list[Run]] = []
    for run in sorted(runs, key=lambda run: run.box[1] + run.box[3]):
        _, top, _, bottom = run.box
        if rows and any(one.box[1] < (top + bottom) / 2 < one.box[3] for one in rows[-1]):
            rows[-1].append(run)
        else:
            rows.append([run])
    return [sorted(row, key=lambda run: run.box[0]) for row in rows]


def _broken(row: Row, widest: float, em: float) -> Iterator[list[tuple[Run, float]]]:
    """A row as one or several: its words one after another, as many as fit, each run with where it begins."""
    part: list[tuple[Run, float]] = []
    x = 0.0
    for run in row:
        for piece in _pieces(run, widest):
            if part and x + piece.width > widest:
                yield part
                part, x = [], 0.0
            part.append((piece, x))
            x += piece.width + GAP * em
    if part:
        yield part


def _pieces(run: Run, widest: float) -> Iterator[Run]:
    """A run, parted between words where it is wider than a picture."""
    words: list[tuple[Pixels, str]] = []
    for word in run.words:
        if words and word[0][2] - words[0][0][0] > widest:
            yield Run(tuple(words))
            words = []
        words.append(word)
    yield Run(tuple(words))
