"""What a user typed in (names, patterns, @FILE, lists on standard input), the names that it stands for out, in turn."""

from __future__ import annotations

import glob
import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO

from smolcli.errors import MediaError, UsageError
from smolcli.media.folders import FolderError
from smolcli.media.listing import PICTURES, Wanted
from smolcli.media.reading import HEAD_BYTES
from smolcli.media.sniff import door, is_known, is_still
from smolcli.media.sorting import SortedNames

MOST_NAME_BYTES = 65_536  # of a name in a list: what is longer is no name
_MAGIC = re.compile(r"[*?]|\[.+\]")
_TEXT_PICTURES = re.compile(rb"P[1-7]\s|#define |/\* XPM")
_CONTROLS = frozenset(range(32)) - set(b"\t\n\r\0")


@dataclass(frozen=True, slots=True)
class Given:
    """Inputs as they were typed.

    paths: files, folders, patterns, @FILE, "-". files_from: a list with a name a line, "-" for standard input. null:
    what comes through "-" are names that end with NUL bytes.
    """

    paths: tuple[str, ...]
    files_from: str | None = None
    null: bool = False

    def check(self) -> None:
        """Raise UsageError where nothing is named, or standard input twice, or a list that is not there."""
        if not self.paths and self.files_from is None:
            raise UsageError(
                "No pictures are named.", "Name files or folders, or - for standard input (smol caption --help)."
            )
        if self.null and "-" not in self.paths:
            raise UsageError("-0 is for names on standard input.", "Add - : find photos -print0 | smol caption -0 -")
        if self.streams.count("-") > 1:
            raise UsageError("Standard input (-) can be read only once.")
        for name in (self.files_from, *(path[1:] for path in self.paths if _is_list(path))):
            if name not in (None, "-") and not (Path(str(name)).exists() and not Path(str(name)).is_dir()):
                raise UsageError(f"The list {name!r} does not exist, or is a folder.", "It has to have a name a line.")

    @property
    def inputs(self) -> list[str]:
        """Files and folders that are known before anything is read: of a pattern the folder that it looks into, "" for
        where one is, from which lists name files.
        """
        names = "-" in self.paths and self.lists_names
        kept = [path for path in self.paths if not _is_list(path) and not (path == "-" and names)]
        listed = [""] if names or len(kept) < len(self.paths) or self.files_from is not None else []
        return [*(_split(path)[0] if _is_pattern(path) else path for path in kept), *listed]

    @property
    def lists_names(self) -> bool:
        """Whether what comes through "-" is a list. Waits for its first bytes. Raises UsageError (NUL and no -0)."""
        return "-" in self.paths and (self.null or _is_text(_stdin()))

    @property
    def streams(self) -> list[str]:
        """The inputs, and "-" for each list that comes through standard input."""
        return [*self.paths, *(["-"] if self.files_from == "-" else [])]

    def names(self, wanted: Wanted = PICTURES) -> Iterator[str | FolderError]:
        """Each file and folder, as it is needed; a pattern or a list that gives nothing is a FolderError."""
        for path in self.paths:
            if path == "-" and self.lists_names:
                yield from _listed("-", b"\0" if self.null else b"\n")
            elif _is_list(path):
                yield from _listed(path[1:], b"\n")
            elif _is_pattern(path):
                yield from _matching(path, wanted)
            else:
                yield path
        if self.files_from is not None:
            yield from _listed(self.files_from, b"\n")


def _exists(path: str) -> bool:
    with suppress(OSError, ValueError):
        return bool(path) and os.path.lexists(path)
    return False


def _is_list(path: str) -> bool:
    """@FILE, unless there is a file of that very name."""
    return path.startswith("@") and len(path) > 1 and not _exists(path)


def _is_pattern(path: str) -> bool:
    """A name with * ? or [...] in it, unless there is a file of that very name."""
    return _MAGIC.search(path) is not None and not _exists(path)


# ---- standard input


def _stdin() -> BinaryIO | None:
    """Standard input where something can come through it."""
    stream: BinaryIO | None = getattr(sys.stdin, "buffer", None)
    return None if stream is None or stream.closed or stream.isatty() else stream


def _is_text(stream: BinaryIO | None) -> bool:
    """Whether the bytes to come are names, a line each: no media, and without what no text has. Nothing is taken.

    Raises UsageError for names that are separated by NUL bytes.
    """
    head = _head(stream)
    first = os.fsdecode(head.split(b"\n")[0].rstrip(b"\r"))
    if not head or _CONTROLS & set(head) or door(head) != "image" or is_still(head):
        return False
    if (_TEXT_PICTURES.match(head) or is_known(head)) and not _exists(first):
        return False
    if b"\0" in head:
        raise UsageError("The names on standard input are separated by NUL bytes.", "Add -0: smol caption -0 -")
    return True


