"""A PDF goes in, its pages come out as upright RGB Frames with their text. The only file that knows PyMuPDF (AGPL).

A page is drawn so that its longer side is the model's longest edge. With an explicit dpi it is drawn at that, but its
longer side never exceeds LARGEST x that edge (the reference scales it down again anyway), nor the page max_pixels.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from smolcli.datatypes import Frame, Outline, Place, Size, Source
from smolcli.errors import EncryptedError, MediaError, UsageError
from smolcli.media.base import Media, MediaOptions
from smolcli.media.reading import Input
from smolcli.media.selection import parse_pages

LARGEST = 4  # a page at an explicit dpi is at most so many longest edges long
POINTS_PER_INCH = 72


def open_document(given: Input, options: MediaOptions) -> Media:
    """Open a PDF. Raises MediaError (damaged, no pages), EncryptedError, UsageError (pages, dpi)."""
    if options.dpi is not None and options.dpi < 1:
        raise UsageError(f"A resolution of {options.dpi} dpi cannot be drawn.", "Use --dpi 150, or leave it out.")
    mupdf = _silent_mupdf()
    try:
        document = mupdf.open(stream=given.read_all(), filetype="pdf")
    except Exception as error:  # MuPDF's classes have no common base of their own
        if "encrypt" in str(error).lower():
            hint = "Open it in a viewer and print it to PDF."
            raise EncryptedError(f"{given.name} is encrypted in a way that is not supported.", hint) from error
        raise MediaError(f"{given.name} is no readable PDF.", "Open it in a viewer and print it to PDF.") from error
    finally:
        given.close()  # it is in memory now
    try:
        return DocumentMedia(given, document, options)
    except BaseException:
        document.close()
        raise


class DocumentMedia(Media):
    """The chosen pages of a PDF."""

    def __init__(self, given: Input, document: Any, options: MediaOptions) -> None:
        super().__init__(Source(given.path, "page", given.sha256))
        self._name = given.name
        self._document = document
        self._options = options
        _unlock(document, options.password, given.name)
        with self._decoding():
            count = int(document.page_count)
            repaired = bool(document.is_repaired)
        if count < 1:
            raise MediaError(f"{given.name} has no pages.", "The PDF is damaged or empty.")
        if repaired:
            self.warnings.append(f"{given.name} is damaged and was repaired: pages or parts of them may be missing.")
        self._chosen = parse_pages(options.pages, count)

    @cached_property
    def outlines(self) -> Sequence[Outline]:
        """Sizes from the page boxes (crop box, turned as the page asks); nothing is drawn."""
        found = []
        for index in self._chosen:
            with self._decoding(index):
                rect = self._document[index].rect
            found.append(Outline(Place(self.source, index, page=index + 1), self._size_px(rect, index)))
        return found

    def frames(self) -> Iterator[Frame]:
        """Draw one page at a time, uint8 (H, W, 3), with its text layer."""
        mupdf = _silent_mupdf()
        for outline in self.outlines:
            width, height = outline.size_px
            with self._decoding(outline.place.index):
                page = self._document[outline.place.index]
                zoom = mupdf.Matrix(width / page.rect.width, height / page.rect.height)
                drawn = page.get_pixmap(matrix=zoom, colorspace=mupdf.csRGB, alpha=False)
                rgb = np.frombuffer(drawn.samples, np.uint8).reshape(height, width, 3)  # another size: ValueError
                text = _text(page)
                del drawn, page
            yield Frame(rgb, outline.place, text)

    def close(self) -> None:
        """Close the document."""
        if not self._document.is_closed:
            self._document.close()

    def _size_px(self, rect: Any, index: int) -> Size:
        """The page's size in pixels, each side at least 1."""
        width, height = float(rect.width), float(rect.height)
        if not (math.isfinite(width * height) and width > 0 and height > 0):
            raise MediaError(f"Page {index + 1} of {self._name} has no area.", "Choose other pages with --pages.")
        longest, edge = max(width, height), self._options.longest_edge_px
        if self._options.dpi is None:
            scale = edge / longest
        else:
            asked = self._options.dpi / POINTS_PER_INCH
            scale = min(asked, LARGEST * edge / longest, math.sqrt(self._options.max_pixels / width / height))
            if scale < asked:
                dpi = scale * POINTS_PER_INCH
                self.warnings.append(f"Page {index + 1} of {self._name} is too large: drawn at {dpi:.0f} dpi.")
        return max(1, round(width * scale)), max(1, round(height * scale))

    @contextlib.contextmanager
    def _decoding(self, index: int | None = None) -> Iterator[None]:
        """MuPDF's exceptions become a MediaError that names the page."""
        if self._document.is_closed:
            raise MediaError(f"{self._name} has been closed.")
        try:
            yield
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


def _text(page: Any) -> str:
    """The page's text layer, "" where there is none or it is damaged."""
    try:
        return str(page.get_text("text")).strip()
    except Exception:  # the page has been drawn; its text is a help, not the page
        return ""


def _silent_mupdf() -> Any:
    """PyMuPDF, which would otherwise print its complaints on stdout."""
    import pymupdf

    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    return pymupdf
