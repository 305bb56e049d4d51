"""Bytes out: standard output, and files that appear whole or not at all."""

from __future__ import annotations

import filecmp
import os
import re
import secrets
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Literal, Protocol, TextIO

from smolcli.errors import OutputError, ReaderGoneError
from smolcli.printable import escaped

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

STDOUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")  # by number it is no longer the answers' (streams.py)


_TEMPORARY = re.compile(r"\..*\.smol-.{8}", re.DOTALL)
Existing = Literal["refuse", "amend"] | Callable[[Path, Path], bool]


class Target(Protocol):
    """Where text goes: standard output, or a file. before: what the file held, if it is one to be amended."""

    before: bytes

    def write(self, text: str) -> None:
        """Write and flush. Raises OutputError; ReaderGoneError of them when a pipe was closed."""

    def write_bytes(self, data: bytes) -> None:
        """The same for what is no text."""

    def check(self) -> None:
        """All is written: raise OutputError where `commit` would refuse to take the place of what is there."""

    def commit(self) -> None:
        """All is written. Raises OutputError."""

    def discard(self) -> None:
        """Leave nothing behind. A second call, or one after `commit`, does nothing."""


@contextmanager
def writing(name: str) -> Iterator[None]:
    """A failed write becomes an OutputError, a closed pipe a ReaderGoneError."""
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGoneError from error
    except (OSError, ValueError) as error:  # ValueError: the stream has been closed
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(f"{name} cannot be written: {reason}.") from error


class StandardOutput:
    """Standard output as a target. Raises OutputError at once when it is closed."""

    before = b""

    def __init__(self) -> None:
        try:
            descriptor = sys.stdout.fileno()
        except (OSError, ValueError, AttributeError):  # a stream of Python's own: there is none to try
            return
        with writing("Standard output"):
            os.write(descriptor, b"")

    def write(self, text: str) -> None:
        """Write and flush. Raises OutputError."""
        with writing("Standard output"):
            sys.stdout.write(text)
            sys.stdout.flush()

    def write_bytes(self, data: bytes) -> None:
        """Write and flush. Raises OutputError."""
        with writing("Standard output"):
            binary = getattr(sys.stdout, "buffer", None)
            if binary is None:  # a stream of Python's own
                raise ValueError("it takes text only")
            binary.write(data)
            binary.flush()

    def check(self) -> None:
        """Nothing is in its place."""

    def commit(self) -> None:
        """Nothing is left to do."""

    def discard(self) -> None:
        """What is written is written."""


