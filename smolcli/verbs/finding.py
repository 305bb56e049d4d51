"""Files and something to look for go in; the places where it is seen come out, with how likely that is.

A picture and a page are asked once, yes or no. Of a clip frames are, as pictures, spread evenly; where one says yes and
its neighbour no, frames between them are, until it is known to a fraction of a second from when to when it is seen.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from smolcli.datatypes import Place
from smolcli.errors import SmolError
from smolcli.jobs import Answer, Expected, Failure, Job, failure
from smolcli.media import Found, Media
from smolcli.run import Access, Event, Item, OpenFiles, passed_on
from smolcli.verbs.choosing import NO, YES, likely_of
from smolcli.verbs.pages import each_file
from smolcli.verbs.stepwise import AT_ONCE, Outcome, StepError, Steps, Stepwise, Task, answers, spent
from smolcli.verbs.template import Template

MOST_FRAMES = 64  # of a clip that are looked at before anything is known
FINEST_S = 0.25  # a boundary is known no closer
GLANCE_S = 0.05  # a frame is the first of so short a window


@dataclass(frozen=True, slots=True)
class Looking:
    """How it is looked for. least: how likely yes has to be; start_s, end_s: of clips, the part that is looked at;
    often: frames a second of a clip are looked at however long it is, not only so many as cover it.
    """

    least: float = 0.5
    start_s: float = 0.0
    end_s: float | None = None
    often: bool = False


class Finding:
    """Looks through files. template: one question, to be answered with yes or no."""

    def __init__(
        self, files: OpenFiles, found: Iterable[Found], template: Template, access: Access, looking: Looking
    ) -> None:
        self._files, self._found, self._looking = files, found, looking
        self._template = template.within(choices=(YES, NO))
        self._access = replace(access, several=True, moving=True)

    def jobs(self, at_once: int = 1) -> Iterator[Item]:
        """Everything that has to be asked."""
        self._work = Stepwise(self._files, max(AT_ONCE, at_once))
        return self._work.jobs(each_file(self._found, self._file))

    def answers(self, events: Generator[Event]) -> Generator[Event]:
        """What a run of `jobs` comes to: an answer for each place where it is seen, failures, and all else."""
        return self._work.results(events, lambda outcome: None)

    def _file(self, path: str) -> Iterator[Task | Outcome | Expected]:
        try:
            with self._files.hold(path, self._template.look, self._access) as media:
                if media.video is not None:
                    (job,) = self._template.jobs([Place(media.source)])
                    yield Task(job, _Clip(media, self._template, self._looking).steps())
                    return
                yield Expected(len(media.places) - 1)
                for place in media.places:
                    (job,) = self._template.jobs([place])
                    yield Task(job, self._still(job))
        except SmolError as error:
            yield failure(path, error)

    def _still(self, job: Job) -> Steps:
        (answer,) = answers((yield [job]))
        likely = likely_of(answer)
        return [_seen(answer, likely, answer.job.places[0])] if likely >= self._looking.least else []


def question_for(text: str) -> str:
    """What is looked for as a question, unless it is one."""
    return text if text.rstrip().endswith("?") else f"Is there {text.strip()}?"


def noting(events: Generator[Event], found: list[Answer], top: int | None) -> Generator[Event]:
    """The same events; what was found is put on a list. top: only the likeliest, once all are known."""

    def shown(event: Event) -> Iterator[Event]:
        if isinstance(event, Answer):
            found.append(event)
        if top is None or not isinstance(event, Answer):
            yield event

    yield from passed_on(events, shown)
    if top is not None:
        found.sort(key=lambda answer: -(answer.confidence or 0.0))
        yield from found[:top]


def _seen(answer: Answer, likely: float, place: Place) -> Answer:
    """A place where it is seen; its text says how likely that is."""
    made = replace(answer.generation, text=f"{likely:.2f}")
    return replace(answer, job=replace(answer.job, places=(place,)), generation=made, confidence=likely)


@dataclass(slots=True, eq=False)
class _Clip:
    """A clip that is looked through. seen: what each moment (seconds) that was looked at came to."""

    media: Media
    template: Template
    looking: Looking
    seen: dict[float, Answer] = field(default_factory=dict)

    def steps(self) -> Steps:
        """The stretches in which it is seen. Raises StepError where no frame can be looked at."""
        start_s, end_s, step_s, note = self._stretch()
        count = max(1, round((end_s - start_s) / step_s))
        failed = yield from self._look([start_s + (n + 0.5) * (end_s - start_s) / count for n in range(count)])
        if not self.seen and failed:
            raise StepError(failed[0])
        while borders := self._borders():
            before = len(self.seen)
            yield from self._look([(one + other) / 2 for one, other in borders])
            if len(self.seen) == before:  # none of them can be decoded
                break
        lost = (f"{len(failed)} of {count} frames of {self.media.source.path} could not be read.",) if failed else ()
        return [replace(each, warnings=(*each.warnings, *note, *lost)) for each in self._stretches(start_s, end_s)]

    def _stretch(self) -> tuple[float, float, float, tuple[str, ...]]:
        """From when to when, and how often it is looked; what is to be said of that."""
        assert self.media.video is not None
        lasts_s, fps = self.media.video.duration_s, self.template.look.fps
        start_s = min(max(0.0, self.looking.start_s), max(0.0, lasts_s - GLANCE_S))
        end_s = lasts_s if self.looking.end_s is None else min(lasts_s, max(self.looking.end_s, start_s + GLANCE_S))
        step_s, coarse_s = 1 / fps, (end_s - start_s) / MOST_FRAMES
        if self.looking.often or coarse_s <= step_s:
            return start_s, end_s, step_s, ()
        note = (
            f"Of {self.media.source.path} a frame every {coarse_s:.1f} s was looked at first: what is seen for less "
            f"may be missed. --fps {fps:g} looks at more."
        )
        return start_s, end_s, coarse_s, (note,)

    def _look(self, moments: Sequence[float]) -> Generator[list[Job], Sequence[Outcome], list[Failure]]:
        """Look at the frames of some moments; what failed."""
        jobs = {}
        for moment_s in moments:
            (outline,) = self.media.sampled(1, (moment_s, moment_s + GLANCE_S))
            (jobs[moment_s],) = self.template.jobs([outline.place])
        outcomes = yield list(dict.fromkeys(jobs.values()))
        came = dict(zip(dict.fromkeys(jobs.values()), outcomes, strict=True))
        found = {moment_s: came[job] for moment_s, job in jobs.items()}
        self.seen |= {moment_s: each for moment_s, each in found.items() if isinstance(each, Answer)}
        return [each for each in found.values() if isinstance(each, Failure)]

    def _borders(self) -> list[tuple[float, float]]:
        """Neighbours of which one shows it and the other does not, and between which there is more to see."""
        return [
            (one, other)
            for one, other in self._neighbours()
            if self._shows(one) != self._shows(other) and other - one > FINEST_S
        ]

    def _neighbours(self) -> Iterator[tuple[float, float]]:
        return pairwise(sorted(self.seen))

    def _shows(self, moment_s: float) -> bool:
        return likely_of(self.seen[moment_s]) >= self.looking.least

    def _stretches(self, start_s: float, end_s: float) -> Iterator[Answer]:
        """The stretches of neighbours that show it; each begins and ends half-way to one that does not."""
        moments = sorted(self.seen)
        edges = [start_s, *((one + other) / 2 for one, other in self._neighbours()), end_s]
        number = 0
        everything = spent(list(self.seen.values()))
        while number < len(moments):
            first = number
            while number < len(moments) and self._shows(moments[number]):
                number += 1
            if number > first:
                best = max((self.seen[moment_s] for moment_s in moments[first:number]), key=likely_of)
                window_s = round(edges[first], 3), round(edges[number], 3)
                found = _seen(best, likely_of(best), Place(self.media.source, window_s=window_s))
                yield replace(found, generation=replace(found.generation, counts=everything[0], seconds=everything[1]))
            number += number == first
