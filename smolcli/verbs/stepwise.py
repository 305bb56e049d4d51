"""Work of several steps, in each of which some jobs are answered: pages that are read, documents that are asked.

    work = Stepwise(files)
    for event in work.results(reader.stream(work.jobs(tasks))): ...

A task's steps are a generator: it yields jobs, is sent what became of them, and returns what it came to. Several are
under way at once, so that the engine never waits for one; what they come to is said in the order of the tasks. What
some jobs come to may be said as it comes (`Task.at_once`), letter by letter, before what the task itself comes to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TypeVar

from smolcli.errors import SmolError
from smolcli.generation import Counts, Encoded, Generation, Piece, Seconds
from smolcli.jobs import Answer, Expected, Failure, Job, Waiting, failure
from smolcli.run import Event, Item, OpenFiles, passed_on

AT_ONCE = 3  # tasks under way: while one is prepared the engine has the jobs of the others
Outcome = Answer | Failure
Steps = Generator[list[Job], Sequence[Outcome], list[Outcome]]
T = TypeVar("T")


class StepError(Exception):
    """A task cannot go on: the failure of one of its jobs."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def answers(outcomes: Sequence[Outcome]) -> list[Answer]:
    """What jobs came to. Raises StepError where one failed."""
    for outcome in outcomes:
        if isinstance(outcome, Failure):
            raise StepError(outcome)
    return [outcome for outcome in outcomes if isinstance(outcome, Answer)]


def noting(
    steps: Generator[list[Job], Sequence[Outcome], T], made: list[Answer]
) -> Generator[list[Job], Sequence[Outcome], T]:
    """The same steps; what was answered on the way is put on a list."""
    outcomes: Sequence[Outcome] | None = None
    while True:
        try:
            wanted = steps.send(outcomes) if outcomes is not None else next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        outcomes = yield wanted
        made += [outcome for outcome in outcomes if isinstance(outcome, Answer)]


def spent(made: Sequence[Answer]) -> tuple[Counts, Seconds]:
    """What some answers took together."""
    all_made: list[Generation] = [answer.generation for answer in made]
    counts = {each.name: sum(getattr(one.counts, each.name) for one in all_made) for each in fields(Counts)}
    seconds = {each.name: sum(getattr(one.seconds, each.name) for one in all_made) for each in fields(Seconds)}
    return Counts(**counts), Seconds(**seconds)


@dataclass(slots=True, eq=False)
class Task:
    """Steps, and the job whose files they need and under whose name they fail.

    at_once: whether what becomes of a job is said as it comes. wanted: the jobs of the present step, in order; got:
    what became of each.
    """

    job: Job
    steps: Steps
    at_once: Callable[[Job], bool] = lambda job: False
    number: int = -1
    wanted: list[Job] = field(default_factory=list)
    got: dict[Job, Outcome] = field(default_factory=dict)

    @property
    def is_due(self) -> bool:
        """Whether its next step can be taken."""
        return all(job in self.got for job in self.wanted)

    def failed(self, inner: Failure) -> Failure:
        """The failure of a part as that of the whole."""
        place = self.job.places[0]
        return replace(inner, place=place.uri, source=place.source.path, job=None)


