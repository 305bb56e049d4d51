"""Texts of models and files → texts that a terminal and a line can hold."""

from __future__ import annotations

_HALF_MS = 0.0005  # moments are whole milliseconds, which binary fractions miss by less


def printable(text: str) -> str:
    """Without control characters other than tab and line break: a picture must not be able to drive a terminal."""
    return "".join(c for c in text if c in "\n\t" or not _is_control(c))


def escaped(text: str) -> str:
    """A file name as one field of a line: tab, line break, backslash and other control characters as C writes them."""
    named = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
    return "".join(named.get(c) or (f"\\x{ord(c):02x}" if _is_control(c) else c) for c in text)


def _is_control(character: str) -> bool:
    return ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0


def timestamp(time_s: float) -> str:
    """MM:SS, whole seconds rounded down; minutes go past 59 (transformers: processing_smolvlm.py)."""
    return f"{int(time_s // 60):02d}:{int(time_s % 60):02d}"


def megabytes(count: int) -> str:
    """ "437 MB", "1.9 GB"."""
    return (
        f"{count / 1e9:.1f} GB"
        if count >= 1e9
        else f"{count / 1e6:.0f} MB"
        if count >= 1e6
        else f"{count / 1e3:.0f} kB"
    )


def seconds(time_s: float) -> str:
    """To the millisecond, without zeros at the end: "12.5"."""
    return f"{time_s:.3f}".rstrip("0").rstrip(".")


def clock(time_s: float) -> str:
    """Minutes, and seconds to the tenth: "0:12.5"."""
    minutes, rest_s = divmod(round(time_s, 1), 60)
    return f"{int(minutes)}:{rest_s:04.1f}"


def moment(time_s: float, digits: int = 1) -> str:
    """M:SS, and H:MM:SS from an hour on; rounded down. digits: of the minutes, at least."""
    minutes, seconds = divmod(int(time_s + _HALF_MS), 60)
    hours = f"{minutes // 60}:{minutes % 60:02d}" if minutes >= 60 else f"{minutes:0{digits}d}"
    return f"{hours}:{seconds:02d}"


def tenths(time_s: float) -> str:
    """MM:SS and the tenth of a second, rounded down."""
    return f"{moment(time_s, 2)}.{int((time_s + _HALF_MS) * 10) % 10}"


def time_range(window_s: tuple[float, float]) -> str:
    """ "00:12-00:20"; with tenths of seconds where it would be empty without them."""
    start, end = moment(window_s[0], 2), moment(window_s[1], 2)
    if start == end:
        start, end = map(tenths, window_s)
    return f"{start}-{end}"
