"""One SQLite file: opened, migrated, kept small, shared by many processes; a damaged one is made anew.

The only file that knows SQLite. WAL mode: readers never wait, and a killed process leaves whole entries or none.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from smolcli.errors import OutputError
from smolcli.store.migrations import STEPS

NAME = "store.sqlite"
BUSY_S = 5.0  # how long a writer waits for another one
DISK_SHARE = 10  # the store takes at most this part of the disk's free space
ROOM_SHARE = 10  # trimmed to so much below the limit, so that not every run trims
FRESH_S = 3600  # a use is noted once an hour: reading should not write
_BLOCK = 1 << 20


KINDS = {  # a table → the one that says of which files its entries are, and by what
    "tiles": ("sources", "digest"),
    "answers": ("answer_sources", "key"),
}
_OLDEST = """DELETE FROM {table} WHERE id IN (SELECT id FROM (
    SELECT id, bytes, sum(bytes) OVER (ORDER BY used_s, id) AS so_far FROM {table}) WHERE so_far - bytes < ?)"""
_ORPHANS = "DELETE FROM {sources} WHERE {by} NOT IN (SELECT {by} FROM {table})"
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@dataclass(frozen=True, slots=True)
class Totals:
    """How much is kept."""

    items: int
    bytes: int


class Store:
    """What was computed before. Every method that meets a failing disk says so once, and from then on keeps nothing."""

    def __init__(self, folder: Path, limit_bytes: int, note: Callable[[str], None]) -> None:
        self._folder, self._limit_bytes, self._note = folder, limit_bytes, note
        self._lock = threading.RLock()
        self._grown = 0  # bytes kept since the last trim
        self._connection: sqlite3.Connection | None = None
        with self._tolerant():
            try:
                self._connection = _connect(folder)
            except sqlite3.Error as error:
                if not _is_damage(error):
                    raise
                remove(folder)
                self._connection = _connect(folder)

    def close(self) -> None:
        """Trim to the limit and close; safe to call twice."""
        self._trim()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    # ---- rows, for the tables' own files

    def ask(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """The rows of a query; none where the store cannot be read."""
        with self._tolerant():
            if self._connection is not None:
                return self._connection.execute(query, values).fetchall()
        return []

    def change(self, *statements: tuple[str, tuple[object, ...]]) -> None:
        """Run statements together: all of them or none are kept."""
        with self._tolerant():
            if self._connection is not None:
                with self._connection:
                    self._connection.execute("BEGIN IMMEDIATE")
                    for statement, values in statements:
                        self._connection.execute(statement, values)

    def grew(self, size: int) -> None:
        """So many bytes were kept; a long run is trimmed on its way."""
        self._grown += size
        if self._grown > self._limit_bytes // (2 * ROOM_SHARE):
            self._trim()

    # ---- model files

    def fingerprint(self, path: Path) -> bytes:
        """blake2b-16 of a file's bytes. It is hashed again only when its inode, size or time have changed."""
        stat = path.stat()
        found = self.ask(
            "SELECT digest FROM files WHERE device = ? AND inode = ? AND size = ? AND mtime_ns = ?",
            *(_signed(stat.st_dev), _signed(stat.st_ino), stat.st_size, stat.st_mtime_ns),
        )
        if found and isinstance(found[0][0], bytes):
            return found[0][0]
        digest = hashlib.blake2b(digest_size=16)
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        row = (_signed(stat.st_dev), _signed(stat.st_ino), stat.st_size, stat.st_mtime_ns, digest.digest())
        self.change(("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", row))
        return digest.digest()

    # ---- for `smol cache`

    def totals(self, kind: str) -> Totals:
        """How much of a kind is kept."""
        [(items, size)] = self.ask(f"SELECT count(*), total(bytes) FROM {kind}") or [(0, 0)]
        return Totals(int(str(items)), int(float(str(size))))

    def forget(self, sha256: str) -> dict[str, int]:
        """Remove everything that was computed from a file with this hash (hex); how many entries of each kind."""
        source, found = bytes.fromhex(sha256), {}
        for table, (sources, by) in KINDS.items():
            mine = f"{by} IN (SELECT {by} FROM {sources} WHERE source = ?)"
            [(items,)] = self.ask(f"SELECT count(*) FROM {table} WHERE {mine}", source) or [(0,)]
            found[table] = int(str(items))
            removed = f"DELETE FROM {table} WHERE {mine}", f"DELETE FROM {sources} WHERE source = ?"
            self.change(*((statement, (source,)) for statement in removed))
        self._shrink()
        return found

    # ---- the disk

    def _trim(self) -> None:
        """Remove what was not used for longest, until the rest fits: tiles first, answers last."""
        sizes = {kind: self.totals(kind).bytes for kind in KINDS}
        self._grown, total = 0, sum(sizes.values())
        with self._tolerant():
            free = shutil.disk_usage(self._folder).free
            limit = min(self._limit_bytes, (free + total) // DISK_SHARE)
            if total <= limit:
                return
            excess = total - limit * (1 - 1 / ROOM_SHARE)
            for table, (sources, by) in KINDS.items():
                if excess > 0:
                    orphans = _ORPHANS.format(table=table, sources=sources, by=by)
                    self.change((_OLDEST.format(table=table), (excess,)), (orphans, ()))
                    excess -= sizes[table]
            self._shrink()

    def _shrink(self) -> None:
        """Give free pages back to the disk, those in the write-ahead log too."""
        with self._tolerant():
            if self._connection is not None:  # as a script: execute() would free a single page
                self._connection.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _tolerant(self) -> Iterator[None]:
        """A store that fails is left; a damaged one is thrown away, and the next run makes another."""
        try:
            with self._lock:
                yield
        except (sqlite3.Error, OSError, OutputError) as error:
            connection, self._connection = self._connection, None
            with suppress(sqlite3.Error):
                if connection is not None:
                    connection.close()
            damaged = _is_damage(error)
            if damaged:
                with suppress(OutputError):
                    remove(self._folder)
            what = "was damaged and is made anew" if damaged else f"cannot be used ({error})"
            self._note(f"the store in {self._folder} {what}: nothing is kept in this run. --no-store does without.")


def open_store(folder: Path, limit_bytes: int, note: Callable[[str], None]) -> Store:
    """The store in a folder, which is made if need be. It never raises: what is wrong is said to `note`."""
    return Store(folder, limit_bytes, note)


def remove(folder: Path) -> None:
    """Remove the store's files. Raises OutputError where that cannot be."""
    for path in files(folder):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{path} cannot be removed: {error.strerror}.", "Is it yours to write to?") from error


def files(folder: Path) -> list[Path]:
    """The store's files that are there."""
    return [path for path in (folder / (NAME + end) for end in ("", "-wal", "-shm")) if path.exists()]


def now_s() -> int:
    """Seconds since 1970."""
    return int(time.time())


def _connect(folder: Path) -> sqlite3.Connection | None:
    """Open and migrate. None for a store of a newer version, which is left alone.

    Going to WAL mode asks for the whole file and does not wait for others who do the same: it is tried again.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    end = time.monotonic() + BUSY_S
    while True:
        try:
            return _open(folder / NAME)
        except sqlite3.OperationalError as error:
            if _code(error) not in _BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)


def _open(path: Path) -> sqlite3.Connection | None:
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        if connection.execute("PRAGMA auto_vacuum").fetchone()[0] != 2:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before the first table
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last entries, never the file
        connection.execute("PRAGMA secure_delete = ON")  # what is forgotten is gone from the file
        connection.execute("PRAGMA journal_size_limit = 16777216")
        if _version(connection) < len(STEPS):
            _migrate(connection)
        if _version(connection) == len(STEPS):
            return connection
        connection.close()
        return None
    except BaseException:
        connection.close()
        raise


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables up; another process may have done it while this one waited."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for number, step in enumerate(STEPS[_version(connection) :], _version(connection) + 1):
            for statement in step.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _is_damage(error: Exception) -> bool:
    return _code(error) in _DAMAGE


def _code(error: Exception) -> int:
    """SQLite's primary result code, -1 for what is no error of SQLite."""
    return getattr(error, "sqlite_errorcode", -1) & 0xFF if isinstance(error, sqlite3.Error) else -1


def _signed(number: int) -> int:
    """SQLite's integers have 63 bits and a sign; an inode may have 64."""
    return number - (1 << 64) if number >= 1 << 63 else number
