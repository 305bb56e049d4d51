"""Is a file of a folder a picture? By its first bytes, or by its name where the bytes tell nothing (a damaged picture
must be reported).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from smolcli.media.sniff import is_still

_PICTURES = (
    "jpg jpeg jpe jfif png apng webp gif tif tiff bmp dib heic heif avif jp2 j2k jpx jxl ppm pgm pbm pnm tga",
    "psd ico cur pcx dds qoi sgi xbm xpm icns dng cr2 cr3 nef arw raf orf rw2 pef srw",
)
_SUFFIXES = frozenset(f".{suffix}" for line in _PICTURES for suffix in line.split())
_CLIPS = "mp4 m4v mov qt mkv webm avi mpg mpeg m2v ts mts m2ts vob wmv asf flv f4v ogv 3gp 3g2 mxf dv gif"
MEDIA_SUFFIXES = _SUFFIXES | {".pdf"} | {f".{suffix}" for suffix in _CLIPS.split()}  # names that are never a question
_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"BM", b"\0\0\0\x0cjP  ")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for in folders. names: how the files end; documents: PDFs count too; called: in a sentence."""

    called: str
    names: frozenset[str]
    documents: bool

    def is_named(self, name: str) -> bool:
        """Whether the name alone says so."""
        return Path(name).suffix.lower() in self.names

    def looks_like(self, path: str) -> bool:
        """True for what a decoder should try."""
        if self.is_named(path):
            return True
        try:
            if not Path(path).is_file():  # to open a named pipe is to wait for its writer
                return False
            with Path(path).open("rb") as file:
                head = file.read(64)
        except OSError:
            return False
        if self.documents and head.startswith(b"%PDF-"):
            return True
        return head.startswith(_STARTS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or is_still(head)


def has_namesake(path: str) -> bool:
    """Whether a picture or document before it in the order of names differs in its extension only: a.jpg of a.png.

    It is looked for under the names that it may have, so that no folder is listed whole.
    """
    folder, name = os.path.split(path)
    stem, suffix = os.path.splitext(name)  # noqa: PTH122  a string, as it was named
    known = {"", *(MEDIA_SUFFIXES - {suffix.lower()})}
    others = (f"{stem}{each}" for ends in known for each in {ends, ends.upper()} if f"{stem}{each}" < name)
    return any(PAGES.looks_like(os.path.join(folder, other)) for other in others if _is_there(folder, other))  # noqa: PTH118


def _is_there(folder: str, name: str) -> bool:
    try:
        return os.path.isfile(os.path.join(folder, name))  # noqa: PTH113, PTH118
    except ValueError:  # a null byte
        return False


PICTURES = Wanted("pictures", _SUFFIXES, documents=False)
PAGES = Wanted("documents or pictures", _SUFFIXES | {".pdf"}, documents=True)
ANYTHING = Wanted("pictures, documents or clips", MEDIA_SUFFIXES, documents=True)
