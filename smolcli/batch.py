"""Paths and folders in, the image files to read out: sorted, by content, nothing twice."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from smolcli.datatypes import Failure
from smolcli.errors import MediaError
from smolcli.media.listing import looks_like_picture
from smolcli.tasks.answering import failure


def find_pictures(paths: Iterable[str], recursive: bool) -> Iterator[str | Failure]:
    """The files named, and the pictures in the folders named (sorted by name; hidden files are left out).

    A file that is named is never left out: if it is no picture, reading it will say so. A folder without pictures, or
    one that cannot be read, is a Failure.
    """
    seen: set[str] = set()
    for path in paths:
        found: Iterable[str] = [path]
        if path != "-" and _is_folder(path):
            try:
                found = list(_pictures_in(path, recursive))
            except MediaError as error:
                yield failure(path, error)
                continue
        for name in found:
            if os.path.normpath(name) not in seen:
                seen.add(os.path.normpath(name))
                yield name


def _is_folder(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):  # no name of anything; opening it will say so
        return False


def _pictures_in(folder: str, recursive: bool) -> Iterator[str]:
    """Raises MediaError."""
    empty = True
    for root, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if recursive else []
        for name in sorted(files):
            path = os.path.join(root, name)  # noqa: PTH118  pathlib would make of "./-" the name of standard input
            if not name.startswith(".") and looks_like_picture(path):
                empty = False
                yield path
    if empty:
        hint = "" if recursive else "Add --recursive to look in its folders too."
        raise MediaError(f"There are no pictures in {folder!r}.", hint)


def _unreadable(error: OSError) -> None:
    raise MediaError(f"The folder {error.filename!r} cannot be read: {error.strerror}.") from error
