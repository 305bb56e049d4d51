"""A clip goes in, upright RGB Frames with their times come out: which frames, and what is said of them.

Frame n is the n-th picture of the stream, and its time n / fps, as the reference counts, where the rate is constant.
Where it varies, one picture a second of the stream's own time is taken, and labels are that time.
"""

from __future__ import annotations

import math
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from smolcli.datatypes import Frame, Outline, Place, VideoFacts
from smolcli.errors import MediaError, UsageError
from smolcli.media.base import SCAN_PX, Media, MediaOptions
from smolcli.media.capture import CONVERT
from smolcli.media.clip import Clip
from smolcli.media.reading import Input
from smolcli.media.windows import moment

SKIP_S = 1.0  # transformers sample_frames: skip_secs
MOST_DIFFERENT = 64  # pictures that are kept to see whether all are one
CUT_OFF_S = 0.5  # a file that ends so little before its length is whole
EDGE_FRAMES = 0.05  # a frame that begins so little before a window is its first: edges are whole milliseconds
GLANCE_S = 0.02  # a frame that begins so little later is that of the moment: recorders round


def sample_indices(total: int, fps: float, duration_s: float, rate: float, max_frames: int) -> list[int]:
    """Which of `total` frames to show: `rate` a second, at most max_frames, spread evenly.

    fps: the clip's own. Longer clips leave out their first and last second.
    Source: transformers video_processing_smolvlm.py, SmolVLMVideoProcessor.sample_frames.
    """
    wanted = max(1, min(round(rate * duration_s), max_frames))
    start, end = 0, total - 1
    if duration_s - 2 * SKIP_S > max_frames * rate:
        start, end = int(SKIP_S * fps), int(total - SKIP_S * fps)
    start, end = max(0, start), min(end, total - 1)
    if start >= end:
        start, end = 0, total - 1
    return [int(index) for index in np.unique(np.linspace(start, end, wanted, dtype=int))]


def open_video(given: Input, options: MediaOptions) -> Media:
    """Open a clip and decode its first frame. Raises MediaError (no frames, no file), UsageError (fps, max_frames)."""
    if not (math.isfinite(options.fps) and options.fps > 0):
        raise UsageError(f"{options.fps} frames a second cannot be taken.", "Use --fps 1, or another number above 0.")
    if options.max_frames < 1:
        raise UsageError(f"{options.max_frames} frames cannot be taken.", "Use --frames 64, or another number above 0.")
    given, copy = _on_disk(given)
    given.close()  # the decoder opens it by name
    try:
        return VideoMedia(given, options, copy)
    except BaseException:
        _remove(copy)
        raise


def sample_moments(
    index_at: Callable[[float], int], duration_s: float, rate: float, max_frames: int
) -> list[tuple[int, float]]:
    """(frame, moment in seconds) of a clip whose rate varies: `rate` moments a second, or max_frames spread evenly.

    index_at: which frame is shown at a time. A frame that stays is shown for each of its moments.
    """
    wanted = max(1, min(round(rate * duration_s), max_frames))
    step_s = max(1 / rate, duration_s / wanted) if wanted == max_frames else 1 / rate
    moments = [number * step_s for number in range(wanted)]
    return [(index_at(moment_s + min(GLANCE_S, step_s / 2)), moment_s) for moment_s in moments]


def sample_part(facts: VideoFacts, window_s: tuple[float, float], rate: float, max_frames: int) -> list[int]:
    """Which frames of a part of a clip at a constant rate to show, sampled as a clip of its own; all of it: as that.

    A part so short that no frame begins in it has the one that is shown then. Raises UsageError (no part).
    """
    start, end = _held_to(window_s, facts.duration_s)
    if (start, end) == (0.0, facts.duration_s):
        return sample_indices(facts.total_frames, facts.fps, facts.duration_s, rate, max_frames)
    first, beyond = (math.ceil(edge * facts.fps - EDGE_FRAMES) for edge in (start, end))
    if beyond <= first:
        return [min(first, int(start * facts.fps + EDGE_FRAMES), facts.total_frames - 1)]
    found = sample_indices(beyond - first, facts.fps, end - start, rate, max_frames)
    return [min(first + index, facts.total_frames - 1) for index in found]


def sample_window(
    index_at: Callable[[float], int], window_s: tuple[float, float], duration_s: float, rate: float, max_frames: int
) -> list[tuple[int, float]]:
    """(frame, moment in seconds) of a part of a clip, sampled as a clip of its length. Raises UsageError (no part)."""
    start, end = _held_to(window_s, duration_s)
    moments = sample_moments(lambda time_s: index_at(start + time_s), end - start, rate, max_frames)
    return [(index, start + time_s) for index, time_s in moments]


def _every(clip: Clip, rate: float, window_s: tuple[float, float]) -> Iterator[tuple[int, float]]:
    """(frame, time in seconds) of about `rate` frames a second: every n-th one, or by moments where the rate varies."""
    (start, end), fps = window_s, clip.facts.fps
    if clip.varies:
        count = math.ceil((end - start) * rate)
        yield from ((clip.index_at(start + n / rate), start + n / rate) for n in range(count))
        return
    first, beyond = (math.ceil(edge * fps - EDGE_FRAMES) for edge in (start, end))
    for index in range(first, min(beyond, clip.facts.total_frames), max(1, round(fps / rate))):
        yield index, index / fps


def _held_to(window_s: tuple[float, float], duration_s: float) -> tuple[float, float]:
    """The part of a window that a clip has. Raises UsageError where it has none."""
    start, end = max(0.0, window_s[0]), min(window_s[1], duration_s)
    if not start < end:
        raise UsageError(
            f"The clip is {duration_s:.1f} s long: it has no part from {window_s[0]:g} to {window_s[1]:g} s."
        )
    return start, end


