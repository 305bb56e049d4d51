"""Answers to what is asked of pages go in with a second question to the model: whether there is such a thing there.

A small model that is asked for the total of a page without one gives the next best sum, and surely; asked whether there
is a total, it says no.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from smolcli.jobs import Answer, Job, Question
from smolcli.verbs.choosing import NOT_FOUND, likely_of
from smolcli.verbs.docvqa.ranking import Ranking, relevance_of, values_of

Path = tuple[str, ...]  # names that lead to a value

# Questions for one named thing; what is asked in other words may well be there under another name.
_NAMED = re.compile(
    r"\s*what(?:'s| is| was| are| were) (?:the|its|your) ((?:[\w.#'-]+ ){0,2}[\w.#'-]+)\s*\?*\s*", re.IGNORECASE
)
_OTHERWISE = """
    of for about in on at by with to from page document text title heading name subject topic"""
_ELSEWHERE = frozenset(_OTHERWISE.split())  # words of questions whose answer stands there without its name


def is_named(question: Question) -> bool:
    """Whether it asks for one thing by its name ("What is the due date?")."""
    found = None if question.schema or question.choices else _NAMED.fullmatch(question.text)
    return found is not None and not _ELSEWHERE & set(found[1].casefold().split())


def doubts(jobs: Sequence[Job], ranking: Ranking) -> dict[Job, dict[Path, Job]]:
    """Job → the jobs that ask whether what it asks for is there: of one thing by its name under (), or of each value
    of a schema that is written out, under the names that lead to it.
    """
    return {job: found for job in dict.fromkeys(jobs) if (found := dict(_second(job, ranking)))}


def _second(job: Job, ranking: Ranking) -> Iterator[tuple[Path, Job]]:
    sampling = replace(job.sampling, temperature=0.0, seed=None)
    if is_named(job.question):
        yield (), replace(job, question=relevance_of(job.question, ranking), sampling=sampling)
    for value in values_of(job.question):
        if value.is_written:
            question = relevance_of(job.question, ranking, value.path[-1].replace("_", " ").replace("-", " ").lower())
            yield value.path, replace(job, question=question, sampling=sampling)


def doubted(answer: Answer, told: Mapping[Path, Answer], below: float) -> Answer:
    """The answer, without what the model did not say is there: yes has to be so likely at least."""
    for path, each in told.items():
        if (likely := likely_of(each)) < below:
            answer = _without(answer, path) if path else _nothing(answer, likely)
    return answer


def _nothing(answer: Answer, likely: float) -> Answer:
    made = replace(answer.generation, text=NOT_FOUND, mean_logprob=math.log(max(1 - likely, 1e-9)))
    return replace(answer, generation=made)


def _without(answer: Answer, path: Path) -> Answer:
    """An answer of several values without one of them, and without what was odd about that one."""
    data = _cleared(answer.data, path)
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    name = ".".join(path)
    notes = tuple(note for note in answer.warnings if not note.startswith(f"{name}: "))
    return replace(answer, data=data, generation=replace(answer.generation, text=text), warnings=notes)


def _cleared(data: Any, path: Path) -> Any:
    if not path or not isinstance(data, dict) or path[0] not in data:
        return None if not path else data
    return {**data, path[0]: _cleared(data[path[0]], path[1:])}
