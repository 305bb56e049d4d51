"""A PDF goes in, its pages come out as upright RGB Frames, and their text. It and formats/pdf_*.py know PyMuPDF (AGPL).

A page is drawn so that its longer side is the model's longest edge. With an explicit dpi it is drawn at that, but never
larger than max_pixels, nor, unless it is read in parts, than LARGEST x that edge (the reference scales it down again).

PyMuPDF runs MuPDF with one context and no locks of its own, and keeps what it complains of in one global list: every
call into it is made under one lock, in which the list is emptied, the page drawn and the complaints read.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

import numpy as np

from smolcli.datatypes import RGB, Frame, Outline, Place, Size
from smolcli.errors import EncryptedError, MediaError, SmolError, UsageError
from smolcli.locks import MUPDF
from smolcli.media.base import Media, MediaOptions
from smolcli.media.reading import HEAD_BYTES, Input, shown
from smolcli.media.selection import parse_pages
from smolcli.media.text_layer import FLAGS, TextLayer, layer_of

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
    with MUPDF:
        document = _opened(given)
        try:
            return DocumentMedia(given, document, options)
        except BaseException:
            document.close()
            raise


class PageOutlines(Sequence[Outline]):
    """The outlines of chosen pages (0-based). A page's size is found when it is asked for: a document may have many.

    Raises MediaError for a page that has none.
    """

    def __init__(self, outline: Callable[[int], Outline], chosen: Sequence[int]) -> None:
        self._outline, self._chosen = outline, chosen

    def __len__(self) -> int:
        return len(self._chosen)

    @overload
    def __getitem__(self, at: int) -> Outline: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Outline]: ...

    def __getitem__(self, at: int | slice) -> Outline | Sequence[Outline]:
        if isinstance(at, slice):
            return PageOutlines(self._outline, self._chosen[at])
        return self._outline(self._chosen[at])


class DocumentMedia(Media):
    """The chosen pages of a PDF."""

    def __init__(self, given: Input, document: Any, options: MediaOptions) -> None:
        super().__init__(given.source("page"), rotate=options.rotate)
        self._given = given
        self._name = given.name
        self._document = document
        self._options = options
        self._sizes: dict[
            int, tuple[Size, tuple[str, ...]]
        ] = {}  # of the pages that were asked about, before they are turned as asked
        _unlock(document, options.password, given.name)
        with self._decoding():
            count = int(document.page_count)
            repaired = bool(document.is_repaired)
        if count < 1:
            raise MediaError(f"{given.name} has no pages.", "The PDF is damaged or empty.")
        self._repaired = False
        self._note_repair(repaired)
        with self._decoding():
            self.warnings += _not_drawn(document, given.name)
        self._chosen = parse_pages(options.pages, count)
        self._known = frozenset(self._chosen)

    @property
    def places(self) -> Sequence[Place]:
        """The chosen pages; none of them is looked at."""
        return [self._place(index) for index in self._chosen]

    def outline(self, place: Place) -> Outline:
        """The page's size; other pages are not looked at. Raises MediaError."""
        if place.index not in self._known:
            raise self._no_such(place)
        return self._outline(place.index)

    @property
    def outlines(self) -> Sequence[Outline]:
        """Sizes from the page boxes (crop box, turned as the page asks), when they are asked for; nothing is drawn."""
        return PageOutlines(self._outline, self._chosen)

    def frame(self, place: Place) -> Frame:
        """Draw a page, uint8 (H, W, 3). What could not be drawn is a warning.

        Raises MediaError when nothing of it could be drawn.
        """
        index = place.index
        with self._decoding(index):
            rgb, complaints = _drawn(self._document, index, self._size(index)[0])
            self._note_repair(bool(self._document.is_repaired))
        what = f"Page {index + 1} of {self._name}"
        # MuPDF's is_unicolor takes 9 s for a page
        if complaints and bool((rgb == rgb[0, 0]).all()):  # one colour all over: nothing of what it holds was drawn
            raise MediaError(f"{what} could not be drawn ({complaints[0]}).", "The PDF is damaged: get it again.")
        warnings = [
            f"A part of page {index + 1} of {self._name} could not be drawn ({each})." for each in complaints[:3]
        ]
        return Frame(self._turned(rgb), place, tuple(warnings))

    def text(self, place: Place) -> str:
        """The page's text layer, "" where there is none. Raises MediaError where it is damaged."""
        with self._decoding(place.index):
            return str(self._document[place.index].get_text("text", flags=FLAGS)).strip()

    def layer(self, place: Place) -> TextLayer | None:
        """The page's text layer with its boxes, None where there is none. Raises MediaError where it is damaged."""
        with self._decoding(place.index):
            self._size(place.index)  # no page without an area
            return layer_of(self._document[place.index], self._quarters)

    def close(self) -> None:
        """Close the document."""
        with MUPDF:
            if not self._document.is_closed:
                self._document.close()
        self._given.close()

    def _outline(self, index: int) -> Outline:
        with self._decoding(index):
            size, odd = self._size(index)
        return Outline(self._place(index), self._turned_size(size), odd)

    def _place(self, index: int) -> Place:
        return Place(self.source, index, page=index + 1)

    def _size(self, index: int) -> tuple[Size, tuple[str, ...]]:
        """How large a page is drawn, before it is turned as asked, and what is to be said of that."""
        if index not in self._sizes:
            self._sizes[index] = self._size_px(self._document[index].rect, index)
        return self._sizes[index]

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
            most = math.inf if self._options.in_parts else LARGEST * edge / longest
            scale = min(asked, most, math.sqrt(self._options.max_pixels / width / height))
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
        """MuPDF is this thread's; its exceptions become a MediaError that names the page, or the change of the file."""
        with MUPDF:
            if self._document.is_closed:
                raise MediaError(f"{self._name} has been closed.")
            try:
                yield
            except SmolError:
                raise
            except Exception as error:  # MuPDF's classes have no common base of their own
                self._given.check_unchanged()
                where = self._name if index is None else f"Page {index + 1} of {self._name}"
                raise MediaError(f"{where} cannot be read: the PDF is damaged.", "Print it to PDF again.") from error
            self._given.check_unchanged()


