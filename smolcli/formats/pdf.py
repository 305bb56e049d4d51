"""Pages that were read go in, a searchable PDF comes out: the pages as they were, and their text, which nobody sees.

A PDF's own objects stay as they are, and what is new is added behind them (an incremental update), so that page boxes,
bookmarks, links, attachments and metadata cannot change; only what `redo` and `force` take out is taken out. Pictures
become pages, JPEG files byte for byte. The same input gives the same bytes.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from smolcli.errors import MediaError, UsageError
from smolcli.files import Target
from smolcli.formats.glyphless import Glyphs
from smolcli.formats.page import lines_of, plain, reading_of
from smolcli.formats.pdf_layer import Pen, Sheet
from smolcli.formats.pdf_opening import (
    PdfOptions,
    ReadPage,
    complete,
    has_text,
    is_signed,
    looked_at,
    opened,
    translated,
)
from smolcli.formats.pdf_pages import add_font, draw_anew, prepend, remove_hidden_text, shown_to_page
from smolcli.formats.whole import WholeWriter
from smolcli.jobs import Answer
from smolcli.locks import MUPDF
from smolcli.regions import PageReading

CHUNK = 1 << 20  # bytes that are handed over at a time


class PdfWriter(WholeWriter):
    """One file's pages, collected, and written when all are there."""

    def __init__(self, target: Target, options: PdfOptions = PdfOptions()) -> None:  # noqa: B008
        super().__init__(target)
        self._options = options
        self._pages: dict[int, ReadPage] = {}
        self._path, self._sha256 = "", ""

    def answer(self, answer: Answer) -> None:
        """Take a page. Raises UsageError for one of a second file: a PDF is of one."""
        place = answer.job.places[0]
        if self._pages and (place.source.path, place.source.sha256) != (self._path, self._sha256):
            raise second_file(place.source.path)
        self._path, self._sha256 = place.source.path, place.source.sha256
        self._pages[place.index] = ReadPage(reading_of(answer), answer.job.look.rotate // 90 % 4)

    def finish(self) -> None:
        """Write the PDF. Raises MediaError (the file is gone or has changed), UsageError (mode), OutputError."""
        data = self._options.data if self._path == "-" else None
        source = Path(self._path) if data is None else data
        if self._sha256 and _sha256_of(source) != self._sha256:
            raise MediaError(f"{self._path!r} has changed since it was read.", "Ask again.")
        write_searchable(source, self._pages, self._options, self._target)


def second_file(path: str) -> UsageError:
    """A PDF is of one file."""
    message = f"A searchable PDF is made of one file, and {path!r} is a second one."
    return UsageError(message, "Use --output-dir DIR to make one of each.")


def write_searchable(source: Path | bytes, pages: Mapping[int, ReadPage], options: PdfOptions, target: Target) -> None:
    """Write a PDF or picture with the text of some of its pages (by their index) laid over them.

    Raises MediaError (unreadable), EncryptedError, UsageError (signed; text and no mode), OutputError.
    """
    with MUPDF, tempfile.TemporaryDirectory(prefix="smol-pdf-") as folder:
        with opened(source, options, Path(folder), list(pages)) as document:
            check_document(document.pdf, document.name, options, document.chosen(pages))
            chosen = {document.number(index): page for index, page in pages.items()}
            with translated(document.name):
                _lay(document.pdf, chosen, options)
            path = document.saved(keeps_all=options.mode in ("", "skip"))
        complete(path, document.name)
        with path.open("rb") as made:
            while data := made.read(CHUNK):
                target.write_bytes(data)


def check_pdf(
    source: Path | bytes, options: PdfOptions, chosen: Callable[[int], Collection[int]] | None = None
) -> None:
    """See, before anything is read, whether a searchable PDF can be made of a PDF.

    chosen: says which pages of so many are meant, by index; None for all. Raises MediaError, EncryptedError, and
    UsageError: it is signed, or pages have text and no mode was chosen.
    """
    with MUPDF, looked_at(source, options) as document:
        pages = None if chosen is None else chosen(document.pdf.page_count)
        check_document(document.pdf, document.name, options, pages)


def check_document(pdf: Any, name: str, options: PdfOptions, pages: Collection[int] | None) -> None:
    """Raises UsageError where the options do not say what to do with a document as it is."""
    with translated(name):
        if not options.force and is_signed(pdf):
            message = f"{name} is signed: with a text layer, it would be another document than what was signed."
            raise UsageError(message, "Add --force if that is meant.")
        if options.mode:
            return
        for number in range(pdf.page_count) if pages is None else sorted(pages):
            if has_text(pdf[number]):
                hint = "Add --mode skip (leave such pages), redo (replace another OCR's) or force (draw them anew)."
                raise UsageError(f"Page {number + 1} of {name} has text already.", hint)


def _lay(pdf: Any, pages: Mapping[int, ReadPage], options: PdfOptions) -> None:
    """Prepare the pages and write their layers, in one font."""
    glyphs, font = Glyphs(), _font_name(pages)
    layers: dict[int, str] = {}
    removed: set[int] = set()
    seen: set[int] = set()
    for number, page in sorted(pages.items()):
        reading = page.reading
        if pdf.page_xref(number) in seen:  # one page that stands twice in the document
            continue
        seen.add(pdf.page_xref(number))
        if options.mode == "skip" and has_text(pdf[number]):
            continue
        if options.mode == "redo":
            removed |= remove_hidden_text(pdf, number, removed)
        if options.mode == "force":
            draw_anew(pdf, number)
            reading = PageReading("model", reading.regions, reading.size_px, reading.rotation, reading.skew_deg)
        operators = Pen(_sheet(pdf[number], page.quarters), glyphs, font).layer(reading)
        if operators:
            layers[number] = operators
    if layers:
        xref = add_font(pdf, glyphs)
        for number, operators in layers.items():
            prepend(pdf, number, operators.encode("ascii"), font, xref)


def _sheet(page: Any, quarters: int) -> Sheet:
    """A page as it is shown, and the way from there to its own coordinates."""
    return Sheet(float(page.rect.width), float(page.rect.height), shown_to_page(page), quarters)


def _font_name(pages: Mapping[int, ReadPage]) -> str:
    """A name that no other font of a document has, unless it holds the very same text."""
    digest = hashlib.blake2b(digest_size=6)
    for _, page in sorted(pages.items()):
        for block in page.reading.regions:
            for line in lines_of(block):
                digest.update(plain(line.text).encode())
    return f"Smol{digest.hexdigest()}"


def _sha256_of(source: Path | bytes) -> str:
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with _reading(source), source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MediaError(f"{str(path)!r} cannot be read any more: {error.strerror}.", "Is it still there?") from error
