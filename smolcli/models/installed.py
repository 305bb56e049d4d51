"""Which pairs are on this machine: one JSON file per pair in DATA_DIR/models, so that pulls do not wait for each other.

A record says where both files lie, how long they are and what their SHA-256 is; the files themselves stay where they
were downloaded (the Hugging Face cache), converted, or added from.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from smolcli.datatypes import ModelPair
from smolcli.errors import ModelError, OutputError, UsageError
from smolcli.files import write_text

_NAME = re.compile(r"[\w][\w.+-]*", re.ASCII)


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
        """Every record, by name; a damaged one is passed over: `smol pull` writes it anew. Raises ModelError."""
        return (record for path in self._files() if (record := _read(path)) is not None)

    def damaged(self) -> list[Path]:
        """The records that `all` passes over. Raises ModelError."""
        return [path for path in self._files() if _read(path) is None]

    def find(self, name: str, preferred: str = "") -> LocalPair | None:
        """The pair of a name or a repository, with ":quant" or ":FILE.gguf"; of several types the preferred one.

        Raises UsageError if there are several and none is preferred.
        """
        name, _, quant = name.lower().partition(":")
        found = [pair for pair in self.all() if name in (pair.name.lower(), pair.repository.lower())]
        if quant:
            return next((pair for pair in found if quant in (pair.quant, Path(pair.language.path).name.lower())), None)
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

    def require_free(self, name: str, quant: str, repository: str = "") -> None:
        """Raise UsageError unless a pair of that repository ("": files of the user's own) may be recorded so."""
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} cannot be a name.", "Use letters, digits, dots and dashes.")
        for pair in self.all():
            same_source = pair.repository.lower() == repository.lower()
            if pair.label.lower() == f"{name}:{quant}".lower() and not same_source:
                whose = f"of {pair.repository}" if pair.repository else "that was added"
                hint = f"Choose another name, or remove that one: smol rm {pair.label}"
                raise UsageError(f"{pair.label} is the name of the pair {whose}.", hint)

    def save(self, pair: LocalPair) -> None:
        """Record a pair, or replace its record. Raises UsageError (name), OutputError."""
        self.require_free(pair.name, pair.quant, pair.repository)
        write_text(self._path(pair), json.dumps(asdict(pair), indent=1) + "\n")

    def remove(self, pair: LocalPair) -> list[LocalFile]:
        """Forget a pair. Returns the files that no other record names, by whatever path. Raises OutputError."""
        try:
            self._path(pair).unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self._path(pair)} cannot be removed: {error.strerror}.") from error
        kept = {os.path.realpath(file.path) for other in self.all() for file in other.files}
        return [file for file in pair.files if os.path.realpath(file.path) not in kept]

    def _files(self) -> list[Path]:
        try:
            return sorted(path for path in self.folder.iterdir() if path.suffix == ".json")
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            hint = "Make it readable, or set SMOL_DATA_DIR to another folder."
            raise ModelError(f"{self.folder} cannot be read: {error.strerror}.", hint) from error

    def _path(self, pair: LocalPair) -> Path:
        return self.folder / f"{pair.name}@{pair.quant}.json"


def record_file(path: Path) -> LocalFile:
    """Read a whole file and note its size and SHA-256. Raises ModelError."""
    try:
        if path.exists() and not path.is_file():  # a device or a pipe may have no end
            raise ModelError(f"{path} is not a file.", "Give a .gguf file.")
        with path.open("rb", buffering=0) as file:
            digest = hashlib.file_digest(file, "sha256")
            return LocalFile(str(path.absolute()), file.tell(), digest.hexdigest())
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}.") from error


def _read(path: Path) -> LocalPair | None:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        for key in ("language", "projector", "own_projector"):
            table[key] = LocalFile(**table[key]) if table[key] is not None else None
        pair = LocalPair(**table)
        sound = path.stem == f"{pair.name}@{pair.quant}" and _is_typed(pair)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return pair if sound else None


def _is_typed(pair: LocalPair) -> bool:
    texts = [pair.name, pair.quant, pair.title, pair.repository, pair.revision, pair.note]
    texts += [text for file in pair.files for text in (file.path, file.sha256)]
    numbers = [pair.ram_bytes, pair.max_frames, *(file.bytes for file in pair.files)]
    return all(isinstance(text, str) for text in texts) and all(isinstance(number, int) for number in numbers)
