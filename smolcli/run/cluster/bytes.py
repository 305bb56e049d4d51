"""Files that the actors do not see: their bytes go into the cluster's object store, once while they are needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from smolcli.datatypes import Source
from smolcli.errors import MediaError
from smolcli.media import open_input
from smolcli.run.cluster.nouns import SentFile


@dataclass(frozen=True, slots=True)
class _Held:
    reference: Any
    size_bytes: int


class SentBytes:
    """size_bytes: what is in the object store for jobs that are under way."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._held: dict[Source, _Held] = {}
        self._users: Counter[Source] = Counter()
        self.size_bytes = 0

    def of(self, file: SentFile) -> SentFile:
        """The file with its bytes, which are held until `done`. Raises MediaError (gone, changed, too large)."""
        held = self._held.get(file.source)
        if held is None:
            data = _read(file)
            try:
                held = _Held(self._ray.put(data), len(data))
            except self._ray.exceptions.RayError as error:
                raise MediaError(
                    f"{file.source.path!r} does not fit the cluster's object store.",
                    "Put it where all nodes see it under the same path.",
                ) from error
            self._held[file.source] = held
            self.size_bytes += held.size_bytes
        return replace(file, data=held.reference)

    def begin(self, files: Sequence[SentFile]) -> None:
        """A job about these files is under way."""
        self._users.update(file.source for file in files)

    def done(self, files: Sequence[SentFile]) -> None:
        """It is no more."""
        for file in files:
            self._users[file.source] -= 1
            if self._users[file.source] <= 0:
                del self._users[file.source]
                held = self._held.pop(file.source, None)
                self.size_bytes -= held.size_bytes if held is not None else 0


def _read(file: SentFile) -> bytes:
    given = open_input(file.path)
    try:
        data = given.read_all()
        given.check_unchanged()
    finally:
        given.close()
    if given.sha256 != file.source.sha256:
        raise MediaError(f"{file.source.path!r} is not the file that was meant.", "It has changed: ask again.")
    return data