class OutputFile:
    """A file that is written beside its final name and gets it when it is complete.

    existing: what becomes of a file of that name without `force`. It is refused; or it is amended (with `force` too):
    its bytes are `before`; or a function of the new file and the old one says whether they hold the same, and then the
    old one stays. Raises OutputError for what is refused and for what cannot be made. A pipe or a device is written as
    it is.
    """

    def __init__(self, path: Path, force: bool, existing: Existing = "refuse") -> None:
        if existing == "amend":  # where it is a link, what it leads to is amended
            path = Path(os.path.realpath(path))
        self._path, self._force, self._existing, self._open = path, force, existing, True
        self._name = f"The output {escaped(str(path))}"
        self._temporary: Path | None = None
        self.before = b""
        with writing(self._name):
            if path.is_dir():
                raise OutputError(f"{self._name} is a folder.", "Name a file in it.")
            if path.exists() and not path.is_file():
                self._stream: TextIO = path.open("w", encoding="utf-8", errors="surrogateescape")
                return
            if existing == "amend" and os.path.lexists(path):
                self.before = path.read_bytes()
        if os.path.lexists(path) and not force and existing == "refuse":
            raise self._exists()
        with writing(self._name):
            _clear_left_behind(path)
            self._stream = os.fdopen(self._made(), "w", encoding="utf-8", errors="surrogateescape")

    def _made(self) -> int:
        """Make the hidden file; its descriptor, locked while it is open."""
        while True:
            self._temporary = path = self._path.with_name(f"{_prefix(self._path)}{secrets.token_hex(4)}")
            # before it is there: a signal may come at any moment, and then there is nobody yet to discard it
            last = weakref.finalize(self, _remove, path)
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
            except FileExistsError:
                last.detach()
                continue
            if fcntl is None:
                return descriptor
            with suppress(OSError):  # a file system without locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return descriptor
            os.close(descriptor)  # another process took it for left behind before it was locked

    def write(self, text: str) -> None:
        """Write and flush. Raises OutputError."""
        with writing(self._name):
            self._stream.write(text)
            self._stream.flush()

    def write_bytes(self, data: bytes) -> None:
        """Write and flush. Raises OutputError."""
        with writing(self._name):
            self._stream.buffer.write(data)
            self._stream.buffer.flush()

    def read_back(self) -> bytes:
        """What was written so far, as it lies on the disk. Raises OutputError."""
        with writing(self._name):
            self._stream.flush()
            return self._temporary.read_bytes() if self._temporary is not None else b""

    def check(self) -> None:
        """Raise OutputError for a file that is not to be replaced, or was changed since it was read."""
        with writing(self._name):
            if self.before and self._path.read_bytes() != self.before:
                raise OutputError(f"{self._name} has been changed meanwhile.", "Try again.")
            same = self._existing if callable(self._existing) and not self._force else None
            if same is not None and self._temporary and self._path.exists() and not same(self._temporary, self._path):
                raise self._exists()

    def commit(self) -> None:
        """Flush to disk and give the file its name. Raises OutputError."""
        try:
            with writing(self._name):
                if self._temporary is not None:
                    os.fsync(self._stream.fileno())
                    self._take_over()
                self._stream.close()
                if self._temporary is not None:
                    self._rename(self._temporary)
        finally:
            self.discard()

    def discard(self) -> None:
        """Leave nothing behind."""
        if self._open:
            self._open = False
            with suppress(OSError):
                self._stream.close()
            if self._temporary is not None:
                self._temporary.unlink(missing_ok=True)

    def _take_over(self) -> None:
        """Give the new file the owner and the mode of the one that it amends, or those of a new one."""
        assert self._temporary is not None
        found = self._path.stat() if self.before else None
        with suppress(OSError, AttributeError):  # it is another user's, or there are none (Windows)
            if found is not None:
                os.chown(self._temporary, found.st_uid, found.st_gid)
        self._temporary.chmod(0o666 & ~_umask() if found is None else found.st_mode & 0o777)

    def _rename(self, temporary: Path) -> None:
        """Without --force, a file that has appeared meanwhile is not replaced: a link can only be new."""
        if not self._force and not self.before:
            try:
                os.link(temporary, self._path)
                return
            except FileExistsError as error:
                if callable(self._existing):
                    self.check()
                    return
                self._temporary = None  # stays: it may hold the work of hours
                kept = temporary.replace(temporary.with_name(temporary.name[1:]))
                raise OutputError(f"{self._name} has appeared meanwhile.", f"The answers are in {kept}.") from error
            except OSError:  # a file system without links
                pass
        temporary.replace(self._path)

    def _exists(self) -> OutputError:
        return OutputError(f"{self._name} exists.", "Add --force to replace it.")


def open_target(path: str | None, force: bool, existing: Existing = "refuse") -> Target:
    """Standard output (None, or a name in STDOUT), or a file. Raises OutputError."""
    return StandardOutput() if path is None or is_stdout(path) else OutputFile(Path(path), force, existing)


def is_stdout(path: str | None) -> bool:
    """Whether a name (None: there is none) is that of standard output."""
    return path is None or path in STDOUT


def _remove(path: Path) -> None:
    """Remove a file, if it is there and can be."""
    with suppress(OSError):
        path.unlink()


def _prefix(path: Path) -> str:
    """How the hidden file of an output is called, but for its end."""
    return f".{path.name[:100]}.smol-"


def _clear_left_behind(path: Path) -> None:
    """Remove what a killed process left of the same output: a file of such a name that nobody has locked."""
    if fcntl is None:
        return
    for left in _left_behind(path.parent):
        if not left.startswith(_prefix(path)):
            continue
        with suppress(OSError):
            descriptor = os.open(path.parent / left, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                (path.parent / left).unlink()
            finally:
                os.close(descriptor)


@lru_cache(maxsize=64)
def _left_behind(folder: Path) -> tuple[str, ...]:
    """Names of files that were being written when this process first looked: a folder may get 100,000 from it."""
    with suppress(OSError):
        return tuple(name for name in os.listdir(folder) if _TEMPORARY.fullmatch(name))  # noqa: PTH208  names
    return ()


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def same_bytes(one: Path, other: Path) -> bool:
    """Whether two files hold the same."""
    return filecmp.cmp(one, other, shallow=False)


def write_text(path: Path, text: str) -> None:
    """Replace a file, making its folder if need be; a reader sees the old one or the new one. Raises OutputError."""
    with writing(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
    file = OutputFile(path, force=True)
    try:
        file.write(text)
        file.commit()
    finally:
        file.discard()
