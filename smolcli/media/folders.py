"""Paths and folders in, the files to read out: sorted, by content, nothing twice."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path

from smolcli.errors import MediaError
from smolcli.jobs import Expected
from smolcli.media.listing import ANYTHING, PAGES, PICTURES, Wanted
from smolcli.media.sorting import MOST_HELD, SortedNames


def find_pictures(
    paths: Iterable[str | FolderError], recursive: bool, most_held: int = MOST_HELD, wanted: Wanted = PICTURES
) -> Iterator[str | FolderError | Expected]:
    """The files named, and what is wanted in the folders named (sorted by name; hidden files are left out).

    A file that is named is never left out: if it is no picture, reading it will say so. A folder without pictures, or
    one that cannot be read, is a FolderError; the others go on. Nothing is opened before its turn. How many are sure
    to come is said when a folder's names are known, and corrected. most_held: names of a folder in memory.
    """
    seen = _Seen(recursive, wanted)
    for path in paths:
        if isinstance(path, FolderError):
            yield path
        elif path == "-" or not _is_folder(path):
            if not seen.has(path):
                seen.add_file(path)
                yield Expected(1)
                yield path
        else:
            yield from _new_in(path, seen, _files_in(path, recursive, most_held, wanted))


def _new_in(folder: str, seen: _Seen, files: Generator[str | Expected]) -> Iterator[str | FolderError | Expected]:
    """What a folder gives that was not given before."""
    try:
        with closing(files) as found:
            for name in found:
                known = isinstance(name, str) and seen.has(name)
                yield Expected(-1) if known else name
        seen.add_folder(folder)
    except FolderError as error:
        yield error


def find_pages(paths: Iterable[str], recursive: bool) -> Iterator[str | FolderError | Expected]:
    """The same of documents and pictures."""
    return find_pictures(paths, recursive, wanted=PAGES)


def find_media(paths: Iterable[str], recursive: bool) -> Iterator[str | FolderError | Expected]:
    """The same of documents, pictures and clips."""
    return find_pictures(paths, recursive, wanted=ANYTHING)


class FolderError(MediaError):
    """A folder that cannot be read, or that has nothing to read in it. folder: as it was named."""

    def __init__(self, folder: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.folder = folder


class EmptyFolderError(FolderError):
    """There is nothing to read in it, as yet."""


def _is_folder(path: str) -> bool:
    try:
        return bool(path) and Path(path).is_dir()  # "" would be the folder one is in
    except (OSError, ValueError):  # no name of anything; opening it will say so
        return False


class _Seen:
    """What was given before. Of a folder that was looked through only the name is held, not what it gave; of a file a
    hash: a list may name a million.
    """

    def __init__(self, recursive: bool, wanted: Wanted) -> None:
        self._recursive, self._wanted = recursive, wanted
        self._files, self._folders = set[int](), set[str]()

    def has(self, path: str) -> bool:
        """Whether a file was named, or found in a folder."""
        file = os.path.normpath(path)
        if hash(file) in self._files:
            return True
        inner = Path(file)
        for folder in inner.parents if self._folders else ():
            if inner.name.startswith("."):
                return False
            if str(folder) in self._folders:
                return os.path.lexists(file) and self._wanted.looks_like(file)
            if not self._recursive or folder.is_symlink():
                return False
            inner = folder
        return False

    def add_file(self, path: str) -> None:
        """A file was named."""
        self._files.add(hash(os.path.normpath(path)))

    def add_folder(self, path: str) -> None:
        """A folder was looked through."""
        self._folders.add(os.path.normpath(path))


class _Level:
    """The names in one folder: its files and its folders, sorted. sure: how many are named as what is wanted.

    Raises OSError; MediaError where the names are many and cannot be written to the disk.
    """

    def __init__(self, path: str, recursive: bool, most_held: int, wanted: Wanted) -> None:
        self.path, self.sure = path, 0
        self.files, self._folders = SortedNames(most_held), SortedNames(most_held)
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if not _is_folder_entry(entry):
                        self.files.add(entry.name)
                        self.sure += wanted.is_named(entry.name)
                    elif recursive and not entry.is_symlink():  # one could lead back here
                        self._folders.add(entry.name)
        except BaseException:
            self.close()
            raise
        self._inner = iter(self._folders)

    def next_folder(self) -> str | None:
        """The path of the next folder in this one."""
        name = next(self._inner, None)
        return None if name is None else os.path.join(self.path, name)  # noqa: PTH118  see _files_in

    def close(self) -> None:
        """Let the names go."""
        self.files.close()
        self._folders.close()


def _is_folder_entry(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads nowhere
        return False


def _files_in(folder: str, recursive: bool, most_held: int, wanted: Wanted) -> Generator[str | Expected]:
    """Raises FolderError."""
    empty = True
    with closing(_levels(folder, recursive, most_held, wanted)) as levels:
        for level in levels:
            yield Expected(level.sure)
            for name in level.files:
                path = os.path.join(level.path, name)  # noqa: PTH118  pathlib would make of "./-" standard input
                if not wanted.is_named(name):
                    if not wanted.looks_like(path):
                        continue
                    yield Expected(1)
                empty = False
                yield path
    if empty:
        hint = "" if recursive else "Add --recursive to look in its folders too."
        raise EmptyFolderError(folder, f"There are no {wanted.called} in {folder!r}.", hint)


def _levels(folder: str, recursive: bool, most_held: int, wanted: Wanted) -> Generator[_Level]:
    """A folder and those in it, each before its own; one is open until the next is asked for. Raises FolderError."""
    levels: list[_Level] = []
    path: str | None = folder
    try:
        while path is not None:
            levels.append(_level(folder, path, recursive, most_held, wanted))
            yield levels[-1]
            levels[-1].files.close()
            while levels and (path := levels[-1].next_folder()) is None:
                levels.pop().close()
    finally:
        for level in levels:
            level.close()


def _level(folder: str, path: str, recursive: bool, most_held: int, wanted: Wanted) -> _Level:
    """One folder in another. Raises FolderError."""
    try:
        return _Level(path, recursive, most_held, wanted)
    except OSError as error:
        raise FolderError(folder, f"The folder {path!r} cannot be read: {error.strerror}.") from error
    except MediaError as error:
        raise FolderError(folder, error.message, error.hint) from error
