"""Paths and folders in, the image files to read out: sorted, by content, nothing twice."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from smolcli.errors import MediaError
from smolcli.media.listing import looks_like_picture


def find_pictures(paths: Iterable[str], recursive: bool) -> Iterator[str | FolderError]:
    """The files named, and the pictures in the folders named (sorted by name; hidden files are left out).

    A file that is named is never left out: if it is no picture, reading it will say so. A folder without pictures, or
    one that cannot be read, is a FolderError; the others go on. Nothing is opened before its turn.
    """
    seen: set[str] = set()
    for path in paths:
        try:
            for name in _pictures_in(path, recursive) if path != "-" and _is_folder(path) else [path]:
                if os.path.normpath(name) not in seen:
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


def _pictures_in(folder: str, recursive: bool) -> Iterator[str]:
    """Raises FolderError."""

    def unreadable(error: OSError) -> None:
        raise FolderError(folder, f"The folder {error.filename!r} cannot be read: {error.strerror}.") from error

    empty = True
    for root, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if recursive else []
        for name in sorted(files):
            path = os.path.join(root, name)  # noqa: PTH118  pathlib would make of "./-" the name of standard input
            if not name.startswith(".") and looks_like_picture(path):
                empty = False
                yield path
    if empty:
        hint = "" if recursive else "Add --recursive to look in its folders too."
        raise FolderError(folder, f"There are no pictures in {folder!r}.", hint)
