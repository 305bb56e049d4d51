"""An open file goes in, its sha256 comes out; a file whose content was hashed in this process is not read again.

A large file is hashed in a thread of its own, beside the work: it is opened, planned, decoded and cut meanwhile. That
is 0.7 s of processor time a GB, and more on a slow disk.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
import time
from collections import OrderedDict
from concurrent.futures import CancelledError, Future

REMEMBERED = 4096  # files; about 2 MB
BESIDE_BYTES = 1_000_000_000  # the hash of a larger file is not waited for where it is opened
COARSE_NS, FINE_NS = 2_000_000_000, 50_000_000  # FAT keeps the time of a change to 2 s, others to a tick of the clock
_BLOCK = 1 << 20
Stamp = tuple[int, int, int, int]  # device, inode, bytes, time of the last change in ns: another one is another content

_lock = threading.Lock()
_hashes: OrderedDict[tuple[int, ...], Future[str] | str] = OrderedDict()  # a Future while it is being read


def stamp_of(status: os.stat_result) -> Stamp:
    """What tells a file, and its content, from others."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


class FileChangedError(OSError):
    """A file that was written to while it was hashed: no hash is that of what was read."""


def content_of(file: io.BufferedReader) -> str | Future[str]:
    """The sha256 of all bytes of a file, hex; of a large one what it will be, or that it could not be read (OSError).

    The file may be read and closed meanwhile. Raises OSError.
    """
    status = os.fstat(file.fileno())
    if status.st_size <= BESIDE_BYTES or not hasattr(os, "pread"):  # else two readers would share one position
        return sha256_of(file)
    key = _key(status)
    found, ours = (Future[str](), True) if _may_change_unseen(status.st_mtime_ns) else _claim(key)
    if isinstance(found, Future) and ours:
        task = (os.dup(file.fileno()), stamp_of(status), key, found)
        threading.Thread(target=_hash_beside, args=task, name="smol-hash", daemon=True).start()
    return found


def sha256_of(file: io.BufferedReader) -> str:
    """The sha256 of all bytes of a file, hex; each is read once however many threads ask. Raises OSError."""
    status = os.fstat(file.fileno())
    if _may_change_unseen(status.st_mtime_ns):
        return _digest(file)
    key = _key(status)
    found, ours = _claim(key)
    if isinstance(found, str):
        return found
    if not ours:
        try:
            return found.result()
        except CancelledError:  # the thread that read it could not
            return _digest(file)
    try:
        digest = _digest(file)
        unchanged = stamp_of(os.fstat(file.fileno())) == stamp_of(status)
    except BaseException:
        _forget(key)
        found.cancel()
        raise
    with _lock:
        if not unchanged:
            _hashes.pop(key, None)
        elif key in _hashes:
            _hashes[key] = digest
    found.set_result(digest)
    return digest


def _key(status: os.stat_result) -> tuple[int, ...]:
    """Under what a hash is remembered: the time of a change can be set back, that of the inode cannot.

    A forked child waits for no thread of its parent.
    """
    return (*stamp_of(status), status.st_ctime_ns, os.getpid())


def _hash_beside(descriptor: int, stamp: Stamp, key: tuple[int, ...], found: Future[str]) -> None:
    """Hash a file by a descriptor of its own, whose position nobody moves, and close that."""
    digest, at = hashlib.sha256(), 0
    try:
        while block := os.pread(descriptor, _BLOCK, at):
            digest.update(block)
            at += len(block)
        if stamp_of(os.fstat(descriptor)) != stamp:
            raise FileChangedError
    except BaseException as error:  # handed to whoever asks for the hash
        _forget(key)
        found.set_exception(error)
    else:
        found.set_result(digest.hexdigest())
    finally:
        os.close(descriptor)


def _claim(key: tuple[int, ...]) -> tuple[Future[str] | str, bool]:
    """The hash, perhaps still to come, and whether it is the caller who has to make it."""
    with _lock:
        found = _hashes.get(key)
        if found is not None:
            _hashes.move_to_end(key)
            return found, False
        found = _hashes[key] = Future()
        while len(_hashes) > REMEMBERED:
            _hashes.popitem(last=False)
        return found, True


def _forget(key: tuple[int, ...]) -> None:
    with _lock:
        _hashes.pop(key, None)


def _digest(file: io.BufferedReader) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def _may_change_unseen(changed_ns: int) -> bool:
    """Whether a change that comes now might leave the time of the last one as it is."""
    return time.time_ns() - changed_ns < (FINE_NS if changed_ns % 1_000_000_000 else COARSE_NS)
