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
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from smolcli.errors import OutputError
from smolcli.store.kinds import ANSWERS, KINDS, TILES, Kind, StoreTotals, Totals
from smolcli.store.migrations import STEPS

NAME = "store.sqlite"
BUSY_S = 5.0  # how long a writer waits for another one
DISK_SHARE = 10  # the store takes at most this part of the disk's free space
ROOM_SHARE = 10  # trimmed to so much below the limit, so that not every run trims
FRESH_S = 3600  # a use is noted once an hour: reading should not write
_BLOCK = 1 << 20
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

T = TypeVar("T")


class Store:
    """What was computed before. Every method that meets a failing disk says so once, and from then on keeps nothing."""

    def __init__(self, folder: Path, limit_bytes: int, note: Callable[[str], None]) -> None:
        self._folder, self._limit_bytes, self._note = folder, limit_bytes, note
        self._lock = threading.RLock()
        self._grown = 0  # bytes kept since the last trim
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None  # that is open
        self._was_damaged = False  # and made anew, which is tried once
        with self._tolerant():
            self._connect()

    def close(self) -> None:
        """Trim to the limit and close; safe to call twice."""
        with self._lock:
            self._trim()
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    # ---- rows, for the tables' own files

    def ask(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """The rows of a query; none where the store cannot be read."""

        def rows(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
            return connection.execute(query, values).fetchall()

        return self._do(rows) or []

    def change(self, *statements: tuple[str, tuple[object, ...]]) -> None:
        """Run statements together: all of them or none are kept."""

        def together(connection: sqlite3.Connection) -> None:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                for statement, values in statements:
                    connection.execute(statement, values)

        self._do(together)

    def grew(self, size: int) -> None:
        """So many bytes were kept; a long run is trimmed on its way."""
        with self._lock:
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

    def totals(self) -> StoreTotals:
        """How much is kept, of each kind."""
        return StoreTotals(self._totals(TILES.totals), self._totals(ANSWERS.totals))

    def forget(self, sha256: str) -> StoreTotals:
        """Remove everything that was computed from a file with this hash (hex); how much that was."""
        source = bytes.fromhex(sha256)
        with self._lock:
            tiles, answers = (self._totals(f"{kind.totals} WHERE {kind.of_file}", source) for kind in (TILES, ANSWERS))
            self.change(*(step for kind in KINDS for step in _forgetting(kind, source)))
            self._shrink()
        return StoreTotals(tiles, answers)

    def _totals(self, query: str, *values: object) -> Totals:
        [(items, size)] = self.ask(query, *values) or [(0, 0)]
        return Totals(int(str(items)), int(float(str(size))))

    # ---- the disk

    def _trim(self) -> None:
        """Remove what was not used for longest, until the rest fits: tiles, and answers once no tile is left."""
        self._grown, total = 0, self.totals().bytes
        with self._tolerant():
            if self._connection is None:
                return
            free = shutil.disk_usage(self._folder).free
            limit = min(self._limit_bytes, (free + total) // DISK_SHARE)
            if total > limit:
                self.change(*(step for kind in KINDS for step in _trimming(kind, limit * (1 - 1 / ROOM_SHARE))))
                self._shrink()

    def _shrink(self) -> None:
        """Give free pages back to the disk, those in the write-ahead log too."""
        with self._tolerant():
            if self._connection is not None:  # as a script: execute() would free a single page
                self._connection.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")

    def _connect(self) -> None:
        self._file = _identity(self._folder / NAME)
        self._connection = _connect(self._folder)
        self._file = _identity(self._folder / NAME)

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """What work gives, done again where the store was damaged and made anew; None where it cannot be used."""
        for _ in range(2):
            with self._tolerant():
                return work(self._connection) if self._connection is not None else None
        return None

    @contextmanager
    def _tolerant(self) -> Iterator[None]:
        """A store that fails is left; a damaged one is thrown away, and another takes its place."""
        with self._lock:  # until it is left: no other thread meets the connection that failed
            try:
                yield
            except (sqlite3.Error, OSError, OutputError) as error:
                self._leave(error)

    def _leave(self, error: Exception) -> None:
        connection, self._connection = self._connection, None
        with suppress(sqlite3.Error):
            if connection is not None:
                connection.close()
        if _is_damage(error):
            again, self._was_damaged = self._was_damaged, True
            try:
                if self._file == _identity(self._folder / NAME):  # else another process was first
                    remove(self._folder)
                if not again:
                    self._connect()
                    self._note(f"the store in {self._folder} was damaged and is made anew.")
                    return
            except (sqlite3.Error, OSError, OutputError) as another:
                error = another
        what = f"cannot be used ({error}): nothing is kept in this run. --no-store does without."
        self._note(f"the store in {self._folder} {what}")


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


def is_due(used_s: object) -> bool:
    """Whether a use is to be noted again. What is no time in the last hour (a clock was set, a row is damaged) is."""
    return not isinstance(used_s, int) or not 0 <= now_s() - used_s <= FRESH_S


def _forgetting(kind: Kind, source: bytes) -> list[tuple[str, tuple[object, ...]]]:
    return [(kind.forget, (source,)), (kind.forget_source, (source,)), (kind.drop_orphans, ())]


def _trimming(kind: Kind, target_bytes: float) -> list[tuple[str, tuple[object, ...]]]:
    return [(kind.drop_oldest, (target_bytes,)), (kind.drop_orphans, ())]


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
        connection.text_factory = bytes  # we keep none; a blob that turned to text by damage need not be UTF-8
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


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of a file; None where there is none."""
    with suppress(OSError):
        status = path.stat()
        return status.st_dev, status.st_ino
    return None


def _signed(number: int) -> int:
    """SQLite's integers have 63 bits and a sign; an inode may have 64."""
    return number - (1 << 64) if number >= 1 << 63 else number


@contextmanager
def in_memory() -> Iterator[sqlite3.Connection]:
    """A database of its own that leaves nothing behind. Raises OutputError where SQLite cannot do what is asked."""
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            yield connection
        except sqlite3.OperationalError as error:
            raise OutputError(f"This Python's SQLite is incomplete ({error}).", "Install another Python.") from error
