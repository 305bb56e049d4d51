"""Jobs in, events out, on the nodes of a cluster.

1. A job waits until an actor has room for it; while none has, no more are made.
2. It goes to the actor that has the least to do, with the bytes of its files where that one does not see them.
3. What comes of it is kept and said as it is here. A job whose actor has ended is read again by itself, so that a job
   that ends actors takes no other with it: the third time it has failed.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace

from smolcli.datatypes import Place
from smolcli.errors import EngineError, MediaError, SmolError
from smolcli.generation import Encoded
from smolcli.jobs import Answer, Expected, Job
from smolcli.media import OPEN_PIPES
from smolcli.run.cluster.crew import Actor, Crew, Ticket
from smolcli.run.cluster.nouns import Lost, Outcome, Sent, SentFile
from smolcli.run.events import Event, Item, Planned, RunOptions
from smolcli.run.kept import Kept
from smolcli.run.loop import Loop
from smolcli.run.opened import OpenFiles

LOSSES = 3  # actors that end with a job before it has failed
WAITING = 8  # jobs that wait for actors that are still to begin
QUIET_S = 0.25  # how long the actors are waited for, where there is nothing else to do


def run_there(
    jobs: Iterable[Item], crew: Crew, files: OpenFiles, options: RunOptions, kept: Kept | None = None
) -> Generator[Event]:
    """Answer jobs as `run` does, with what the crew's actors compute. Raises EngineError where no node is left."""
    return _There(crew, files, options, kept).events(iter(jobs))


class _There(Loop):
    at_once = 64

    def __init__(self, crew: Crew, files: OpenFiles, options: RunOptions, kept: Kept | None) -> None:
        super().__init__(files, options, kept)
        self._crew = crew
        self._open: set[Ticket] = set()
        self._queue: deque[Ticket] = deque()
        self._suspects: deque[Ticket] = deque()  # an actor has ended while it had them: read by themselves

    @property
    def patience_s(self) -> float:
        """Actors have more to do meanwhile."""
        return 0.002

    @property
    def under_way(self) -> bool:
        """Whether a job waits for an actor, or is with one."""
        return bool(self._open)

    @property
    def has_room(self) -> bool:
        """Whether another job would soon find an actor, and a place for its files' bytes."""
        fits = self._crew.bytes.size_bytes < self.options.ahead_bytes or not self._open
        return fits and len(self._queue) < max(WAITING, self._crew.free_slots)

    def begin(self, number: int, job: Job) -> Iterator[Event]:
        """Have a job wait for an actor; its files are open now, so it is known how."""
        files = {place.source: self._file(job, place) for place in job.places}
        ticket = Ticket(number, Sent(job, tuple(files.values())), self.files.notes(job))
        self._crew.bytes.begin(ticket.sent.files)
        self._open.add(ticket)
        self._queue.append(ticket)
        return iter(())

    def work(self) -> Iterator[Event]:
        """Hand jobs over, and hear what has come of others."""
        self._hand_over()
        for ticket, outcome in self._crew.heard(self._most_s):
            yield from self._take(ticket, outcome)
        self._hand_over()
        if self._crew.notes:
            notes, self._crew.notes = tuple(self._crew.notes), []
            yield Expected(0, notes)

    @property
    def _most_s(self) -> float:
        """How long actors may be waited for."""
        if self.has_next or not self._open:
            return 0.0
        return self.patience_s if self.may_take else QUIET_S

    def end(self) -> None:
        """Let the actors' answers be."""
        self._crew.forget()
        for ticket in self._open:
            self._crew.bytes.done(ticket.sent.files)

    # ---- 1 and 2

    def _hand_over(self) -> None:
        """Give actors what they have room for; suspects to up to half of them, of which each has that job alone."""
        ready = sorted(self._crew.ready, key=lambda actor: len(actor.reading))
        alone = [actor for actor in ready if any(ticket.lost for ticket in actor.reading)]
        for actor in [actor for actor in ready if actor not in alone][: len(self._suspects)]:
            if len(alone) < max(1, len(ready) // 2):
                alone.append(actor)
                if not actor.reading:
                    self._give(actor, self._suspects.popleft())
        company = [actor for actor in ready if actor not in alone]
        while self._queue and company:
            actor = min(company, key=lambda actor: len(actor.reading))
            if len(actor.reading) >= self._crew.slots:
                return
            self._give(actor, self._queue.popleft())

    def _give(self, actor: Actor, ticket: Ticket) -> None:
        try:
            self._crew.give(actor, ticket)
        except MediaError as error:
            self._fail(ticket, error)

    def _file(self, job: Job, place: Place) -> SentFile:
        path = place.source.path
        lies = path if path == "-" or path.startswith(OPEN_PIPES) else os.path.abspath(path)  # noqa: PTH100  no links followed
        return SentFile(place.source, lies, self.files.access(place, job.look))

    # ---- 3

    def _take(self, ticket: Ticket, outcome: Outcome | Lost | SmolError) -> Iterator[Event]:
        job = ticket.sent.job
        if isinstance(outcome, Lost):
            ticket.lost += 1
            if ticket.lost >= LOSSES:
                self._fail(ticket, _ends_actors(outcome))
            else:
                self._suspects.append(ticket)
        elif isinstance(outcome, SmolError):
            self._fail(ticket, outcome)
        else:
            self._close(ticket)
            if outcome.plan is not None:
                yield Planned(job, outcome.plan)
                yield Encoded(ticket.number, outcome.plan.encodes, outcome.plan.encodes)
            if isinstance(outcome.what, Answer):
                made = replace(outcome.what.generation, key=ticket.number)
                self.answered(ticket.number, replace(outcome.what, job=job, generation=made), ticket.notes)
            else:
                self.finish(ticket.number, outcome.what)

    def _fail(self, ticket: Ticket, error: SmolError) -> None:
        self._close(ticket)
        self.failed(ticket.number, ticket.sent.job, error)

    def _close(self, ticket: Ticket) -> None:
        self._open.discard(ticket)
        self._crew.bytes.done(ticket.sent.files)


def _ends_actors(last: Lost) -> EngineError:
    return EngineError(
        f"{LOSSES} actors of the cluster have ended while they read it: {last.why}",
        "Try it on this machine, without --cluster.",
    )
