"""What goes into a run and what comes out of it: options, the items that verbs make, events."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

from smolcli.errors import SmolError
from smolcli.generation import Encoded, Piece
from smolcli.jobs import Answer, Expected, Failure, Job, Waiting
from smolcli.run.planning import RequestPlan

AHEAD_BYTES = 256_000_000


@dataclass(frozen=True, slots=True)
class RunOptions:
    """ordered: answers come in the order of their jobs. timeout_s: most seconds that one job may take. fail_fast: the
    first failure ends the run. threads, ahead_bytes: what is decoded ahead, 0 threads for nothing. seed: what an unset
    seed is in this run.
    """

    ordered: bool = True
    timeout_s: float | None = None
    fail_fast: bool = False
    threads: int = 2
    ahead_bytes: int = AHEAD_BYTES
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Planned:
    """A job that will be computed, and how."""

    job: Job
    plan: RequestPlan


@dataclass(frozen=True, slots=True)
class Idle:
    """All that came in is answered, and the next is still to come, as a line through a pipe."""


Item = Job | Failure | Expected | Waiting  # what verbs make
Event = Expected | Idle | Planned | Encoded | Piece | Answer | Failure


def passed_on(events: Generator[Event], shown: Callable[[Event], Iterator[Event]]) -> Generator[Event]:
    """A run's events, each as what is shown for it. An error that is thrown in is thrown into the run, which ends as it
    should.
    """
    thrown: SmolError | None = None
    with closing(events):
        while True:
            try:
                event = next(events) if thrown is None else events.throw(thrown)
            except StopIteration:
                return
            thrown = None
            for each in shown(event):
                try:
                    yield each
                except SmolError as error:
                    thrown = error
