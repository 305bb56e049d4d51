"""A PDF goes in, its pages come out as upright RGB Frames with their text. The only file that knows PyMuPDF (AGPL).

A page is drawn so that its longer side is the model's longest edge. With an explicit dpi it is drawn at that, but its
longer side never exceeds LARGEST x that edge (the reference scales it down again anyway), nor the page max_pixels.
"""

from __future__ import annotations

import contextlib
import math
import re
import threading
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from smolcli.datatypes import Frame, Outline, Place, Size, Source
from smolcli.errors import EncryptedError, MediaError, SmolError, UsageError
from smolcli.media.base import Media, MediaOptions
from smolcli.media.reading import HEAD_BYTES, Input
from smolcli.media.selection import parse_pages

_MUPDF = threading.RLock()  # it is not made for threads, and what it complains about it says in one place for all
LARGEST = 4  # a page at an explicit dpi is at most so many longest edges long
POINTS_PER_INCH = 72
STANDARD_JUNK = 1024  # bytes before the header that ISO 32000 allows
# What MuPDF says of pages that are drawn all the same: lengths that it counts itself, fonts that it replaces, colours
# that it approximates. Everything else means that something is missing.
_HARMLESS = re.compile(
    r"stream Length incorrect|line feed missing after stream begin|expected 'endobj'|missing 'endstream'|broken xref|"
    r"^trying to repair|^repairing PDF|expected object number|cannot find version marker|object id .* out of range|"
    r"ICC|output intent|substituting|non-embedded font using identity encoding|bogus font|FT_(Load|Get)|hmtx|"
    r"invalid (character|glyph) width|unknown encoding|dash|miter limit|line width|outline|bookmark|link destination"
)
_REPEATED = re.compile(r"\s*\.\.\. repeated \d+ times.*$")


def open_document(given: Input, options: MediaOptions) -> Media:
    """Open a PDF. Raises MediaError (damaged, no pages), EncryptedError, UsageError (pages, dpi)."""
    if options.dpi is not None and options.dpi < 1:
        raise UsageError(f"A resolution of {options.dpi} dpi cannot be drawn.", "Use --dpi 150, or leave it out.")
    try:
        with _MUPDF:
            document = _open(given)
    except SmolError:
        raise
    except Exception as error:  # MuPDF's classes have no common base of their own
        if "encrypt" in str(error).lower():
            hint = "Open it in a viewer and print it to PDF."
            raise EncryptedError(f"{given.name} is encrypted in a way that is not supported.", hint) from error
        raise MediaError(f"{given.name} is no readable PDF.", "Open it in a viewer and print it to PDF.") from error
    finally:
        given.close()  # MuPDF has it open by name, or in memory
    try:
        with _MUPDF:
            return DocumentMedia(given, document, options)
    except BaseException:
        with _MUPDF:
            document.close()
        raise


def _open(given: Input) -> Any:
    """By name, so that only what is looked at is read; in memory what has no name, or one that is no UTF-8, and a file
    whose header comes too late for MuPDF.
    """
    mupdf, late = _silent_mupdf(), given.head.find(b"%PDF-") >= STANDARD_JUNK
    if given.local is None or late or not given.local.isprintable():
        return mupdf.open(stream=_from_header(given.read_all()), filetype="pdf")
    return mupdf.open(given.local, filetype="pdf")


