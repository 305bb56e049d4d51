"""Names go in, in any order; they come out sorted. Beyond some they wait on the disk, so memory stays as it is."""

from __future__ import annotations

import heapq
import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import IO

from smolcli.errors import MediaError

MOST_HELD = 200_000  # names; about 20 MB
MOST_FILES = 32  # open at once; then they become one


class SortedNames:
    """Names that are added one by one; iterating over them gives them, once, as `sorted` would. Close it after.

    most_held: how many are in memory. The others are in temporary files that have no name of their own: they are gone
    when they are closed, or when the process is killed. `add` raises MediaError where they cannot be written.
    """

    def __init__(self, most_held: int = MOST_HELD) -> None:
        self._most_held, self._held = most_held, list[str]()
        self._files: list[IO[str]] = []  # each sorted; a name a line, as JSON, for it may hold newlines and odd bytes

    def add(self, name: str) -> None:
        """Take one more."""
        if len(self._held) >= self._most_held:
            written = list(self._files) if len(self._files) >= MOST_FILES else []
            self._write(self if written else sorted(self._held))
            self._held = []
            for file in written:
                self._files.remove(file)
                file.close()
        self._held.append(name)

    def __iter__(self) -> Iterator[str]:
        self._held.sort()
        return heapq.merge(*(map(json.loads, file) for file in self._files), self._held)

    def close(self) -> None:
        """Let go of all; safe to call twice."""
        while self._files:
            with suppress(OSError):  # the disk is full: what is not written yet is not needed
                self._files.pop().close()
        self._held = []

    def _write(self, names: Iterable[str]) -> None:
        names = iter(names)  # before the new file is one of them
        try:
            file = tempfile.TemporaryFile("w+", encoding="ascii", newline="\n")  # noqa: SIM115  closed in `close`
            self._files.append(file)
            file.writelines(f"{json.dumps(name)}\n" for name in names)
            file.seek(0)
        except OSError as error:
            raise MediaError(
                f"The names of a large folder are sorted on the disk, and that failed: {error.strerror}.",
                "Set TMPDIR to a folder on a disk with room.",
            ) from error
