"""--srt FILE and its like in, outputs out: what is short for -o, and says the format whatever the file is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smolcli.formats import Allowed, Wanted, find_format, of_one_input
from smolcli.options import ClipOutputOptions

_LIST = ".txt"  # what chapters are a list in


@dataclass(frozen=True, slots=True)
class Shown:
    """What a command writes beside what -o names. clips: it reads clips; short: formats, and where each goes;
    save_frames: the folder for frames that were read.
    """

    clips: bool = False
    short: Sequence[tuple[str, str]] = ()
    save_frames: Path | None = None

    @property
    def paths(self) -> list[str]:
        """The files that are written."""
        return [path for _, path in self.short]

    def wanted(self, allowed: Allowed) -> list[Wanted]:
        """The outputs. Raises UsageError."""
        return [Wanted(find_format(name, allowed), path) for name, path in self.short]


NONE = Shown()


def clip_outputs(given: ClipOutputOptions) -> Shown:
    """What is written of clips."""
    chapters = "chapter-list" if given.chapters is not None and given.chapters.lower().endswith(_LIST) else "chapters"
    named = [
        ("srt", given.srt),
        ("vtt", given.vtt),
        (chapters, given.chapters),
        ("sheet", given.sheet),
        ("html", given.html),
    ]
    return Shown(True, [(name, path) for name, path in named if path is not None], given.save_frames)


def gallery(html: str | None) -> Shown:
    """--html of commands whose answers are shown with their pictures."""
    return Shown(short=() if html is None else (("html", html),))


def refuse_a_second_input(wanted: Sequence[Wanted], inputs: Sequence[str]) -> None:
    """A file of one input cannot be of several. Raises UsageError."""
    single = [each.format.name for each in wanted if each.format is not None and each.format.single]
    if single and len(inputs) > 1:
        raise of_one_input(single[0])
