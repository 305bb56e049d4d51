"""Answers in, bytes out: writers by name, and files that appear whole or not at all.

The JSON object of an answer (`SCHEMA` 1): schema, model, prompt, media [{kind, source, sha256, page | frames}], page or
time_s where there is one, question, text, stop_reason, mean_logprob, counts, seconds, warnings. One object per answer
and line.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import IO, Any, Protocol

from smolcli.datatypes import Answer, Place
from smolcli.errors import OutputError, ReaderGoneError

SCHEMA = 1
STDOUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")  # by number it is no longer the answers' (streams.py)


def answer_record(answer: Answer) -> dict[str, Any]:
    """An answer as plain JSON data."""
    generation = answer.generation
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "model": answer.model,
        "prompt": answer.prompt,
        "media": media_records(answer.places),
    }
    if len(answer.places) == 1:
        place = answer.places[0]
        record |= {key: value for key, value in (("page", place.page), ("time_s", place.time_s)) if value is not None}
    return record | {
        "question": answer.question,
        "text": answer.text,
        "stop_reason": generation.stop_reason,
        "mean_logprob": generation.mean_logprob,
        "counts": asdict(generation.counts),
        "seconds": {name: round(value, 4) for name, value in asdict(generation.seconds).items()},
        "warnings": list(answer.warnings),
    }


def media_records(places: Sequence[Place]) -> list[dict[str, Any]]:
    """One record per image, page or clip, in order."""
    records: list[dict[str, Any]] = []
    for _, found in groupby(places, key=lambda place: id(place.source)):  # one object per opened file
        group = list(found)
        source = group[0].source
        base = {"kind": source.kind, "source": source.path, "sha256": source.sha256}
        if source.kind == "video":
            records.append({**base, "frames": [_frame_record(place) for place in group]})
            continue
        records += [{**base, "page": place.page} if place.page is not None else dict(base) for place in group]
    return records


def _frame_record(place: Place) -> dict[str, Any]:
    return {"index": place.index, "time_s": place.time_s, "stream_time_s": place.stream_time_s}


def to_json(record: dict[str, Any]) -> str:
    """One line of JSON. File names that are not UTF-8 come as escaped surrogates, which JSON can hold."""
    line = json.dumps(record, ensure_ascii=False, allow_nan=False)
    return line if line.isprintable() else json.dumps(record, allow_nan=False)


class Target(Protocol):
    """Where text goes: standard output, or a file."""

    def write(self, text: str) -> None:
        """Write and flush. Raises OutputError; ReaderGoneError of them when a pipe was closed."""

    def commit(self) -> None:
        """All is written. Raises OutputError."""

    def discard(self) -> None:
        """Leave nothing behind. A second call, or one after `commit`, does nothing."""


class TextWriter:
    """Answers as they are, each ended by a line break. With `heading`, a line before each says which page it is of."""

    def __init__(self, target: Target, heading: Callable[[Answer], str] | None = None) -> None:
        self._target, self._heading = target, heading
        self._open = False  # an answer has begun to be streamed

    def piece(self, text: str) -> None:
        """Show the next characters of the answer in the making (headings are not known yet, so only without them)."""
        if not self._heading:
            self._target.write(printable(text))
            self._open = True

    def answer(self, answer: Answer) -> None:
        """Write a finished answer, or end the line of one that was streamed."""
        heading = f"[{escaped(self._heading(answer))}]\n" if self._heading else ""
        self._target.write(heading + ("" if self._open else printable(answer.text)) + "\n")
        self._open = False

    def broke_off(self) -> None:
        """No more of the current answer will come: end its line."""
        if self._open:
            self._target.write("\n")
            self._open = False


class LineWriter:
    """`column<TAB>answer`, one line each: what shell tools cut and sort. `columns` gives those before the answer."""

    def __init__(self, target: Target, columns: Callable[[Answer], tuple[str, ...]]) -> None:
        self._target, self._columns = target, columns

    def piece(self, text: str) -> None:
        """A line is written whole."""

    def answer(self, answer: Answer) -> None:
        """Write one line; control characters become escapes in columns, white space becomes spaces in the answer."""
        columns = map(escaped, self._columns(answer))
        self._target.write("\t".join((*columns, printable(" ".join(answer.text.split())))) + "\n")

    def broke_off(self) -> None:
        """A line is written whole."""


class JsonWriter:
    """One JSON object per answer and line."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def piece(self, text: str) -> None:
        """An object is written whole."""

    def answer(self, answer: Answer) -> None:
        """Write one line."""
        self._target.write(to_json(answer_record(answer)) + "\n")

    def broke_off(self) -> None:
        """An object is written whole."""


