"""A repository's name in, its files on disk out. The only file of smolcli that imports huggingface_hub.

Its cache, HF_ENDPOINT, HF_TOKEN, HF_HOME and HF_HUB_OFFLINE mean here what they mean everywhere; a cut connection is
taken up again where it broke (a file whose download was killed begins anew: the library wants it so). What the library
leaves out is done here: every file's SHA-256 is held against what the Hub and the catalog promise, and a file that
fails is not kept.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from logging import ERROR
from pathlib import Path
from typing import Any

from smolcli.errors import EngineError, ModelError, OutputError, SmolError
from smolcli.models.installed import LocalFile, record_file

HUB_ID = re.compile(r"[\w][\w.-]*/[\w][\w.-]*", re.ASCII)
CHECKPOINT_FILES = ("*.json", "*.safetensors", "*.jinja", "merges.txt")  # what gguf_convert reads
HEADROOM_BYTES = 64 << 20
_COMMIT = re.compile(r"[0-9a-f]{40}")
_ATTEMPTS = 3
_ABANDONED_S = 3600  # nobody writes any more to a partial file that is so old
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
TOKEN_HINT = "Check the name; for a private or gated repository set HF_TOKEN (https://huggingface.co/settings/tokens)."
OFFLINE_HINT = "Unset HF_HUB_OFFLINE, or fetch it on a machine with a connection: smol models add NAME LM MMPROJ"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a repository: bytes (None if not told) and SHA-256 (hex, "" if not told)."""

    name: str
    bytes: int | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository at one commit. offline: only what the cache holds of it."""

    id: str
    commit: str
    files: tuple[RemoteFile, ...]
    offline: bool = False

    def file(self, name: str) -> RemoteFile:
        """The file of that name. Raises ModelError, which lists the GGUF files."""
        for file in self.files:
            if file.name == name:
                return file
        known = ", ".join(file.name for file in self.files if file.name.endswith(".gguf")) or "none"
        raise ModelError(f"{self.id} has no file {name}.", f"Its GGUF files: {known}.")


def cache_folder() -> Path:
    """Where downloads go: the cache that all programs of the Hub share (HF_HOME)."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def look(repository: str) -> Repository:
    """What a repository holds now; offline, what the cache holds of it. Raises ModelError, EngineError."""
    from huggingface_hub import HfApi
    from huggingface_hub.constants import is_offline_mode

    if is_offline_mode():
        return _cached(repository)
    with _translated(repository):
        found = HfApi(endpoint=_endpoint()).model_info(repository, files_metadata=True)
        if not _COMMIT.fullmatch(str(found.sha)):  # it becomes a folder's name
            raise ModelError(f"The Hub names {found.sha!r} as the commit of {repository}.", "This is no Hub to trust.")
        files = [_listed(sibling) for sibling in found.siblings or () if _is_harmless(sibling.rfilename)]
    return Repository(repository, str(found.sha), tuple(files))


def _listed(sibling: Any) -> RemoteFile:
    told = type(sibling.size) is int and sibling.size >= 0
    return RemoteFile(sibling.rfilename, sibling.size if told else None, sibling.lfs.sha256 if sibling.lfs else "")


def _is_harmless(name: str) -> bool:
    """Whether a file of that name stays inside its folder, and can be shown."""
    return name.isprintable() and not name.startswith("/") and "\\" not in name and ".." not in name.split("/")


def require_room(repository: Repository, files: Sequence[RemoteFile]) -> None:
    """Raise OutputError unless the cache's disk holds what is still to be fetched."""
    missing = [file for file in files if _in_cache(repository, file.name) is None]
    needed = sum(file.bytes or 0 for file in missing)
    folder = cache_folder()
    while not os.path.exists(folder) and folder != folder.parent:  # noqa: PTH110  Path.exists raises where it may not look
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if needed and needed + HEADROOM_BYTES > free:
        raise OutputError(
            f"The files take {needed / 1e6:,.0f} MB, but {folder} has {free / 1e6:,.0f} MB free.",
            "Free some space, or set HF_HOME to a folder on a larger disk.",
        )


