"""Jobs about a page go in, what is asked in their place comes out: the same of excerpts, where print is too small."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

from smolcli.datatypes import Place
from smolcli.errors import MediaError
from smolcli.jobs import Failure, Job, Look, Question
from smolcli.regions import PageReading
from smolcli.verbs.docvqa.evidence import Pages
from smolcli.verbs.docvqa.excerpt import Excerpt, Eyes, Page, Rank
from smolcli.verbs.docvqa.ranking import values_of
from smolcli.verbs.stepwise import Outcome, StepError

WHOLE = ("auto", "high")  # of the details, those that leave it to us


def looked_at_closely(
    pages: Pages, place: Place, jobs: Sequence[Job], eyes: Eyes | None, rank: Rank
) -> Generator[list[Job], Sequence[Outcome], dict[Job, Job]]:
    """What is asked in place of jobs about a page; nothing for those that stay as they are."""
    if eyes is None or not eyes.letter_px or jobs[0].look.detail not in WHOLE:
        return {}
    try:
        found = yield from _excerpts(pages, place, [phrases_of(job.question) for job in jobs], eyes, rank)
    except (StepError, MediaError):  # it may be drawn all the same; if not, that is said then
        return {}
    base = pages.evidence.template.look
    return (
        {
            job: _job(job, place, excerpt, replace(base, turn=turn))
            for job, (excerpt, turn) in zip(jobs, found, strict=True)
            if excerpt is not None
        }
        if found
        else {}
    )


def _excerpts(
    pages: Pages, place: Place, phrases: Sequence[Sequence[str]], eyes: Eyes, rank: Rank
) -> Generator[list[Job], Sequence[Outcome], list[tuple[Excerpt | None, int]]]:
    """For each job what is shown of the page, and how it is turned; nothing where its print is large enough."""
    readings: list[PageReading] = list(pages.known(place))
    for reading in readings:
        page = Page(reading, pages.upright_px(place, reading.rotation))
        if not page.rows or page.letters_px(eyes) >= eyes.least_px:
            return []
        found = page.excerpts(phrases, rank, eyes)
        if any(found):
            return [(each, reading.rotation) for each in found]
    if pages.letters_share(place) * eyes.side_px >= eyes.least_px:
        return []
    pages.small_scans = pages.small_scans or not readings
    read = yield from pages.page(place)
    if read is None:
        return []
    small = Page(read, pages.upright_px(place, read.rotation))
    return [(each, read.rotation) for each in small.excerpts(phrases, rank, eyes)] if small.rows else []


def _job(job: Job, place: Place, excerpt: Excerpt, look: Look) -> Job:
    places = tuple(replace(place, box=box) for box in excerpt.boxes)
    return replace(job, places=places, look=replace(look, detail="high", sheet=excerpt.sheet))


def restored(outcome: Outcome, job: Job) -> Outcome:
    """What became of an excerpt, as what became of its page."""
    place = job.places[0]
    if isinstance(outcome, Failure):
        return replace(outcome, job=job, place=place.uri)
    return replace(outcome, job=job, shown=((place,),))


def phrases_of(question: Question) -> list[str]:
    """What is looked for: a question, or each of the values that a schema asks for."""
    return [f"{question.text} {each.words}".strip() for each in values_of(question)] or [question.text]
