"""A PDF or a picture goes in, a PDF that can be written to comes out, and what speaks against doing so."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from smolcli.datatypes import RGB
from smolcli.errors import EncryptedError, MediaError, OutputError, SmolError
from smolcli.formats.pdf_pictures import page_of_pixels, pages_of_picture
from smolcli.regions import PageReading

Mode = Literal["", "skip", "redo", "force"]
HEAD_BYTES = 4096  # in which a PDF's header is looked for
_EMPTY = re.compile(r"null|\(\s*\)|<\s*>")


def no_pixels(path: str, index: int) -> RGB:
    """What is there where nobody gives pixels."""
    raise MediaError(f"{path!r} cannot be made a page of a PDF.", "Save it as PNG first.")


@dataclass(frozen=True, slots=True)
class PdfOptions:
    """How a searchable PDF is made.

    mode: what is done with pages that have text already: "skip" leaves them as they are, "redo" takes out text that
    nobody sees and keeps what is seen, "force" draws every page anew; "" refuses. force: write to signed documents too.
    data: the bytes of standard input, which cannot be read again. picture: gives the pixels (uint8 RGB, upright, not
    turned on request) of a picture, by its file's path and its index in it, for kinds that MuPDF does not read.
    """

    mode: Mode = ""
    password: str | None = None
    force: bool = False
    data: bytes | None = None
    picture: Callable[[str, int], RGB] = no_pixels


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page as it was read, turned by so many quarters clockwise before."""

    reading: PageReading
    quarters: int = 0


@dataclass(slots=True)
class Opened:
    """A document that is written to. numbers: of its pages, by their index in the file they are from, where they are
    others.
    """

    pdf: Any
    name: str
    path: Path
    numbers: dict[int, int] | None = None

    def chosen(self, indices: Collection[int] | None) -> list[int] | None:
        """The numbers of some pages; None for all. Raises MediaError where one is not there."""
        return None if indices is None else [self.number(index) for index in indices]

    def number(self, index: int) -> int:
        """Which page of the PDF shows a page of the file. Raises MediaError where there is none."""
        number = index if self.numbers is None else self.numbers.get(index, -1)
        if not 0 <= number < self.pdf.page_count:
            raise MediaError(f"{self.name} has no page {index + 1}.", "Is it the file that was read?")
        return number

    def saved(self, keeps_all: bool) -> Path:
        """Write it, and say where. keeps_all: nothing was taken out, so that what is new can be added behind."""
        with translated(self.name):
            if keeps_all and self.numbers is None and self.pdf.can_save_incrementally() and not self.pdf.is_repaired:
                self.pdf.save(str(self.path), incremental=True, no_new_id=True, encryption=_keep())
                return self.path
            path = self.path.with_name("made.pdf")
            self.pdf.save(str(path), garbage=1, no_new_id=True, encryption=_keep())
            return path


@contextmanager
def opened(source: Path | bytes, options: PdfOptions, folder: Path, wanted: Collection[int] | None) -> Iterator[Opened]:
    """A file, copied into a folder of ours and opened. wanted: the pages of a picture that are meant (None: all).

    Raises MediaError, EncryptedError.
    """
    name = _name(source)
    path = folder / "copy.pdf"
    try:
        if isinstance(source, bytes):
            path.write_bytes(source)
        else:
            shutil.copyfile(source, path)
    except OSError as error:
        raise MediaError(f"{name} cannot be copied: {error.strerror}.", "Is it there, and room for it?") from error
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    numbers = None
    with translated(name):
        if b"%PDF-" in head:
            _cut_to_header(path, head)
            pdf = _unlocked(_open(path), name, options.password)
        else:
            pixels = partial(options.picture, "-" if isinstance(source, bytes) else str(source))
            pdf, numbers = _of_picture(path, head, pixels, wanted)
    try:
        yield Opened(pdf, name, path, numbers)
    finally:
        pdf.close()