def fetch(repository: Repository, file: RemoteFile, quiet: bool = False) -> LocalFile:
    """Download a file, or find it in the cache, and check it; `file.sha256` may be only first digits.

    Raises ModelError (gone, refused, wrong bytes), OutputError (no room), EngineError (no connection).
    """
    _sweep(repository.id)
    path = Path(_download(repository, file.name, quiet))
    record = record_file(path)
    wrong = file.bytes is not None and record.bytes != file.bytes
    if wrong or not record.sha256.startswith(file.sha256.lower()):
        delete(record)
        what = f"{record.bytes:,} bytes, not {file.bytes:,}" if wrong else f"SHA-256 {record.sha256[:12]}…"
        expected = "" if wrong else f" where {file.sha256[:12]}… was promised"
        raise ModelError(
            f"{file.name} arrived with {what}{expected}; it was not kept.",
            f"Try again. If {repository.id} was changed since, take it unseen with: smol pull {repository.id}",
        )
    return record


def fetch_checkpoint(repository: Repository, quiet: bool = False) -> tuple[Path, list[LocalFile]]:
    """A Hugging Face checkpoint's folder, and which files were not in the cache before. Raises as `fetch`."""
    from fnmatch import fnmatch

    listed = [file for file in repository.files if "/" not in file.name]
    wanted = [file for file in listed if any(fnmatch(file.name, kind) for kind in CHECKPOINT_FILES)]
    require_room(repository, wanted)
    new = [file for file in wanted if _in_cache(repository, file.name) is None]
    found = {file: fetch(repository, file, quiet) for file in wanted}
    return Path(found[wanted[0]].path).parent, [found[file] for file in new]


def checkpoint_folder(source: str, quiet: bool = False) -> str:
    """A Hub id is downloaded; all else is as it is, for the converter to judge. Raises as `fetch`."""
    with suppress(OSError, ValueError, RuntimeError):  # a name too long, no such home
        if Path(source).expanduser().exists():
            return source
    if "/" not in source or not HUB_ID.fullmatch(source):
        return source
    repository = look(source)
    if not any(file.name.endswith(".safetensors") and "/" not in file.name for file in repository.files):
        raise ModelError(f"{source} has no checkpoint in safetensors.", f"For its GGUF files: smol pull {source}")
    return str(fetch_checkpoint(repository, quiet)[0])


def delete(file: LocalFile) -> bool:
    """Remove a downloaded file: its name in the cache and, unless another revision has it too, its bytes.

    Returns whether its name is gone.
    """
    pointer = Path(file.path)
    blob = pointer.resolve()
    with suppress(OSError):
        pointer.unlink()
    shared = blob.parent.name == "blobs" and any(
        other.is_symlink() and other.resolve() == blob for other in blob.parent.parent.glob("snapshots/*/**/*")
    )
    if blob != pointer and not shared:
        with suppress(OSError):
            blob.unlink()
    with suppress(OSError):  # a folder that something is left in stays
        pointer.parent.rmdir()
    return not os.path.lexists(pointer)


