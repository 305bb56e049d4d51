"""A path (or "-") goes in; an Input comes out: an open file, its first bytes and its hash. Nothing is decoded here."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import sys
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from smolcli.datatypes import Kind, Source
from smolcli.errors import MediaError, UsageError
from smolcli.media.hashing import FileChangedError, Stamp, content_of, stamp_of

HEAD_BYTES = 4096
MEMORY_BYTES = 2**31 - 1  # the most that is read into memory: a document, or anything that comes through a pipe
Stream = io.BufferedReader | io.BytesIO
OPEN_PIPES = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")  # a shell's <(command) and < file


@dataclass(frozen=True, slots=True)
class Input:
    """One input, opened. path: as given. file: at position 0. local: the absolute path, None where there is no file.

    content: the sha256 of all bytes (hex), or what will be it. head: the first HEAD_BYTES. stamp: of the file when it
    was hashed, None where there is none.
    """

    path: str
    file: Stream
    local: str | None
    content: str | Future[str]
    head: bytes
    stamp: Stamp | None = None

    @property
    def name(self) -> str:
        """How messages call it."""
        return "Standard input" if self.path == "-" else quoted(self.path)

    @property
    def sha256(self) -> str:
        """The hash, once it is there. Raises MediaError where the file could not be read to its end."""
        return _settled(self.path, self.content)

    def source(self, kind: Kind) -> Source:
        """Where what it holds comes from. Nobody waits for its hash here."""
        if isinstance(self.content, str):
            return Source(self.path, kind, self.content)
        return LateSource(self.path, kind, self.content)

    def read_all(self) -> bytes:
        """The whole file, for a decoder that wants it in memory. Raises MediaError beyond MEMORY_BYTES."""
        self.file.seek(0)
        return _read_limited(self.file, self.name)

    def check_unchanged(self, by_name: bool = False) -> None:
        """Raise MediaError where the open file is no longer what was hashed: a decoder would read something else.

        by_name: also where its name no longer leads to it.
        """
        if self.stamp is None or self.file.closed:
            return
        try:
            found = Path(str(self.local)).stat() if by_name else os.fstat(self.file.fileno())
        except OSError as error:
            raise changed(self.name) from error
        if stamp_of(found) != self.stamp:
            raise changed(self.name)

    def close(self) -> None:
        """Close the file."""
        self.file.close()


class LateSource(Source):
    """A file that is read while it is hashed. `sha256` waits, and raises MediaError where the file cannot be read."""

    __slots__ = ("_content",)
    _content: str | Future[str]

    def __init__(self, path: str, kind: Kind, sha256: str | Future[str]) -> None:
        for name, value in (("path", path), ("kind", kind), ("_content", sha256)):
            object.__setattr__(self, name, value)

    @property
    def sha256(self) -> str:
        """The hash of the file, once it is there."""
        return _settled(self.path, self._content)

    @property
    def is_hashed(self) -> bool:
        """Whether the hash is there."""
        return isinstance(self._content, str) or self._content.done()

    def __eq__(self, other: object) -> bool:
        """Whether it is the same file: one that is hashed once is not waited for."""
        if not isinstance(other, Source):
            return NotImplemented
        if (self.path, self.kind) != (other.path, other.kind):
            return False
        same = isinstance(other, LateSource) and other._content is self._content
        return same or self.sha256 == other.sha256

    __hash__ = Source.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process gets the hash."""
        return Source, (self.path, self.kind, self.sha256)


def _settled(path: str, content: str | Future[str]) -> str:
    if isinstance(content, str):
        return content
    try:
        return content.result()
    except FileChangedError as error:
        raise changed(quoted(path)) from error
    except OSError as error:
        raise _unreadable(path, error) from error


def quoted(path: str) -> str:
    """The path for a message: control characters, bidi marks and undecodable bytes are escaped."""
    return repr(path)


def shown(words: str) -> str:
    """What a decoder says, which may quote the file, for a message: as `quoted`, but without quotation marks."""
    return words if words.isprintable() else repr(words)[1:-1]


