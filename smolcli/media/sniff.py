"""The first bytes of a file go in; what it is comes out. Names and extensions are not looked at."""

from __future__ import annotations

import re
from typing import Literal

Door = Literal["image", "document", "video"]

# ISO base media brands that are still pictures (AVIF: av1-avif, HEIF: ISO/IEC 23008-12)
STILL_BRANDS = frozenset(
    {b"crx ", b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2"}
)
ATOMS = frozenset(
    {b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"free", b"pnot"}
)  # how an MP4 or QuickTime file starts

VIDEO_STARTS = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, WMV
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG video
    b"OggS",
    b"FLV\x01",
    b"DKIF",  # IVF
    b"YUV4MPEG2 ",
    b".RMF",
)


_PDF, _PDF_OBJECT = re.compile(rb"%PDF-\d\.\d"), re.compile(rb"\d+ \d+ obj\b")
_JPEG, _TIFF, _PNG = b"\xff\xd8\xff", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), b"\x89PNG\r\n\x1a\n"
_STILLS = (_JPEG, *_TIFF, _PNG, b"GIF8", b"RIFF", b"8BPS")


def door(head: bytes) -> Door:
    """Which decoder reads a file that starts so. What is neither a PDF nor a clip is left to the image decoder."""
    if is_pdf(head):
        return "document"
    if is_video(head):
        return "video"
    return "image"


def is_pdf(head: bytes) -> bool:
    """A PDF, its header at the start or behind a little junk; not another file that holds or mentions one."""
    found = _PDF.search(head)
    if found is None or any(start.match(head) for start, _, _ in _NOT_MEDIA) or head.startswith(_STILLS):
        return False
    return found.start() == 0 or _PDF_OBJECT.search(head, found.end()) is not None


def is_video(head: bytes) -> bool:
    """A container of moving pictures, by its magic bytes."""
    if head[4:8] in ATOMS:
        return not is_still(head)
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return True
    if head.startswith(VIDEO_STARTS):
        return True
    return any(_every(head, first, step) for first, step in ((0, 188), (4, 192)))  # MPEG-TS, and with time codes


def is_still(head: bytes) -> bool:
    """An AVIF or HEIF picture: an ISO base media file whose major brand, or a compatible one, is a picture's."""
    if head[4:8] != b"ftyp":
        return False
    if head[8:12] in STILL_BRANDS:
        return True
    length = min(int.from_bytes(head[:4], "big"), 256)
    brands = {head[at : at + 4] for at in range(16, length - 3, 4)}
    return bool(brands & {b"avif", b"heic", b"mif1"}) and not brands & {b"isom", b"mp41", b"mp42", b"iso2"}


def _every(head: bytes, first: int, step: int) -> bool:
    return len(head) > first + 2 * step and head[first] == head[first + step] == head[first + 2 * step] == 0x47


_NOT_MEDIA = (
    (re.compile(rb"\s*(<!doctype html|<html)", re.I), "a web page", "Open it in a browser and print it to PDF."),
    (re.compile(rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<svg", re.I | re.S), "an SVG drawing", "Export it as PNG."),
    (re.compile(rb"%!PS|\xc5\xd0\xd3\xc6"), "PostScript", "Convert it first: ps2pdf FILE."),
    (
        re.compile(rb"FUJIFILMCCD-RAW|IIR[OS]|MMOR|IIU\0|FOVb|\0MRM|II\*\0....CR|....ftypcrx ", re.S),
        "camera raw, which is not read",
        "Export it as JPEG or TIFF first.",
    ),
    (
        re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "),
        "a JPEG XL picture, which is not read",
        "Convert it first: djxl FILE new.png",
    ),
    (re.compile(rb"PK\x03\x04"), "a ZIP archive or an office document", "Unpack it, or export it as PDF."),
    (re.compile(rb"\xd0\xcf\x11\xe0"), "an office document", "Export it as PDF."),
    (re.compile(rb"GGUF"), "a model file", "Give models with -m and --mmproj."),
    (
        re.compile(rb"ID3|fLaC|RIFF....WAVE|FORM....AIF[FC]|#!AMR|caff|MThd|\xff[\xf1-\xf3\xf9-\xfb]", re.S),
        "sound",
        "Give an image, a PDF or a clip.",
    ),
)


_SAVE = "Open it in a picture viewer and save it as PNG or JPEG."
_OF_ANOTHER_KIND = (  # of formats that are read otherwise
    (
        re.compile(re.escape(_JPEG)),
        "a JPEG of a kind that is not read (12 bits, lossless or arithmetic), or damaged",
        _SAVE,
    ),
    (re.compile(b"|".join(map(re.escape, _TIFF))), "a TIFF of a kind that is not read, or damaged at its start", _SAVE),
    (re.compile(re.escape(_PNG) + rb"|GIF8|8BPS|RIFF....WEBP", re.S), "a picture that is damaged at its start", _SAVE),
)


def is_known(head: bytes) -> bool:
    """Whether a file that starts so looks like something that is no text, or not meant as such, readable or not."""
    return any(start.match(head) for start, _, _ in (*_NOT_MEDIA, *_OF_ANOTHER_KIND))


def describe(head: bytes) -> tuple[str, str]:
    """What a file that no decoder knows looks like, and the way out: ("a web page", "Open it …")."""
    for start, kind, hint in (*_NOT_MEDIA, *_OF_ANOTHER_KIND):
        if start.match(head):
            return kind, hint
    try:
        text = head.decode("utf-8") if len(head) < 1024 else head[:1024].decode("utf-8", "ignore")
    except UnicodeDecodeError:
        text = "\0"
    printable = sum(ch.isprintable() or ch.isspace() for ch in text)
    kind = "text" if printable > 0.95 * len(text) else "of no known format, or damaged at its start"
    return kind, "Give an image, a PDF or a clip."