@contextmanager
def looked_at(source: Path | bytes, options: PdfOptions) -> Iterator[Opened]:
    """A PDF as it is, not to be written to. Raises MediaError, EncryptedError."""
    import pymupdf

    name, path = _name(source), Path() if isinstance(source, bytes) else source
    if not isinstance(source, bytes) and not _can_be_spelled(source):
        source = source.read_bytes()
    with translated(name):
        pdf = pymupdf.open(stream=source, filetype="pdf") if isinstance(source, bytes) else _open(path)
        pdf = _unlocked(pdf, name, options.password)
    try:
        yield Opened(pdf, name, path)
    finally:
        pdf.close()


def _can_be_spelled(path: Path) -> bool:
    """Whether MuPDF can open a file by its name: it takes UTF-8 only."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _name(source: Path | bytes) -> str:
    return "Standard input" if isinstance(source, bytes) else repr(str(source))


def _unlocked(pdf: Any, name: str, password: str | None) -> Any:
    """Raises EncryptedError where it stays locked."""
    if pdf.needs_pass and not pdf.authenticate(password or ""):
        pdf.close()
        raise EncryptedError(f"{name} is encrypted.", "Give its password with --password.")
    return pdf


def _cut_to_header(path: Path, head: bytes) -> None:
    """Take away what stands before a PDF: MuPDF looks for one at the beginning, and counts from there."""
    start = head.find(b"%PDF-")
    if start:
        path.write_bytes(path.read_bytes()[start:])


def _of_picture(
    path: Path, head: bytes, pixels: Callable[[int], RGB], wanted: Collection[int] | None
) -> tuple[Any, dict[int, int]]:
    """A picture's pages as a PDF, and which of its pictures they are. pixels: of those that MuPDF does not read."""
    indices = sorted(wanted) if wanted else None
    made = pages_of_picture(path, head)
    if made is None or (indices is not None and not 0 <= indices[0] <= indices[-1] < made.page_count):
        made, indices = _open(None), indices or [0]
        for index in indices:
            page_of_pixels(made, pixels(index))
    elif indices is not None:
        made.select(indices)
    else:
        indices = list(range(made.page_count))
    return made, {index: number for number, index in enumerate(indices)}


def has_text(page: Any) -> bool:
    """Whether a page has text of its own, seen or not."""
    return bool(str(page.get_text("text")).strip())


def is_signed(pdf: Any) -> bool:
    """Whether somebody has signed a document: a field for signatures that is filled, or a certification of it."""
    root = pdf.pdf_catalog()
    if pdf.xref_get_key(root, "Perms/DocMDP")[0] != "null":
        return True
    if pdf.xref_get_key(root, "AcroForm")[0] == "null":
        return False
    for xref in range(1, pdf.xref_length()):
        with suppress(ValueError, RuntimeError):  # an object that is damaged is no signature
            if pdf.xref_get_key(xref, "FT")[1] == "/Sig" and not _EMPTY.fullmatch(pdf.xref_get_key(xref, "V")[1]):
                return True
    return False


def complete(path: Path, name: str) -> None:
    """Raises OutputError where what was written cannot be opened again."""
    try:
        with translated(name):
            _open(path).close()
    except MediaError as error:
        raise OutputError(f"The searchable PDF of {name} came out damaged.", "Print it to PDF first.") from error


@contextmanager
def translated(name: str) -> Iterator[None]:
    """MuPDF's exceptions, of whatever class, as a MediaError about a file."""
    import pymupdf

    pymupdf.TOOLS.mupdf_display_errors(False)  # they would be said on stdout
    pymupdf.TOOLS.mupdf_display_warnings(False)
    try:
        yield
    except SmolError:
        raise
    except pymupdf.mupdf.FzErrorSystem as error:  # no room, no right
        raise OutputError(f"The PDF of {name} cannot be written: {error}.", "Is there room in TMPDIR?") from error
    except (RuntimeError, ValueError, KeyError, IndexError, TypeError, pymupdf.mupdf.FzErrorBase) as error:
        raise MediaError(f"{name} cannot be written to: the PDF is damaged.", "Print it to PDF again.") from error


def _open(path: Path | None) -> Any:
    import pymupdf

    return pymupdf.open() if path is None else pymupdf.open(str(path), filetype="pdf")


def _keep() -> int:
    import pymupdf

    return int(pymupdf.PDF_ENCRYPT_KEEP)
