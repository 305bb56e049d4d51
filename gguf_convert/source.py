"""What the user named comes in (a folder, or a Hub id); the folder, a name, its revision and content hashes go out."""

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
WANTED_FILES = ("*.json", "*.safetensors", "*.jinja", "merges.txt")
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
    """Where a checkpoint is. `name` is the last part of a Hub id or folder, `revision` a commit, "" where unknown."""

    folder: Path
    name: str
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """`weights`: SHA-256 of each weight file, in order. `pair_id`: a hash over these and the small files' contents."""

    weights: tuple[str, ...]
    pair_id: str


def find_source(named: str) -> Source:
    """A local folder always wins; else a Hub id is downloaded. Raises NotACheckpointError."""
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # a name too long, no such home: no folder
        folder = Path(named).expanduser()
        if folder.exists():
            return _local(folder.resolve())
    if not HUB_ID.fullmatch(named):
        raise NotACheckpointError(
            f"{named} does not exist.", "Give a folder with config.json, or a Hub id such as ORG/MODEL."
        )
    return _download(named)


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


def _download(hub_id: str) -> Source:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled
    except ImportError as error:
        hint = f"Run `pip install huggingface_hub`, or download {hub_id} and give its folder."
        raise NotACheckpointError(
            f"There is no folder {hub_id}, and downloading needs huggingface_hub.", hint
        ) from error
    try:
        folder = Path(snapshot_download(hub_id, allow_patterns=list(WANTED_FILES)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, ValueError, OSError) as error:
        reason = str(error).strip().split("\n", 1)[0] or type(error).__name__
        hint = "Check the name and the connection, or download it elsewhere and give the folder."
        raise NotACheckpointError(
            f"There is no folder {hub_id}, and it could not be downloaded: {reason}", hint
        ) from error
    return Source(folder, hub_id.rpartition("/")[2], folder.name if REVISION.fullmatch(folder.name) else "")