class DocumentMedia(Media):
    """The chosen pages of a PDF."""

    def __init__(self, given: Input, document: Any, options: MediaOptions) -> None:
        super().__init__(Source(given.path, "page", given.sha256), rotate=options.rotate)
        self._name = given.name
        self._document = document
        self._options = options
        _unlock(document, options.password, given.name)
        with self._decoding():
            count = int(document.page_count)
            repaired = bool(document.is_repaired)
        if count < 1:
            raise MediaError(f"{given.name} has no pages.", "The PDF is damaged or empty.")
        self._repaired = False
        self._sizes: dict[int, tuple[Size, tuple[str, ...]]] = {}
        self._note_repair(repaired)
        self.warnings += _not_drawn(document, given.name)
        self._chosen = parse_pages(options.pages, count)

    @cached_property
    def places(self) -> Sequence[Place]:
        """The chosen pages; none of them is looked at."""
        return [Place(self.source, index, page=index + 1) for index in self._chosen]

    @property
    def outlines(self) -> Sequence[Outline]:
        """Sizes from the page boxes (crop box, turned as the page asks); nothing is drawn."""
        return [self.outline(place) for place in self.places]

    def outline(self, place: Place) -> Outline:
        """The page's size; other pages are not looked at. Raises MediaError."""
        if place.index not in self._chosen:
            raise self._no_such(place)
        return Outline(place, self._turned_size(self._size(place.index)[0]))

    def _size(self, index: int) -> tuple[Size, tuple[str, ...]]:
        """How large a page is drawn, before it is turned as asked, and what is to be said of that."""
        if index not in self._sizes:
            with self._decoding(index):
                rect = self._document[index].rect
            self._sizes[index] = self._size_px(rect, index)
        return self._sizes[index]

    def frame(self, place: Place) -> Frame:
        """Draw a page, uint8 (H, W, 3), with its text layer. What could not be drawn is a warning.

        Raises MediaError when nothing of it could be drawn.
        """
        mupdf, index = _silent_mupdf(), place.index
        with self._decoding(index):
            mupdf.TOOLS.reset_mupdf_warnings()
            page = self._document[index]
            (width, height), odd = self._size(index)
            zoom = mupdf.Matrix(width / page.rect.width, height / page.rect.height)
            drawn = page.get_pixmap(matrix=zoom, colorspace=mupdf.csRGB, alpha=False)
            rgb = np.frombuffer(drawn.samples, np.uint8).reshape(height, width, 3)  # another size: ValueError
            complaints = damage(mupdf.TOOLS.mupdf_warnings())
            blank = bool(complaints) and bool((rgb == rgb[0, 0]).all())  # MuPDF's is_unicolor takes 9 s for a page
            text, unread = _text(page)
            self._note_repair(bool(self._document.is_repaired))
        what = f"Page {index + 1} of {self._name}"
        if complaints and blank:  # one colour all over: nothing of what it holds was drawn
            raise MediaError(f"{what} could not be drawn ({complaints[0]}).", "The PDF is damaged: get it again.")
        warnings = [*odd]
        warnings += [
            f"A part of page {index + 1} of {self._name} could not be drawn ({each})." for each in complaints[:3]
        ]
        if unread:
            warnings.append(f"The text layer of page {index + 1} of {self._name} is damaged.")
        return Frame(self._turned(rgb), place, text, tuple(warnings))

    def close(self) -> None:
        """Close the document."""
        with _MUPDF:
            if not self._document.is_closed:
                self._document.close()

    def _size_px(self, rect: Any, index: int) -> tuple[Size, tuple[str, ...]]:
        """The page's size in pixels, each side at least 1, and what is to be said of it."""
        width, height = float(rect.width), float(rect.height)
        if not (math.isfinite(width * height) and width > 0 and height > 0):
            raise MediaError(f"Page {index + 1} of {self._name} has no area.", "Choose other pages with --pages.")
        longest, edge = max(width, height), self._options.longest_edge_px
        odd: tuple[str, ...] = ()
        if self._options.dpi is None:
            scale = edge / longest
        else:
            asked = self._options.dpi / POINTS_PER_INCH
            scale = min(asked, LARGEST * edge / longest, math.sqrt(self._options.max_pixels / width / height))
            if scale < asked:
                dpi = scale * POINTS_PER_INCH
                odd = (f"Page {index + 1} of {self._name} is too large: drawn at {dpi:.0f} dpi.",)
        return (max(1, round(width * scale)), max(1, round(height * scale))), odd

    def _note_repair(self, repaired: bool) -> None:
        if repaired and not self._repaired:
            self.warnings.append(f"{self._name} is damaged and was repaired: pages or parts of them may be missing.")
        self._repaired = self._repaired or repaired

    @contextlib.contextmanager
    def _decoding(self, index: int | None = None) -> Iterator[None]:
        """MuPDF's exceptions become a MediaError that names the page."""
        try:
            with _MUPDF:
                if self._document.is_closed:
                    raise MediaError(f"{self._name} has been closed.")
                yield
        except SmolError:
            raise
        except Exception as error:  # MuPDF's classes have no common base of their own
            where = self._name if index is None else f"Page {index + 1} of {self._name}"
            raise MediaError(f"{where} cannot be read: the PDF is damaged.", "Print it to PDF again.") from error


def _unlock(document: Any, password: str | None, name: str) -> None:
    """Raises EncryptedError when the document stays locked."""
    if not document.needs_pass:
        return
    if password is None:
        raise EncryptedError(f"{name} is encrypted.", "Give its password with --password.")
    if not document.authenticate(password):
        raise EncryptedError(f"The password does not open {name}.", "Check --password.")


def _text(page: Any) -> tuple[str, bool]:
    """The page's text layer, "" where there is none, and whether it is damaged."""
    try:
        return str(page.get_text("text")).strip(), False
    except Exception:  # MuPDF's classes have no common base; the page has been drawn, its text is a help beside it
        return "", True


def damage(said: str) -> list[str]:
    """MuPDF's complaints about a page that mean that something of it is missing, each once, the first first."""
    lines = [_REPEATED.sub("", line.strip()) for line in said.splitlines()]
    return list(dict.fromkeys(line for line in lines if line and not _HARMLESS.search(line)))


def _from_header(data: bytes) -> bytes:
    """A PDF from its header on: MuPDF looks for it in the first 1,024 bytes only."""
    start = data.find(b"%PDF-", 0, HEAD_BYTES)
    return data[start:] if start >= STANDARD_JUNK else data


def _not_drawn(document: Any, name: str) -> list[str]:
    """Sentences about what is in the file beside the pages that can be drawn."""
    found, root = [], document.pdf_catalog()
    dynamic = document.xref_get_key(root, "NeedsRendering")[1] == "true"
    xfa = document.xref_get_key(root, "AcroForm/XFA")[0] != "null"
    if xfa and (dynamic or (document.page_count == 1 and "please wait" in str(document[0].get_text()).lower())):
        found.append(
            f"{name} is a dynamic XFA form: what Adobe Reader shows is not drawn, only its placeholder page is "
            "read. Print it to PDF there."
        )
    files = int(document.embfile_count())
    if files and document.xref_get_key(root, "Collection")[0] != "null":
        those = "its 1 embedded file is" if files == 1 else f"its {files} embedded files are"
        found.append(f"{name} is a portfolio: {those} not read, only its cover. Save them out first.")
    return found


def _silent_mupdf() -> Any:
    """PyMuPDF, which would otherwise print its complaints on stdout."""
    import pymupdf

    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    return pymupdf