def _on_disk(given: Input) -> tuple[Input, Path | None]:
    """The clip as a file: what came through a pipe (at most 2 GiB) goes to a temporary one."""
    if given.local is not None:
        return given, None
    with tempfile.NamedTemporaryFile(prefix="smol-", suffix=".clip", delete=False) as file:
        copy = Path(file.name)
        try:
            file.write(given.read_all())
        except OSError as error:
            _remove(copy)
            hint = "Free some space, or set TMPDIR to another folder."
            raise MediaError(f"{given.name} cannot be kept for the decoder: {error.strerror}.", hint) from error
    return replace(given, local=str(copy)), copy


def _remove(copy: Path | None) -> None:
    if copy is not None:
        with suppress(OSError):
            copy.unlink()


class VideoMedia(Media):
    """The sampled frames of a clip. copy: a temporary file to remove with it."""

    def __init__(self, given: Input, options: MediaOptions, copy: Path | None = None) -> None:
        self._name, self._copy = given.name, copy
        self._reading = threading.RLock()  # the clip stands at one picture
        self._cut_s = math.inf  # where a file is cut off, once that was said
        self._path, self._max_pixels = str(given.local), options.max_pixels
        self._clip = clip = Clip(self._path, given.name, options.max_pixels)
        facts = replace(clip.facts, size_px=clip.facts.size_px[::-1]) if options.rotate // 90 % 2 else clip.facts
        super().__init__(given.source("video"), facts, options.rotate)
        self._rate = options.fps
        self._outlines = self.sampled(options.max_frames)

    @property
    def outlines(self) -> Sequence[Outline]:
        """The frames that will be asked for."""
        return self._outlines

    @property
    def ends_s(self) -> float:
        """Where what the file holds ends; said once, where that is before its length."""
        with self._reading:
            ends_s = self._clip.ends_s
        if self._clip.facts.duration_s - ends_s > self._little_s:
            length = moment(self._clip.facts.duration_s)
            self._warn(f"{self._name} is cut off: it holds {moment(ends_s)} of its {length}, which is what is read.")
            self._cut_s = ends_s
            return ends_s
        return self._clip.facts.duration_s

    @property
    def _little_s(self) -> float:
        """What is missing at an end is not worth a sentence."""
        return max(CUT_OFF_S, 2 / self._clip.facts.fps)

    def sampled(self, most: int, window_s: tuple[float, float] | None = None) -> Sequence[Outline]:
        """At most so many frames of the clip, or of a window of it; nothing is decoded."""
        facts = self._clip.facts
        window_s = window_s or (0.0, facts.duration_s)
        if self._clip.varies:
            chosen = sample_window(self._clip.index_at, window_s, facts.duration_s, self._rate, most)
        else:
            indices = sample_part(facts, window_s, self._rate, most)
            chosen = [(index, index / facts.fps) for index in indices]
        size_px = self._turned_size(facts.size_px)
        return [Outline(Place(self.source, index, time_s=time_s), size_px) for index, time_s in chosen]

    def scan(self, rate: float, window_s: tuple[float, float]) -> Iterator[Frame]:
        """About so many frames a second of a part of the clip, which is opened anew. Raises MediaError."""
        clip = Clip(self._path, self._name, self._max_pixels)
        try:
            for index, time_s in _every(clip, rate, _held_to(window_s, clip.facts.duration_s)):
                found = clip.read(index, time_s, SCAN_PX)
                if found is not None:
                    yield Frame(self._turned(found[0]), Place(self.source, index, None, time_s, found[1]))
        finally:
            clip.close()

    def frame(self, place: Place) -> Frame:
        """Decode one frame. Raises MediaError where the clip does not hold it."""
        found = self._read(place)
        if found is None:
            raise MediaError(f"{self._name} ends before {place.label}.", CONVERT)
        return found

    def frames(self, outlines: Sequence[Outline] | None = None) -> Iterator[Frame]:
        """Decode one frame at a time. Those that a damaged clip does not hold are left out, with a warning at the end.

        Raises MediaError when none came, or when what came are no pictures.
        """
        asked = self._outlines if outlines is None else outlines
        came, lost = 0, list[Place]()
        different: set[bytes] = set()
        for outline in asked:
            found = self._read(outline.place)
            if found is None:
                lost.append(outline.place)
                continue
            came += 1
            if len(different) < MOST_DIFFERENT:
                different.add(found.rgb[:: max(1, found.rgb.shape[0] // 64)].tobytes())
            yield found
        self._judge(came, lost, len(different))

    def close(self) -> None:
        """Close the clip."""
        with self._reading:
            self._clip.close()
        _remove(self._copy)

    def _read(self, place: Place) -> Frame | None:
        with self._reading:
            found = self._clip.read(place.index, place.time_s)
        if found is None:
            return None
        rgb, stream_time_s = found
        return Frame(self._turned(rgb), Place(place.source, place.index, None, place.time_s, stream_time_s))

    def _judge(self, came: int, lost: Sequence[Place], different: int) -> None:
        """What is to be said once all frames were asked for. Those in pieces where a file is cut off are no news."""
        if not came:
            raise MediaError(f"{self._name} holds no frame that can be decoded.", CONVERT)
        self._clip.refuse_unfilled(different)
        if any((place.time_s or 0.0) < self._cut_s - self._little_s for place in lost):
            self._warn(f"{self._name} is damaged: {len(lost)} of {came + len(lost)} frames are missing.")
        if self._clip.resized:
            self._warn(f"{self._name} changes its picture size: frames were scaled to that of the first.")

    def _warn(self, sentence: str) -> None:
        if sentence not in self.warnings:
            self.warnings.append(sentence)
