"""Pages that were read go in, Tesseract's TSV comes out: a line for each page, block, paragraph, line and word."""

from __future__ import annotations

from collections.abc import Iterator

from smolcli.datatypes import Box
from smolcli.formats.page import WHOLE, lines_of, percent, pixels, plain, reading_of, words_of
from smolcli.formats.whole import WholeWriter
from smolcli.jobs import Answer
from smolcli.regions import PageReading

COLUMNS = (
    *("level", "page_num", "block_num", "par_num", "line_num", "word_num"),
    *("left", "top", "width", "height", "conf", "text"),
)
NO_WORD = "-1"  # the confidence of what is no word


class PageTsvWriter(WholeWriter):
    """Boxes in pixels of the page as it was looked at; a block has one paragraph. page_num counts as the file does."""

    def answer(self, answer: Answer) -> None:
        """Write one page, the first one under the names of the columns."""
        place = answer.job.places[0]
        number = place.page if place.page is not None else place.index + 1
        head = "" if self._begun else "\t".join(COLUMNS) + "\n"
        self._begun = True
        self._target.write(head + "".join(_rows(reading_of(answer), number)))


def _rows(reading: PageReading, page: int) -> Iterator[str]:
    def row(numbers: tuple[int, ...], box: Box, conf: str = NO_WORD, text: str = "") -> str:
        """numbers: of the block, paragraph, line and word that it is, as far as they go."""
        left, top, right, bottom = pixels(box, reading.size_px)
        counted = (len(numbers) + 1, page, *numbers, *(0,) * (4 - len(numbers)))
        return "\t".join(map(str, (*counted, left, top, right - left, bottom - top, conf, text))) + "\n"

    yield row((), WHOLE)
    for at, block in enumerate(reading.regions, 1):
        yield row((at,), block.box)
        lines = [line for line in lines_of(block) if plain(line.text).strip()]
        if lines:
            yield row((at, 1), block.box)
        for count, line in enumerate(lines, 1):
            yield row((at, 1, count), line.box)
            for number, word in enumerate(words_of(line, reading.rotation // 90), 1):
                sure = line.confidence if word.confidence is None else word.confidence
                text = " ".join(plain(word.text).split())
                yield row((at, 1, count, number), word.box, f"{percent(sure):g}", text)
