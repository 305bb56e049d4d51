"""Paths and folders in, the image files to read out: sorted, by content, nothing twice."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from smolcli.errors import MediaError
from smolcli.media.listing import looks_like_picture


def find_pictures(paths: Iterable[str], recursive: bool) -> Iterator[str]:
    """The files named, and the pictures in the folders named (sorted by name; hidden files are left out).

    A file that is named is never left out: if it is no picture, reading it will say so. Raises MediaError for an empty
    folder.
    """
    seen: set[str] = set()
    for path in paths:
        folder = Path(path)
        if path == "-" or not folder.is_dir():
            found: Iterable[str] = [path]
        else:
            found = list(_pictures_in(folder, recursive))
            if not found:
                hint = "" if recursive else "Add --recursive to look in its folders too."
                raise MediaError(f"There are no pictures in {path}.", hint)
        for name in found:
            if name not in seen:
                seen.add(name)
                yield name


def _pictures_in(folder: Path, recursive: bool) -> Iterator[str]:
    for root, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if recursive else []
        for name in sorted(files):
            if not name.startswith(".") and looks_like_picture(str(Path(root, name))):
                yield str(Path(root, name))


def _unreadable(error: OSError) -> None:
    raise MediaError(f"The folder {error.filename} cannot be read: {error.strerror}.") from error
