"""One document and its questions go in; the jobs that answering them takes come out, step by step, and the answers.

1. Its pages are ranked, where there are more than are to be read.
2. The best are asked at full detail, page by page, so that each is encoded once for all questions.
3. The surest answer of each question is looked for among the lines of its page.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from smolcli.datatypes import Place
from smolcli.jobs import Answer, Failure, Job
from smolcli.verbs.choosing import NOT_FOUND, Taken, best_of, confidence_of, filled, names_of, says_nothing
from smolcli.verbs.docvqa.closer import looked_at_closely, restored
from smolcli.verbs.docvqa.doubting import doubted, doubts
from smolcli.verbs.docvqa.evidence import Evidence, Pages
from smolcli.verbs.docvqa.excerpt import Eyes
from smolcli.verbs.docvqa.ranking import Ranking, known_texts, ranked, relevance_of
from smolcli.verbs.stepwise import AT_ONCE, Outcome, Steps, noting, spent
from smolcli.verbs.template import Template

NAMED = 12  # pages of a document that was read in part are named, at most so many


@dataclass(frozen=True, slots=True)
class Search:
    """How documents are searched. top: at most so many pages of each are read, None for all; each: every page is a
    document of its own. least: an answer of which the model was less sure is none; refusals: its own sentences for
    what a page does not tell. at_once: documents, or pages where each is one, that are under way together. eyes: how
    small print the model reads, None where it is shown whole pages. doubted: an answer is none where
    the model says yes less surely than that when it is asked whether there is such a thing; 0.0 where it is not asked.
    """

    ranking: Ranking
    evidence: Evidence
    top: int | None = 3
    each: bool = False
    least: float = 0.0
    refusals: Sequence[str] = ()
    at_once: int = AT_ONCE
    eyes: Eyes | None = None
    doubted: float = 0.0


def ask_document(pages: Pages, places: Sequence[Place], template: Template, search: Search) -> Steps:
    """What the questions about some pages come to: an answer each, after the pages that failed. Raises OutputError."""
    with pages.stack:
        asked, made, failed = list(template.jobs([places[0]])), list[Answer](), list[Failure]()
        top = len(places) if search.top is None or search.each else search.top
        order = {job.question: list(places) for job in asked}
        if len(places) > top:
            texts = known_texts(pages.media, places, search.ranking)
            order, failed = yield from noting(ranked(places, texts, asked, search.ranking), made)
        chosen = {question: found[:top] for question, found in order.items()}
        jobs = [replace(job, places=(place,)) for place in places for job in asked if place in chosen[job.question]]
        pages.made.clear()
        outcomes = yield from _asked(pages, list(dict.fromkeys(jobs)), search)
        reading = list(pages.made)  # what it took to read lines, which counts for the first question
        failed += [outcome for outcome in outcomes if isinstance(outcome, Failure)]
        full = {(each.job.places[0], each.job.question): each for each in outcomes if isinstance(each, Answer)}
        answers: list[Outcome] = list(_each_once(failed))
        for number, question in enumerate(template.questions):
            read = [full[place, question] for place in chosen[question] if (place, question) in full]
            skipped = len(places) if len(places) > top else 0
            asked_first = relevance_of(question, search.ranking)
            before = [*reading, *(each for each in made if each.job.question == asked_first)]
            if read:
                reading.clear()
                answers.append((yield from _answered(pages, read, before, search, (number, skipped))))
        return answers


def _asked(
    pages: Pages, jobs: Sequence[Job], search: Search
) -> Generator[list[Job], Sequence[Outcome], Sequence[Outcome]]:
    """What becomes of jobs about pages; of pages with small print those rows are shown that are about the question."""
    instead: dict[Job, Job] = {}
    for place in dict.fromkeys(job.places[0] for job in jobs):
        own = [job for job in jobs if job.places[0] == place]
        instead |= yield from looked_at_closely(pages, place, own, search.eyes, search.ranking.rank)
    asked = [instead.get(job, job) for job in jobs]
    second = doubts(asked, search.ranking) if search.doubted else {}
    in_turn = (each for job in asked for each in (job, *second.get(job, {}).values()))  # about a page while it is held
    wanted = list(dict.fromkeys(in_turn))
    came = dict(zip(wanted, (yield wanted), strict=True))
    found = []
    for job, each in zip(jobs, asked, strict=True):
        outcome = came[each] if each is job else restored(came[each], job)
        told = {path: is_there for path, of in second.get(each, {}).items() if isinstance(is_there := came[of], Answer)}
        pages.made += told.values()
        found.append(doubted(outcome, told, search.doubted) if isinstance(outcome, Answer) else outcome)
    return found


def _answered(
    pages: Pages, read: Sequence[Answer], before: Sequence[Answer], search: Search, of: tuple[int, int]
) -> Generator[list[Job], Sequence[Outcome], Answer]:
    """The one answer of several pages, its place, and what it took.

    before: what was answered to rank pages and to read lines. of: the question's number, and how many pages the
    document has where not all were to be read, else 0.
    """
    number, total = of
    best = best_of(read, search.refusals)
    sure = confidence_of(best)
    pages.made.clear()
    notes = dict.fromkeys(note for each in read for note in each.warnings)
    if best.data is not None:
        best, parts = filled(best, read)
        notes = dict.fromkeys(_about(parts, read))
        best = replace(best, warnings=())
        best = yield from pages.located(best, number, [replace(each, data=data) for each, data in parts])
    elif says_nothing(best, search.refusals) or (best.choices is None and sure < search.least):
        best = _not_found(best, read, says_nothing(best, search.refusals))
    else:
        best = yield from pages.located(best, number)
    everything = [*before, *read, *pages.made]
    counts, seconds = spent(everything)
    made = replace(best.generation, counts=counts, seconds=seconds)
    skipped = [_skipped(read, total)] if total else []
    if skipped and pages.small_scans:
        path = best.job.places[0].source.path
        skipped.append(
            f"The print of {path} is too small for its pages to be ranked by their looks; what smol ocr reads of them "
            "is kept, and ranks them from then on."
        )
    warnings = tuple(dict.fromkeys([*notes, *best.warnings, *skipped]))
    cached = all(each.cached for each in everything)
    return replace(best, generation=made, warnings=warnings, cached=cached, confidence=sure)


def _about(parts: Sequence[Taken], read: Sequence[Answer]) -> Iterator[str]:
    """What was odd with the pages that were read, and with those of their values that count."""
    asked = {name for answer, _ in parts for name in names_of(answer.data, empty=True)}
    counted = [(answer, set(names_of(data))) for answer, data in parts]
    elsewhere = {name for _, names in counted[1:] for name in names}
    for each in read:
        own = next((names for answer, names in counted if answer is each), set())
        if counted and each is counted[0][0]:
            own = asked - elsewhere
        for note in each.warnings:
            name = note.partition(": ")[0].partition("[")[0]
            if name not in asked or name in own:
                yield note


def _not_found(best: Answer, read: Sequence[Answer], refused: bool) -> Answer:
    """No page answers; refused: the model says so itself, else it was too unsure of its guess."""
    places = tuple(each.job.places[0] for each in read)
    job, shown = replace(best.job, places=places), tuple(group for each in read for group in each.shown)
    where, warnings = best.job.places[0].label, best.warnings
    if refused:
        what = "The page does not answer" if len(read) == 1 else f"None of the {len(read)} pages that were read answers"
        warnings = (*warnings, f"{what} {best.question!r} ({best.job.places[0].source.path}).")
    else:
        guess = f"The best guess, {best.text!r} on {where}, is too unsure to be an answer (--least)."
        warnings = (*warnings, guess)
    made = replace(best.generation, text=NOT_FOUND)
    return replace(best, job=job, shown=shown, generation=made, warnings=warnings)


def _skipped(read: Sequence[Answer], total: int) -> str:
    """What was read of a document, and what was not."""
    places = sorted((each.job.places[0] for each in read), key=lambda place: place.index)
    numbers = [str(place.page if place.page is not None else place.index + 1) for place in places]
    shown = ", ".join(numbers[:NAMED]) + (", …" if len(numbers) > NAMED else "")
    pages = f"page {shown}" if len(numbers) == 1 else f"pages {shown}"
    return (
        f"Of the {total} pages of {places[0].source.path} {pages} {'was' if len(numbers) == 1 else 'were'} read for "
        f"{read[0].question!r}; --all-pages reads all, --top more."
    )


def _each_once(failed: Iterable[Failure]) -> Iterable[Failure]:
    """One failure for each page, however much was asked of it; not of a part of a document any more."""
    seen: dict[tuple[str, str], Failure] = {}
    for each in failed:
        seen.setdefault((each.place, each.message), replace(each, job=None))
    return seen.values()
