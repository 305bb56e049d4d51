"""A clip's length and what the user chose of it go in, its windows come out: pure arithmetic, nothing is decoded.

A window is a part of a clip that is asked about by itself, a Place with `window_s`. A clip that is short enough is one
window, as it is (`window_s` None): its frames are then the reference's own choice.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise

from smolcli.datatypes import Place
from smolcli.errors import UsageError
from smolcli.media.base import Media

LONGEST_S = 210.0  # SmolVLM paper, finding 9: longer training clips than 3.5 minutes gained little
SHORTEST_S = 0.1
REST = 0.1  # of a window: what is left at the end is no window of its own where it is shorter than this
WRITE = "Write 1:23, 83s, 1:02:03.5 or a number of seconds."

Window = tuple[float, float]  # from, to (not in it any more), seconds since the first frame

_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_UNITS = re.compile(r"(?=.)(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?:in)?)?(?:(\d+(?:\.\d+)?)s)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """Which part of a clip, in what windows. start_s, end_s: the part, None for the clip's end.

    every_s: a window for every so many seconds. most_s: else no window is longer, and all are of one length; None for a
    single window whatever its length.
    """

    start_s: float = 0.0
    end_s: float | None = None
    every_s: float | None = None
    most_s: float | None = LONGEST_S


def windows_of(media: Media, options: WindowOptions) -> list[Place]:
    """The windows of an opened clip, in order. One that is the whole clip has no `window_s`.

    Raises UsageError where the clip does not have the part that was chosen.
    """
    assert media.video is not None, "a clip"
    found = windows(media.ends_s, options)
    if len(found) == 1 and found[0] == (0.0, media.video.duration_s):
        return [Place(media.source)]
    return [Place(media.source, window_s=window_s) for window_s in found]


def windows(duration_s: float, options: WindowOptions) -> list[Window]:
    """The windows of a clip of some length: from the start to the end that were chosen, without gap or overlap.

    Raises UsageError where the clip does not have that part.
    """
    start, end = part(duration_s, options.start_s, options.end_s)
    if options.every_s is not None:
        count, step_s = _whole_steps(end - start, options.every_s), options.every_s
    elif options.most_s is None:
        count, step_s = 1, end - start
    else:
        count = max(1, math.ceil((end - start) / options.most_s - 1e-9))
        step_s = (end - start) / count
    inner = [round(start + number * step_s, 3) for number in range(1, count)]  # names say milliseconds
    edges = [start, *(edge for edge in inner if start < edge < end), end]
    return list(pairwise(edges))


def part(duration_s: float, start_s: float, end_s: float | None) -> Window:
    """The chosen part of a clip, which ends with it where the end is beyond. Raises UsageError where there is none."""
    start, end = max(0.0, start_s), duration_s if end_s is None else min(end_s, duration_s)
    if end_s is not None and end_s <= start:
        raise UsageError(
            f"--start {moment(start)} is not before --end {moment(end_s)}.", "Choose a start that is before the end."
        )
    if start >= end:
        raise UsageError(
            f"The clip is {moment(duration_s)} long: it has nothing from {moment(start)} on.", "Choose another --start."
        )
    return start, end


def _whole_steps(length_s: float, every_s: float) -> int:
    """How many windows of a length cover a part, the last of which may be shorter, or a little longer."""
    whole = math.floor(length_s / every_s + 1e-9)
    return max(1, whole + (length_s - whole * every_s >= REST * every_s))


def parse_moment(text: str, option: str = "--start") -> float:
    """Seconds of "1:23", "1:02:03.5", "83s", "1m23s", "83.5". Raises UsageError, which shows how to write it."""
    words = text.strip().lower()
    clock, units = _CLOCK.fullmatch(words), _UNITS.fullmatch(words)
    found = clock or units
    if found is None or len(words) > 20:
        raise UsageError(f"{option} {text!r} is no time of a clip.", WRITE)
    hours, minutes, seconds = (float(number) if number else 0.0 for number in found.groups())
    if clock is not None and ((clock[2] is not None and seconds >= 60) or (clock[1] is not None and minutes >= 60)):
        raise UsageError(f"{option} {text!r} has more than 59 minutes or seconds beside a larger unit.", WRITE)
    return hours * 3600 + minutes * 60 + seconds


def parse_length(text: str, option: str = "--every") -> float:
    """Seconds of a length, written as moments are: "5s", "1:30", "2m". Raises UsageError (too short, or no time)."""
    length_s = parse_moment(text, option)
    if length_s < SHORTEST_S:
        raise UsageError(f"{option} {text} is too short: a window has at least {SHORTEST_S} s.", f"Use {option} 5s.")
    return length_s


def moment(time_s: float) -> str:
    """Seconds as "1:23", "1:02:03.5": what `parse_moment` reads."""
    tenths = round(time_s * 10)
    minutes, seconds = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    rest = f"{seconds // 10:02d}" + (f".{seconds % 10}" if seconds % 10 else "")
    return f"{hours}:{minutes:02d}:{rest}" if hours else f"{minutes}:{rest}"
