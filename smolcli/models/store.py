"""Which pairs are on this machine: one JSON file per pair in DATA_DIR/models, so that pulls do not wait for each other.

A record says where both files lie, how long they are and what their SHA-256 is; the files themselves stay where they
were downloaded (the Hugging Face cache), converted, or added from.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from smolcli.atomic import write_text
from smolcli.datatypes import ModelPair
from smolcli.errors import ModelError, OutputError, UsageError

_NAME = re.compile(r"[\w][\w.+-]*", re.ASCII)
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file as it was when it was recorded: absolute path, bytes, SHA-256 (hex)."""

    path: str
    bytes: int
    sha256: str

    @property
    def intact(self) -> bool:
        """Whether it is there with its recorded size."""
        try:
            return Path(self.path).stat().st_size == self.bytes
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class LocalPair:
    """One recorded pair. `own_projector`: our copy (repaired, BF16) that is read instead, while it is there.

    repository, revision: where it was pulled from, "" if it was added. downloaded: the files are ours to delete.
    ram_bytes: weights, the KV cache of the whole context, and what is computed with.
    """

    name: str
    quant: str
    language: LocalFile
    projector: LocalFile
    ram_bytes: int
    title: str
    own_projector: LocalFile | None = None
    repository: str = ""
    revision: str = ""
    downloaded: bool = False
    max_frames: int = 64
    note: str = ""

    @property
    def label(self) -> str:
        """ "500m-video:q8_0"."""
        return f"{self.name}:{self.quant}"

    @property
    def disk_bytes(self) -> int:
        """Both files and our copy."""
        return sum(file.bytes for file in self.files)

    @property
    def files(self) -> tuple[LocalFile, ...]:
        """Every file of the pair."""
        return (self.language, self.projector, *([self.own_projector] if self.own_projector else []))

    def pair(self) -> ModelPair:
        """What the engine opens. Raises ModelError when a file is gone or of another length."""
        for file in (self.language, self.projector):
            if not file.intact:
                raise ModelError(f"{self.label} is not whole: {file.path} is gone or was changed.", self.way_out)
        own = self.own_projector
        projector = own.path if own is not None and own.intact else self.projector.path
        return ModelPair(Path(self.language.path), Path(projector), self.title, self.max_frames)

    @property
    def way_out(self) -> str:
        """How to get the files again."""
        if self.downloaded:
            return f"Get it again with: smol pull {self.name}:{self.quant}"
        return f"Add it again with: smol models add {self.name} LM.gguf MMPROJ.gguf"


class Store:
    """The records in one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "models"

    def all(self) -> Iterator[LocalPair]:
        """Every readable record, by name. A damaged one is passed over: `smol pull` writes it anew."""
        for path in sorted(self.folder.glob("*.json")):
            record = _read(path)
            if record is not None:
                yield record

    def find(self, name: str, preferred: str = "") -> LocalPair | None:
        """The pair of "name" or "name:quant"; of several types the preferred one. Raises UsageError if none is."""
        name, _, quant = name.lower().partition(":")
        found = [pair for pair in self.all() if name in (pair.name.lower(), pair.repository.lower())]
        if quant:
            return next((pair for pair in found if pair.quant == quant), None)
        best = [pair for pair in found if pair.quant == preferred]
        if len(found) > 1 and not best:
            labels = ", ".join(pair.label for pair in found)
            raise UsageError(f"There are several pairs named {name}.", f"Name one of {labels}.")
        return next(iter(best or found), None)

    def require(self, name: str) -> LocalPair:
        """As `find`, but a pair that is not there is a ModelError."""
        pair = self.find(name)
        if pair is None:
            known = ", ".join(pair.label for pair in self.all()) or "none"
            raise ModelError(f"There is no model {name} on this machine.", f"Here: {known}.")
        return pair

    def save(self, pair: LocalPair) -> None:
        """Record a pair, or replace its record. Raises UsageError (name), OutputError."""
        if not _NAME.fullmatch(pair.name):
            raise UsageError(f"{pair.name!r} cannot be a name.", "Use letters, digits, dots and dashes.")
        write_text(self._path(pair), json.dumps(asdict(pair), indent=1) + "\n")

    def remove(self, pair: LocalPair) -> list[LocalFile]:
        """Forget a pair. Returns the files that no other record names. Raises OutputError."""
        try:
            self._path(pair).unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self._path(pair)} cannot be removed: {error.strerror}.") from error
        kept = {file.path for other in self.all() for file in other.files}
        return [file for file in pair.files if file.path not in kept]

    def _path(self, pair: LocalPair) -> Path:
        return self.folder / f"{pair.name}@{pair.quant}.json"


def record_file(path: Path, advance: Callable[[int], None] = lambda count: None) -> LocalFile:
    """Read a whole file and note its size and SHA-256. Raises ModelError."""
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb", buffering=0) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                size += len(block)
                advance(len(block))
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}.") from error
    return LocalFile(str(path.absolute()), size, digest.hexdigest())


def _read(path: Path) -> LocalPair | None:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        for key in ("language", "projector", "own_projector"):
            table[key] = LocalFile(**table[key]) if table[key] is not None else None
        return LocalPair(**table)
    except (OSError, ValueError, TypeError, KeyError):
        return None
