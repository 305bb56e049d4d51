"""The options of documents: which pages, how they are read, and asked."""

# No `from __future__ import annotations` here: see groups.py.

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from smolcli.options.option import Option, option


@dataclass(frozen=True, slots=True)
class DocumentOptions:
    """Which pages of a document answer a question, and how that is shown."""

    panel: ClassVar[str] = "Documents"

    top: int = option(3, Option("Read so many pages of a document: the likeliest ones.", metavar="N", minimum=1))
    all_pages: bool = option(False, Option("Read all pages; the best answer is given."))
    per_page: bool = option(False, Option("Give an answer for each page."))
    evidence: Path | None = option(
        None, Option("Save the page of each answer here, with the lines marked where it stands.", metavar="DIR")
    )
    least: float | None = option(
        None,
        Option(
            "An answer that the model is less sure of is 'not found'.",
            metavar="X",
            minimum=0.0,
            maximum=1.0,
            default_text="the model's own",
        ),
    )


@dataclass(frozen=True, slots=True)
class PageOptions:
    """Which pages and pictures of a file."""

    panel: ClassVar[str] = "Pages"

    pages: str | None = option(None, Option("Pages to read, such as 1,3-5,end.", metavar="RANGES", default_text="all"))
    dpi: int | None = option(
        None,
        Option("Resolution of pages.", metavar="N", minimum=1, maximum=2400, default_text="what the model can use"),
    )
    password: str | None = option(None, Option("Password of an encrypted PDF.", metavar="TEXT"))
    all_frames: bool = option(False, Option("Every picture of an animation, not only the first."))
    rotate: int = option(
        0, Option("Degrees to turn every picture by, clockwise.", metavar="DEGREES", choices=(0, 90, 180, 270))
    )


@dataclass(frozen=True, slots=True)
class LayoutOptions:
    """How a page is read by smol ocr."""

    panel: ClassVar[str] = "Reading"

    layout: str = option(
        "auto",
        Option(
            "What the model is shown of a page at a time; auto is what reads best (smol tune ocr).",
            metavar="NAME",
            choices=("auto", "lines", "blocks", "page"),
            setting=True,
        ),
    )
    min_confidence: float = option(
        0.0,
        Option("Mark lines of which the model was less sure with [?].", metavar="X", minimum=0.0, maximum=1.0),
    )
    drop_doubtful: bool = option(False, Option("Leave those lines out instead."))
    mode: Literal["skip", "redo", "force"] | None = option(
        None,
        Option(
            "Where a PDF is written: pages that have text are left, read anew, or drawn and read.",
            metavar="NAME",
            choices=("skip", "redo", "force"),
        ),
    )
