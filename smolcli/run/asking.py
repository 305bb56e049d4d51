"""A job whose pictures are decoded goes in; out come its requests to the engine, and what they give is its answer.

Most jobs are one request. One whose question has a schema is a request for each value that is looked for, about the
same media: they are encoded once, and their rows of the KV cache are shared. One with choices is scored.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from smolcli.datatypes import Sampling, TextPart
from smolcli.engine import Engine
from smolcli.generation import Counts, Generation, Request, Seconds, StopReason
from smolcli.jobs import Answer, Job, Question
from smolcli.prompt import Medium, render

if TYPE_CHECKING:
    from smolcli.extraction import Ask

_PART = 32  # bits of a request's key that number the job; those above, the part of it


class Asking:
    """The requests of one job, which the engine takes as it has room, and what has come of them so far.

    number: of the job; the keys of its requests lead back to it.
    """

    def __init__(self, number: int, job: Job, media: Sequence[Medium], seed: int) -> None:
        self._number, self._question = number, job.question
        sampling = replace(job.sampling, seed=seed)
        self._waiting = deque(_requests(number, job.question, media, sampling))
        self.digest = _digest(self._waiting) if sampling.temperature == 0 else None  # of what the engine is shown
        self._count = len(self._waiting)
        self._given: list[int] = []
        self._made: dict[int, Generation] = {}

    def give(self, engine: Engine) -> bool:
        """Give the engine what it has room for; whether it has them all. Raises DoesNotFitError, EngineError."""
        while self._waiting and engine.add(self._waiting[0]):
            self._given.append(self._waiting.popleft().key)
        return not self._waiting

    @property
    def begun(self) -> bool:
        """Whether the engine has some of it."""
        return bool(self._given)

    def cancel(self, engine: Engine) -> None:
        """Take back what was given; nothing more will come of it."""
        for key in self._given:
            engine.cancel(key)
        self._waiting.clear()

    def forget(self) -> None:
        """Nothing of it is to be given."""
        self._waiting.clear()

    def shows(self, key: int, text: bool) -> bool:
        """Whether others are to hear of what happens to a request: of its tiles, of the text in the making."""
        return key == self._number and not (text and self._question.schema)

    def take(self, made: Generation) -> Generation | None:
        """One request is finished; the whole, once all are."""
        self._made[made.key] = made
        if len(self._made) < self._count:
            return None
        parts = [self._made[key] for key in sorted(self._made)]
        return parts[0] if not self._question.schema else _joined(self._number, parts)

    def finished(self, answer: Answer, page: str) -> Answer:
        """The answer with what a program wants of it. page: the text that stands on the pages, "" where none is known.

        Raises SchemaError.
        """
        question, parts = self._question, [self._made[key] for key in sorted(self._made)]
        if question.choices:
            logprobs = parts[0].choice_logprobs
            most = max(logprobs)
            shares = [math.exp(logprob - most) for logprob in logprobs]
            likely = {choice: share / sum(shares) for choice, share in zip(question.choices, shares, strict=True)}
            return replace(answer, choices=likely)
        if not question.schema:
            return answer
        from smolcli.extraction import as_printed, collect, missing  # here and below: most questions have no schema

        found = collect(question.schema, [(part.text, part.stop_reason != "end") for part in parts])
        data = as_printed(question.schema, found.data, page) if page else found.data
        odd = missing(question.schema, data, page) if page else ()
        text = json.dumps(data, ensure_ascii=False, allow_nan=False)
        made = replace(answer.generation, text=text)
        return replace(answer, generation=made, data=data, warnings=(*answer.warnings, *found.warnings, *odd))


def _digest(requests: Iterable[Request]) -> bytes:
    """Of all that decides what a greedy engine makes of some requests: two that are alike have the same answer."""
    found = hashlib.blake2b(digest_size=16)
    for request in requests:
        sampling = request.sampling
        found.update(repr((sampling.max_tokens, sampling.stop, request.grammar, request.choices)).encode())
        for turn in request.turns:
            found.update(repr((turn.role, len(turn.parts))).encode())
            for part in turn.parts:
                if isinstance(part, TextPart):
                    found.update(repr((part.text, part.trusted)).encode())
                elif part.tiles is not None:
                    found.update(repr((part.plan.rows, part.plan.cols, part.tiles.digests)).encode())
    return found.digest()


def number_of(key: int) -> int:
    """The job that a request belongs to."""
    return key & ((1 << _PART) - 1)


def as_planned(job: Job) -> Job:
    """The job with the longest question of its schema, which has to fit beside its pictures."""
    if not job.question.schema:
        return job
    from smolcli.extraction import asks

    longest = max((_asked(job.question, ask) for ask in asks(job.question.schema)), key=len)
    return replace(job, question=replace(job.question, text=longest))


def _requests(number: int, question: Question, media: Sequence[Medium], sampling: Sampling) -> Iterator[Request]:
    if not question.schema:
        yield Request(number, render(question, media), sampling, choices=question.choices)
        return
    from smolcli.extraction import asks

    for part, ask in enumerate(asks(question.schema)):
        turns = render(replace(question, text=_asked(question, ask)), media)
        own = replace(sampling, seed=None if sampling.seed is None else sampling.seed + part, stop=())
        yield Request(number | part << _PART, turns, own, _grammar(ask), ask.choices)


def _asked(question: Question, ask: Ask) -> str:
    """The question for one value, behind what the user has said."""
    return f"{question.text} {ask.question}".strip()


@lru_cache(256)
def _written_grammar(schema: str, quoted: bool) -> str:
    from smolcli.engine import grammar_of_schema
    from smolcli.extraction import unquoted

    found = grammar_of_schema(schema)
    return found if quoted else unquoted(found)


def _grammar(ask: Ask) -> str:
    """What holds the answer to what can be read; "" where it is one of some choices."""
    from smolcli.extraction import NUMBER, text_grammar

    if ask.json:
        return _written_grammar(ask.json, ask.kind == "json")
    if ask.kind == "number":
        return NUMBER
    return "" if ask.choices else text_grammar(ask.schema.get("maxLength"))


def check_schema(schema: str) -> None:
    """Raises UsageError for a schema that cannot be followed; no model is needed."""
    from smolcli.engine import check_grammar
    from smolcli.extraction import asks

    for ask in asks(schema):
        if grammar := _grammar(ask):
            check_grammar(grammar)


def _joined(number: int, parts: Sequence[Generation]) -> Generation:
    """The parts of one answer as one: what they took adds up."""
    counts = Counts(*(sum(getattr(part.counts, each.name) for part in parts) for each in fields(Counts)))
    seconds = Seconds(*(sum(getattr(part.seconds, each.name) for part in parts) for each in fields(Seconds)))
    written = [(part.mean_logprob, part.counts.new_tokens) for part in parts if part.mean_logprob is not None]
    tokens = sum(count for _, count in written)
    mean = sum(logprob * count for logprob, count in written) / tokens if tokens else None
    reasons = {part.stop_reason for part in parts}
    reason: StopReason = "length" if "length" in reasons else "repetition" if "repetition" in reasons else "end"
    return Generation(number, "", reason, counts, seconds, mean)
