"""Answers in, bytes out: writers by name, and files that appear whole or not at all.

The JSON object of an answer (`SCHEMA` 1): schema, model, prompt, media [{kind, source, sha256, page | frames}], page or
time_s where there is one, question, text, stop_reason, mean_logprob, counts, seconds, warnings. One object per answer
and line.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from smolcli.datatypes import Answer, Place
from smolcli.errors import OutputError

SCHEMA = 1


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
    for source, group in groupby(places, key=lambda place: place.source):
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


class TextWriter:
    """Answers as they are, each ended by a line break. With `heading`, a line before each says which page it is of."""

    def __init__(self, stream: IO[str], heading: bool = False) -> None:
        self._stream, self._heading = stream, heading
        self._open = False  # an answer has begun to be streamed

    def piece(self, text: str) -> None:
        """Show the next characters of the answer in the making (headings are not known yet, so only without them)."""
        if not self._heading:
            self._stream.write(printable(text))
            self._stream.flush()
            self._open = True

    def answer(self, answer: Answer) -> None:
        """Write a finished answer, or end the line of one that was streamed."""
        if self._heading:
            self._stream.write(f"[{answer.places[0].label}]\n")
        self._stream.write("\n" if self._open else printable(answer.text) + "\n")
        self._stream.flush()
        self._open = False


class LineWriter:
    """`label<TAB>answer`, one line each: what shell tools cut and sort. `label` gives the first column."""

    def __init__(self, stream: IO[str], label: Callable[[Answer], str]) -> None:
        self._stream, self._label = stream, label

    def piece(self, text: str) -> None:
        """A line is written whole."""

    def answer(self, answer: Answer) -> None:
        """Write one line; tabs and line breaks inside become escapes in the label and spaces in the answer."""
        label = self._label(answer).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
        self._stream.write(f"{printable(label)}\t{printable(' '.join(answer.text.split()))}\n")
        self._stream.flush()


class JsonWriter:
    """One JSON object per answer and line."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def piece(self, text: str) -> None:
        """An object is written whole."""

    def answer(self, answer: Answer) -> None:
        """Write one line."""
        self._stream.write(to_json(answer_record(answer)) + "\n")
        self._stream.flush()


Writer = TextWriter | LineWriter | JsonWriter


def printable(text: str) -> str:
    """Without control characters other than tab and line break: a picture must not be able to drive a terminal."""
    return "".join(c for c in text if c in "\n\t" or not (ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0))


class OutputFile:
    """A text file that is written beside its final name and renamed when it is complete.

    Refuses what exists, unless `force`.
    """

    def __init__(self, path: Path, force: bool) -> None:
        self._path = path
        if path.is_dir():
            raise OutputError(f"The output {path} is a folder.", "Name a file in it.")
        if path.exists() and not force:
            raise OutputError(f"The output {path} exists.", "Add --force to replace it.")
        try:
            descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        except OSError as error:
            raise OutputError(f"The output {path} cannot be written: {error.strerror}.") from error
        self._temporary = Path(name)
        self.stream: IO[str] = os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape")

    def commit(self) -> None:
        """Flush to disk and give the file its name. Raises OutputError."""
        try:
            self.stream.flush()
            os.fsync(self.stream.fileno())
            self.stream.close()
            self._temporary.chmod(0o666 & ~_umask())
            self._temporary.replace(self._path)
        except OSError as error:
            self.discard()
            raise OutputError(f"The output {self._path} cannot be written: {error.strerror}.") from error

    def discard(self) -> None:
        """Leave nothing behind."""
        self.stream.close()
        self._temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
