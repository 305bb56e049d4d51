"""What the boxes of an MP4 or QuickTime file say that no decoder tells: is it whole, is its rate constant, what is
shown of it, and which tracks are pictures?

ISO/IEC 14496-12: a box is 4 bytes of length, 4 of type; moov holds a trak per stream, whose stts lists how long its
samples last and whose edts/elst lists the parts that are shown. Nothing is decoded, and no length that leads out of
the file is believed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from smolcli.media.timing import DRIFT_S

MOST_MOOV = 64 << 20  # bytes of moov that are looked at
STARTS = (b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"free", b"pnot")
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Track:
    """A track of pictures. at: where its box's type stands in the file. codec: its sample entry, such as "avc1".

    samples: 0 in a fragmented file, lasts_s: seconds of all of them. shown_s: seconds that the edit list shows, or all.
    edited: whether there is a list. drift_s: how far a frame's own time is, at most, from that at the mean rate.
    """

    at: int
    codec: str
    samples: int
    lasts_s: float
    shown_s: float
    edited: bool
    drift_s: float

    def is_even(self, fps: float) -> bool:
        """Whether a frame's number tells its time, at the rate that a decoder states."""
        return self.drift_s <= DRIFT_S and abs(self.lasts_s * fps - self.samples) <= max(1.0, 0.001 * self.samples)


def is_whole(path: Path) -> bool | None:
    """Whether every box ends within the file; None where it is no such file."""
    with path.open("rb") as file:
        size = path.stat().st_size
        boxes = list(_top(file, size))
    if not boxes or boxes[0][0] not in STARTS:
        return None
    return all(end <= size for _, _, end in boxes)


def video_tracks(path: Path) -> list[Track] | None:
    """The tracks of pictures, in the file's order; None where no track is listed, or none can be read."""
    try:
        with path.open("rb") as file:
            for kind, start, end in _top(file, path.stat().st_size):
                if kind == b"moov":
                    file.seek(start)
                    return _tracks(file.read(min(end - start, MOST_MOOV)), start)
    except (OSError, ValueError, struct.error, IndexError, ZeroDivisionError):
        pass
    return None


def cover_atoms(path: Path) -> list[int]:
    """Where the types of the boxes with cover pictures (moov/udta/meta/ilst/covr) stand in the file."""
    with path.open("rb") as file:
        for kind, start, end in _top(file, path.stat().st_size):
            if kind == b"moov":
                file.seek(start)
                data = file.read(min(end - start, MOST_MOOV))
                spans = [span for _, span in _inner(data, (0, len(data)), b"udta")]
                spans = [
                    (at + 4, to) for span in spans for _, (at, to) in _inner(data, span, b"meta")
                ]  # version, flags
                spans = [inner for span in spans for _, inner in _inner(data, span, b"ilst")]
                return [start + at - 4 for span in spans for _, (at, _) in _inner(data, span, b"covr")]
    return []


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


def _inner(data: bytes, span: Span, wanted: bytes = b"") -> Iterator[tuple[bytes, Span]]:
    """(type, span of the contents) of the boxes in a box; wanted: only those of this type."""
    at, end = span
    while at + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, at)
        if length < 8:
            return
        if wanted in (b"", kind):
            yield kind, (at + 8, min(at + length, end))
        at += length


def _find(data: bytes, span: Span, *kinds: bytes) -> Span | None:
    """The contents of the first box of each type in turn; None where one is missing."""
    found: Span | None = span
    for kind in kinds:
        found = next((inner for _, inner in _inner(data, found, kind)), None) if found else None
    return found


def _tracks(moov: bytes, start: int) -> list[Track] | None:
    whole = (0, len(moov))
    movie_ticks = _timescale(moov, _find(moov, whole, b"mvhd"))
    if _find(moov, whole, b"trak") is None:
        return None
    found = []
    for _, trak in _inner(moov, whole, b"trak"):
        media = _find(moov, trak, b"mdia")
        handler = _find(moov, media, b"hdlr") if media else None
        if not media or not handler or moov[handler[0] + 8 : handler[0] + 12] != b"vide":
            continue
        entry, times = _find(moov, media, b"minf", b"stbl", b"stsd"), _find(moov, media, b"minf", b"stbl", b"stts")
        samples, lasts_s, drift_s = _spacing(moov, times, _timescale(moov, _find(moov, media, b"mdhd")))
        edits = _find(moov, trak, b"edts", b"elst")
        shown_s = _shown(moov, edits) / movie_ticks if edits else lasts_s
        codec = moov[entry[0] + 12 : entry[0] + 16].decode("latin-1").strip() if entry else ""
        found.append(Track(start + trak[0] - 4, codec, samples, lasts_s, shown_s, edits is not None, drift_s))
    return found


def _timescale(data: bytes, header: Span | None) -> int:
    """Ticks a second, of a mvhd or mdhd."""
    if header is None:
        raise ValueError("a box is missing")
    return int(struct.unpack_from(">I", data, header[0] + (20 if data[header[0]] == 1 else 12))[0])


def _spacing(data: bytes, stts: Span | None, ticks: int) -> tuple[int, float, float]:
    """(samples, seconds that they last, drift in seconds) of a table of run lengths (samples, ticks of each).

    Within a run the drift grows steadily, so that its ends are enough. The last sample's length moves no frame.
    """
    if stts is None or stts[1] - stts[0] < 16:
        return 0, 0.0, 0.0
    runs = np.frombuffer(data[stts[0] + 8 : stts[1]][: (stts[1] - stts[0] - 8) // 8 * 8], ">u4").reshape(-1, 2)
    counts, lengths = runs[:, 0].astype(np.int64), runs[:, 1].astype(np.int64)
    samples, lasts = int(counts.sum()), int((counts * lengths).sum())
    ends, at = np.cumsum(counts), np.cumsum(counts * lengths)
    ends[-1], at[-1] = ends[-1] - 1, at[-1] - lengths[-1]
    drift = np.abs(at - ends * (lasts / max(1, samples))).max()
    return samples, lasts / ticks, float(drift) / ticks


def _shown(data: bytes, elst: Span) -> int:
    """Ticks of the movie that are shown; an empty edit (media time -1) is a pause before the first frame."""
    count = struct.unpack_from(">I", data, elst[0] + 4)[0]
    form, step = (">qq", 20) if data[elst[0]] == 1 else (">ii", 12)
    parts = [
        struct.unpack_from(form, data, elst[0] + 8 + step * n) for n in range(min(count, (elst[1] - elst[0]) // step))
    ]
    return sum(length for length, media_time in parts if media_time != -1)