class Stepwise:
    """Takes the steps of tasks. `jobs` may run in another thread than `results`."""

    def __init__(self, files: OpenFiles, at_once: int = AT_ONCE) -> None:
        self._files, self._at_once = files, at_once
        self._under_way: list[Task] = []
        self._asked: dict[Job, deque[Task]] = {}  # whose a job is
        self._order: deque[Job] = deque()  # jobs that wait for an answer, the one that is written first
        self._early: dict[int, deque[Outcome]] = {}  # what tasks say before their end, until it is their turn
        self._ready: dict[int, Sequence[Outcome]] = {}  # what tasks came to, likewise
        self._count = self._due = 0
        self._parts = self._parts_done = 0  # jobs that were asked for, and answered

    # ---- jobs

    def jobs(self, tasks: Iterable[Task | Outcome | Expected]) -> Iterator[Item]:
        """Everything that has to be asked. An outcome among the tasks is one that takes no step."""
        for task in tasks:
            if isinstance(task, Expected):
                yield task
            elif isinstance(task, Task):
                yield from self._go_on(self._at_once - 1)
                yield from self._begin(task)
            else:
                yield self._came_to(self._next(), [task])
        yield from self._go_on(0)

    def _begin(self, task: Task) -> Iterator[Item]:
        """Take a task up; its files stay open until it is finished."""
        task.number = self._next()
        try:
            self._files.take(task.job)
        except SmolError as error:
            place = task.job.places[0]
            yield self._came_to(task.number, [failure(place.source.path, error, place)])
            return
        self._under_way.append(task)
        yield from self._step(task)

    def _go_on(self, most: int) -> Iterator[Item]:
        """Take the steps that are due, until at most so many tasks are under way."""
        while True:
            for task in [task for task in self._under_way if task.is_due]:
                yield from self._step(task)
            if len(self._under_way) <= most:
                return
            if not any(task.is_due for task in self._under_way):
                yield Waiting()

    def _step(self, task: Task) -> Iterator[Item]:
        outcomes, task.got = [task.got[job] for job in task.wanted], {}
        try:
            task.wanted = task.steps.send(outcomes) if outcomes else next(task.steps)
        except StopIteration as end:
            yield self._finished(task, end.value)
        except StepError as error:
            yield self._finished(task, [task.failed(error.failure)])
        except SmolError as error:
            place = task.job.places[0]
            yield self._finished(task, [failure(place.source.path, error, place)])
        else:
            self._parts += len(task.wanted)
            for job in task.wanted:
                self._asked.setdefault(job, deque()).append(task)
                self._order.append(job)
            yield from task.wanted

    def _finished(self, task: Task, outcomes: Sequence[Outcome]) -> Item:
        self._under_way.remove(task)
        self._files.give_back(task.job)
        return self._came_to(task.number, outcomes)

    def _came_to(self, number: int, outcomes: Sequence[Outcome]) -> Item:
        """Something for the run to say, so that `results` looks: a failure, which may end it, or nothing."""
        self._ready[number] = outcomes
        return next((each for each in outcomes if isinstance(each, Failure)), Expected(0))

    def _next(self) -> int:
        self._count += 1
        return self._count - 1

    # ---- results

    def results(self, events: Generator[Event], hears: Callable[[Outcome], None]) -> Generator[Event]:
        """What a run of `jobs` comes to, task by task, and everything that is not about a part of one.

        hears: is told of every outcome before it is said. A SmolError that is thrown in here is thrown into the run, so
        that it ends as it should.
        """

        def heard(event: Event) -> Iterator[Event]:
            for said in self._said(event):
                if isinstance(said, Answer | Failure):
                    hears(said)
                yield said

        yield from passed_on(events, heard)
        for said in self._broken_off():
            hears(said)
            yield said

    def _said(self, event: Event) -> Iterator[Event]:
        if isinstance(event, Answer | Failure) and event.job is not None:
            self._heard(event.job, event)
            yield Encoded(0, self._parts_done, self._parts)
        elif isinstance(event, Encoded | Piece) and self._is_said_at_once:
            yield event
        elif isinstance(event, Encoded) and event.total == 1:
            if event.done == 0 and self._parts_done == 0:  # from here on the time is taken
                yield Encoded(0, 0, self._parts)
        elif not isinstance(event, Piece | Failure):  # a piece is of a part; a failure is among what is ready
            yield event
        yield from self._whose_turn_it_is()

    def _heard(self, job: Job, outcome: Outcome) -> None:
        task = self._asked[job].popleft()
        task.got[job] = outcome
        self._order.remove(job)
        self._parts_done += 1
        if task.at_once(job):
            self._early.setdefault(task.number, deque()).append(outcome)

    @property
    def _is_said_at_once(self) -> bool:
        """Whether what is being written is said as it comes, and it is its task's turn."""
        task = self._asked[self._order[0]][0] if self._order else None
        return task is not None and task.number == self._due and task.at_once(self._order[0])

    def _whose_turn_it_is(self) -> Iterator[Outcome]:
        while self._due in self._early or self._due in self._ready:
            yield from self._early.pop(self._due, ())
            if self._due in self._ready:
                self._due += 1
                yield from self._ready.pop(self._due - 1)

    def _broken_off(self) -> Iterator[Outcome]:
        """The run ended early: tasks that are finished, and those that failed."""
        for task in self._under_way:
            unsaid = (each for job, each in task.got.items() if not task.at_once(job))
            if failed := next((each for each in unsaid if isinstance(each, Failure)), None):
                self._ready[task.number] = [task.failed(failed)]
        for number in sorted(self._ready.keys() | self._early.keys()):
            yield from self._early.pop(number, ())
            yield from self._ready.pop(number, ())
