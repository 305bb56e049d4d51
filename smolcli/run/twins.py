"""Jobs that show the engine the very same in: one of them is computed, the others have its answer.

Two files may hold the same pixels and differ in all else, as copies with other metadata do. What counts is what the
engine would be asked: the words, the tiles' digests and what holds the answer, where the likeliest words are taken.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from smolcli.generation import Seconds
from smolcli.jobs import Answer
from smolcli.run.kept import Kept, renamed
from smolcli.run.work import Work

MOST_ANSWERS = 1024  # held: the last ones; about 5 MB
MOST_KEYS = 65_536  # of older ones, which the store holds; about 20 MB


class Twins:
    """What was asked in this run, by what the engine saw of it. kept: where answers are found again by their keys."""

    def __init__(self, kept: Kept | None) -> None:
        self._kept = kept
        self._first: dict[bytes, int] = {}  # what is being computed → the number of the job that it is computed for
        self._waiting: dict[int, list[Work]] = {}  # by that number
        self._answers: OrderedDict[bytes, Answer] = OrderedDict()
        self._keys: OrderedDict[bytes, str] = OrderedDict()  # in the store

    def join(self, work: Work) -> bool:
        """Whether a job that is decoded waits for the answer to another one; else it is the first of its kind."""
        shown = work.shown_digest
        if shown is None:
            return False
        first = self._first.setdefault(shown, work.number)
        if first != work.number:
            self._waiting.setdefault(first, []).append(work)
            work.forget_pictures()
        return first != work.number

    def find(self, work: Work) -> Answer | None:
        """The answer to a job that is decoded, where another one has had it."""
        shown = work.shown_digest
        if shown is None:
            return None
        answer = self._answers.get(shown)
        if answer is None and shown in self._keys and self._kept is not None:
            answer = self._kept.find_by_key(self._keys[shown], work.job, work.number)
        return None if answer is None else _own(work, answer)

    def answered(self, work: Work, answer: Answer) -> Sequence[tuple[Work, Answer]]:
        """A job is answered: those that waited for it, each with its own answer."""
        shown = work.shown_digest
        if shown is not None:
            self._first.pop(shown, None)
            self._answers[shown] = answer
            if len(self._answers) > MOST_ANSWERS:
                self._forget()
        return [(each, _own(each, answer)) for each in self._waiting.pop(work.number, [])]

    def _forget(self) -> None:
        """Of the oldest answer only its key is held."""
        shown, answer = self._answers.popitem(last=False)
        key = self._kept.key_of(answer.job) if self._kept is not None else None
        if key is not None:
            self._keys[shown] = key
        if len(self._keys) > MOST_KEYS:
            self._keys.popitem(last=False)

    def lost(self, work: Work) -> Sequence[Work]:
        """A job came to nothing: those that waited for it."""
        if (
            work.asking is not None
            and work.shown_digest is not None
            and self._first.get(work.shown_digest) == work.number
        ):
            del self._first[work.shown_digest]
        return self._waiting.pop(work.number, [])


def _own(work: Work, answer: Answer) -> Answer:
    """Another job's answer as that of this one."""
    loaded = work.loaded
    assert loaded is not None
    made = replace(
        answer.generation,
        key=work.number,
        counts=replace(answer.generation.counts, encodes=0, cached_tokens=0),
        seconds=Seconds(preprocess=0.0 if work.shared else loaded.preprocess_s),
    )
    warnings = renamed(answer.warnings, answer.job, work.job)
    return replace(answer, job=work.job, shown=loaded.shown, generation=made, warnings=warnings, cached=True)
