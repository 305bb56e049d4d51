"""The windows of a clip and questions go in; the windows in the order in which they are worth reading come out."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

from smolcli.datatypes import Place
from smolcli.jobs import Answer, Job, Look, Question
from smolcli.verbs.choosing import NO, YES, likely_of
from smolcli.verbs.stepwise import Outcome
from smolcli.verbs.template import Template

GLANCE_FRAMES = 4  # of a window that is to be ranked
Order = dict[Question, list[Place]]


def glance(look: Look) -> Look:
    """How a window is looked at that is only to be ranked."""
    return replace(look, detail="low", frames=GLANCE_FRAMES)


def relevance_of(question: Question, asking: str) -> Question:
    """Whether a window shows what is asked, to be answered with yes or no. asking: with {question} in it."""
    return replace(question, text=asking.replace("{question}", question.text), hint="", choices=(YES, NO), schema="")


def ranked(places: Sequence[Place], template: Template, asking: str) -> Generator[list[Job], Sequence[Outcome], Order]:
    """Every question's windows, likeliest first; those that cannot be looked at come last, to fail in full."""
    sampling, look = replace(template.sampling, temperature=0.0, seed=None), glance(template.look)
    jobs = {
        (question, place): Job((place,), relevance_of(question, asking), look, sampling)
        for place in places
        for question in template.questions
    }
    wanted = list(dict.fromkeys(jobs.values()))
    came = dict(zip(wanted, (yield wanted), strict=True))
    outcomes = {key: came[job] for key, job in jobs.items()}
    likely = {key: likely_of(each) if isinstance(each, Answer) else -1.0 for key, each in outcomes.items()}

    def order(question: Question) -> list[Place]:
        return sorted(places, key=lambda place: -likely[question, place])

    return {question: order(question) for question in template.questions}
