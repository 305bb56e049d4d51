"""A clip and parts of it go in, a file of those parts comes out, copied without coding anew. PyAV's only door
(`pip install "smolcli[video]"`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from smolcli.errors import MediaError, UsageError
from smolcli.media.reading import quoted
from smolcli.media.windows import Window, moment

SAME_S = 0.002  # containers count in thousandths
BACK_S = 0.0, 1.0, 5.0, 30.0
MICROSECONDS = 1_000_000  # av.time_base


@dataclass(frozen=True, slots=True)
class Piece:
    """A clip made of parts of another. file: at its start; it is gone once the context ends.

    parts_s: what each part came to: it begins with the key frame before, or it could not be decoded.
    """

    file: BinaryIO
    parts_s: tuple[Window, ...]


@contextmanager
def cut_clip(path: str, parts_s: Sequence[Window], suffix: str = ".mp4") -> Iterator[Piece]:
    """Copy parts of a clip (from and to, seconds since its first frame, rising) into one file, pictures and sound.

    suffix: its container (".mp4", ".mkv", ".mov"). Raises UsageError where PyAV is not installed or the container is
    unknown or does not hold what the clip is coded as, MediaError where the clip cannot be read or has no such part.
    """
    av = _av()
    with tempfile.TemporaryDirectory(prefix="smol-cut-") as folder:
        target = Path(folder, "cut" + suffix.lower())
        try:
            with av.open(path) as source:
                came = _copied(av, source, target, path, parts_s)
        except FileNotFoundError as error:
            raise MediaError(f"{quoted(path)} does not exist.", "Check the spelling.") from error
        except (av.error.FFmpegError, OSError) as error:
            raise MediaError(f"{quoted(path)} cannot be cut: {error.strerror}.", "Is it a clip that plays?") from error
        with target.open("rb") as file:
            yield Piece(file, came)


def _copied(av: Any, source: Any, target: Path, path: str, parts_s: Sequence[Window]) -> tuple[Window, ...]:
    pictures = next((each for each in source.streams.video if not _is_cover(av, each)), None)
    if pictures is None:
        raise MediaError(f"{quoted(path)} has no pictures to cut.", "Give a clip.")
    with _opened(av, target) as sink:
        try:
            streams = {each.index: sink.add_stream_from_template(each) for each in (pictures, *source.streams.audio)}
            copier = _Copier(source, sink, pictures, streams)
            came = tuple(copied for part_s in _apart(parts_s) if (copied := copier.copy(part_s)) is not None)
        except (ValueError, av.error.FFmpegError) as error:
            hint = "Write it as .mkv, which holds anything."
            raise UsageError(f"{quoted(path)} cannot be copied into {target.suffix}.", hint) from error
    if not came:
        raise MediaError(f"{quoted(path)} has nothing from {moment(parts_s[0][0])} on.", "Choose another part.")
    return came


class _Copier:
    """Copies packets, each part behind the one before. streams: of the new file, by their number in the clip."""

    def __init__(self, source: Any, sink: Any, pictures: Any, streams: dict[int, Any]) -> None:
        self._source, self._sink, self._pictures, self._streams = source, sink, pictures, streams
        self._begins_s = float((pictures.start_time or 0) * pictures.time_base)
        self._length_s = 0.0  # of what is written

    def copy(self, part_s: Window) -> Window | None:
        """From the last key frame at or before its start to its end; None where the clip ends before it."""
        for back_s in (*BACK_S, part_s[0]):
            came = self._copy(part_s, back_s)
            if came is not None:
                return came if came[1] > part_s[0] else None
        return None

    def _copy(self, part_s: Window, back_s: float) -> Window | None:
        """The same, sought so far before the start; None where no key frame comes before it then."""
        held, first_s, last_s = list[tuple[float, Any]](), None, 0.0  # held: from that key frame on, until it is sure
        for shown_s, packet in self._packets(part_s, back_s):
            if packet.stream.index == self._pictures.index:
                last_s = max(last_s, shown_s + float((packet.duration or 0) * packet.time_base))
                if packet.is_keyframe and (first_s is None or shown_s <= part_s[0] + SAME_S):
                    held, first_s = [], shown_s
                    if shown_s > part_s[0] + SAME_S and back_s < part_s[0]:
                        return None
            held.append((shown_s, packet))
            if shown_s > part_s[0] and first_s is not None:
                self._write(held, (first_s, part_s[1]))
                held = []
        if first_s is None or last_s <= part_s[0]:
            return 0.0, 0.0
        self._write(held, (first_s, part_s[1]))
        self._length_s += last_s - first_s
        return first_s, last_s

    def _packets(self, part_s: Window, back_s: float) -> Iterator[tuple[float, Any]]:
        """(time in seconds, packet) from a little before a part to its end, as they stand in the file."""
        own = [stream for stream in self._source.streams if stream.index in self._streams]
        self._source.seek(int((max(0.0, part_s[0] - back_s) + self._begins_s) * MICROSECONDS))
        for packet in self._source.demux(own):
            if packet.dts is None or packet.pts is None:
                continue
            decoded_s = float(packet.dts * packet.time_base) - self._begins_s
            if packet.stream.index == self._pictures.index and decoded_s >= part_s[1]:
                return
            yield float(packet.pts * packet.time_base) - self._begins_s, packet

    def _write(self, held: Sequence[tuple[float, Any]], part_s: Window) -> None:
        """Packets of a part, behind what is written; sound that is not of it is left out."""
        for shown_s, packet in held:
            if packet.stream.index != self._pictures.index and not part_s[0] <= shown_s < part_s[1]:
                continue
            ticks = round((self._length_s - part_s[0] - self._begins_s) / packet.time_base)
            packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
            packet.stream = self._streams[packet.stream.index]
            self._sink.mux(packet)


def _apart(parts_s: Sequence[Window]) -> list[Window]:
    """Parts in order; those that touch or overlap are one."""
    found: list[Window] = []
    for start, end in sorted(parts_s):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def _opened(av: Any, target: Path) -> Any:
    try:
        return av.open(str(target), "w")
    except (ValueError, av.error.FFmpegError) as error:
        raise UsageError(f"{target.suffix or 'No ending'} is no kind of clip.", "Use .mp4, .mov or .mkv.") from error


def _is_cover(av: Any, stream: Any) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def require() -> None:
    """Raises UsageError where PyAV is not installed."""
    _av()


def _av() -> Any:
    """PyAV. Raises UsageError where it is not installed."""
    try:
        import av
    except ImportError as error:
        hint = 'Install it with: pip install "smolcli[video]"'
        raise UsageError("Clips are cut by PyAV, which is not installed.", hint) from error
    return av