def _head(stream: BinaryIO | None) -> bytes:
    """The first bytes of a stream, which stay in it."""
    if stream is None:
        return b""
    if isinstance(stream, io.BufferedReader):
        return stream.peek(HEAD_BYTES)[:HEAD_BYTES]
    if not stream.seekable():
        return b""
    at = stream.tell()
    head = stream.read(HEAD_BYTES)
    stream.seek(at)
    return head


# ---- lists


def _listed(path: str, end: bytes) -> Iterator[str | FolderError]:
    """The names in a list; each ends with a byte, the last one also with the list. Lines without a name are none."""
    called = "Standard input" if path == "-" else repr(path)
    found = False
    try:
        with _opened(path) if path != "-" else nullcontext(_opened(path)) as file:
            for line in _ended(file, end, called):
                name = line if end == b"\0" else line.rstrip(b"\n")
                text = os.fsdecode(name)
                if text.endswith("\r") and end == b"\n" and not _exists(text):
                    text = text[:-1]
                if not text:
                    continue
                found = True
                yield "./-" if text == "-" else text
    except OSError as error:
        yield FolderError(path, f"{called} cannot be read: {error.strerror}.")
        return
    except MediaError as error:
        yield FolderError(path, error.message, error.hint)
        return
    if not found:
        yield FolderError(path, f"{called} holds no names.", "A list has a name a line.")


def _opened(path: str) -> BinaryIO:
    """Raises OSError, MediaError."""
    if path != "-":
        return Path(path).open("rb")
    stream = _stdin()
    if stream is None:
        raise MediaError("No names come through standard input.", "Send some: find photos | smol caption -")
    return stream


def _ended(file: BinaryIO, end: bytes, called: str) -> Iterator[bytes]:
    """Pieces of a file up to each `end`, without it, as they come. Raises MediaError for what is no list."""
    rest, first = b"", True
    while data := file.read1(MOST_NAME_BYTES):  # type: ignore[attr-defined]
        if first:
            data, first = data.removeprefix(b"\xef\xbb\xbf"), False
        *whole, rest = (rest + data).split(end)
        yield from whole
        if len(rest) > MOST_NAME_BYTES or (end == b"\n" and b"\0" in rest):
            hint = "Names that end with NUL bytes are given with -0: find photos -print0 | smol caption -0 -"
            raise MediaError(f"{called} is no list of names.", hint)
    if rest:
        yield rest


# ---- patterns


def _split(pattern: str) -> tuple[str, list[str]]:
    """The folder before the first part with a wildcard in it ("" for the one one is in), and the parts from there."""
    parts = pattern.split("/")
    first = next(number for number, part in enumerate(parts) if _MAGIC.search(part))
    base = "/".join(parts[:first])
    return base or ("/" if first else ""), parts[first:]


def _matching(pattern: str, wanted: Wanted) -> Iterator[str | FolderError]:
    """What a pattern gives, sorted: folders, and files that are wanted. No link to a folder is followed by `**`."""
    found, names = False, SortedNames()
    with closing(names):
        try:
            for path in _deep(pattern) if "**" in pattern.split("/") else glob.iglob(pattern):  # noqa: PTH207  strings
                names.add(path)
        except MediaError as error:
            yield FolderError(pattern, error.message, error.hint)
            return
        for path in names:
            if os.path.isdir(path) or wanted.looks_like(path):  # noqa: PTH112
                found = True
                yield path
    if not found:
        hint = "Check the spelling; ** stands for folders in folders."
        yield FolderError(pattern, f"There are no {wanted.called} that match {pattern!r}.", hint)


def _deep(pattern: str) -> Iterator[str]:
    """The files that a pattern with ** in it fits."""
    base, parts = _split(pattern)
    for root, folders, files in os.walk(base or "."):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inner = os.path.relpath(root, base or ".")
        above = Path(inner).parts
        for name in files:
            if not name.startswith(".") and _fits([*above, name], parts):
                yield os.path.join(*([base] if base else []), *above, name)  # noqa: PTH118


def _fits(names: list[str], parts: list[str]) -> bool:
    """Whether the parts of a path fit those of a pattern."""
    if not parts:
        return not names
    if parts[0] == "**":
        return any(_fits(names[number:], parts[1:] or ["*"]) for number in range(len(names)))
    return bool(names) and fnmatchcase(names[0], parts[0]) and _fits(names[1:], parts[1:])
