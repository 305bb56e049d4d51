"""Paths and folders in, the image files to read out: sorted, by content, nothing twice."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from smolcli.errors import MediaError
from smolcli.jobs import Expected
from smolcli.media.listing import is_named_as_picture, looks_like_picture


def find_pictures(paths: Iterable[str], recursive: bool) -> Iterator[str | FolderError | Expected]:
    """The files named, and the pictures in the folders named (sorted by name; hidden files are left out).

    A file that is named is never left out: if it is no picture, reading it will say so. A folder without pictures, or
    one that cannot be read, is a FolderError; the others go on. Nothing is opened before its turn. How many are sure
    to come is said when a folder's names are known, and corrected.
    """
    seen: set[str] = set()
    for path in paths:
        try:
            found: Iterable[str | Expected] = [Expected(1), path]
            if path != "-" and _is_folder(path):
                found = _pictures_in(path, recursive)
            for name in found:
                if isinstance(name, Expected):
                    yield name
                elif os.path.normpath(name) in seen:
                    yield Expected(-1)
                else:
                    seen.add(os.path.normpath(name))
                    yield name
        except FolderError as error:
            yield error


class FolderError(MediaError):
    """A folder that cannot be read, or that has nothing to read in it. folder: as it was named."""

    def __init__(self, folder: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.folder = folder


def _is_folder(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):  # no name of anything; opening it will say so
        return False


def _pictures_in(folder: str, recursive: bool) -> Iterator[str | Expected]:
    """Raises FolderError."""

    def unreadable(error: OSError) -> None:
        raise FolderError(folder, f"The folder {error.filename!r} cannot be read: {error.strerror}.") from error

    empty = True
    for root, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if recursive else []
        names = sorted(name for name in files if not name.startswith("."))
        yield Expected(sum(map(is_named_as_picture, names)))
        for name in names:
            path = os.path.join(root, name)  # noqa: PTH118  pathlib would make of "./-" the name of standard input
            if not is_named_as_picture(name):
                if not looks_like_picture(path):
                    continue
                yield Expected(1)
            empty = False
            yield path
    if empty:
        hint = "" if recursive else "Add --recursive to look in its folders too."
        raise FolderError(folder, f"There are no pictures in {folder!r}.", hint)