def changed(name: str) -> MediaError:
    """The error about a file that does not hold any more what it held when it was opened."""
    return MediaError(f"{name} has changed while it was being read.", "Ask again.")


def open_input(path: str) -> Input:
    """Open a file, an open pipe such as /dev/fd/63, or "-" for standard input.

    Raises MediaError (missing, unreadable, empty, not a file), UsageError when standard input is a terminal.
    """
    if not path:
        raise MediaError("An empty name is the name of no file.", "Name a file, or - for standard input.")
    try:
        if path == "-":
            file, local = _standard_input(), None
        else:
            file, local = _open(path)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise _unreadable(path, error) from error
    return _examined(path, file, local)


def open_bytes(name: str, data: bytes) -> Input:
    """Bytes in memory as an input; name: how messages and answers call it. Raises MediaError where there are none."""
    return _examined(name, io.BytesIO(data), None)


def _examined(path: str, file: Stream, local: str | None) -> Input:
    """Hash a file at position 0 and read its head. Raises MediaError (unreadable, empty)."""
    try:
        content: str | Future[str]
        if isinstance(file, io.BytesIO):
            stamp, content = None, hashlib.sha256(file.getbuffer()).hexdigest()
        else:
            stamp, content = stamp_of(os.fstat(file.fileno())), content_of(file)
        file.seek(0)
        head = file.read(HEAD_BYTES)
        file.seek(0)
    except OSError as error:
        file.close()
        raise _unreadable(path, error) from error
    if not head:
        file.close()
        name = "Standard input" if path == "-" else quoted(path)
        raise MediaError(f"{name} is empty.", "Check where it came from; a download may have failed.")
    return Input(path, file, local, content, head, stamp)


def _open(path: str) -> tuple[Stream, str | None]:
    mode = Path(path).stat().st_mode
    if stat.S_ISREG(mode):
        return Path(path).open("rb"), str(Path(path).absolute())
    if stat.S_ISFIFO(mode) and path.startswith(OPEN_PIPES):
        with Path(path).open("rb") as pipe:
            return io.BytesIO(_read_limited(pipe, quoted(path))), None
    kind, hint = _OTHER_KINDS.get(stat.S_IFMT(mode), ("not a file", "Give the path of a file."))
    raise MediaError(f"{quoted(path)} is {kind}.", hint)


_OTHER_KINDS = {
    stat.S_IFDIR: ("a folder", "Name the files in it; `smol caption` takes a folder."),
    stat.S_IFIFO: ("a named pipe", "Read it through standard input: smol ask - 'question' < PIPE."),
    stat.S_IFSOCK: ("a socket", "Give the path of a file."),
    stat.S_IFCHR: ("a device", "Give the path of a file."),
    stat.S_IFBLK: ("a device", "Give the path of a file."),
}


def _standard_input() -> Stream:
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None or stream.closed:
        raise MediaError("Standard input is closed.", "Send a picture into it: smol ask - 'question' < photo.jpg.")
    if stream.isatty():
        raise UsageError("Standard input is a terminal.", "Send a picture into it: smol ask - 'question' < photo.jpg.")
    return io.BytesIO(_read_limited(stream, "Standard input"))


def _read_limited(stream: BinaryIO, name: str) -> bytes:
    data = stream.read(MEMORY_BYTES + 1)
    if len(data) > MEMORY_BYTES:
        raise MediaError(f"{name} is larger than 2 GiB.", "Split it, or save it to a file.")
    return data


def _unreadable(path: str, error: Exception) -> MediaError:
    name = "Standard input" if path == "-" else quoted(path)
    if isinstance(error, FileNotFoundError):
        if "://" in path:
            return MediaError(f"{name} is an address, not a file.", "Download it first: nothing is fetched.")
        return MediaError(f"{name} does not exist.", "Check the spelling and the folder you are in.")
    if isinstance(error, PermissionError):
        return MediaError(f"{name} may not be read.", "Check its permissions.")
    reason = "its name holds a null byte" if "\0" in path else getattr(error, "strerror", None) or str(error)
    return MediaError(f"{name} cannot be read: {reason}.", "Check the path.")
