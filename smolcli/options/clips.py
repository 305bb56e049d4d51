"""The options of clips: which frames, and which windows."""

# No `from __future__ import annotations` here: see groups.py.

from dataclasses import dataclass
from typing import ClassVar

from smolcli.options.option import Option, option


@dataclass(frozen=True, slots=True)
class ClipOptions:
    """Which frames of a clip."""

    panel: ClassVar[str] = "Clips"

    frames: int | None = option(
        None, Option("Most frames to read.", metavar="N", minimum=1, default_text="64, or what the model can")
    )
    fps: float = option(1.0, Option("Frames to take per second of the clip.", metavar="X", minimum=0.001))
    no_dedupe: bool = option(False, Option("Encode every frame, also those that show what an earlier one does."))


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """Which parts of a clip are looked at, and how many of them are read for a question."""

    panel: ClassVar[str] = "Clips"

    every: str | None = option(None, Option("A window for every so many seconds: 5s, 1:30.", metavar="TIME"))
    scenes: bool = option(False, Option("A window for every scene: shots, slides, captions."))
    start: str | None = option(None, Option("Begin at this time: 1:23, 83s.", metavar="TIME"))
    end: str | None = option(None, Option("End at this time.", metavar="TIME"))
    all: bool = option(False, Option("Read all windows in full for a question, not only the likeliest."))
    windows: int = option(3, Option("Read so many windows in full for a question.", metavar="N", minimum=1))
    camera: str | None = option(
        None, Option("Watch a camera (0) or an address (rtsp:, http:) in windows of --every.", metavar="N|URL")
    )
