"""Answers about windows of a clip go in, its chapters come out: as FFmpeg's metadata, or as a list to paste."""

from __future__ import annotations

import re

from smolcli.formats.cues import ClipWriter, clip_name, parted
from smolcli.printable import moment

LONGEST = 100  # characters of a title
_SPECIAL = re.compile(r"[=;#\\\n]")  # as FFmpeg's ffmetadata has it
_SENTENCE = re.compile(r".+?(?:[.!?](?=\s|$)|[。！？])|.+")


class MetadataWriter(ClipWriter):
    """`ffmpeg -i clip.mp4 -i clip.ffmeta -map_chapters 1 -codec copy out.mp4` puts them into the clip."""

    name = "chapters"

    def finish(self) -> None:
        """Write the head and all chapters. Raises OutputError."""
        told = self.told()
        self._target.write(f";FFMETADATA1\ntitle={_escaped(clip_name(told.path))}\n")
        for summary in told.summaries[:1]:
            self._target.write(f"description={_escaped(summary)}\n")
        for cue in parted(told.cues):
            start, end = round(cue.start_s * 1000), round(cue.end_s * 1000)
            self._target.write(f"\n[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={end}\n")
            self._target.write(f"title={_escaped(title_of(cue.text))}\n")


class ChapterListWriter(ClipWriter):
    """`0:00 Title` lines, as descriptions of clips on the web have them."""

    name = "chapter-list"

    def finish(self) -> None:
        """Write a line for each chapter. Raises OutputError."""
        for cue in parted(self.told().cues):
            self._target.write(f"{moment(cue.start_s)} {title_of(cue.text)}\n")


def title_of(text: str) -> str:
    """The first sentence of a text, on one line, not too long."""
    line = " ".join(text.split())
    found = _SENTENCE.match(line)
    title = found[0].removesuffix(".") if found else line
    if len(title) <= LONGEST:
        return title
    return title[: LONGEST - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: "\\" + found[0], text)
