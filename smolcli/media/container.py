"""A clip's file goes in; what only its container tells comes out: is it whole, what pictures does it hold, and how is
the cover before them passed over?
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smolcli.media import matroska, mp4

HEAD_BYTES = 1 << 16
LARGE_BYTES = 32 << 20
_SIGNS = (  # (how the file begins, what only its pictures are called, what its sound is called)
    (
        b"OggS",
        (b"\x80theora", b"OVP80", b"BBCD\0", b"\x80daala"),
        (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   "),
    ),
    (  # ASF specification: ASF_Video_Media, ASF_Audio_Media
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
        (bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b"),),
        (bytes.fromhex("409e69f84d5bcf11a8fd00805f5c442b"),),
    ),
    (b"RIFF", (b"vids",), (b"auds",)),
)


@dataclass(frozen=True, slots=True)
class Change:
    """Bytes that are to be read at a place of a file instead of those that stand there."""

    at: int
    data: bytes


class ChangedFile(io.BufferedIOBase):
    """A file that is read as if some of its bytes were others; nothing is copied or written."""

    def __init__(self, path: Path, changes: Sequence[Change]) -> None:
        self._file = path.open("rb")
        self._changes = changes

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes, with the changes among them."""
        start = self._file.tell()
        data = bytearray(self._file.read(size))
        for change in self._changes:
            for offset, byte in enumerate(change.data, change.at - start):
                if 0 <= offset < len(data):
                    data[offset] = byte
        return bytes(data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place, as a file does."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where the next byte stands."""
        return self._file.tell()

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def is_whole(path: Path) -> bool | None:
    """Whether the file is as long as it says; None where its kind does not tell."""
    head = _head(path)
    if head.startswith(matroska.MAGIC):
        return matroska.is_whole(path)
    if head[:4] == b"RIFF":
        return 8 + int.from_bytes(head[4:8], "little") <= path.stat().st_size
    return mp4.is_whole(path)


def is_large_matroska(path: Path) -> bool:
    """Whether it is a Matroska file whose packets are not read for nothing."""
    return path.stat().st_size > LARGE_BYTES and _head(path).startswith(matroska.MAGIC)


def picture_codecs(path: Path) -> list[str] | None:
    """The codecs of the tracks of pictures, "" where one has no name; [] for sound alone, None where it is unknown."""
    head = _head(path)
    if head.startswith(matroska.MAGIC) or head[4:8] in mp4.STARTS:
        tracks = matroska.video_tracks(path) if head.startswith(matroska.MAGIC) else mp4.video_tracks(path)
        return None if tracks is None else [track.codec for track in tracks]
    for start, pictures, sound in _SIGNS:
        if head.startswith(start):
            if any(sign in head for sign in pictures):
                return [""]
            return [] if any(sign in head for sign in sound) else None
    return None


def without_cover(path: Path) -> list[Change]:
    """What to read otherwise so that a decoder that takes the first pictures takes the clip's; [] where it has none.

    A cover comes first where its track does (Matroska, MP4), or where the tags stand before the tracks (MP4).
    """
    head = _head(path)
    if head.startswith(matroska.MAGIC):
        tracks = matroska.video_tracks(path) or []
        return [Change(tracks[0].at, b"\x11")] if len(tracks) > 1 else []  # TrackType 17: subtitles
    if head[4:8] not in mp4.STARTS:
        return []
    boxes = mp4.video_tracks(path) or []
    changes = [Change(at, b"free") for at in mp4.cover_atoms(path)] if boxes else []
    if len(boxes) > 1 and boxes[0].samples == 1:
        changes.append(Change(boxes[0].at, b"free"))
    return changes


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)
