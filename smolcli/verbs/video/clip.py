"""One clip and what is asked of it go in; the jobs that it takes come out, step by step, and the answers.

1. A clip of one window is asked by itself. The answer is said as it is written.
2. Without a question every window is described, said as it comes, and the descriptions become one.
3. A question is put to the windows that seem to show what is asked: they are ranked by a few frames of each
   (ranking.py), and the best are read in full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from smolcli.datatypes import Place
from smolcli.jobs import Answer, Failure, Job
from smolcli.media import Media
from smolcli.run import Access, OpenFiles
from smolcli.verbs.choosing import NOT_FOUND, best_of, confidence_of, says_nothing
from smolcli.verbs.stepwise import Outcome, StepError, Steps, noting, spent
from smolcli.verbs.template import Template
from smolcli.verbs.video.merging import Merging, merged
from smolcli.verbs.video.ranking import Order, glance, ranked, relevance_of

AHEAD = 4  # windows that are asked about together: the next is decoded while one is read


@dataclass(frozen=True, slots=True)
class Watching:
    """How clips are watched. windows: the places of a clip to look at, in order; one without a window is all of it.

    asked: there is a question, and not only a description to give. merging: of descriptions; None joins them, and
    `joins` says so. relevance: how the model is asked whether a window shows the answer to {question}. top: at most so
    many windows of each clip are read for a question, None for all; least: an answer of which the model was less sure
    is none; refusals: its own sentences for what a clip does not tell.
    """

    windows: Callable[[Media], Iterable[Place]]
    asked: bool = False
    merging: Merging | None = None
    joins: str = ""
    relevance: str = "{question}"
    top: int | None = 3
    least: float = 0.0
    refusals: Sequence[str] = ()


@dataclass(slots=True, eq=False)
class Clip:
    """A clip that is open, and what is asked of it. places: its windows, in order; whole: all that is looked at.

    said: the jobs whose answers are said as they come.
    """

    files: OpenFiles
    media: Media
    places: Iterator[Place]
    whole: Place
    template: Template
    watching: Watching
    said: set[Job] = field(default_factory=set)

    def steps(self) -> Steps:
        """What is asked of it, and what that comes to, beside what is said on the way."""
        return self._answered() if self.watching.asked else self._described()

    def _described(self) -> Steps:
        told, count = list[Answer](), 0
        while some := list(islice(self.places, AHEAD)):
            count += len(some)
            jobs = [job for place in some for job in self.template.jobs([place])]
            self.said.update(jobs)
            outcomes = yield jobs
            told += [outcome for outcome in outcomes if isinstance(outcome, Answer)]
        if len(told) < 2:
            return []
        answer = yield from merged(told, self.watching.merging)
        lost = [f"{count - len(told)} of {count} windows could not be read."] if len(told) < count else []
        joined = [self.watching.joins] if self.watching.merging is None and self.watching.joins else []
        shown = tuple(place for each in told for place in each.places)
        job = replace(answer.job, places=(self.whole,))
        return [replace(answer, job=job, shown=(shown,), warnings=(*lost, *joined), confidence=None)]

    def _answered(self) -> Steps:
        places = list(self.places)
        asked = list(self.template.jobs(places[:1]))
        if len(places) == 1:
            self.said.update(asked)
            yield asked
            return []
        top, made = self.watching.top or len(places), list[Answer]()
        order: Order = dict.fromkeys(self.template.questions, places)
        if len(places) > top:
            look, access = glance(self.template.look), Access(moving=True, several=True)
            with self.files.hold(self.media.source.path, look, access):  # else every glance would open it again
                order = yield from noting(ranked(places, self.template, self.watching.relevance), made)
        chosen = {question: found[:top] for question, found in order.items()}
        jobs = [replace(job, places=(place,)) for place in places for job in asked if place in chosen[job.question]]
        outcomes = yield list(dict.fromkeys(jobs))
        return self._best_of_each(chosen, made, outcomes, len(places))

    def _best_of_each(
        self, chosen: Order, made: Sequence[Answer], outcomes: Sequence[Outcome], total: int
    ) -> list[Outcome]:
        """An answer to each question, after the windows that failed. Raises StepError where all did."""
        read = [outcome for outcome in outcomes if isinstance(outcome, Answer)]
        failed = [replace(outcome, job=None) for outcome in outcomes if isinstance(outcome, Failure)]
        if not read:
            raise StepError(failed[0])
        said: list[Outcome] = list(dict.fromkeys(failed))
        for question in self.template.questions:
            full = {answer.job.places[0]: answer for answer in read if answer.job.question == question}
            own = [full[place] for place in chosen[question] if place in full]
            relevance = relevance_of(question, self.watching.relevance)
            glances = [answer for answer in made if answer.job.question == relevance]
            if own:
                said.append(self._best(own, glances, total))
        return said

    def _best(self, read: Sequence[Answer], glances: Sequence[Answer], total: int) -> Answer:
        """The one answer of several windows, and what it took."""
        best = best_of(read, self.watching.refusals)
        sure = confidence_of(best)
        counts, seconds = spent([*glances, *read])
        made = replace(best.generation, counts=counts, seconds=seconds)
        notes = [*dict.fromkeys(note for each in read for note in each.warnings), *_unread(read, total)]
        unsure = best.choices is None and best.data is None and sure < self.watching.least
        if unsure or says_nothing(best, self.watching.refusals):
            made = replace(made, text=NOT_FOUND)
            best = replace(best, job=replace(best.job, places=(self.whole,)), shown=tuple(a.places for a in read))
        else:
            best = replace(best, evidence=best.job.places)
        cached = all(each.cached for each in (*glances, *read))
        return replace(best, generation=made, warnings=tuple(notes), cached=cached, confidence=sure)


def _unread(read: Sequence[Answer], total: int) -> Iterator[str]:
    """How much of a clip was read in full, where that is not all."""
    if len(read) < total:
        best = read[0]
        yield (
            f"Of the {total} windows of {best.job.places[0].source.path} {len(read)} "
            f"{'was' if len(read) == 1 else 'were'} read for {best.question!r}; --all reads all, --windows more."
        )
