"""Jobs in, events out, on this machine: the one loop of the program.

1. A job that an earlier run answered is an answer at once.
2. Any other is planned; its pictures are decoded and cut in threads, in order, bounded by bytes.
3. The engine takes a request whenever it has room, else makes a step.
4. An answer is kept, then said. What fails is a Failure, and the others go on.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress

from smolcli.datatypes import EngineEvent, Generation, Piece, Refused
from smolcli.engine import Engine
from smolcli.errors import SmolError
from smolcli.jobs import Answer, Expected, Failure, Job, Waiting, failure_of
from smolcli.run.ahead import Ahead, Task
from smolcli.run.asking import as_planned, number_of
from smolcli.run.events import Event, Idle, Item, Planned, RunOptions
from smolcli.run.kept import Kept
from smolcli.run.opened import OpenFiles
from smolcli.run.planning import RequestPlan, plan_job
from smolcli.run.prepare import held_bytes, load
from smolcli.run.twins import Twins
from smolcli.run.work import Work, noted, too_long, with_seed

WINDOW = 512  # answers that wait for an earlier one: twice as many as are written at once, at most
SOON_S = 0.002  # how long the next job is waited for while the engine has room: a small file is hashed by then
ENDING_S = 0.2  # how long a job in the making is waited for when the run ends, or has nothing else to do


def run(
    jobs: Iterable[Item], engine: Engine, files: OpenFiles, options: RunOptions, kept: Kept | None = None
) -> Generator[Event]:
    """Answer jobs, which are pulled as they are needed; failures and expectations among them pass through in turn.

    Where the run breaks off with a SmolError, raised by the engine or thrown in here, what is finished comes first.
    Raises EngineError, ModelError.
    """
    return _Loop(engine, files, options, kept).events(iter(jobs))


class _Loop:
    def __init__(self, engine: Engine, files: OpenFiles, options: RunOptions, kept: Kept | None) -> None:
        self._engine, self._files, self._options, self._kept = engine, files, options, kept
        self._twins = Twins(kept)
        self._ahead = Ahead(options.threads, options.ahead_bytes)
        self._decoding: deque[Work] = deque()
        self._reading: dict[int, Work] = {}  # in the engine, by number
        self._puller = Ahead(min(1, options.threads), 1)
        self._pulled: Task[Item | None] | None = None
        self._last: Work | None = None
        self._number = 0  # of the next job or failure
        self._due = 0  # of the next that is said, where they are said in order
        self._ready: dict[int, Answer | Failure] = {}
        self._more, self._failed = True, False
        self._heard = 0  # answers and failures that were said; _asked: when the next job was asked for
        self._asked = self._waiting = -1  # _waiting: the verb knew no further then

    def events(self, jobs: Iterator[Item]) -> Generator[Event]:
        try:
            while self._more or self._decoding or self._reading:
                yield from self._pull(jobs)
                self._hand_over()
                yield from self._step()
                yield from self._said()
                assert not self._is_stuck, "a verb waits for an answer that nobody is to give"
                if self._failed and self._options.fail_fast:
                    break
            yield from self._finished()
        except SmolError:
            yield from self._finished()
            raise
        finally:
            self._end(jobs)

    # ---- 1 and 2: what is known, what is to be decoded

    def _pull(self, jobs: Iterator[Item]) -> Iterator[Event]:
        """Take the next job or two, where there is room for what they hold.

        Files are opened and hashed where jobs are made: in a thread, one job ahead, and never before this one is held.
        """
        for _ in range(1 + self._engine.parallel // 4):
            if not self._has_room:
                return
            if self._pulled is None:
                self._pulled, self._asked = self._puller.give(lambda: next(jobs, None), 1), self._heard
            idle = not (self._engine.busy or self._decoding)
            if idle and not self._pulled.wait(ENDING_S):
                yield Idle()
            hungry = 1 < self._engine.parallel > len(self._reading) + len(self._decoding)
            if not self._pulled.wait(None if idle else SOON_S if hungry else 0.0):
                return
            pulled, self._pulled = self._pulled, None
            self._puller.drop(pulled)
            item = pulled.result()
            if item is None:
                self._more = False
            elif isinstance(item, Waiting):
                self._waiting = self._asked
            elif isinstance(item, Expected):
                yield item
            elif isinstance(item, Failure):
                self._finish(self._next(), item)
            else:
                yield from self._begin(self._next(), item)

    @property
    def _has_room(self) -> bool:
        """Whether another job may be pulled."""
        knows_more = self._more and self._waiting != self._heard
        return knows_more and self._ahead.has_room and self._number - self._due < WINDOW

    @property
    def _is_stuck(self) -> bool:
        under_way = self._decoding or self._reading or self._ready
        return self._more and self._waiting == self._heard and not under_way

    def _begin(self, number: int, job: Job) -> Iterator[Event]:
        known = self._kept.find(job, number) if self._kept is not None else None
        if known is not None:
            self._finish(number, noted(known, self._files.notes(job)))
            return
        try:
            media = self._files.take(job)
        except SmolError as error:
            self._fail(number, job, error)
            return
        notes = self._files.notes(job)
        try:
            plan = plan_job(self._engine, media, as_planned(job))
            plan.require_fit()
        except SmolError as error:
            self._files.give_back(job)
            self._fail(number, job, error)
            return
        self._last = self._work(number, job, notes, plan)
        self._decoding.append(self._last)
        yield Planned(job, plan)

    def _work(self, number: int, job: Job, notes: tuple[str, ...], plan: RequestPlan) -> Work:
        """Have the job's pictures decoded, or share those of the job before: another question about them."""
        last, drawn = self._last, with_seed(job, self._options.seed)
        if last is not None and last.shares(job, plan):
            return Work(number, job, notes, drawn, plan, self._ahead.share(last.task), shared=True)
        if last is not None and last not in self._decoding:
            last.let_go()
        task = self._ahead.give(lambda: load(self._files, job, plan.media), held_bytes(plan.media))
        return Work(number, job, notes, drawn, plan, task, shared=False)

    # ---- 3: the engine

    def _hand_over(self) -> None:
        """Give the engine what is decoded, in order, as long as it has room."""
        while self._decoding:
            work = self._decoding[0]
            if not self._is_decoded(work):
                return
            held = work.loaded is None
            try:
                asking = work.decoded()
                if held:
                    held = False
                    self._files.give_back(work.job)
                if self._is_twin(work):
                    self._given()
                    continue
                given = asking.give(self._engine)
                if asking.begun and work.loaded is not None and work.number not in self._reading:
                    work.began_s = time.monotonic() - work.loaded.preprocess_s
                    self._reading[work.number] = work
                if not given:
                    return
                self._given()
            except SmolError as error:
                if held:
                    self._files.give_back(work.job)
                self._lose(work, error)

    def _is_twin(self, work: Work) -> bool:
        """Whether a job that is decoded has the answer to another one, or waits for it."""
        if work.number in self._reading:
            return False
        known = self._twins.find(work)
        if known is not None:
            self._keep(work, known)
        return known is not None or self._twins.join(work)

    def _given(self) -> None:
        """The first job that was decoded is in the engine, or failed."""
        work = self._decoding.popleft()
        self._ahead.drop(work.task)
        work.let_go(self._last)

    def _lose(self, work: Work, error: SmolError) -> None:
        """A job cannot be answered, wherever it has come to."""
        self._reading.pop(work.number, None)
        if work.asking is not None:
            work.asking.cancel(self._engine)
        if self._decoding and self._decoding[0] is work:
            self._given()
        for each in (work, *self._twins.lost(work)):
            self._fail(each.number, each.job, error)

    def _is_decoded(self, work: Work) -> bool:
        """Whether the first job is decoded. While there is nothing else to do it is waited for, but not too long."""
        task, limit_s = work.task, self._options.timeout_s
        more = self._has_room and (self._pulled is None or self._pulled.done)
        idle = not (self._engine.busy or more)
        left_s = None
        if limit_s is not None:
            left_s = limit_s if task.began_s is None else task.began_s + limit_s - time.monotonic()
        if task.done or (idle and task.wait(left_s)):
            return True
        if left_s is not None and task.began_s is not None and time.monotonic() > task.began_s + (limit_s or 0):
            self._decoding.popleft()  # its thread and its files are left as they are: the decoder holds them
            self._ahead.abandon(task)
            self._fail(work.number, work.job, too_long(limit_s))
        return False

    def _step(self) -> Iterator[Event]:
        if not self._engine.busy:
            return
        for event in self._engine.step():
            yield from self._take(event)
        limit_s = self._options.timeout_s
        for work in list(self._reading.values()) if limit_s is not None else ():
            if time.monotonic() - work.began_s > (limit_s or 0):
                self._lose(work, too_long(limit_s))

    # ---- 4: answers and failures

    def _take(self, event: EngineEvent) -> Iterator[Event]:
        work = self._reading.get(number_of(event.key))
        if work is None or work.asking is None:  # another part of it has failed
            return
        if isinstance(event, Generation):
            whole = work.asking.take(event)
            if whole is None:
                return
            answer = work.answer(self._engine.facts.name, whole)
            self._keep(work, answer)
            for twin, own in self._twins.answered(work, answer):
                self._keep(twin, own)
            del self._reading[work.number]
        elif isinstance(event, Refused):
            self._lose(work, event.error)
        elif work.asking.shows(event.key, isinstance(event, Piece)):
            yield event

    def _keep(self, work: Work, answer: Answer) -> None:
        if self._kept is not None:
            self._kept.keep(answer)
        self._finish(work.number, noted(answer, work.notes))

    def _next(self) -> int:
        self._number += 1
        return self._number - 1

    def _fail(self, number: int, job: Job, error: SmolError) -> None:
        self._finish(number, failure_of(job, error))

    def _finish(self, number: int, what: Answer | Failure) -> None:
        self._ready[number] = what
        self._failed = self._failed or isinstance(what, Failure)

    def _said(self) -> Iterator[Event]:
        """What is finished and whose turn it is."""
        if not self._options.ordered:
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
        """Nothing that was under way meets the next run."""
        for work in self._reading.values():
            if work.asking is not None:
                work.asking.cancel(self._engine)
        for work in (each for each in self._decoding if each.loaded is None):
            work.task.then(self._files.give_back, work.job)
        for ahead in (self._ahead, self._puller):
            ahead.close()
        if self._pulled is not None:
            self._pulled.wait(ENDING_S)
        with suppress(ValueError):  # it still waits for its file, as a pipe that nobody writes to
            if isinstance(jobs, Generator):
                jobs.close()
