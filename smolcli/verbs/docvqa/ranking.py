"""The pages of a document and a question go in, the pages in the order in which they are worth reading come out.

Pages whose text is known (their own, or one that an earlier run has read) are ranked by their words. Of the others the
model is shown a small picture each, and how likely it is to say yes ranks them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from typing import Any

from smolcli.datatypes import Place
from smolcli.errors import MediaError
from smolcli.jobs import Answer, Failure, Job, Look, Question
from smolcli.media import Media, fault_of
from smolcli.run import PageTexts
from smolcli.verbs.choosing import NO, YES, likely_of
from smolcli.verbs.docvqa.matching import content_of
from smolcli.verbs.stepwise import Outcome

JUDGED = 2000  # characters of a page's own text, by which it is told whether it makes sense
Rank = Callable[[Sequence[str], str], list[float]]
Ranked = dict[Question, list[Place]]


@dataclass(frozen=True, slots=True)
class Ranking:
    """texts: of pages that were read before. rank: how well texts fit a question, 0 for not at all. asking: how
    the model is asked whether a page tells: {question}, {words} are the question and the words that it is about.
    """

    texts: PageTexts
    rank: Rank
    asking: str


def known_texts(media: Media, places: Sequence[Place], ranking: Ranking) -> list[str]:
    """What pages say, as far as no model is needed to know it; "" for the others."""
    return [_own_words(media, place) or ranking.texts.get(place) for place in places]


def _own_words(media: Media, place: Place) -> str:
    try:
        text = media.text(place)
        return "" if fault_of(text[:JUDGED]) else text
    except MediaError:  # it may be drawn all the same
        return ""


def ranked(
    places: Sequence[Place], texts: Sequence[str], questions: Sequence[Job], ranking: Ranking
) -> Generator[list[Job], Sequence[Outcome], tuple[Ranked, list[Failure]]]:
    """Every question's pages, best first, and the pages that could not be looked at. questions: a job of each."""
    unknown = [place for place, text in zip(places, texts, strict=True) if not text]
    wanted = {(place, job.question): _relevance(place, job, ranking) for place in unknown for job in questions}
    outcomes: Sequence[Outcome] = (yield list(dict.fromkeys(wanted.values()))) if wanted else []
    came = dict(zip(dict.fromkeys(wanted.values()), outcomes, strict=True))
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    order: Ranked = {}
    for job in questions:
        likely = {}
        for place in unknown:
            outcome = came[wanted[place, job.question]]
            if isinstance(outcome, Answer):
                likely[place] = likely_of(outcome)
        order[job.question] = _merged(places, texts, ranking.rank(texts, query_of(job.question)), likely)
    return order, failed


def relevance_of(question: Question, ranking: Ranking, words: str = "") -> Question:
    """Whether a page tells what is asked, to be answered with yes or no. words: a value of a schema that is meant."""
    query = words or query_of(question)
    text = ranking.asking.replace("{words}", words or content_of(query)).replace("{question}", query)
    return replace(question, text=text, hint="", choices=(YES, NO), schema="")


def _relevance(place: Place, job: Job, ranking: Ranking) -> Job:
    """Whether a page tells, by a small picture of it."""
    look, sampling = replace(job.look, detail="low"), replace(job.sampling, temperature=0.0, seed=None)
    return Job((place,), relevance_of(job.question, ranking), look, sampling)


def _merged(
    places: Sequence[Place], texts: Sequence[str], scores: Sequence[float], likely: Mapping[Place, float]
) -> list[Place]:
    """Pages by their words and pages by their looks, in turns: the two cannot be compared. Then what says nothing."""
    scored = [(score, place) for place, text, score in zip(places, texts, scores, strict=True) if text]
    by_words = [place for score, place in sorted(scored, key=lambda each: -each[0]) if score > 0]
    by_looks = sorted(likely, key=lambda place: -likely[place])
    first = [place for place in chain(*zip_longest(by_words, by_looks)) if place is not None]
    return [*first, *(place for score, place in scored if score <= 0)]


def query_of(question: Question) -> str:
    """The words to look for: the question's, or the names of what a schema asks for."""
    return (
        " ".join([question.text, *(each.words for each in values_of(question))]) if question.schema else question.text
    )


@dataclass(frozen=True, slots=True)
class Value:
    """A value that a schema asks for: the names that lead to it, the words for it, whether it is written out."""

    path: tuple[str, ...]
    words: str
    is_written: bool


def values_of(question: Question) -> list[Value]:
    """What a question's schema asks for; nothing where it has none."""
    return list(_values(json.loads(question.schema), ())) if question.schema else []


def _values(schema: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Value]:
    for name, each in schema.get("properties", {}).items():
        if "properties" in each:
            yield from _values(each, (*path, name))
            continue
        told = next((each[key] for key in ("title", "description") if isinstance(each.get(key), str)), "")
        words = " ".join((*path, name)).replace("_", " ").replace("-", " ")
        is_written = each.get("type") in ("string", "number", "integer") and "enum" not in each
        yield Value(
            (*path, name), f"{words} {told}".strip() if told.casefold() != words.casefold() else words, is_written
        )


def opening(look: Look, dpi: int) -> Look:
    """The look of pages whose lines are read."""
    return look if look.dpi is not None else replace(look, dpi=dpi)
