"""An actor's inside: jobs of other machines go in, each with its files; what each came to goes back.

Many calls are under way at once, each in a thread of its own that waits; one thread runs the loop that they share.
"""

from __future__ import annotations

import queue
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from smolcli.datatypes import ModelPair, Source
from smolcli.engine import Engine, physical_cores
from smolcli.errors import EngineError, MediaError, SmolError
from smolcli.jobs import Answer, Failure, Job
from smolcli.media import open_input
from smolcli.run.cluster.nouns import Blocks, Lacking, Outcome, Prepared, Sent, SentFile, Task
from smolcli.run.events import Event, Planned
from smolcli.run.here import run
from smolcli.run.opened import Lent, OpenFiles
from smolcli.run.planning import RequestPlan

Fetch = Callable[[Any], bytes]  # a reference → what it stands for


@dataclass(slots=True, eq=False)
class _Call:
    """A job that is under way; plan: how it is computed, once that is known."""

    job: Job
    outcome: Future[Outcome] = field(default_factory=Future)
    plan: RequestPlan | None = None


class Worker:
    """One engine, and the loop that it answers jobs in. share: so many of them are on this machine.

    fetch: gets what a reference stands for.
    """

    def __init__(self, task: Task, share: int, fetch: Fetch) -> None:
        self._task, self._share, self._fetch = task, share, fetch
        self._calls: queue.SimpleQueue[_Call] = queue.SimpleQueue()
        self._under_way: defaultdict[Job, deque[_Call]] = defaultdict(deque)
        self._users: defaultdict[Source, int] = defaultdict(int)  # of files that were sent
        self._lock = threading.Lock()
        self._broken = ""  # why nothing can be answered any more
        self._files: OpenFiles

    # ---- the model

    def prepare(self, sent: Blocks) -> Prepared:
        """Find the model's files, or keep those that were sent; load it, and begin to wait for jobs."""
        try:
            pair = self._pair(sent)
            if not isinstance(pair, ModelPair):
                return Prepared(lacking=pair)
            options = self._task.engine
            threads = options.threads or max(1, physical_cores() // self._share)
            engine = self._task.load(pair, replace(options, threads=threads))
        except SmolError as error:
            return Prepared(error=error)
        self._files = OpenFiles(engine.facts, engine.context_tokens)
        threading.Thread(target=self._serve, args=(engine,), name="smol-actor", daemon=True).start()
        return Prepared(engine.load_s)

    def _pair(self, sent: Blocks) -> ModelPair | tuple[int, ...]:
        """The model's files of this machine; the numbers of those that are lacking. Raises ModelError."""
        files = self._task.model.files
        for number, blocks in sent.items():
            files[number].keep(self._fetch(block) for block in blocks)
        language, projector = (file.find() for file in files)
        if language is None or projector is None:
            return tuple(number for number, found in enumerate((language, projector)) if found is None)
        return self._task.model.here(language, projector)

    # ---- jobs

    def read(self, sent: Sent) -> Outcome | Lacking:
        """What one job comes to. Raises EngineError where the engine can answer nothing any more."""
        lacking = self._borrow(sent.files)
        try:
            return Lacking(lacking) if lacking else self._answered(sent.job)
        finally:
            self._return(sent.files)

    def _answered(self, job: Job) -> Outcome:
        call = _Call(job)
        with self._lock:
            if self._broken:
                raise EngineError(self._broken)
            self._under_way[job].append(call)
        self._calls.put(call)
        return call.outcome.result()

    def _borrow(self, files: Sequence[SentFile]) -> tuple[Source, ...]:
        """Have files at hand under the names that they have elsewhere; those that are not to be seen."""
        lacking: list[Source] = []
        for file in files:
            with self._lock:
                self._users[file.source] += 1
                known = file.source in self._files.lent
            if known:
                continue
            if file.data is None and not _lies_here(file):
                lacking.append(file.source)
                continue
            data = file.path if file.data is None else bytes(self._fetch(file.data))
            with self._lock:
                self._files.lent[file.source] = Lent(data, replace(file.access, briefly=False, several=True))
        return tuple(lacking)

    def _return(self, files: Sequence[SentFile]) -> None:
        with self._lock:
            for file in files:
                self._users[file.source] -= 1
                if not self._users[file.source]:
                    del self._users[file.source]
                    self._files.lent.pop(file.source, None)

    # ---- the loop, in a thread of its own

    def _serve(self, engine: Engine) -> None:
        running = self._task.running
        options = replace(running, ordered=False, fail_fast=False, threads=max(1, running.threads))
        why = "its loop ended."
        try:
            for event in run(self._jobs(), engine, self._files, options):
                self._take(event)
        except SmolError as error:
            why = str(error)
        finally:
            self._break(why)

    def _break(self, why: str) -> None:
        """Everyone who waits hears of it, and so the sender."""
        with self._lock:
            self._broken = why
            calls = [call for calls in self._under_way.values() for call in calls]
            self._under_way.clear()
        for call in calls:
            call.outcome.set_exception(EngineError(why))

    def _jobs(self) -> Iterator[Job]:
        while True:
            yield self._calls.get().job

    def _take(self, event: Event) -> None:
        """Who asks the same at the same time is told the same."""
        if isinstance(event, Planned):
            with self._lock:
                next(call for call in self._under_way[event.job] if call.plan is None).plan = event.plan
        elif isinstance(event, Answer | Failure) and event.job is not None:
            with self._lock:
                calls = self._under_way[event.job]
                call = calls.popleft()
                if not calls:
                    del self._under_way[event.job]
            call.outcome.set_result(Outcome(event, call.plan))


def _lies_here(file: SentFile) -> bool:
    """Whether the path leads to the same bytes on this machine."""
    try:
        found = open_input(file.path)
    except (MediaError, OSError):
        return False
    found.close()
    return found.sha256 == file.source.sha256