Writer = TextWriter | LineWriter | JsonWriter


def printable(text: str) -> str:
    """Without control characters other than tab and line break: a picture must not be able to drive a terminal."""
    return "".join(c for c in text if c in "\n\t" or not _is_control(c))


def escaped(text: str) -> str:
    """A file name as one field of a line: tab, line break, backslash and other control characters as C writes them."""
    named = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
    return "".join(named.get(c) or (f"\\x{ord(c):02x}" if _is_control(c) else c) for c in text)


def _is_control(character: str) -> bool:
    return ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0


@contextmanager
def writing(name: str) -> Iterator[None]:
    """A failed write becomes an OutputError, a closed pipe a ReaderGoneError."""
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGoneError from error
    except (OSError, ValueError) as error:  # ValueError: the stream has been closed
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(f"{name} cannot be written: {reason}.") from error


class StandardOutput:
    """Standard output as a target. Raises OutputError at once when it is closed."""

    def __init__(self) -> None:
        try:
            descriptor = sys.stdout.fileno()
        except (OSError, ValueError, AttributeError):  # a stream of Python's own: there is none to try
            return
        with writing("Standard output"):
            os.write(descriptor, b"")

    def write(self, text: str) -> None:
        """Write and flush. Raises OutputError."""
        with writing("Standard output"):
            sys.stdout.write(text)
            sys.stdout.flush()

    def commit(self) -> None:
        """Nothing is left to do."""

    def discard(self) -> None:
        """What is written is written."""


class OutputFile:
    """A text file that is written beside its final name and gets it when it is complete.

    Raises OutputError for what exists (unless `force`) and for what cannot be made. A pipe or a device is written as it
    is.
    """

    def __init__(self, path: Path, force: bool) -> None:
        self._path, self._force, self._open = path, force, True
        self._name = f"The output {escaped(str(path))}"
        self._temporary: Path | None = None
        with writing(self._name):
            if path.is_dir():
                raise OutputError(f"{self._name} is a folder.", "Name a file in it.")
            if path.exists() and not path.is_file():
                self._stream: IO[str] = path.open("w", encoding="utf-8", errors="surrogateescape")
                return
        if os.path.lexists(path) and not force:
            raise self._exists()
        with writing(self._name):
            descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
        self._temporary = Path(name)
        self._stream = os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape")

    def write(self, text: str) -> None:
        """Write and flush. Raises OutputError."""
        with writing(self._name):
            self._stream.write(text)
            self._stream.flush()

    def commit(self) -> None:
        """Flush to disk and give the file its name. Raises OutputError."""
        try:
            with writing(self._name):
                if self._temporary is not None:
                    os.fsync(self._stream.fileno())
                    self._temporary.chmod(0o666 & ~_umask())
                self._stream.close()
                if self._temporary is not None:
                    self._rename(self._temporary)
        finally:
            self.discard()

    def discard(self) -> None:
        """Leave nothing behind."""
        if self._open:
            self._open = False
            with suppress(OSError):
                self._stream.close()
            if self._temporary is not None:
                self._temporary.unlink(missing_ok=True)

    def _rename(self, temporary: Path) -> None:
        """Without --force, a file that has appeared meanwhile is not replaced: a link can only be new."""
        if not self._force:
            try:
                os.link(temporary, self._path)
                return
            except FileExistsError as error:
                self._temporary = None  # stays: it may hold the work of hours
                raise OutputError(
                    f"{self._name} has appeared meanwhile.", f"The answers are in {temporary}."
                ) from error
            except OSError:  # a file system without links
                pass
        temporary.replace(self._path)

    def _exists(self) -> OutputError:
        return OutputError(f"{self._name} exists.", "Add --force to replace it.")


def open_target(path: str | None, force: bool) -> Target:
    """Standard output (None, or a name in STDOUT), or a file. Raises OutputError."""
    return StandardOutput() if path is None or path in STDOUT else OutputFile(Path(str(path)), force)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