def _sweep(repository: str) -> None:
    """Remove what killed downloads of a repository left: the library gives each a name of its own, and forgets it."""
    for path in _repository_folder(repository).glob("blobs/*.incomplete"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_S:
                path.unlink()


def _repository_folder(repository: str) -> Path:
    from huggingface_hub.file_download import repo_folder_name

    return cache_folder() / repo_folder_name(repo_id=repository, repo_type="model")


def _download(repository: Repository, name: str, quiet: bool) -> str:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils.logging import set_verbosity
    from huggingface_hub.utils.tqdm import disable_progress_bars

    set_verbosity(ERROR)
    if quiet:
        disable_progress_bars()
    for attempt in range(_ATTEMPTS):
        with _translated(repository.id):
            try:
                return str(hf_hub_download(repository.id, name, revision=repository.commit, endpoint=_endpoint()))
            except Exception as error:
                if attempt == _ATTEMPTS - 1 or not _may_pass(error):
                    raise
    raise AssertionError("every attempt returns or raises")


def _may_pass(error: Exception) -> bool:
    """A connection that broke in a way that the library does not take up by itself."""
    return type(error).__name__ in ("ReadError", "WriteError") or "Consistency check failed" in str(error)


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT") or None


def _cached(repository: str) -> Repository:
    """What is there without asking: the newest known commit of the main branch."""
    snapshots = sorted(_repository_folder(repository).glob("snapshots/*"), key=lambda path: path.stat().st_mtime)
    if not snapshots:
        raise EngineError(f"{repository} is not on this machine, and HF_HUB_OFFLINE is set.", OFFLINE_HINT)
    newest = snapshots[-1]
    files = [path for path in sorted(newest.rglob("*")) if path.is_file()]
    return Repository(
        repository,
        newest.name,
        tuple(RemoteFile(path.relative_to(newest).as_posix(), path.stat().st_size) for path in files),
        offline=True,
    )


def _in_cache(repository: Repository, name: str) -> str | None:
    from huggingface_hub import try_to_load_from_cache

    found: Any = try_to_load_from_cache(repository.id, name, revision=repository.commit)
    return found if isinstance(found, str) else None


@contextmanager
def _translated(repository: str) -> Iterator[None]:
    """The library's errors in the house's words."""
    try:
        yield
    except SmolError:
        raise
    except Exception as error:
        raise _as_smol_error(repository, error) from error


def _as_smol_error(repository: str, error: Exception) -> SmolError:
    from huggingface_hub import errors

    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return _refused(repository, error, status)
    if isinstance(error, errors.HFValidationError):
        return ModelError(f"{repository} is no name of a repository.", "It is written ORG/NAME.")
    if isinstance(error, errors.OfflineModeIsEnabled):
        return EngineError(f"{repository} is not on this machine, and HF_HUB_OFFLINE is set.", OFFLINE_HINT)
    if isinstance(error, OSError) and (error.errno in _NO_ROOM or error.filename):
        return _as_disk_error(error)
    if isinstance(error, (ValueError, TypeError, KeyError, AttributeError)):
        what = f"What answers at {_endpoint() or 'the Hub'} for {repository} does not speak as the Hub does."
        return EngineError(what, "Is it a login page, or is HF_ENDPOINT wrong?")
    reason = str(error).strip().split("\n", 1)[0] or type(error).__name__
    return EngineError(
        f"{repository} cannot be fetched: {reason.rstrip('.')}.",
        "Check the connection (HF_ENDPOINT names another server) and type the same again.",
    )


def _as_disk_error(error: OSError) -> OutputError:
    if error.errno in _NO_ROOM:
        hint = "Free some space, or set HF_HOME to a folder on a larger disk."
        return OutputError("The disk is full; nothing of the file was kept.", hint)
    hint = "Set HF_HOME to a folder that you may write to."
    return OutputError(f"{error.filename} cannot be used: {error.strerror}.", hint)


def _refused(repository: str, error: Exception, status: int) -> SmolError:
    """The Hub answered, and the answer is no."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return ModelError(f"{repository} is gated ({status}).", "Accept its terms on the Hub, then set HF_TOKEN.")
    if isinstance(error, errors.EntryNotFoundError):
        return ModelError(f"A file that {repository} lists is not there ({status}).", "Try again later.")
    if status in (401, 403, 404):
        return ModelError(f"The Hub does not show {repository} ({status}).", TOKEN_HINT)
    return EngineError(f"The Hub answers {status} for {repository}.", "Try again later.")
