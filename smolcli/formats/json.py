"""Answers and failures in, one JSON object per line out.

The object of an answer (`SCHEMA` 1): schema, model, key, prompt, media [{kind, source, sha256, page | frames}], page or
time_s where there is one, size [width, height] and exif {tag: value} of the one image that it is about, question,
text, stop_reason, mean_logprob, counts, seconds, cached, seed where words were drawn, warnings. Of an answer about a
window of a clip start_s and end_s stand in place of time_s. Where there are any, before the warnings:

text_from     of a page that was read whole: "layer", "model", "mixed", or "" for a blank one
regions       its blocks in reading order: kind, text, box, confidence (0 to 1, null where nothing was guessed),
              children where there are any (a block's lines, a line's words, a table's cells); of a heading its level,
              of a cell row and column (from 0) with row_span and column_span
rotation      degrees clockwise (0, 90, 180, 270) by which the page was turned to stand upright
skew          degrees clockwise by which it was then turned further
confidence    how sure the model was of the answer, 0 to 1
evidence      where the answer stands: uri, page, box
data          the answer parsed, where it follows a schema
choices       choice → probability, where it had to be one of some

A box is left, top, width, height in shares of the page (0 to 1). Of a failure: schema, failure {source, place, error,
message, hint, exit_code}.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import Any

from smolcli.datatypes import Box, PictureFacts, Place
from smolcli.formats.whole import WholeWriter
from smolcli.jobs import Answer, Failure
from smolcli.regions import PageReading, Region

SCHEMA = 1


def answer_record(answer: Answer) -> dict[str, Any]:
    """An answer as plain JSON data."""
    generation = answer.generation
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "model": answer.model,
        "key": answer.job.key(answer.model),
        "prompt": answer.job.question.name,
        "media": [media for shown in _looked_at(answer) for media in media_records(shown)],
    }
    window = answer.window_s
    if window is not None:
        record |= {"start_s": round(window[0], 3), "end_s": round(window[1], 3)}
    elif len(answer.places) == 1:
        place = answer.places[0]
        record |= {key: value for key, value in (("page", place.page), ("time_s", place.time_s)) if value is not None}
        record |= _picture_record(place.picture)
    record |= {
        "question": answer.question,
        "text": answer.text,
        "stop_reason": generation.stop_reason,
        "mean_logprob": generation.mean_logprob,
        "counts": asdict(generation.counts),
        "seconds": {name: round(value, 4) for name, value in asdict(generation.seconds).items()},
        "cached": answer.cached,
    }
    record |= {} if answer.seed is None else {"seed": answer.seed}
    record |= {"prefix": answer.prefix} if answer.prefix else {}
    return record | _page_record(answer.page) | _findings(answer) | {"warnings": list(answer.warnings)}


def _picture_record(picture: PictureFacts | None) -> dict[str, Any]:
    if picture is None:
        return {}
    return {"size": list(picture.size_px)} | ({"exif": dict(picture.exif)} if picture.exif else {})


def _page_record(page: PageReading | None) -> dict[str, Any]:
    if page is None:
        return {}
    regions = [_region_record(region) for region in page.regions]
    turned = {"rotation": page.rotation, "skew": round(page.skew_deg, 3)}
    return {"text_from": page.text_from, "regions": regions} | turned


def _region_record(region: Region) -> dict[str, Any]:
    confidence = None if region.confidence is None else round(region.confidence, 4)
    record: dict[str, Any] = {
        "kind": region.kind,
        "text": region.text,
        "box": _box_record(region.box),
        "confidence": confidence,
    }
    if region.kind == "heading":
        record["level"] = region.level
    if region.kind == "cell":
        record |= {name: getattr(region, name) for name in ("row", "column", "row_span", "column_span")}
    if region.children:
        record["children"] = [_region_record(child) for child in region.children]
    return record


def _findings(answer: Answer) -> dict[str, Any]:
    """Where an answer stands, what it says to a program, how sure that is; each only where there is any."""
    record: dict[str, Any] = {}
    if answer.confidence is not None:
        record["confidence"] = round(answer.confidence, 4)
    if answer.evidence:
        record["evidence"] = [_evidence_record(place) for place in answer.evidence]
    if answer.data is not None:
        record["data"] = answer.data
    if answer.choices is not None:
        record["choices"] = {choice: round(share, 6) for choice, share in answer.choices.items()}
    return record


def _evidence_record(place: Place) -> dict[str, Any]:
    where = {"page": place.page, "box": None if place.box is None else _box_record(place.box)}
    return {"uri": place.uri} | {name: value for name, value in where.items() if value is not None}


def _box_record(box: Box) -> list[float]:
    return [round(share, 5) for share in box]


def failure_record(failure: Failure) -> dict[str, Any]:
    """A failure as plain JSON data."""
    names = ("source", "place", "error", "message", "hint", "exit_code")
    shown = {name: getattr(failure, name) for name in names}
    return {"schema": SCHEMA, "failure": shown}


def _looked_at(answer: Answer) -> Iterator[tuple[Place, ...]]:
    """The pictures of each place that an answer is about; the place itself where it was made of what was said of it."""
    for place, shown in zip_longest(answer.job.places, answer.shown):
        yield shown or (place,)


def media_records(shown: tuple[Place, ...]) -> Iterator[dict[str, Any]]:
    """One record for each picture or page, one for a clip with its frames."""
    source = shown[0].source
    base = {"kind": source.kind, "source": source.path, "sha256": source.sha256}
    if source.kind == "video":
        yield {**base, "frames": [_frame_record(place) for place in shown if place.time_s is not None]}
        return
    for place in shown:
        yield {**base, **({"page": place.page} if place.page is not None else {})}


def _frame_record(place: Place) -> dict[str, Any]:
    return {"index": place.index, "time_s": place.time_s, "stream_time_s": place.stream_time_s}


def to_json(record: dict[str, Any]) -> str:
    """One line of JSON. File names that are not UTF-8 come as escaped surrogates, which JSON can hold."""
    line = json.dumps(record, ensure_ascii=False, allow_nan=False)
    return line if line.isprintable() else json.dumps(record, allow_nan=False)


def same_records(one: Path, other: Path) -> bool:
    """Whether two files of records say the same, but for how long it took and how likely its words were."""
    try:
        with one.open(encoding="utf-8") as lines, other.open(encoding="utf-8") as others:
            pairs = zip_longest(lines, others, fillvalue="")
            return all(_lasting(line) == _lasting(beside) for line, beside in pairs)
    except ValueError:  # the one that was there is not ours
        return False


def _lasting(line: str) -> Any:
    """A record without what differs from run to run, the order of floating-point sums included."""
    record = json.loads(line)
    if isinstance(record, dict):
        counts = record.get("counts")
        passing: dict[str, Any] = {"cached": None, "seconds": None, "mean_logprob": None}
        if isinstance(counts, dict):
            passing["counts"] = {**counts, "encodes": 0, "cached_tokens": 0}
        return {**record, **passing}
    return record


class JsonWriter(WholeWriter):
    """One JSON object per answer and line."""

    def answer(self, answer: Answer) -> None:
        """Write one line."""
        self._target.write(to_json(answer_record(answer)) + "\n")

    def failure(self, failure: Failure) -> bool:
        """Write one line: for every input that goes in, one comes out."""
        self._target.write(to_json(failure_record(failure)) + "\n")
        return True
