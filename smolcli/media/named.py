"""Files and folders as a user named them in; whether another name leads to one of the files to be read out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from smolcli.errors import MediaError
from smolcli.media.listing import MEDIA_SUFFIXES, PICTURES
from smolcli.media.uris import local_path


class NamedInputs:
    """What is going to be read, paths and URIs, before anything is opened. "-" is nobody's file."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._folders: list[str] = []
        self._files: set[tuple[int, int]] = set()  # device and inode
        for given in paths:
            with suppress(OSError, ValueError, MediaError):  # there is no such thing; opening it will say so
                path = local_path(given) if given.lower().startswith("file:") else given
                found = Path(path).stat()
                if path != "-" and os.path.isdir(path):  # noqa: PTH112  a string, as it was named
                    self._folders.append(path)
                elif path != "-":
                    self._files.add((found.st_dev, found.st_ino))

    def have(self, path: Path) -> bool:
        """Whether a file is one of those named, by whatever name, or media in one of the folders."""
        key = _key(path)
        if key is None or not path.is_file():
            return False
        return key in self._files or (_is_media(path) and any(_is_in(path, folder) for folder in self._folders))

    def lead_to(self, path: Path) -> bool:
        """As `have`; also where the folders hold a link to it. Looks at all that is in them."""
        if self.have(path):
            return True
        key = _key(path)
        if key is None or not path.is_file():
            return False
        return any(_key(found) == key and _is_media(found) for found in self._all_files())

    def hold(self, folder: Path) -> bool:
        """Whether a folder lies in one of those named."""
        return any(_is_in(folder, named) for named in self._folders)

    def _all_files(self) -> Iterator[Path]:
        for folder in self._folders:
            for root, _, names in os.walk(folder):
                yield from (Path(root, name) for name in names)


def _key(path: Path) -> tuple[int, int] | None:
    with suppress(OSError, ValueError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return None


def _is_in(path: Path, folder: str) -> bool:
    return Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(folder))


def _is_media(path: Path) -> bool:
    return path.suffix.lower() in MEDIA_SUFFIXES or PICTURES.looks_like(str(path))
