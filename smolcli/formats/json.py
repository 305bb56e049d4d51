"""Answers and failures in, one JSON object per line out.

The object of an answer (`SCHEMA` 1): schema, model, prompt, media [{kind, source, sha256, page | frames}], page or
time_s where there is one, question, text, stop_reason, mean_logprob, counts, seconds, cached, seed where words were
drawn, warnings. Of a failure: schema, failure {source, place, error, message, hint, exit_code}.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from smolcli.datatypes import Place
from smolcli.files import Target
from smolcli.jobs import Answer, Failure

SCHEMA = 1


def answer_record(answer: Answer) -> dict[str, Any]:
    """An answer as plain JSON data."""
    generation = answer.generation
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "model": answer.model,
        "prompt": answer.job.question.name,
        "media": [media for shown in answer.shown for media in media_records(shown)],
    }
    if len(answer.places) == 1:
        place = answer.places[0]
        record |= {key: value for key, value in (("page", place.page), ("time_s", place.time_s)) if value is not None}
    record |= {
        "question": answer.question,
        "text": answer.text,
        "stop_reason": generation.stop_reason,
        "mean_logprob": generation.mean_logprob,
        "counts": asdict(generation.counts),
        "seconds": {name: round(value, 4) for name, value in asdict(generation.seconds).items()},
        "cached": answer.cached,
    }
    return record | ({} if answer.seed is None else {"seed": answer.seed}) | {"warnings": list(answer.warnings)}


def failure_record(failure: Failure) -> dict[str, Any]:
    """A failure as plain JSON data."""
    shown = {name: value for name, value in asdict(failure).items() if name != "traceback"}
    return {"schema": SCHEMA, "failure": shown}


def media_records(shown: tuple[Place, ...]) -> Iterator[dict[str, Any]]:
    """One record for each picture or page, one for a clip with its frames."""
    source = shown[0].source
    base = {"kind": source.kind, "source": source.path, "sha256": source.sha256}
    if source.kind == "video":
        yield {**base, "frames": [_frame_record(place) for place in shown]}
        return
    for place in shown:
        yield {**base, **({"page": place.page} if place.page is not None else {})}


def _frame_record(place: Place) -> dict[str, Any]:
    return {"index": place.index, "time_s": place.time_s, "stream_time_s": place.stream_time_s}


def to_json(record: dict[str, Any]) -> str:
    """One line of JSON. File names that are not UTF-8 come as escaped surrogates, which JSON can hold."""
    line = json.dumps(record, ensure_ascii=False, allow_nan=False)
    return line if line.isprintable() else json.dumps(record, allow_nan=False)


class JsonWriter:
    """One JSON object per answer and line."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def piece(self, text: str) -> None:
        """An object is written whole."""

    def answer(self, answer: Answer) -> None:
        """Write one line."""
        self._target.write(to_json(answer_record(answer)) + "\n")

    def failure(self, failure: Failure) -> bool:
        """Write one line: for every input that goes in, one comes out."""
        self._target.write(to_json(failure_record(failure)) + "\n")
        return True

    def broke_off(self) -> None:
        """An object is written whole."""

    def finish(self) -> None:
        """Lines have no end of their own."""
