"""The bytes of a JPEG, PNG or WebP in, the XMP in them out; other XMP in, the same file with it out: no other byte of
what says anything changes, and so no pixel.

Where XMP lies: XMP Specification Part 3 (JPEG: an APP1 segment, PNG: an iTXt chunk, WebP: a chunk of its own).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

from smolcli.errors import OutputError
from smolcli.formats.xmp import MOST_BYTES

_APP1, _IN_JPEG = b"\xff\xe1", b"http://ns.adobe.com/xap/1.0/\0"
_IN_PNG = b"XML:com.adobe.xmp\0"
_PNG, _MOST_SEGMENT = b"\x89PNG\r\n\x1a\n", 65_533  # bytes behind the length of a JPEG's segment
_XMP_FLAG, _ALPHA_FLAG = 0x04, 0x10  # of a WebP's VP8X chunk
_WAY_OUT = "Write it beside the picture: --sidecar xmp"


@dataclass(frozen=True, slots=True)
class Parts:
    """A file in pieces that make it up when they are joined. xmp: the packet in it, b"" for none; at: which piece
    holds it, or which one a new one would come before; held: whether there is one.
    """

    pieces: tuple[bytes, ...]
    at: int
    held: bool
    xmp: bytes
    wrap: Callable[[bytes], bytes]

    @property
    def others(self) -> tuple[bytes, ...]:
        """All that is not XMP."""
        return self.pieces[: self.at] + self.pieces[self.at + self.held :]

    def with_xmp(self, xmp: bytes) -> bytes:
        """The file with another packet. Raises OutputError where there is no room for it."""
        before, after = self.pieces[: self.at], self.pieces[self.at + self.held :]
        return b"".join((*before, self.wrap(xmp), *after))


def parts_of(data: bytes) -> Parts:
    """Take a file apart. Raises OutputError for one of another kind, or that is damaged."""
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    if data.startswith(_PNG):
        return _png(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    raise OutputError("Only JPEG, PNG and WebP files hold their own description.", _WAY_OUT)


def _damaged() -> OutputError:
    return OutputError("The file is damaged where its description would be.", _WAY_OUT)


# ---- JPEG


def _jpeg(data: bytes) -> Parts:
    """Segments up to the scan, and all from there as one piece."""
    pieces, position, held, behind = [data[:2]], 2, [], 1  # behind: JFIF and EXIF come first
    offsets = -1  # the piece that counts from itself to pictures behind the first one
    while data[position + 1 : position + 2] != b"\xda":
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        piece = data[position:end]
        if piece[:1] != b"\xff" or len(piece) < 4 or end >= len(data):
            raise _damaged()
        if piece.startswith((b"\xff\xe0", _APP1)) and behind == len(pieces) and not piece[4:].startswith(_IN_JPEG):
            behind += 1
        if piece[:2] == _APP1 and piece[4:].startswith(_IN_JPEG):
            held.append(len(pieces))
        if piece[:2] == b"\xff\xe2" and piece[4:8] == b"MPF\0":
            offsets = len(pieces)
        pieces.append(piece)
        position = end
    at = held[0] if held else behind
    if len(held) > 1 or -1 < offsets < at:
        raise OutputError("The file has its XMP where it cannot be changed safely.", _WAY_OUT)
    packet = pieces[at][4 + len(_IN_JPEG) :] if held else b""
    return Parts((*pieces, data[position:]), at, bool(held), packet, _jpeg_segment)


def _jpeg_segment(xmp: bytes) -> bytes:
    if len(_IN_JPEG) + len(xmp) > _MOST_SEGMENT:
        raise OutputError("The XMP in the file is full: a JPEG holds 64 kB of it.", _WAY_OUT)
    body = _IN_JPEG + xmp
    return _APP1 + (len(body) + 2).to_bytes(2, "big") + body


# ---- PNG


def _png(data: bytes) -> Parts:
    """Chunks, and what is behind the last one."""
    pieces, position, held, pixels = [data[:8]], 8, [], 0
    kind = b""
    while kind != b"IEND":
        kind = data[position + 4 : position + 8]
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        if len(kind) < 4 or end > len(data):
            raise _damaged()
        if kind == b"iTXt" and data[position + 8 :].startswith(_IN_PNG):
            held.append(len(pieces))
        if kind == b"IDAT" and not pixels:
            pixels = len(pieces)
        pieces.append(data[position:end])
        position = end
    if len(held) > 1 or not pixels:
        raise _damaged()
    packet = _png_packet(pieces[held[0]][8:-4]) if held else b""
    return Parts((*pieces, data[position:]), held[0] if held else pixels, bool(held), packet, _png_chunk)


def _png_packet(body: bytes) -> bytes:
    """The text of an iTXt chunk. Raises OutputError."""
    compressed, method, rest = body[len(_IN_PNG)], body[len(_IN_PNG) + 1], body[len(_IN_PNG) + 2 :]
    text = rest.split(b"\0", 2)[-1]
    if not compressed:
        return text
    unpack = zlib.decompressobj()
    try:
        found = unpack.decompress(text, MOST_BYTES + 1)
    except zlib.error as error:
        raise _damaged() from error
    if method or len(found) > MOST_BYTES:
        raise _damaged()
    return found


def _png_chunk(xmp: bytes) -> bytes:
    body = b"iTXt" + _IN_PNG + b"\0\0\0\0" + xmp
    return (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


# ---- WebP


def _webp(data: bytes) -> Parts:
    """Header, chunks, and what is behind them; a file that can hold no XMP yet is given the header that says so."""
    end = 8 + int.from_bytes(data[4:8], "little")
    pieces, position, held = list[bytes](), 12, list[int]()
    while position < end:
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        after = position + 8 + size + size % 2
        piece = data[position:after]
        if len(piece) < 8 or len(piece) < 8 + size or after > end + 1:
            raise _damaged()
        if piece[:4] == b"XMP ":
            held.append(len(pieces))
        pieces.append(piece)
        position = after
    if not pieces or len(held) > 1:
        raise _damaged()
    if pieces[0][:4] != b"VP8X":
        pieces.insert(0, _extended(pieces[0]))
    return _webp_parts(pieces, held, data[position:])


def _webp_parts(pieces: list[bytes], held: list[int], behind: bytes) -> Parts:
    flags = bytearray(pieces[0])
    if len(flags) < 18:
        raise _damaged()
    flags[8] |= _XMP_FLAG
    pieces[0] = bytes(flags)
    at = held[0] if held else len(pieces)
    packet = b""
    if held:
        packet = pieces[at][8 : 8 + int.from_bytes(pieces[at][4:8], "little")]
    return _WebpParts((*pieces, behind), at, bool(held), packet, _webp_chunk)


class _WebpParts(Parts):
    """The pieces behind the header, which says how long all of them are."""

    __slots__ = ()

    def with_xmp(self, xmp: bytes) -> bytes:
        """The file with another packet."""
        behind = self.pieces[-1]
        inner = Parts.with_xmp(self, xmp)
        size = 4 + len(inner) - len(behind)
        return b"RIFF" + size.to_bytes(4, "little") + b"WEBP" + inner


def _webp_chunk(xmp: bytes) -> bytes:
    return b"XMP " + len(xmp).to_bytes(4, "little") + xmp + b"\0" * (len(xmp) % 2)


def _extended(picture: bytes) -> bytes:
    """The VP8X chunk of a picture that has none, from the size that its own bytes tell. Raises OutputError."""
    body = picture[8:]
    if picture[:4] == b"VP8 " and body[3:6] == b"\x9d\x01\x2a" and len(body) >= 10:
        size = int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
        alpha = False
    elif picture[:4] == b"VP8L" and body[:1] == b"\x2f" and len(body) >= 5:
        bits = int.from_bytes(body[1:5], "little")
        size, alpha = ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1), bool(bits >> 28 & 1)
    else:
        raise _damaged()
    if not all(size):
        raise _damaged()
    flags = bytes([_ALPHA_FLAG if alpha else 0, 0, 0, 0])
    return b"VP8X\x0a\0\0\0" + flags + b"".join((side - 1).to_bytes(3, "little") for side in size)
