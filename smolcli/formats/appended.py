"""Answers in, lines added to a JSON Lines file out, each as it comes; what the file says already is not said again.

An answer is known there by its key, in which is what decided it (jobs.py), its prefix, and the names of its media; one
without a key, as earlier versions wrote them, by its model, prompt, question, and the names, hashes and pages of its
media; a failure by its place and message. A last line that is only half there, as a killed process leaves it, is taken
away.
"""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from smolcli.errors import OutputError
from smolcli.files import writing
from smolcli.formats.json import JsonWriter, answer_record, failure_record
from smolcli.jobs import Answer, Failure, Job
from smolcli.printable import escaped

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

Medium = tuple[Any, ...]  # name, sha256 and page


class AppendedFile:
    """A file of records that is added to, by one process at a time; a Target (files.py).

    prefix: of what is added; look_only: nothing is written, and nothing repaired. repaired: whether half a line was
    taken away; repeated: answers that were there; otherwise: pictures of which only other answers were there, by other
    options. Raises OutputError for what is no JSON Lines, or is in use.
    """

    before = b""

    def __init__(self, path: Path, prefix: str = "", look_only: bool = False) -> None:
        self._path, self._name, self._new = path, f"The output {escaped(str(path))}", not os.path.lexists(path)
        self._prefix = prefix
        self._known: Counter[int] = Counter()  # hashes: a file may have a million lines
        self._media: set[int] = set()  # likewise, of what answers with a key are about
        self.repaired, self.repeated, self.otherwise = False, 0, 0
        with writing(self._name):
            if path.exists() and not path.is_file():
                raise OutputError(f"{self._name} is not a file.", "Name a file with -o.")
            self._stream: BinaryIO = io.BytesIO() if look_only else path.open("a+b")
            if look_only and not self._new:
                self._stream = io.BytesIO(path.read_bytes())
        try:
            with writing(self._name):
                if not look_only:
                    self._lock()
                self._read()
        except BaseException:
            self.discard()
            raise

    def has(self, job: Job, model: str) -> bool:
        """Whether the answer to a job is there. Each line is found once. model: the name of the one that is asked."""
        media = [(place.source.path, place.source.sha256, place.page) for place in job.places]
        found = self._take(_key(job.key(model), self._prefix, media))
        found = found or self._take(_key_of_said(model, job.question.name, job.question.text, media))
        self.repeated += found
        self.otherwise += not found and _hash(media) in self._media
        return found

    def has_record(self, record: dict[str, Any]) -> bool:
        """The same of a record that is to be written."""
        keyless = {name: value for name, value in record.items() if name != "key"}
        keys = [_record_key(each) for each in (record, keyless)]
        return any(key is not None and self._take(key) for key in keys)

    def write(self, text: str) -> None:
        """Write and flush. Raises OutputError."""
        self.write_bytes(text.encode("utf-8", "surrogateescape"))

    def write_bytes(self, data: bytes) -> None:
        """Write and flush. Raises OutputError."""
        with writing(self._name):
            self._stream.write(data)
            self._stream.flush()

    def check(self) -> None:
        """What is there is added to: nothing is replaced."""

    def commit(self) -> None:
        """Flush to disk. Raises OutputError."""
        with writing(self._name):
            os.fsync(self._stream.fileno())
            self._stream.close()

    def discard(self) -> None:
        """Close it. What is written is written; a new file with nothing in it goes."""
        if not self._stream.closed:
            empty = self._new and self._stream.seek(0, os.SEEK_END) == 0
            self._stream.close()
            if empty:
                self._path.unlink(missing_ok=True)

    def _take(self, key: int) -> bool:
        if not self._known[key]:
            del self._known[key]
            return False
        self._known[key] -= 1
        return True

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(f"{self._name} is being added to by another run.", "Wait for it to end.") from error
        except OSError:  # a file system without locks
            pass

    def _read(self) -> None:
        """Learn what is there. Raises OutputError, OSError."""
        self._stream.seek(0)
        end = 0
        for number, line in enumerate(self._stream, 1):
            record = _parsed(line)
            if record is None and line.strip() and line.endswith(b"\n"):
                raise OutputError(
                    f"{self._name} is not JSON Lines: line {number} is no object.", "Name another file, or a new one."
                )
            if record is None and line.strip():
                self._stream.truncate(end)
                self.repaired = True
                return
            end += len(line)
            key = None if record is None else _record_key(record)
            if record is not None and key is not None:
                self._known[key] += 1
                self._media |= {_hash(_media(record))} if "key" in record else set()
            if not line.endswith(b"\n"):  # whole, but for its end
                self._stream.write(b"\n")
                self._stream.flush()


class AppendWriter(JsonWriter):
    """Adds records that are not there yet."""

    def __init__(self, target: AppendedFile) -> None:
        super().__init__(target)
        self._file = target

    def answer(self, answer: Answer) -> None:
        """Write one line, unless it is there."""
        if self._file.has_record(answer_record(answer)):
            self._file.repeated += 1
        else:
            super().answer(answer)

    def failure(self, failure: Failure) -> bool:
        """Write one line, unless it is there: then it is said elsewhere that it failed again."""
        return not self._file.has_record(failure_record(failure)) and super().failure(failure)


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The object that a line is; None where it is none."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _record_key(record: dict[str, Any]) -> int | None:
    """What an answer or a failure is known by; None of what is not ours."""
    try:
        if "failure" in record:
            return hash(("failure", str(record["failure"]["place"]), str(record["failure"]["message"])))
        if "key" in record:
            return _key(record["key"], record.get("prefix", ""), _media(record))
        return _key_of_said(record["model"], record["prompt"], record["question"], _media(record))
    except (KeyError, TypeError, AttributeError):
        return None


def _media(record: dict[str, Any]) -> list[Medium]:
    return [(each["source"], each["sha256"], each.get("page")) for each in record["media"]]


def _key(key: Any, prefix: Any, media: Iterable[Medium]) -> int:
    return _hash([("key", key, prefix), *media])


def _key_of_said(model: Any, prompt: Any, question: Any, media: Iterable[Medium]) -> int:
    return _hash([(model, prompt, question), *media])


def _hash(parts: Iterable[Medium]) -> int:
    return hash(tuple(tuple(map(str, part)) for part in parts))
