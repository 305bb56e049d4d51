"""The options that say where what happens in clips is written."""

# No `from __future__ import annotations` here: the types of fields are read while the program runs, as they are.

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from smolcli.options.option import Option, option


@dataclass(frozen=True, slots=True)
class ClipOutputOptions:
    """What is written of clips."""

    panel: ClassVar[str] = "Output"

    srt: str | None = option(None, Option("Write subtitles: short for -o FILE.srt.", metavar="FILE"))
    vtt: str | None = option(None, Option("Write subtitles for the web: short for -o FILE.vtt.", metavar="FILE"))
    chapters: str | None = option(
        None, Option("Write chapters, as FFmpeg reads them; FILE.txt is a list 0:00 Title.", metavar="FILE")
    )
    sheet: str | None = option(
        None, Option("Write a picture of the frames that were read: short for -o FILE.png.", metavar="FILE")
    )
    html: str | None = option(
        None, Option("Write a page with the clip to play, what happens in it, and its frames.", metavar="FILE")
    )
    save_frames: Path | None = option(None, Option("Save the frames that were read here.", metavar="DIR"))
