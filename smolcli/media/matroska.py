"""What the elements of a Matroska or WebM file say that no decoder tells: is it whole, which tracks are pictures?

RFC 8794 and RFC 9559: an element is an id, a length (both of 1 to 8 bytes, led by their number of leading zero bits)
and its contents. Only the head of the file is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAGIC = b"\x1a\x45\xdf\xa3"
HEAD_BYTES = 4 << 20  # the tracks stand before the first cluster
SEGMENT, TRACKS, ENTRY, KIND, CODEC = 0x18538067, 0x1654AE6B, 0xAE, 0x83, 0x86
PICTURES = 1  # TrackType


@dataclass(frozen=True, slots=True)
class Track:
    """A track of pictures. at: where the byte with its kind stands in the file. codec: such as "V_VP9"."""

    at: int
    codec: str


def is_whole(path: Path) -> bool | None:
    """Whether the file is as long as its head says; None where that says nothing (a recording that went on)."""
    with path.open("rb") as file:
        data = file.read(4096)
    for kind, _, end in _elements(data, 0, 1 << 62):
        if kind == SEGMENT:
            return end <= path.stat().st_size if end < 1 << 62 else None
    return None


def video_tracks(path: Path) -> list[Track] | None:
    """The tracks of pictures, in the file's order; None where the head of the file lists no track."""
    with path.open("rb") as file:
        data = file.read(HEAD_BYTES)
    segment = next(((at, end) for kind, at, end in _elements(data, 0, len(data)) if kind == SEGMENT), None)
    tracks = (
        next(((at, end) for kind, at, end in _elements(data, *segment) if kind == TRACKS), None) if segment else None
    )
    if tracks is None or not any(kind == ENTRY for kind, _, _ in _elements(data, *tracks)):
        return None
    found = []
    for kind, at, end in _elements(data, *tracks):
        entry = {inner: (start, stop) for inner, start, stop in _elements(data, at, end)} if kind == ENTRY else {}
        if KIND in entry and data[entry[KIND][0] : entry[KIND][1]] == bytes([PICTURES]):
            codec = data[slice(*entry[CODEC])].decode("latin-1") if CODEC in entry else ""
            found.append(Track(entry[KIND][0], codec.rstrip("\0")))
    return found


def _elements(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(id, where its contents begin, where they end) of the elements in an element; of unknown length: to its end."""
    while at < min(end, len(data)):
        kind, start, _ = _number(data, at, keep_mark=True)
        length, start, unknown = _number(data, start, keep_mark=False)
        if start <= at:
            return
        stop = end if unknown else start + length
        yield kind, start, stop
        at = stop


def _number(data: bytes, at: int, keep_mark: bool) -> tuple[int, int, bool]:
    """(value, where the next one begins, whether all its bits are 1) of a number of variable length."""
    if at >= len(data) or not data[at]:
        return 0, 0, False
    width = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + width], "big")
    if not keep_mark:
        value &= (1 << 7 * width) - 1
    return value, at + width, value == (1 << 7 * width) - 1
