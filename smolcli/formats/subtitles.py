"""Answers about windows of a clip go in, subtitles come out: SubRip and WebVTT."""

from __future__ import annotations

import math
import re
import textwrap
import unicodedata
from contextlib import suppress

from smolcli.errors import SmolError
from smolcli.formats.cues import ClipWriter, clock_ms

LINE = 42  # characters of a line, as broadcasters and streaming services ask for; half as many wide ones
_JOINER = "\N{WORD JOINER}"  # unseen: what stands behind it is no mark-up any more
_TAG = re.compile(r"<(?=[A-Za-z/])|\{(?=\\)|(?<=--)(?=>)|^(?=\d+\D\d+\D\d+\D\d)", re.MULTILINE)  # or a time
_ARROW = re.compile("(?<=--)(?=>)")


class SubtitleWriter(ClipWriter):
    """Cues are written when all are there: they have to come in the order of their times."""

    def broke_off(self) -> None:
        """What is there is worth having where it is sent on; of a file nothing is kept."""
        with suppress(SmolError):
            self.finish()


class SrtWriter(SubtitleWriter):
    """SubRip: no place for what is about the whole clip beside its windows, and no escape for mark-up."""

    name = "srt"

    def finish(self) -> None:
        """Write all cues. Raises OutputError."""
        for number, cue in enumerate(self.told().cues, 1):
            text = _TAG.sub(lambda found: found[0] + _JOINER, "\n".join(wrapped(cue.text)))
            times = f"{clock_ms(cue.start_s, ',')} --> {clock_ms(cue.end_s, ',')}"
            self._target.write(f"{number}\n{times}\n{text}\n\n")


class VttWriter(SubtitleWriter):
    """WebVTT: what is about the whole clip is a comment at its head."""

    name = "vtt"

    def finish(self) -> None:
        """Write the head and all cues. Raises OutputError."""
        told = self.told()
        self._target.write("WEBVTT\n")
        for summary in told.summaries:
            self._target.write("\nNOTE\n" + _ARROW.sub(_JOINER, summary) + "\n")
        for cue in told.cues:
            text = "\n".join(wrapped(cue.text)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            self._target.write(f"\n{clock_ms(cue.start_s, '.')} --> {clock_ms(cue.end_s, '.')}\n{text}\n")


def wrapped(text: str, line: int = LINE) -> list[str]:
    """A text in lines as subtitles want them, about as long as one another; nothing is left out, none is empty."""
    found = []
    for paragraph in text.splitlines():
        most = line // 2 if _is_wide(paragraph) else line
        lines = len(_filled(paragraph, most))
        even = next(
            (w for w in range(math.ceil(len(paragraph) / max(1, lines)), most) if _fits(paragraph, w, lines)), most
        )
        found += _filled(paragraph, even)
    return found


def _fits(text: str, width: int, lines: int) -> bool:
    return len(_filled(text, width)) <= lines


def _filled(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(1, width), break_on_hyphens=False)


def _is_wide(text: str) -> bool:
    """Whether most of a text is of characters that are twice as wide as others, as Chinese ones are."""
    return 2 * sum(unicodedata.east_asian_width(character) in "WF" for character in text) > len(text)
