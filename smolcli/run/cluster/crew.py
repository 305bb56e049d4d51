"""The actors of a run, on every node of a cluster: jobs are handed to them, and what came of each is heard.

An actor that ends takes what it was reading with it, which is said (Lost), and another one takes its place. Nodes that
join get actors too.
"""

from __future__ import annotations

import pickle
import queue
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from smolcli import __version__
from smolcli.errors import EngineError, MediaError, SmolError
from smolcli.run.cluster.address import Cluster
from smolcli.run.cluster.bytes import SentBytes
from smolcli.run.cluster.connecting import Connection, Node
from smolcli.run.cluster.node import actor_class
from smolcli.run.cluster.nouns import Lacking, Lost, Outcome, Prepared, Sent, SentFile, Task
from smolcli.run.cluster.sharing import share_of

LOOK_S = 2.0  # between two looks at which nodes are there
WAITS_S = 20.0  # an actor that is not there by then is spoken of
MOST_FED = 64  # actors that have a file open for each
STARTS = 3  # actors of a node that ended before their engine was there
_SAME = "Install the same on every node: pip install 'smolcli[ray]'."
_LOGS = "Its memory may be too small; what it said is in the folder logs of Ray's session there (/tmp/ray)."
_ENDED = "its process or its machine has ended."
USUAL = 8  # answers at once of an actor that finds out for itself what its memory holds


@dataclass(slots=True, eq=False)
class Ticket:
    """A job that is to be read somewhere. lost: actors that ended while they had it; notes: on how files were opened.

    wanted: somebody waits for what comes of it.
    """

    number: int
    sent: Sent
    notes: tuple[str, ...]
    lost: int = 0
    wanted: bool = True


@dataclass(slots=True, eq=False)
class Actor:
    """One engine on a node. reading: the tickets that it has, and Ray's references to what comes of them.

    blind: folders in which it does not see the files that are here.
    """

    node: Node
    handle: Any
    began_s: float
    ready: bool = False
    reading: dict[Ticket, Any] = field(default_factory=dict)
    blind: set[str] = field(default_factory=set)


