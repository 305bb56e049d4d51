"""The folder that the user named comes in; a name, its revision and content hashes go out."""

from __future__ import annotations

import contextlib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from .checkpoint import Checkpoint
from .errors import NotACheckpointError
from .write import Advance

HUB_ID = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")
REVISION = re.compile(r"[0-9a-f]{40}")
IDENTITY_FILES = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "preprocessor_config.json",
    "processor_config.json",
)
READ_BYTES = 1 << 20
PAIR_ID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Source:
    """Where a checkpoint is. `name` is that of the folder or Hub repository, `revision` a commit, "" where unknown."""

    folder: Path
    name: str
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """`weights`: SHA-256 of each weight file, in order. `pair_id`: a hash over these and the small files' contents."""

    weights: tuple[str, ...]
    pair_id: str


def find_source(named: str) -> Source:
    """The folder of that name. Raises NotACheckpointError, which says how to download one."""
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # a name too long, no such home: no folder
        folder = Path(named).expanduser()
        if folder.exists():
            return _local(folder.resolve())
    hint = "Give a folder with config.json."
    if HUB_ID.fullmatch(named):
        name = named.rpartition("/")[2]
        hint = f"Download it with `hf download {named} --local-dir {name}`, or take `smol convert {named}`."
    raise NotACheckpointError(f"{named} does not exist.", hint)


def identify(checkpoint: Checkpoint, advance: Advance) -> Identity:
    """Hash what makes the checkpoint what it is: contents, never names, paths or times."""
    weights = tuple(sha256_file(path, advance) for path in checkpoint.weights)
    whole = hashlib.sha256("\n".join(weights).encode())
    for name in IDENTITY_FILES:
        path = checkpoint.folder / name
        whole.update(f"\n{name} {sha256_file(path) if path.is_file() else ''}".encode())
    return Identity(weights, whole.hexdigest()[:PAIR_ID_DIGITS])


def sha256_file(path: Path, advance: Advance = lambda count: None) -> str:
    """SHA-256 of a file (hex). Raises NotACheckpointError."""
    digest = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as file:
            while block := file.read(READ_BYTES):
                digest.update(block)
                advance(len(block))
    except OSError as error:
        raise NotACheckpointError(f"Cannot read {path}: {error.strerror or error}.") from error
    return digest.hexdigest()


def _local(folder: Path) -> Source:
    """A Hub cache folder (models--ORG--NAME/snapshots/COMMIT) and a download with --local-dir know their revision."""
    if REVISION.fullmatch(folder.name) and folder.parent.name == "snapshots":
        return Source(folder, folder.parent.parent.name.rpartition("--")[2], folder.name)
    note = folder / ".cache" / "huggingface" / "download" / "config.json.metadata"
    first = note.read_text(encoding="utf-8", errors="replace").split("\n", 1)[0].strip() if note.is_file() else ""
    return Source(folder, folder.name, first if REVISION.fullmatch(first) else "")
