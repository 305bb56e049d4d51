"""Answers to what is asked of pages go in with a second question to the model: whether there is such a thing there.

A small model that is asked for the total of a page without one gives the next best sum, and surely; asked whether there
is a total, it says no.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from smolcli.jobs import Answer, Job, Question
from smolcli.verbs.choosing import NOT_FOUND, likely_of

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


def doubts(jobs: Sequence[Job], relevance: Callable[[Question], Question]) -> dict[Job, Job]:
    """Job → the job that asks whether what it asks for is there, for those that ask for one thing by its name."""
    return {
        job: replace(job, question=relevance(job.question), sampling=replace(job.sampling, temperature=0.0, seed=None))
        for job in jobs
        if is_named(job.question)
    }


def doubted(answer: Answer, told: Answer, below: float) -> Answer:
    """The answer, or that there is none where yes was less likely than that."""
    likely = likely_of(told)
    if likely >= below:
        return answer
    made = replace(answer.generation, text=NOT_FOUND, mean_logprob=math.log(max(1 - likely, 1e-9)))
    return replace(answer, generation=made)