class Crew:
    """Close it, or use it as a context manager.

    parallel: answers that an actor writes at once, as far as is known here; slots: jobs that it has at most, so that it
    never waits for one.

    notes: sentences for the user that nobody has said yet. Raises UsageError, EngineError.
    """

    def __init__(self, options: Cluster, task: Task) -> None:
        self._options, self._task = options, task
        self._packed = pickle.dumps(task)
        self.parallel = task.engine.parallel or USUAL
        self.slots = 2 * self.parallel + 2
        self.notes: list[str] = []
        self.load_s = 0.0
        self._heard: queue.SimpleQueue[tuple[Actor, Ticket | None, Future[Any]]] = queue.SimpleQueue()
        self._actors: list[Actor] = []
        self._starts: Counter[str] = Counter()  # by node: actors that ended before they were ready
        self._refused: dict[str, SmolError] = {}  # nodes that are not used
        self._blocks: dict[int, list[Any]] = {}  # of the model's files, where a node has to be sent them
        self._looked_s = 0.0
        self._connection = Connection(options)
        self._ray = self._connection.ray
        self._class = self._ray.remote(actor_class())
        self.bytes = SentBytes(self._ray)
        try:
            self._look()
        except BaseException:
            self.close()
            raise

    # ---- jobs

    @property
    def ready(self) -> Sequence[Actor]:
        """The actors that can be given jobs."""
        return [actor for actor in self._actors if actor.ready]

    @property
    def size(self) -> int:
        """Actors that are there or to come, up to what there are files open for at the same time."""
        return max(1, min(MOST_FED, len(self._actors)))

    @property
    def free_slots(self) -> int:
        """Jobs that could be handed over now."""
        return sum(max(0, self.slots - len(actor.reading)) for actor in self.ready)

    def give(self, actor: Actor, ticket: Ticket) -> None:
        """Hand a job to an actor. Raises MediaError where the bytes of its files cannot be sent."""
        files = tuple(self._file(actor, file) for file in ticket.sent.files)
        reference = actor.handle.read.remote(Sent(ticket.sent.job, files))
        actor.reading[ticket] = reference
        self._hear(actor, ticket, reference)

    def _file(self, actor: Actor, file: SentFile) -> SentFile:
        """With its bytes, where the actor is known not to see what lies in its folder."""
        if _folder(file) in actor.blind or not PurePath(file.path).is_absolute():
            return self.bytes.of(file)
        return file

    def heard(self, most_s: float) -> Iterator[tuple[Ticket, Outcome | Lost | SmolError]]:
        """What has come of jobs; the first is waited for, but not longer. Raises EngineError where no node is left."""
        if time.monotonic() - self._looked_s > LOOK_S:
            self._look()
        try:
            item = self._heard.get(timeout=most_s) if most_s > 0 else self._heard.get_nowait()
            while True:
                yield from self._take(*item)
                item = self._heard.get_nowait()
        except queue.Empty:
            return

    def forget(self) -> None:
        """Nobody wants to hear of the jobs that are under way."""
        for actor in self._actors:
            for ticket in actor.reading:
                ticket.wanted = False

    def _hear(self, actor: Actor, ticket: Ticket | None, reference: Any) -> None:
        reference.future().add_done_callback(lambda future: self._heard.put((actor, ticket, future)))

    def _take(
        self, actor: Actor, ticket: Ticket | None, future: Future[Any]
    ) -> Iterator[tuple[Ticket, Outcome | Lost | SmolError]]:
        error = future.exception()
        if ticket is None:
            self._prepared(actor, error or future.result())
            return
        actor.reading.pop(ticket, None)
        result = Lost(_why(error)) if error is not None else future.result()
        if error is not None:
            self._remove(actor)
        elif isinstance(result, Lacking):
            actor.blind |= {_folder(file) for file in ticket.sent.files if file.source in result.sources}
            try:
                self.give(actor, ticket)
                return
            except MediaError as problem:
                result = problem
        if ticket.wanted:
            yield ticket, result

    # ---- actors

    def _look(self) -> None:
        """Start actors on nodes that have none; where none is left, the run ends."""
        self._looked_s = time.monotonic()
        nodes = self._connection.nodes()
        for node in nodes:
            if node.id not in self._refused and (node.cpus or node.gpus):  # a head that is to compute nothing has none
                there = sum(actor.node.id == node.id for actor in self._actors)
                for _ in range(there, share_of(node, self._options, self._task.engine).actors):
                    self._start(node)
        for actor in self._actors:
            if not actor.ready and self._looked_s - actor.began_s > WAITS_S:
                self._note(f"{actor.node.name} has not begun yet: are its processors, or GPUs, in use?")
        if not self._actors:
            first = next(iter(self._refused.values()), None)
            raise first or EngineError("No node of the cluster is left.", "Start one: ray start --address=HOST:PORT")

    def _start(self, node: Node) -> None:
        share = share_of(node, self._options, self._task.engine)
        if share.gpus > node.gpus:
            self._refuse(node, f"has {node.gpus:g} GPUs, and an actor is to have {share.gpus:g}")
            return
        strategy = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node.id, soft=False)
        handle = self._class.options(
            num_cpus=share.cpus,
            num_gpus=share.gpus,
            max_concurrency=self.slots + 2,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy=strategy,
        ).remote()
        actor = Actor(node, handle, time.monotonic())
        self._actors.append(actor)
        self._prepare(actor, {})

    def _prepare(self, actor: Actor, blocks: dict[int, list[Any]]) -> None:
        actors = share_of(actor.node, self._options, self._task.engine).actors
        reply = actor.handle.prepare.remote(__version__, self._packed, actors, blocks)
        self._hear(actor, None, reply)

    def _prepared(self, actor: Actor, reply: Prepared | str | BaseException) -> None:
        """What has become of an actor's engine."""
        node = actor.node
        if actor not in self._actors:  # its node is not used any more
            return
        if isinstance(reply, str):
            self._refuse(node, f"{reply}, and here it is {__version__}", _SAME)
        elif isinstance(reply, BaseException):
            self._remove(actor)
            self._starts[node.id] += 1
            if self._starts[node.id] >= STARTS:
                self._refuse(node, f"starts no actor: {_why(reply)}", _LOGS)
        elif reply.error is not None:
            self._refuse(node, f"cannot read with this model: {reply.error}")
        elif reply.lacking:
            try:
                self._prepare(actor, {number: self._model_blocks(number) for number in reply.lacking})
            except self._ray.exceptions.RayError as error:
                self._refuse(node, f"cannot be sent the model: {_why(error)}", "Put it where every node has it.")
        else:
            actor.ready, self._starts[node.id] = True, 0
            self.load_s = max(self.load_s, reply.load_s)

    def _model_blocks(self, number: int) -> list[Any]:
        """A file of the model in the object store, once for all nodes that lack it."""
        if number not in self._blocks:
            self._blocks[number] = [self._ray.put(block) for block in self._task.model.files[number].blocks()]
        return self._blocks[number]

    def _remove(self, actor: Actor) -> None:
        """An actor that has ended, or whose engine has: what else it has is heard of as lost too."""
        if actor in self._actors:
            self._actors.remove(actor)
            self._ray.kill(actor.handle)
            self._looked_s = 0.0
            if actor.ready:
                self._note(f"An actor on {actor.node.name} has ended: what it was reading is read again.")

    def _refuse(self, node: Node, why: str, hint: str = "") -> None:
        """A node that is not used in this run."""
        error = EngineError(f"The node {node.name} {why.removesuffix('.')}.", hint)
        self._refused[node.id] = error
        self._note(str(error))
        for actor in [actor for actor in self._actors if actor.node.id == node.id]:
            self._remove(actor)
        self._looked_s = 0.0

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    def close(self) -> None:
        """End the actors, and leave the cluster."""
        for actor in self._actors:
            self._ray.kill(actor.handle)
        self._actors = []
        self._connection.close()

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _folder(file: SentFile) -> str:
    return str(PurePath(file.path).parent)


def _why(error: BaseException) -> str:
    """What an actor says of its engine; what ended it is nothing that Ray knows."""
    cause = getattr(error, "cause", None)
    return (
        str(cause) if isinstance(cause, SmolError) else _ENDED if cause is None else f"{type(cause).__name__}: {cause}"
    )
