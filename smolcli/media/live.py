"""Something that goes on goes in, a window of it every so many seconds comes out, each a small clip in memory.

A thread reads, and holds no more pictures than a window has. Where the source goes on by itself and nobody takes a
window in time, the newer one takes its place; a clip waits.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from smolcli.datatypes import RGB, Frame, Outline, Place, Source, VideoFacts
from smolcli.errors import MediaError, SmolError
from smolcli.media.base import Media
from smolcli.media.camera import Camera, shown_address
from smolcli.media.windows import SHORTEST_S, Window, moment

WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)  # between attempts to connect again
GIVE_UP_S = 600.0  # without any picture
ENDING_S = 1.0  # how long a decoder is waited for that was told to stop


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """every_s: a window so often; window_s: how far it looks back, None for since the one before. fps, most: so many
    pictures a second, and no more in a window. rotate: degrees clockwise. say: is told what the user should know, a
    sentence at a time, in any thread.
    """

    every_s: float = 10.0
    window_s: float | None = None
    fps: float = 1.0
    most: int = 64
    rotate: int = 0
    say: Callable[[str], None] = lambda sentence: None

    @property
    def length_s(self) -> float:
        """How long a window is."""
        return self.window_s or self.every_s

    @property
    def step_s(self) -> float:
        """The time between two pictures."""
        return max(1 / self.fps, self.length_s / self.most)


class LiveWindow(Media):
    """Pictures of a part of what goes on, in memory: it is read as a clip is. Times count from when it was opened."""

    def __init__(self, name: str, window_s: Window, pictures: Sequence[tuple[float, RGB]]) -> None:
        digest = hashlib.sha256()
        for time_s, rgb in pictures:
            digest.update(f"{time_s:.3f} {rgb.shape}".encode())
            digest.update(np.ascontiguousarray(rgb).data)
        height, width = pictures[0][1].shape[:2]
        length_s = window_s[1] - window_s[0]
        facts = VideoFacts((width, height), len(pictures) / length_s, window_s[1], len(pictures))
        super().__init__(Source(name, "video", digest.hexdigest()), facts)
        self._pictures, self._window_s = list(pictures), window_s

    @property
    def place(self) -> Place:
        """All of it, as what is asked about."""
        return Place(self.source, window_s=self._window_s)

    @property
    def outlines(self) -> Sequence[Outline]:
        """Its pictures."""
        return [
            Outline(Place(self.source, index, time_s=time_s), (rgb.shape[1], rgb.shape[0]))
            for index, (time_s, rgb) in enumerate(self._pictures)
        ]

    def sampled(self, most: int, window_s: Window | None = None) -> Sequence[Outline]:
        """At most so many of its pictures, spread evenly."""
        start, end = window_s or self._window_s
        inside = [each for each in self.outlines if start <= (each.place.time_s or 0.0) <= end]
        if len(inside) <= most:
            return inside
        return [inside[int(index)] for index in np.linspace(0, len(inside) - 1, most, dtype=int)]

    def frame(self, place: Place) -> Frame:
        """One of its pictures. Raises MediaError where it is gone."""
        if not 0 <= place.index < len(self._pictures):
            raise self._no_such(place)
        return Frame(self._pictures[place.index][1], place)

    def close(self) -> None:
        """Let go of the pictures."""
        self._pictures = []


class Live:
    """Watches a camera or an address. Use `windows` once; `stop` ends it from any thread, with what there is.

    Raises MediaError where it cannot be opened at first; later it is connected to again and again.
    """

    def __init__(self, address: str, options: LiveOptions) -> None:
        self.name, self._address, self._options = shown_address(address), address, options
        self._camera = Camera(address)
        self._began_s = time.monotonic() if self._camera.is_live else 0.0
        self._ring: deque[tuple[float, RGB]] = deque(maxlen=options.most)
        self._due_s = options.every_s  # the end of this window
        self._now_s = 0.0
        self._ready: deque[LiveWindow] = deque()  # one, and at the end another
        self._ended = False
        self._error: SmolError | None = None
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._passed_over = 0
        self._thread = threading.Thread(target=self._watch, name="smol-live", daemon=True)

    def windows(self) -> Iterator[LiveWindow]:
        """Each window once it is over, the last one when all ends. Raises MediaError where the source stays away."""
        self._thread.start()
        while (window := self._next()) is not None:
            passed_over, self._passed_over = self._passed_over, 0
            if passed_over:
                many = f"{passed_over} windows were" if passed_over > 1 else "A window was"
                self._options.say(f"{many} passed over: they come faster than they are read. Use a longer --every.")
            yield window
        if self._error is not None:
            raise self._error

    def _next(self) -> LiveWindow | None:
        with self._changed:
            stopped_s: float | None = None
            while not self._ready and not self._ended:
                self._changed.wait(0.2)  # a signal is seen in between
                if self._stopping.is_set():
                    stopped_s = stopped_s or time.monotonic()
                    if time.monotonic() - stopped_s > ENDING_S:  # the decoder waits for what does not come
                        self._rest()
                        break
            window = self._ready.popleft() if self._ready else None
            self._changed.notify_all()
            return window

    def stop(self) -> None:
        """Read no more; what was seen of the last window is still given. May be called twice."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()

    # ---- the thread that reads

    def _watch(self) -> None:
        try:
            self._read()
        except SmolError as error:
            self._error = error
        finally:
            self._camera.close()
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _read(self) -> None:
        every_s, next_s = self._options.every_s, 0.0  # when the next picture is kept
        while not self._stopping.is_set():
            came_s = self._camera.grab()
            if came_s is None:
                if not self._camera.is_live:
                    break
                self._rest()
                self._connect_again()
                continue
            now_s = self._now_s = came_s - self._began_s
            if now_s >= self._due_s:
                self._give(self._due_s)
                self._due_s = (now_s // every_s + 1) * every_s
            if now_s >= next_s and (rgb := self._camera.picture()) is not None:
                self._ring.append((now_s, np.rot90(rgb, -self._options.rotate // 90)))
                next_s = (now_s // self._options.step_s + 1) * self._options.step_s
        self._rest()

    def _rest(self) -> None:
        """What there is of a window that is not over: nothing more comes, or not soon."""
        with self._changed:
            if self._ring:
                end_s = max(self._now_s, self._ring[-1][0] + min(self._options.step_s, SHORTEST_S))
                self._give(min(self._due_s, end_s))
            if self._options.window_s is None:
                self._ring.clear()

    def _give(self, end_s: float) -> None:
        """A window that ends now, where anything new was seen in it."""
        start_s = max(0.0, end_s - self._options.length_s)
        if self._options.window_s is None:  # nothing is shown twice, nor left out
            start_s = (max(0.0, end_s - 1e-6) // self._options.every_s) * self._options.every_s
        pictures = [each for each in self._ring if start_s <= each[0] < end_s + 1e-6]
        if not pictures or pictures[-1][0] < end_s - self._options.every_s:
            return
        size = pictures[-1][1].shape  # a camera that came back may have another
        window = LiveWindow(self.name, (start_s, end_s), [each for each in pictures if each[1].shape == size])
        with self._changed:
            while self._ready and not self._camera.is_live and not self._stopping.is_set():
                self._changed.wait(0.5)
            if self._ready and not self._stopping.is_set():
                self._ready.clear()
                self._passed_over += 1
            self._ready.append(window)
            self._changed.notify_all()

    def _connect_again(self) -> None:
        """Raises MediaError where nothing comes for a long time."""
        gone_s, attempt = time.monotonic(), 0
        self._camera.close()
        while not self._stopping.is_set():
            wait_s = WAITS_S[min(attempt, len(WAITS_S) - 1)]
            self._options.say(f"{self.name} sends nothing any more; it is tried again in {wait_s:g} s.")
            if self._stopping.wait(wait_s):
                return
            attempt += 1
            try:
                self._camera = Camera(self._address)
            except MediaError:
                if time.monotonic() - gone_s > GIVE_UP_S:
                    raise
                continue
            if self._camera.grab() is None:
                self._camera.close()
                continue
            self._options.say(f"{self.name} is back after {moment(time.monotonic() - gone_s)}.")
            return