def _opened(given: Input) -> Any:
    """MuPDF's document: a file is opened by its name, and read as pages are asked for."""
    mupdf, by_name = _silent_mupdf(), _may_be_opened_by_name(given)
    source = {"filename": given.local} if by_name else {"stream": _from_header(given.read_all())}
    try:
        document = mupdf.open(**source, filetype="pdf")
    except Exception as error:  # MuPDF's classes have no common base of their own
        given.check_unchanged(by_name)
        if "encrypt" in str(error).lower():
            hint = "Open it in a viewer and print it to PDF."
            raise EncryptedError(f"{given.name} is encrypted in a way that is not supported.", hint) from error
        raise MediaError(f"{given.name} is no readable PDF.", "Open it in a viewer and print it to PDF.") from error
    try:
        given.check_unchanged(by_name)
    except MediaError:
        document.close()
        raise
    if not by_name:
        given.close()  # it is in memory now
    return document


def _may_be_opened_by_name(given: Input) -> bool:
    """Not where MuPDF would not find the header, cannot spell the name, or PyMuPDF draws all pages to test an SVG."""
    if given.local is None or given.head.find(b"%PDF-") >= STANDARD_JUNK or given.local.lower().endswith("svg"):
        return False
    try:
        given.local.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _unlock(document: Any, password: str | None, name: str) -> None:
    """Raises EncryptedError when the document stays locked."""
    if not document.needs_pass:
        return
    if password is None:
        raise EncryptedError(f"{name} is encrypted.", "Give its password with --password.")
    if not document.authenticate(password):
        raise EncryptedError(f"The password does not open {name}.", "Check --password.")


def _drawn(document: Any, index: int, size_px: Size) -> tuple[RGB, list[str]]:
    """A page as uint8 (H, W, 3), and what is missing of it."""
    mupdf = _silent_mupdf()
    mupdf.TOOLS.reset_mupdf_warnings()
    page = document[index]
    width, height = size_px
    zoom = mupdf.Matrix(width / page.rect.width, height / page.rect.height)
    drawn = page.get_pixmap(matrix=zoom, colorspace=mupdf.csRGB, alpha=False)
    rgb = np.frombuffer(drawn.samples, np.uint8).reshape(height, width, 3)  # another size: ValueError
    return rgb, damage(mupdf.TOOLS.mupdf_warnings())


def damage(said: str) -> list[str]:
    """MuPDF's complaints about a page that mean that something of it is missing, each once, the first first."""
    lines = [_REPEATED.sub("", line.strip()) for line in said.splitlines()]
    return list(dict.fromkeys(shown(line) for line in lines if line and not _HARMLESS.search(line)))


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
    files = int(document.embfile_count()) if document.xref_get_key(root, "Collection")[0] != "null" else 0
    if files:
        those = "its 1 embedded file is" if files == 1 else f"its {files} embedded files are"
        found.append(f"{name} is a portfolio: {those} not read, only its cover. Save them out first.")
    return found


def _silent_mupdf() -> Any:
    """PyMuPDF, which would otherwise print its complaints on stdout."""
    import pymupdf

    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    return pymupdf
