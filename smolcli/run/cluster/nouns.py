"""What travels between the machine that a run is typed on and the actors of a cluster. Picklable, by value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from smolcli.datatypes import ModelPair, Source
from smolcli.engine import Engine, EngineOptions, load_engine
from smolcli.errors import SmolError
from smolcli.jobs import Answer, Failure, Job
from smolcli.run.events import RunOptions
from smolcli.run.opened import Access
from smolcli.run.planning import RequestPlan


class ModelFile(Protocol):
    """A file of a model, on whichever machine this is asked."""

    def find(self) -> Path | None:
        """Where the same bytes lie here; None where they do not."""

    def blocks(self) -> Iterator[bytes]:
        """The bytes, a block at a time. Raises ModelError."""

    def keep(self, blocks: Iterable[bytes]) -> Path:
        """Write what was sent, and say where it is. Raises ModelError."""


class Model(Protocol):
    """A model as other machines are told of it."""

    @property
    def files(self) -> Sequence[ModelFile]:
        """The language model, and the projector."""

    def here(self, language: Path, projector: Path) -> ModelPair:
        """The pair with this machine's files."""


@dataclass(frozen=True, slots=True)
class Task:
    """What an actor is for. load: opens the engine; running: how it runs jobs."""

    model: Model
    engine: EngineOptions
    running: RunOptions
    load: Callable[[ModelPair, EngineOptions], Engine] = load_engine


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of an actor's engine: it is there, or files of the model are lacking (their numbers), or an error."""

    load_s: float = 0.0
    lacking: tuple[int, ...] = ()
    error: SmolError | None = None


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file of a job: its source, where it lies on the sender's machine, and how it was opened there.

    data: a reference to its bytes, None while the actor may find it at that path.
    """

    source: Source
    path: str
    access: Access
    data: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Sent:
    """A job for an actor."""

    job: Job
    files: tuple[SentFile, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job came to. plan: how it was computed; None where it could not be planned."""

    what: Answer | Failure
    plan: RequestPlan | None = None


@dataclass(frozen=True, slots=True)
class Lacking:
    """An actor does not see these files where they were said to lie: their bytes have to be sent."""

    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """A job came to nothing: its actor ended, or its engine failed. why: a sentence."""

    why: str


Blocks = Mapping[int, Sequence[Any]]  # number of a model's file → references to its blocks
