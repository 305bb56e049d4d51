"""Files that are to become searchable PDFs in, how they are made out; what cannot be one is refused beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from smolcli.errors import MediaError
from smolcli.formats import PdfOptions, check_pdf, second_file
from smolcli.media import MediaOptions, find_pages, open_input, open_media, parse_pages
from smolcli.options import LayoutOptions, OutputOptions, PageOptions

if TYPE_CHECKING:
    from smolcli.datatypes import RGB


def refuse_a_second(paths: Sequence[str], recursive: bool) -> None:
    """A searchable PDF is of one file. Raises UsageError."""
    files = (each for each in find_pages(paths, recursive) if isinstance(each, str))
    next(files, None)
    if (second := next(files, None)) is not None:
        raise second_file(second)


def pdf_options(paths: Sequence[str], layout: LayoutOptions, pages: PageOptions, output: OutputOptions) -> PdfOptions:
    """How searchable PDFs are made. Standard input has to be one that can be read again.

    One of several files that cannot be opened is a failure when its turn comes, and the others go on. Raises
    UsageError (signed; text and no --mode), and of a single file MediaError, EncryptedError.
    """
    data = open_input("-").read_all() if "-" in paths else None
    options = PdfOptions(layout.mode or "", pages.password, output.force, data, _pixels)
    for path in paths:
        source = data if path == "-" else Path(path)
        if source is not None and _begins_as_pdf(source):
            with suppress(MediaError) if len(paths) > 1 else nullcontext():
                check_pdf(source, options, partial(parse_pages, pages.pages))
    return options


def _pixels(path: str, index: int) -> RGB:
    """A picture of a file, as pages are made of it. Raises MediaError."""
    with open_media(path, MediaOptions(all_frames=True)) as media:
        return media.frame(next(place for place in media.places if place.index == index)).rgb


def _begins_as_pdf(source: Path | bytes) -> bool:
    """Whether it is a PDF; pictures have no text, and what cannot be read is said when its turn comes."""
    if isinstance(source, bytes):
        return b"%PDF-" in source[:1024]
    try:
        with source.open("rb") as file:
            return source.is_file() and b"%PDF-" in file.read(1024)
    except OSError:
        return False
