"""Answers about windows of a clip go in, one picture comes out: the frames that were read, with times and captions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from smolcli.datatypes import RGB, Place
from smolcli.errors import UsageError
from smolcli.formats.cues import ClipWriter, Cue, Told, clip_name
from smolcli.formats.pictures import png, thinned
from smolcli.formats.scripts import drawn_text, without_glyphs
from smolcli.printable import moment, tenths, time_range

COLUMNS, LEAST_COLUMNS = 6, 3
FRAME_PX = 240  # the longer edge of a frame
GAP_PX, LABEL_PX = 10, 22  # between frames; for the time under one
TITLE_PX, TEXT_PX = 26, 19  # heights of letters
MOST_FRAMES = 240  # on one sheet: 60,000 pixels high at most
MOST_NAMED = 8  # letters that cannot be drawn
GROUND, INK, FAINT = "#ffffff", "#1a1a1a", "#666666"


@dataclass(frozen=True, slots=True)
class Text:
    """Lines of text, drawn: uint8 (h, w, 3)."""

    rgb: RGB

    @property
    def below_px(self) -> int:
        """How much of the sheet they take."""
        return len(self.rgb)


@dataclass(frozen=True, slots=True)
class Space:
    """Nothing, of a height."""

    below_px: int


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
        from PIL import Image

        cues, total = thinned(told.cues, MOST_FRAMES)
        columns = min(COLUMNS, max([LEAST_COLUMNS, *(len(cue.shown) for cue in cues)]))
        width = columns * FRAME_PX + (columns + 1) * GAP_PX
        parts = [*_head(told, sum(len(cue.shown) for cue in cues), total, width), *self._body(cues, columns, width)]
        parts += _lost([clip_name(told.path), *told.summaries, *(cue.text for cue in cues)], width)
        sheet = Image.new("RGB", (width, sum(part.below_px for part in parts) + 2 * GAP_PX), GROUND)
        y = GAP_PX
        for part in parts:
            if isinstance(part, Text):
                sheet.paste(Image.fromarray(part.rgb), (GAP_PX, y))
            elif isinstance(part, Row):
                self._paste_row(sheet, part, y)
            y += part.below_px
        return png(np.asarray(sheet))

    def _body(self, cues: list[Cue], columns: int, width: int) -> Iterator[Part]:
        height = self._frame_height(cues)
        for cue in cues:
            yield Space(TEXT_PX)
            yield _text(time_range((cue.start_s, cue.end_s)), TEXT_PX, width, FAINT)
            yield _text(cue.text, TEXT_PX, width)
            yield Space(GAP_PX // 2)
            for first in range(0, len(cue.shown), columns):
                yield Row(cue.shown[first : first + columns], height + LABEL_PX + GAP_PX)

    def _frame_height(self, cues: list[Cue]) -> int:
        """How high the frames of the clip are: they are all of one size."""
        first = next((place for cue in cues for place in cue.shown), None)
        return FRAME_PX if first is None or self._form.pictures is None else len(self._form.pictures(first, FRAME_PX))

    def _paste_row(self, sheet: Any, row: Row, y: int) -> None:
        from PIL import Image

        assert self._form.pictures is not None
        height = row.below_px - LABEL_PX - GAP_PX
        for number, place in enumerate(row.places):
            picture = Image.fromarray(self._form.pictures(place, FRAME_PX)[:height])
            left = GAP_PX + number * (FRAME_PX + GAP_PX)
            sheet.paste(picture, (left, y))
            if place.time_s is not None:
                label = drawn_text(tenths(place.time_s), LABEL_PX - 6, FRAME_PX, FAINT)
                sheet.paste(Image.fromarray(label), (left, y + height + 1))


Part = Text | Space | Row


def _head(told: Told, shown: int, total: int, width: int) -> Iterator[Part]:
    yield _text(clip_name(told.path), TITLE_PX, width)
    frames = f"{shown} frames" if shown == total else f"{shown} of the {total} frames that were read"
    yield _text(f"{frames}, {moment(told.duration_s)}", TEXT_PX, width, FAINT)
    for summary in told.summaries:
        yield _text(summary, TEXT_PX, width)


def _lost(texts: list[str], width: int) -> Iterator[Part]:
    """What the reader has to know of letters that nobody can draw."""
    lost = without_glyphs("".join(texts))
    if lost:
        codes = ", ".join(f"U+{ord(character):04X}" for character in lost[:MOST_NAMED])
        more = f" and {len(lost) - MOST_NAMED} more" if len(lost) > MOST_NAMED else ""
        yield Space(TEXT_PX)
        yield _text(f"Letters that no font here has are left out: {codes}{more}.", LABEL_PX - 6, width, FAINT)


def _text(text: str, height_px: int, width: int, colour: str = INK) -> Text:
    """A text in lines that fit the sheet, broken between words, or in them where there is no other place."""
    return Text(drawn_text(text, height_px, width - 2 * GAP_PX, colour))
