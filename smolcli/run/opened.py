"""The files of a run go in by name; each is open while something is asked of it, and read by one thread at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from smolcli.datatypes import RGB, Frame, ModelFacts, Place, Source
from smolcli.errors import MediaError, about_part
from smolcli.jobs import Job, Look
from smolcli.media import Media, MediaOptions, open_media, open_media_as, open_media_at, open_media_briefly
from smolcli.run.frames import most_frames


@dataclass(frozen=True, slots=True)
class Access:
    """How files are opened, which decides what their places are and nothing else.

    pages: a selection such as "1-3,7,end". all_frames: every picture of an animation. moving: an animation is a clip.
    several: other files are opened with the same options. briefly: closed between looks, where very many are needed.
    uri: the name may be a file: or a data: URI. in_parts: pages are drawn for their parts, and may be larger than the
    model's pictures.
    """

    pages: str | None = None
    password: str | None = field(default=None, repr=False)
    all_frames: bool = False
    moving: bool = False
    several: bool = False
    briefly: bool = False
    uri: bool = False
    in_parts: bool = False


@dataclass(frozen=True, slots=True)
class Lent:
    """A file that has its name on another machine: where it lies here, or its bytes, and how it was opened there."""

    data: str | bytes = field(repr=False)
    access: Access


STRAIGHT = 2  # whole pages that are held of a file: many jobs are cut out of each


@dataclass(slots=True, eq=False)
class _Opened:
    """straight: the pages that were asked for last, as they were turned."""

    media: Media
    access: Access
    lock: threading.Lock
    users: int = 0
    straight: deque[tuple[tuple[int, int, float], Frame]] = field(default_factory=lambda: deque(maxlen=STRAIGHT))


class OpenFiles:
    """Opened media by source and look. A file is closed when nobody holds it any more."""

    def __init__(self, facts: ModelFacts, context_tokens: int) -> None:
        self._facts, self._context_tokens = facts, context_tokens
        self._opened: dict[tuple[Source, Look], _Opened] = {}
        self._lock = threading.Lock()
        self.lent: dict[Source, Lent] = {}  # files of another machine

    @contextmanager
    def hold(self, path: str, look: Look, access: Access) -> Iterator[Media]:
        """Open a file and keep it open for a while. Raises MediaError, EncryptedError, UsageError (pages)."""
        source = self._open(path, look, access)
        try:
            yield self._opened[source, look.opening].media
        finally:
            self._let_go(source, look)

    @contextmanager
    def holding(self, media: Media, look: Look) -> Iterator[Media]:
        """Have media that are open already, as what a camera has shown, be one of the files for a while."""
        source = self._add(media, look, Access(moving=True, several=True))
        try:
            yield self._opened[source, look.opening].media
        finally:
            self._let_go(source, look)

    def take(self, job: Job) -> list[Media]:
        """Keep the files of a job open until `give_back`; the media of its places. Raises MediaError."""
        taken: list[Source] = []
        try:
            for number, place in enumerate(job.places):
                if not self._hold_again(place.source, job.look):
                    with about_part(number):
                        self._open_again(place, job.look)
                taken.append(place.source)
        except BaseException:
            for source in taken:
                self._let_go(source, job.look)
            raise
        return [self._opened[source, job.look.opening].media for source in taken]

    def give_back(self, job: Job) -> None:
        """The job needs its files no more."""
        for place in job.places:
            self._let_go(place.source, job.look)

    def access(self, place: Place, look: Look) -> Access:
        """How the file of a place was opened; where it is not open, how it is opened again."""
        opened = self._opened.get((place.source, look.opening))
        if opened is not None:
            return opened.access
        stills = place.source.kind == "image" and place.index > 0
        return Access(all_frames=stills, moving=place.source.kind == "video", several=True)

    def notes(self, job: Job) -> tuple[str, ...]:
        """What is to be said of how those of its files were opened that are open now, each sentence once."""
        opened = (self._opened.get((place.source, job.look.opening)) for place in job.places)
        return tuple(dict.fromkeys(note for each in opened if each is not None for note in each.media.notes))

    @contextmanager
    def alone(self, source: Source, look: Look) -> Iterator[Media]:
        """The media that is held, for one thread at a time."""
        opened = self._opened[source, look.opening]
        with opened.lock:
            yield opened.media

    def straight(self, place: Place, look: Look) -> Frame:
        """The whole page of a place of a file that is held, turned as the look says: decoded once for many boxes.

        Raises MediaError.
        """
        key = place.index, look.turn, look.skew_deg
        opened = self._opened[place.source, look.opening]
        with opened.lock:
            for known, frame in opened.straight:
                if known == key:
                    return frame
            frame = opened.media.frame(replace(place, box=None))
            frame = replace(frame, rgb=turned(frame.rgb, look))
            opened.straight.append((key, frame))
            return frame

    def close(self) -> None:
        """Close what is still open."""
        with self._lock:
            opened, self._opened = self._opened, {}
        for each in opened.values():
            each.media.close()

    def _options(self, look: Look, access: Access) -> MediaOptions:
        return MediaOptions(
            longest_edge_px=self._facts.longest_edge_px,
            dpi=look.dpi,
            pages=access.pages,
            password=access.password,
            all_frames=access.all_frames,
            max_frames=most_frames(self._facts, self._context_tokens, look.frames),
            fps=look.fps,
            rotate=look.rotate,
            moving=access.moving,
            several=access.several,
            in_parts=access.in_parts,
        )

    def _open(self, path: str, look: Look, access: Access) -> Source:
        opener = open_media_at if access.uri else open_media_briefly if access.briefly else open_media
        return self._add(opener(path, self._options(look, access)), look, access)

    def _add(self, media: Media, look: Look, access: Access) -> Source:
        """Hold an opened file once more, or for the first time."""
        with self._lock:
            key = media.source, look.opening
            opened = self._opened.get(key)
            if opened is None:
                self._opened[key] = _Opened(media, access, threading.Lock(), 1)
                return media.source
            opened.users += 1
        media.close()
        return media.source

    def _open_again(self, place: Place, look: Look) -> None:
        """A job that was made elsewhere names a file that is not open."""
        wanted, lent = place.source, self.lent.get(place.source)
        if lent is not None:
            media = open_media_as(wanted.path, lent.data, self._options(look, lent.access))
            found = self._add(media, look, lent.access)
        else:
            found = self._open(wanted.path, look, self.access(place, look))
        if found != wanted:
            self._let_go(found, look)
            raise MediaError(f"{wanted.path!r} is not the file that was meant.", "It has changed: ask again.")

    def _hold_again(self, source: Source, look: Look) -> bool:
        with self._lock:
            opened = self._opened.get((source, look.opening))
            if opened is not None:
                opened.users += 1
            return opened is not None

    def _let_go(self, source: Source, look: Look) -> None:
        with self._lock:
            opened = self._opened.get((source, look.opening))
            if opened is None:  # everything was closed
                return
            opened.users -= 1
            if opened.users:
                return
            del self._opened[source, look.opening]
        with opened.lock:
            opened.media.close()


def pictures_of(media: Media) -> Sequence[Place]:
    """The places to ask about of an opened file: a clip as a whole, else every picture."""
    if media.video is not None:
        return [Place(media.source)]
    return media.places


def turned(rgb: RGB, look: Look) -> RGB:
    """A page uint8 (H, W, 3), turned and made level as a look says."""
    if not (look.turn or look.skew_deg):
        return rgb
    from smolcli.layout import straightened  # loads OpenCV

    return straightened(rgb, look.turn, look.skew_deg)
