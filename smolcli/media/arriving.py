"""Folders in, the files that come into them out, each once it is complete, for as long as nobody ends it.

With watchfiles, an extra. A file is complete when nothing was written to it for a second, and where Linux can tell,
when nobody has it open for writing any more: then a slow copy is not read before it is done.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from smolcli.errors import MediaError, UsageError
from smolcli.jobs import Expected
from smolcli.media.folders import EmptyFolderError, FolderError, find_pictures
from smolcli.media.hashing import Stamp, stamp_of
from smolcli.media.listing import PICTURES, Wanted

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

QUIET_S = 1.0
LOOK_MS = 250  # how often changes are asked for
_DELETED = 3  # watchfiles' Change


def require_watching(folders: Sequence[str]) -> None:
    """Raise UsageError where there is nothing to watch, or nothing to watch with."""
    if not any(map(os.path.isdir, folders)):
        raise UsageError("--watch is for folders, and none is named.", "Name one: smol caption photos --watch")
    try:
        importlib.import_module("watchfiles")
    except ImportError as error:
        hint = f"Type: {sys.executable} -m pip install watchfiles"
        raise UsageError("--watch needs one more package, watchfiles.", hint) from error


@dataclass(slots=True)
class Arrivals:
    """What comes into some folders. folders: as they were named; is_ours: whether a file is as this run wrote it.

    stop: set it to end the watch; so does the end of a with statement.
    """

    folders: Sequence[str]
    recursive: bool
    is_ours: Callable[[str], bool] = lambda path: False
    wanted: Wanted = PICTURES
    stop: threading.Event = field(default_factory=threading.Event)
    _pending: dict[str, tuple[float, Stamp]] = field(default_factory=dict)  # since when each is as it is
    _given: set[int] = field(default_factory=set)  # hashes of names with their stamps

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()

    def after(self, found: Iterable[str | FolderError | Expected]) -> Iterator[str | FolderError | Expected]:
        """What a search of the folders gives, as far as it is complete, then what comes. Raises MediaError."""
        changes = self._changes()
        next(changes)  # from now on nothing is missed
        for each in found:
            if isinstance(each, str) and not self._is_complete(each):
                yield Expected(-1)
            elif not isinstance(each, EmptyFolderError):
                yield each
        for changed in changes:
            for change, path in changed:
                self._note(self._as_named(path), gone=int(change) == _DELETED)
            for path in self._ready():
                yield Expected(1)
                yield path

    def _changes(self) -> Iterator[set[tuple[Any, str]]]:
        """What has changed since one asked last, perhaps nothing. Raises MediaError."""
        watchfiles = importlib.import_module("watchfiles")
        folders = [folder for folder in self.folders if os.path.isdir(folder)]  # noqa: PTH112  strings, as named
        try:
            yield from watchfiles.watch(
                *folders,
                watch_filter=None,
                recursive=self.recursive,
                debounce=LOOK_MS,
                rust_timeout=LOOK_MS,
                yield_on_timeout=True,
                stop_event=self.stop,
            )
        except (OSError, RuntimeError) as error:
            hint = "Watch fewer folders, or allow more: sysctl fs.inotify.max_user_watches=524288"
            raise MediaError(f"The folders cannot be watched: {error}.", hint) from error

    def _as_named(self, path: str) -> str:
        """A path of the system as it begins with one of the folders, as the user named it."""
        for folder in self.folders:
            for whole in (os.path.abspath(folder), os.path.realpath(folder)):  # noqa: PTH100
                inner = os.path.relpath(path, whole)
                if not inner.startswith(os.pardir):
                    return folder if inner == os.curdir else os.path.join(folder, inner)  # noqa: PTH118
        return path

    def _note(self, path: str, gone: bool = False) -> None:
        """A file is there, or has changed, or has gone; of a folder, all that is in it."""
        if gone:
            self._pending.pop(path, None)
        elif self.recursive and os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
            if path not in self.folders and not self._is_hidden(path):
                for found in find_pictures([path], self.recursive, wanted=self.wanted):
                    if isinstance(found, str):
                        self._note(found)
        elif not self._is_hidden(path) and (stamp := _stamp(path)) is not None:
            self._pending[path] = time.monotonic(), stamp

    def _is_hidden(self, path: str) -> bool:
        """Whether a file or one of the folders around it, up to those that are watched, is hidden."""
        folder = next((each for each in self.folders if path.startswith(os.path.join(each, ""))), "")  # noqa: PTH118
        return any(part.startswith(".") and part != "." for part in Path(path[len(folder) :]).parts)

    def _ready(self) -> Iterator[str]:
        """What is complete, in the order of names."""
        now = time.monotonic()
        for path, (since, before) in sorted(self._pending.items()):
            stamp = _stamp(path)
            if stamp is None:
                del self._pending[path]
            elif stamp != before or (now - since >= QUIET_S and is_being_written(path)):
                self._pending[path] = now, stamp
            elif now - since >= QUIET_S:
                del self._pending[path]
                if stamp[2] and self._is_new(path, stamp):  # an empty one is heard of again when it is written to
                    yield path

    def _is_complete(self, path: str) -> bool:
        """Of a file that is there when the watch begins; one that may still grow is waited for."""
        stamp = _stamp(path)
        if stamp is None:  # reading it will say what is wrong
            return True
        if stamp[2] and time.time_ns() - stamp[3] > QUIET_S * 1e9 and not is_being_written(path):
            self._given.add(hash((path, stamp)))
            return True
        self._pending[path] = time.monotonic(), stamp
        return False

    def _is_new(self, path: str, stamp: Stamp) -> bool:
        key = hash((path, stamp))
        if key in self._given or not self.wanted.looks_like(path):
            return False
        self._given.add(key)
        return not self.is_ours(path)


def _stamp(path: str) -> Stamp | None:
    """Of a file; None of all else, and where there is none."""
    with suppress(OSError, ValueError):
        if os.path.isfile(path):  # noqa: PTH113
            return stamp_of(Path(path).stat())
    return None


def is_being_written(path: str) -> bool:
    """Whether somebody has a file open for writing, as far as the system tells: Linux, of the user's own files.

    A lease for reading is asked for, which is refused then (fcntl(2)), and given back at once.
    """
    if fcntl is None or not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.fcntl(descriptor, getattr(fcntl, "F_SETSIG", 10), signal.SIGURG)  # who opens it meanwhile ends nobody
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:  # another user's file, or a file system without leases
        return False
    finally:
        os.close(descriptor)
    return False
