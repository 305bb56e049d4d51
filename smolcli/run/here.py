"""Jobs in, events out, on this machine.

1. A job is planned; its pictures are decoded and cut in threads, in order, bounded by bytes.
2. The engine takes a request whenever it has room, else makes a step.
3. What it has made of all of a job's requests is its answer. What fails is a Failure, and the others go on.

A large file is hashed meanwhile: its job's key, and so what an earlier run has answered, is known when that is done.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress

from smolcli.engine import Engine
from smolcli.errors import MediaError, SmolError
from smolcli.generation import EngineEvent, Generation, Piece, Refused
from smolcli.jobs import Answer, Job
from smolcli.run.ahead import Ahead
from smolcli.run.asking import as_planned, number_of
from smolcli.run.events import Event, Item, Planned, RunOptions
from smolcli.run.kept import Kept
from smolcli.run.loop import Loop
from smolcli.run.opened import OpenFiles
from smolcli.run.planning import RequestPlan, plan_job
from smolcli.run.prepare import Loaded, held_bytes, load
from smolcli.run.twins import Twins
from smolcli.run.work import Work, too_long, with_seed

HASH_S = 0.01  # how often it is looked whether a hash has come, where there is nothing else to do
SOON_S = 0.002  # how long the next job is waited for while the engine has room: a small file is hashed by then


def run(
    jobs: Iterable[Item], engine: Engine, files: OpenFiles, options: RunOptions, kept: Kept | None = None
) -> Generator[Event]:
    """Answer jobs, which are pulled as they are needed; failures and expectations among them pass through in turn.

    Where the run breaks off with a SmolError, raised by the engine or thrown in here, what is finished comes first.
    Raises EngineError, ModelError.
    """
    return _Here(engine, files, options, kept).events(iter(jobs))


class _Here(Loop):
    def __init__(self, engine: Engine, files: OpenFiles, options: RunOptions, kept: Kept | None) -> None:
        super().__init__(files, options, kept)
        self.hashes_beside, self.at_once = True, 1 + engine.parallel // 4
        self._engine, self._twins = engine, Twins(kept)
        self._ahead = Ahead(options.threads, options.ahead_bytes)
        self._decoding: deque[Work] = deque()
        self._reading: dict[int, Work] = {}  # in the engine, by number
        self._unkept: deque[tuple[Work, Answer]] = deque()  # answers about files whose hashes are still being made
        self._last: Work | None = None

    @property
    def under_way(self) -> bool:
        """Whether something is being decoded or hashed, or is in the engine."""
        return bool(self._decoding or self._reading or self._unkept)

    @property
    def has_room(self) -> bool:
        """Whether there is room for what another job holds while it is decoded."""
        return self._ahead.has_room

    @property
    def patience_s(self) -> float:
        """The next job is waited for a little while the engine could take more."""
        hungry = 1 < self._engine.parallel > len(self._reading) + len(self._decoding)
        return SOON_S if hungry else 0.0

    def work(self) -> Iterator[Event]:
        """Give the engine what is decoded, and have it make a step."""
        self._hand_over()
        yield from self._step()
        self._hear_of_hashes()

    # ---- 1: what is to be decoded

    def begin(self, number: int, job: Job) -> Iterator[Event]:
        """Plan a job, and have its pictures decoded."""
        try:
            media = self.files.take(job)
        except SmolError as error:
            self.failed(number, job, error)
            return
        notes = self.files.notes(job)
        try:
            plan = plan_job(self._engine, media, as_planned(job))
            plan.require_fit()
        except SmolError as error:
            self.files.give_back(job)
            self.failed(number, job, error)
            return
        self._last = self._work(number, job, notes, plan)
        self._decoding.append(self._last)
        yield Planned(job, plan)

    def _work(self, number: int, job: Job, notes: tuple[str, ...], plan: RequestPlan) -> Work:
        """Have the job's pictures decoded, or share those of the job before: another question about them."""
        last, drawn = self._last, with_seed(job, self.options.seed)
        if last is not None and last.shares(job, plan):
            return Work(number, job, notes, drawn, plan, self._ahead.share(last.task), shared=True)
        if last is not None and last not in self._decoding:
            last.let_go()
        task = self._ahead.give(lambda: self._loaded(job, plan), held_bytes(plan.media))
        self._engine.expect(place.source for place in job.places)
        return Work(number, job, notes, drawn, plan, task, shared=False)

    def _loaded(self, job: Job, plan: RequestPlan) -> Loaded:
        """The job's pictures, in whatever thread. Where words are drawn their seed hangs on the hashes of its files."""
        loaded = load(self.files, job, plan.media)
        if job.sampling.temperature > 0:
            job.require_hashes()
        return loaded

    # ---- 2: the engine

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
                    self.files.give_back(work.job)
                if self._is_answered(work):
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
                    self.files.give_back(work.job)
                self._lose(work, error)

    def _is_answered(self, work: Work) -> bool:
        """Whether a job that is decoded was answered by an earlier run, has the answer to another one, or waits for it.

        Raises MediaError.
        """
        if work.number in self._reading:
            return False
        if self.known_late(work.number, work.job, work.notes) is not None:
            return True
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
        self._take_back(work)
        for each in (work, *self._twins.lost(work)):
            self.failed(each.number, each.job, error)

    def _take_back(self, work: Work) -> None:
        """The engine is to do no more for a job."""
        self._reading.pop(work.number, None)
        if work.asking is not None:
            work.asking.cancel(self._engine)
        if self._decoding and self._decoding[0] is work:
            self._given()

    def _is_decoded(self, work: Work) -> bool:
        """Whether the first job is decoded. While there is nothing else to do it is waited for, but not too long."""
        task, limit_s = work.task, self.options.timeout_s
        idle = not (self._engine.busy or self.has_next or self._unkept)
        left_s = None
        if limit_s is not None:
            left_s = limit_s if task.began_s is None else task.began_s + limit_s - time.monotonic()
        if task.done or (idle and task.wait(left_s)):
            return True
        if left_s is not None and task.began_s is not None and time.monotonic() > task.began_s + (limit_s or 0):
            self._decoding.popleft()  # its thread and its files are left as they are: the decoder holds them
            self._ahead.abandon(task)
            self.failed(work.number, work.job, too_long(limit_s))
        return False

    def _step(self) -> Iterator[Event]:
        if not self._engine.busy:
            return
        for event in self._engine.step():
            yield from self._take(event)
        limit_s = self.options.timeout_s
        for work in list(self._reading.values()) if limit_s is not None else ():
            if time.monotonic() - work.began_s > (limit_s or 0):
                self._lose(work, too_long(limit_s))

    # ---- 3: answers and failures

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
            self._keep_twins(work, answer)
            del self._reading[work.number]
        elif isinstance(event, Refused):
            self._lose(work, event.error)
        elif work.asking.shows(event.key, isinstance(event, Piece)):
            yield event

    def _keep(self, work: Work, answer: Answer) -> None:
        """A job has come to an answer, which is said once it can be kept; that of an earlier run goes first."""
        if not work.job.is_hashed:
            self._unkept.append((work, answer))
            return
        try:
            work.job.require_hashes()
            if self.known_late(work.number, work.job, work.notes) is None:
                self.answered(work.number, answer, work.notes)
        except MediaError as error:
            self.failed(work.number, work.job, error)

    def _keep_twins(self, work: Work, answer: Answer) -> None:
        for twin, own in self._twins.answered(work, answer):
            self._keep(twin, own)

    def _hear_of_hashes(self) -> None:
        """Hashes of large files have come: what an earlier run has answered is let go, what is answered is said."""
        for work in [each for each in self._reading.values() if each.number in self._unsought]:
            with suppress(MediaError):  # it fails once it is answered
                known = self.known_late(work.number, work.job, work.notes)
                if known is not None:
                    self._take_back(work)
                    self._keep_twins(work, known)
        for _ in range(len(self._unkept)):
            self._keep(*self._unkept.popleft())
        busy = self._engine.busy or self.has_next or (self._decoding and self._decoding[0].task.done)
        if self._unkept and not busy:
            time.sleep(HASH_S)

    def end(self) -> None:
        """Take back what the engine and the threads have of jobs."""
        for work in self._reading.values():
            if work.asking is not None:
                work.asking.cancel(self._engine)
        for work in (each for each in self._decoding if each.loaded is None):
            work.task.then(self.files.give_back, work.job)
        self._ahead.close()
