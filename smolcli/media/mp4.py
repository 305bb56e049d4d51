"""What the boxes of an MP4 or QuickTime file say that no decoder tells: is it whole, what does its edit list keep?

ISO/IEC 14496-12: a box is 4 bytes of length, 4 of type; moov holds mvhd (the movie's timescale) and a trak per stream,
whose edts/elst lists the parts that are shown. Nothing is decoded, and no length that leads out of the file believed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

MOST_MOOV = 64 << 20  # bytes of moov that are looked at


def is_whole(path: Path) -> bool | None:
    """Whether every box ends within the file; None where it is no such file."""
    with path.open("rb") as file:
        size = path.stat().st_size
        boxes = list(_top(file, size))
    if not boxes or boxes[0][0] not in (b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"free", b"pnot"):
        return None
    return all(end <= size for _, _, end in boxes)


def edited_s(path: Path) -> float | None:
    """Seconds of the first video track that its edit list shows; None where there is none, or it cannot be read."""
    try:
        with path.open("rb") as file:
            for kind, start, end in _top(file, path.stat().st_size):
                if kind == b"moov":
                    file.seek(start)
                    return _edited(file.read(min(end - start, MOST_MOOV)))
    except (OSError, struct.error, IndexError, ZeroDivisionError):
        pass
    return None


def _top(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, where its contents begin, where it ends) of each outermost box; the last may end beyond the file."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        head = 8
        if length == 1:
            length, head = int.from_bytes(file.read(8), "big"), 16
        end = size if length == 0 else at + length
        if end < at + head:
            return
        yield kind, at + head, end
        at = end


def _inner(data: bytes) -> dict[bytes, list[bytes]]:
    """Contents of the boxes in a box, by type."""
    found: dict[bytes, list[bytes]] = {}
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if length < 8:
            break
        found.setdefault(kind, []).append(data[at + 8 : at + length])
        at += length
    return found


def _edited(moov: bytes) -> float | None:
    boxes = _inner(moov)
    header = boxes[b"mvhd"][0] if b"mvhd" in boxes else b""
    timescale = struct.unpack_from(">I", header, 20 if header[:1] == b"\1" else 12)[0]
    for trak in map(_inner, boxes.get(b"trak", [])):
        media = _inner(trak.get(b"mdia", [b""])[0])
        if media.get(b"hdlr", [b""])[0][8:12] != b"vide":
            continue
        edits = _inner(trak.get(b"edts", [b""])[0]).get(b"elst")
        return _shown(edits[0]) / timescale if edits else None
    return None


def _shown(elst: bytes) -> int:
    """Ticks of the movie that are shown; an empty edit (media time -1) is a pause before the first frame."""
    wide = elst[:1] == b"\1"
    count = struct.unpack_from(">I", elst, 4)[0]
    form, step = (">qq", 20) if wide else (">ii", 12)
    parts = [struct.unpack_from(form, elst, 8 + step * n) for n in range(count)]
    return sum(length for length, media_time in parts if media_time != -1)
