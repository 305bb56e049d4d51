"""Items in, events out in turn: what a run is wherever its jobs are computed (here.py, cluster/).

1. A job that an earlier run answered is an answer at once.
2. Any other is begun, worked on, and comes to an answer, which is kept, then said, or to a failure.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from contextlib import suppress

from smolcli.errors import MediaError, SmolError
from smolcli.jobs import Answer, Expected, Failure, Job, Waiting, failure_of
from smolcli.run.ahead import Ahead, Task
from smolcli.run.events import Event, Idle, Item, RunOptions
from smolcli.run.kept import Kept
from smolcli.run.opened import OpenFiles
from smolcli.run.work import noted

WINDOW = 512  # answers that wait for an earlier one: twice as many as are written at once, at most
ENDING_S = 0.2  # how long a job in the making is waited for when the run ends, or has nothing else to do


class Loop(ABC):
    """A run. Its subclass computes: it begins jobs, works on them, and says what each comes to by its number.

    at_once: items that are taken up between two pieces of work, where there are so many.
    """

    at_once = 1
    hashes_beside = False  # whether `begin` takes jobs about files whose hashes are still being made

    def __init__(self, files: OpenFiles, options: RunOptions, kept: Kept | None) -> None:
        self.files, self.options, self._kept = files, options, kept
        self._puller = Ahead(min(1, options.threads), 1)
        self._pulled: Task[Item | None] | None = None
        self._number = 0  # of the next job or failure
        self._due = 0  # of the next that is said, where they are said in order
        self._ready: dict[int, Answer | Failure] = {}
        self._more, self._failed = True, False
        self._unsought: set[int] = set()  # jobs that were begun before it could be known whether they are answered
        self._heard = 0  # answers and failures that were said; _asked: when the next job was asked for
        self._asked = self._waiting = -1  # _waiting: the verb knew no further then

    # ---- what a subclass does

    @property
    @abstractmethod
    def under_way(self) -> bool:
        """Whether a job was begun that has come to nothing yet."""

    @property
    @abstractmethod
    def has_room(self) -> bool:
        """Whether another job may be begun."""

    @property
    def patience_s(self) -> float:
        """How long an item that is in the making is waited for while others are worked on."""
        return 0.0

    @abstractmethod
    def begin(self, number: int, job: Job) -> Iterator[Event]:
        """Take up a job that no earlier run has answered; its files are open now."""

    @abstractmethod
    def work(self) -> Iterator[Event]:
        """Go on with what was begun, for a moment. Raises EngineError, ModelError, which end the run."""

    @abstractmethod
    def end(self) -> None:
        """Let go of what is under way: nothing of it may meet the next run."""

    # ---- what it says

    def answered(self, number: int, answer: Answer, notes: tuple[str, ...]) -> None:
        """A job has come to an answer. notes: on how its files were opened, which are not kept with it."""
        if self._kept is not None:
            self._kept.keep(answer)
        self.finish(number, noted(answer, notes))

    def failed(self, number: int, job: Job, error: SmolError) -> None:
        """A job cannot be answered."""
        self.finish(number, failure_of(job, error))

    def finish(self, number: int, what: Answer | Failure) -> None:
        """What a job has come to; it is said when it is its turn."""
        self._ready[number] = what
        self._failed = self._failed or isinstance(what, Failure)

    @property
    def has_next(self) -> bool:
        """Whether a next item may be taken, and is there or not asked for yet."""
        return self.may_take and (self._pulled is None or self._pulled.done)

    # ---- the run itself

    def events(self, jobs: Iterator[Item]) -> Generator[Event]:
        """Everything that happens. Raises EngineError, ModelError."""
        try:
            while self._more or self.under_way:
                yield from self._pull(jobs)
                yield from self.work()
                yield from self._said()
                assert not self._is_stuck, "a verb waits for an answer that nobody is to give"
                if self._failed and self.options.fail_fast:
                    break
            yield from self._finished()
        except SmolError:
            yield from self._finished()
            raise
        finally:
            self._end(jobs)

    def _pull(self, jobs: Iterator[Item]) -> Iterator[Event]:
        """Take the next items, where there is room for what they hold.

        Files are opened and hashed where jobs are made: in a thread, one job ahead, and never before this one is held.
        """
        for _ in range(self.at_once):
            if not self.may_take:
                return
            if self._pulled is None:
                self._pulled, self._asked = self._puller.give(lambda: next(jobs, None), 1), self._heard
            idle = not self.under_way
            if idle and self._ready and not self._pulled.done:
                return  # it is said before anything is waited for
            if idle and not self._pulled.wait(ENDING_S):
                yield Idle()
            if not (self._pulled.done or self._pulled.wait(None if idle else self.patience_s)):
                return
            pulled, self._pulled = self._pulled, None
            self._puller.drop(pulled)
            yield from self._take_up(pulled.result())

    def _take_up(self, item: Item | None) -> Iterator[Event]:
        if item is None:
            self._more = False
        elif isinstance(item, Waiting):
            self._waiting = self._asked
        elif isinstance(item, Expected):
            yield item
        elif isinstance(item, Failure):
            self.finish(self._next(), item)
        else:
            yield from self._take_up_job(self._next(), item)

    def _take_up_job(self, number: int, job: Job) -> Iterator[Event]:
        if self.hashes_beside and not job.is_hashed:
            self._unsought.add(number)
        else:
            try:
                if self._known(number, job, self.files.notes(job)) is not None:
                    return
            except MediaError as error:  # no hash: it cannot be read to its end
                self.failed(number, job, error)
                return
        yield from self.begin(number, job)

    def _known(self, number: int, job: Job, notes: tuple[str, ...]) -> Answer | None:
        """What an earlier run has answered, which is what the job comes to now. Raises MediaError (a hash)."""
        known = self._kept.find(job, number) if self._kept is not None else None
        if known is not None:
            self.finish(number, noted(known, notes))
        return known

    def known_late(self, number: int, job: Job, notes: tuple[str, ...]) -> Answer | None:
        """The same of a job that was begun before it could be asked, once it can be. Raises MediaError."""
        if number not in self._unsought or not job.is_hashed:
            return None
        self._unsought.discard(number)
        return self._known(number, job, notes)

    @property
    def may_take(self) -> bool:
        """Whether another item would be taken, were it there."""
        knows_more = self._more and self._waiting != self._heard
        return knows_more and self.has_room and self._number - self._due < WINDOW

    @property
    def _is_stuck(self) -> bool:
        return self._more and self._waiting == self._heard and not (self.under_way or self._ready)

    def _next(self) -> int:
        self._number += 1
        return self._number - 1

    def _said(self) -> Iterator[Event]:
        """What is finished and whose turn it is."""
        if not self.options.ordered:
            yield from self._finished()
        while self._due in self._ready:
            self._due, self._heard = self._due + 1, self._heard + 1
            yield self._ready.pop(self._due - 1)

    def _finished(self) -> Iterator[Event]:
        """All that is finished, in order."""
        self._due = self._number
        for number in sorted(self._ready):
            self._heard += 1
            yield self._ready.pop(number)

    def _end(self, jobs: Iterator[Item]) -> None:
        self.end()
        self._puller.close()
        if self._pulled is not None:
            self._pulled.wait(ENDING_S)
        with suppress(ValueError):  # it still waits for its file, as a pipe that nobody writes to
            if isinstance(jobs, Generator):
                jobs.close()
