"""Finished answers by their job's key: what an earlier run computed is an answer again, under today's names."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Protocol

from smolcli.datatypes import Place
from smolcli.generation import Counts, Generation, Seconds
from smolcli.jobs import Answer, Job

_FORM = 2
_SHORT = 3  # letters: such a name is found in sentences where it is none


class AnswerStore(Protocol):
    """Where records outlive a process, by key. sources: the sha256 (hex) of the files that a record is about."""

    def get(self, key: bytes, sources: Sequence[str]) -> bytes | None:
        """The record, None where it is not known."""

    def keep(self, key: bytes, sources: Sequence[str], record: bytes) -> None:
        """Keep a record."""


class Kept:
    """The answers that one model has given on this machine. No name of a file is in a record.

    model: what stands for it in keys; name: how it is called today.
    """

    def __init__(self, store: AnswerStore, model: str, name: str) -> None:
        self._store, self._model, self._name = store, model, name

    def find(self, job: Job, number: int) -> Answer | None:
        """The answer to a job, if it was given before; number: the key of its generation."""
        return self.find_by_key(job.key(self._model), job, number) if _is_kept(job) else None

    def key_of(self, job: Job) -> str | None:
        """Under which key the answer to a job is kept; None where it is not."""
        return job.key(self._model) if _is_kept(job) else None

    def find_by_key(self, key: str, job: Job, number: int) -> Answer | None:
        """The answer that was kept under a key, as that to a job which asks the same."""
        data = self._store.get(key.encode(), job.sources)
        record = json.loads(data) if data is not None else None
        if record is None or record.get("form") != _FORM:
            return None
        shown = tuple(
            tuple(replace(place, **frame) for frame in frames) if frames else (place,)
            for place, frames in zip(job.places, record["frames"], strict=True)
        )
        counts = replace(Counts(**record["counts"]), encodes=0, cached_tokens=0)
        made = Generation(number, record["text"], record["stop_reason"], counts, Seconds(), record["mean_logprob"])
        made = replace(made, trace=tuple((length, logprob) for length, logprob in record["trace"]))
        warnings = tuple(_named(warning, job) for warning in record["warnings"])
        found = {key: record[key] for key in ("data", "choices") if key in record}
        return Answer(job, shown, self._name, made, warnings, cached=True, seed=drawn_seed(job), **found)

    def keep(self, answer: Answer) -> None:
        """Keep an answer."""
        job, made = answer.job, answer.generation
        if not _is_kept(job):
            return
        record = {
            "form": _FORM,
            "text": made.text,
            "stop_reason": made.stop_reason,
            "mean_logprob": made.mean_logprob,
            "trace": made.trace,
            "counts": asdict(made.counts),
            "warnings": [_nameless(warning, job) for warning in answer.warnings],
            "frames": [_frames(place, shown) for place, shown in zip(job.places, answer.shown, strict=True)],
        }
        record |= {
            key: value for key, value in (("data", answer.data), ("choices", answer.choices)) if value is not None
        }
        self._store.keep(job.key(self._model).encode(), job.sources, json.dumps(record).encode())


def drawn_seed(job: Job) -> int | None:
    """With which seed words are drawn; None where the likeliest is taken."""
    return job.sampling.seed if job.sampling.temperature > 0 else None


def _is_kept(job: Job) -> bool:
    """What was drawn with a fresh seed is never kept: nobody could ask for it again."""
    return job.sampling.temperature == 0 or job.sampling.seed is not None


def _frames(place: Place, shown: Sequence[Place]) -> list[dict[str, Any]]:
    """Where the frames of a clip are; nothing of a picture, which its job names."""
    if place.source.kind != "video":
        return []
    return [{"index": p.index, "time_s": p.time_s, "stream_time_s": p.stream_time_s} for p in shown]


def _forms(path: str) -> tuple[str, str]:
    """How sentences write a name: quoted, or as it is."""
    return "Standard input" if path == "-" else repr(path), path


def _nameless(sentence: str, job: Job) -> str:
    """The sentence with numbers in place of the names of its files."""
    for number, place in enumerate(job.places):
        quoted, plain = _forms(place.source.path)
        sentence = sentence.replace(quoted, f"\0q{number}\0")
        if len(plain) > _SHORT:
            sentence = re.sub(rf"(?<![\w/]){re.escape(plain)}(?![\w/])", f"\0p{number}\0", sentence)
    return sentence


def renamed(sentences: Sequence[str], job: Job, other: Job) -> tuple[str, ...]:
    """What was said of the files of one job, said of those of another."""
    return tuple(_named(_nameless(sentence, job), other) for sentence in sentences)


def _named(sentence: str, job: Job) -> str:
    """The sentence with today's names."""

    def name(found: re.Match[str]) -> str:
        return _forms(job.places[int(found[2])].source.path)[found[1] == "p"]

    return re.sub("\0([qp])([0-9]+)\0", name, sentence)


def request_seed(job: Job) -> int:
    """The seed of one request: of the job's own seed and of what it is, never of where it stands among others."""
    drawn = hashlib.blake2b(f"{job.sampling.seed} {job.key('')}".encode(), digest_size=7).digest()
    return int.from_bytes(drawn)
