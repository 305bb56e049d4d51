"""A pair of this machine in; what another machine needs to find the same files, or to be sent them, out."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from smolcli.cache import room, used
from smolcli.datatypes import ModelPair
from smolcli.errors import ModelError
from smolcli.models.installed import Store
from smolcli.settings import Settings, load_settings

BLOCK_BYTES = 64_000_000  # of a file, on its way


@dataclass(frozen=True, slots=True)
class CarriedFile:
    """A file of a model: where it lies on the machine that names it, how long it is, its SHA-256 (hex)."""

    path: str
    size_bytes: int
    sha256: str

    def find(self) -> Path | None:
        """Where this machine has the same bytes: in the package, at that path, pulled (smol models), or sent before."""
        settings = load_settings()
        for path in self._candidates(settings):
            with suppress(OSError):
                if path.stat().st_size == self.size_bytes and _sha256(path) == self.sha256:
                    used(path)
                    return path
        return None

    def _candidates(self, settings: Settings) -> Iterator[Path]:
        builtin = Path(__file__).parent / "builtin"
        yield builtin / Path(self.path).name
        yield Path(self.path)
        for pair in Store(settings.data_dir).all():
            yield from (Path(file.path) for file in pair.files if file.sha256 == self.sha256)
        yield self._kept(settings)

    def blocks(self) -> Iterator[bytes]:
        """The bytes, a block at a time. Raises ModelError where the file cannot be read."""
        try:
            with Path(self.path).open("rb") as file:
                while block := file.read(BLOCK_BYTES):
                    yield block
        except OSError as error:
            raise ModelError(f"{self.path} cannot be read: {error.strerror}.") from error

    def keep(self, blocks: Iterable[bytes]) -> Path:
        """Write what another machine sent into this one's cache. Raises ModelError (no room, other bytes)."""
        path = self._kept(load_settings())
        try:
            number, temporary = tempfile.mkstemp(prefix=".", dir=room(path.parent.parent, path.parent.name))
            try:
                digest = hashlib.sha256()
                with os.fdopen(number, "wb") as file:
                    for block in blocks:
                        digest.update(block)
                        file.write(block)
                if digest.hexdigest() != self.sha256:
                    raise ModelError(f"{self.path} has not arrived as it was sent.", "Try again.")
                Path(temporary).replace(path)
            finally:
                Path(temporary).unlink(missing_ok=True)
        except OSError as error:
            raise ModelError(f"{path} cannot be written: {error.strerror}.", "Is there room on its disk?") from error
        return path

    def _kept(self, settings: Settings) -> Path:
        return settings.cache_dir / "carried" / f"{self.sha256}.gguf"


@dataclass(frozen=True, slots=True)
class CarriedPair:
    """Both files of a model, and the pair as it is called where it comes from."""

    pair: ModelPair
    files: tuple[CarriedFile, CarriedFile]

    def here(self, language: Path, projector: Path) -> ModelPair:
        """The pair with this machine's files."""
        return replace(self.pair, language=language, projector=projector)


def carry_pair(pair: ModelPair) -> CarriedPair:
    """The pair as other machines are told of it. Raises ModelError where a file cannot be read."""
    return CarriedPair(pair, (_carried(pair.language), _carried(pair.projector)))


def _carried(path: Path) -> CarriedFile:
    try:
        return CarriedFile(str(path.absolute()), path.stat().st_size, _sha256(path))
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
