"""The options of commands that read folders of pictures: which files, in which order, and what becomes of them."""

# No `from __future__ import annotations` here: see groups.py.

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from smolcli.options.option import Option, option


@dataclass(frozen=True, slots=True)
class InputOptions:
    """Which files are read, and in which order."""

    panel: ClassVar[str] = "Inputs"

    recursive: bool = option(False, Option("Look into folders of folders.", short="-r"))
    null: bool = option(False, Option("The names on standard input (-) end with NUL bytes: find -print0.", short="-0"))
    files_from: str | None = option(
        None, Option("Read the files that are named here, a name a line; - is standard input.", metavar="FILE")
    )
    unordered: bool = option(False, Option("Captions as they finish, not as files are named."))
    limit: int | None = option(None, Option("Read the first N files only.", metavar="N", minimum=1, default_text="all"))
    dry_run: bool = option(False, Option("Only say how much there is, what is finished, and how long it would take."))
    watch: bool = option(False, Option("Go on with the files that come into the folders, until Ctrl-C."))
    shuffle: int | None = option(
        None, Option("Read files in a mixed order, the same for the same seed.", metavar="SEED", minimum=0)
    )


@dataclass(frozen=True, slots=True)
class KeepingOptions:
    """What becomes of what is there already, of captions, and of what fails."""

    panel: ClassVar[str] = "Output"

    append: bool = option(
        False, Option("Add to the JSON Lines of -o as answers come; what is said there is not said again.")
    )
    overwrite: bool = option(
        False, Option("Read pictures again that have their files (--sidecar) already, and replace those.")
    )
    write_xmp: bool = option(
        False, Option("Write captions into the pictures' own descriptions (XMP; JPEG, PNG, WebP), no pixel touched.")
    )
    prefix: str = option("", Option("Write this before every caption.", metavar="TEXT"))
    errors: Path | None = option(None, Option("Write what failed here, a JSON object a line.", metavar="FILE"))
