"""Answers about windows of a clip go in, one picture comes out: the frames that were read, with times and captions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smolcli.datatypes import Place
from smolcli.errors import UsageError
from smolcli.formats.cues import ClipWriter, Cue, Told, clip_name
from smolcli.formats.pictures import font_of, png, thinned
from smolcli.printable import moment, tenths, time_range

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

COLUMNS, LEAST_COLUMNS = 6, 3
FRAME_PX = 240  # the longer edge of a frame
GAP_PX, LABEL_PX = 10, 22  # between frames; for the time under one
TITLE_PX, TEXT_PX = 26, 19  # heights of letters
MOST_FRAMES = 240  # on one sheet: 60,000 pixels high at most
GROUND, INK, FAINT = "#ffffff", "#1a1a1a", "#666666"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text on the sheet: letters so many pixels high."""

    text: str
    height_px: int
    colour: str = INK

    @property
    def below_px(self) -> int:
        """How much of the sheet it takes."""
        return round(self.height_px * 1.4)


@dataclass(frozen=True, slots=True)
class Row:
    """Frames beside one another, each over its time. below_px: how much of the sheet they take."""

    places: tuple[Place, ...]
    below_px: int


class SheetWriter(ClipWriter):
    """A PNG, drawn when all answers are there: frame by frame, so that only the sheet itself is held."""

    name = "sheet"

    def finish(self) -> None:
        """Draw the sheet. Raises OutputError, UsageError where nobody gives pictures."""
        if self._form.pictures is None:
            raise UsageError("A sheet shows pictures, and there are none here.", "See smol video.")
        self._target.write_bytes(self._drawn(self.told()))

    def _drawn(self, told: Told) -> bytes:
        import numpy as np
        from PIL import Image, ImageDraw

        cues, total = thinned(told.cues, MOST_FRAMES)
        columns = min(COLUMNS, max([LEAST_COLUMNS, *(len(cue.shown) for cue in cues)]))
        width = columns * FRAME_PX + (columns + 1) * GAP_PX
        parts = [*_head(told, sum(len(cue.shown) for cue in cues), total, width), *self._body(cues, columns, width)]
        sheet = Image.new("RGB", (width, sum(part.below_px for part in parts) + 2 * GAP_PX), GROUND)
        draw, y = ImageDraw.Draw(sheet), GAP_PX
        for part in parts:
            if isinstance(part, Line):
                draw.text((GAP_PX, y), part.text, part.colour, font_of(part.text, part.height_px))
            else:
                self._draw_row(sheet, draw, part, y)
            y += part.below_px
        return png(np.asarray(sheet))

    def _body(self, cues: list[Cue], columns: int, width: int) -> Iterator[Line | Row]:
        height = self._frame_height(cues)
        for cue in cues:
            yield Line("", TEXT_PX // 2)
            yield Line(time_range((cue.start_s, cue.end_s)), TEXT_PX, FAINT)
            yield from _lines(cue.text, TEXT_PX, width)
            yield Line("", GAP_PX // 2)
            for first in range(0, len(cue.shown), columns):
                yield Row(cue.shown[first : first + columns], height + LABEL_PX + GAP_PX)

    def _frame_height(self, cues: list[Cue]) -> int:
        """How high the frames of the clip are: they are all of one size."""
        first = next((place for cue in cues for place in cue.shown), None)
        return FRAME_PX if first is None or self._form.pictures is None else len(self._form.pictures(first, FRAME_PX))

    def _draw_row(self, sheet: Any, draw: ImageDraw, row: Row, y: int) -> None:
        from PIL import Image

        assert self._form.pictures is not None
        height = row.below_px - LABEL_PX - GAP_PX
        for number, place in enumerate(row.places):
            picture = Image.fromarray(self._form.pictures(place, FRAME_PX)[:height])
            left = GAP_PX + number * (FRAME_PX + GAP_PX)
            sheet.paste(picture, (left, y))
            text = "" if place.time_s is None else tenths(place.time_s)
            draw.text((left, y + height + 3), text, FAINT, font_of(text, LABEL_PX - 6))


def _head(told: Told, shown: int, total: int, width: int) -> Iterator[Line]:
    yield from _lines(clip_name(told.path), TITLE_PX, width)
    frames = f"{shown} frames" if shown == total else f"{shown} of the {total} frames that were read"
    yield Line(f"{frames}, {moment(told.duration_s)}", TEXT_PX, FAINT)
    for summary in told.summaries:
        yield from _lines(summary, TEXT_PX, width)


def _lines(text: str, height_px: int, width: int) -> Iterator[Line]:
    """A text in lines that fit the sheet, broken between words, or in them where there is no other place."""
    letters = font_of(text, height_px)
    room = width - 2 * GAP_PX
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if letters.getlength(longer) <= room:
                line = longer
                continue
            if line:
                yield Line(line, height_px)
            line = word
            while letters.getlength(line) > room:
                fits = next(n for n in range(len(line) - 1, 0, -1) if n == 1 or letters.getlength(line[:n]) <= room)
                yield Line(line[:fits], height_px)
                line = line[fits:]
        yield Line(line, height_px)
