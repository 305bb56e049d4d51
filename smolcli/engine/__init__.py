"""READ: requests in, pieces and generations out. The one door to the models.

    with load_engine(pair, EngineOptions()) as engine:
        for event in engine.run([Request(0, turns)]): ...

`load_planner` opens only the vocabulary: enough to say what a request would cost. Nothing native is imported until one
of them is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

from smolcli.datatypes import RGB, Floats, Generation, ModelFacts, ModelPair, Piece, Request, TilePlan, Turn
from smolcli.engine.tokens import TokenSequence


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """threads None: physical cores; gpu_layers None: all; context None: what the model was trained with, in tokens.

    on_tile(done, total) is called before the first and after each tile of a request: the slowest part on a CPU.
    """

    threads: int | None = None
    device: str = "auto"
    gpu_layers: int | None = None
    context: int | None = None
    parallel: int = 1
    verbose: bool = False
    on_tile: Callable[[int, int], None] = field(default=lambda done, total: None)


class Planner(Protocol):
    """Knows a model's facts and its tokens, not its weights."""

    facts: ModelFacts
    context_tokens: int  # what one conversation may hold

    def tokens(self, turns: Sequence[Turn], generate: bool = True) -> TokenSequence:
        """The exact id sequence of a conversation."""

    def image_tokens(self, plan: TilePlan) -> int:
        """How many ids one image takes, markers and line breaks included."""

    def close(self) -> None:
        """Free everything native; safe to call twice."""

    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None: ...


class Engine(Planner, Protocol):
    """A planner that also reads."""

    load_s: float  # seconds spent on loading weights so far

    def run(self, requests: Iterable[Request]) -> Iterator[Piece | Generation]:
        """Answer many requests, several at a time; requests are pulled as room appears.

        Raises DoesNotFitError, EngineError.
        """

    def embed(self, tile: RGB) -> Floats:
        """tile uint8 (T, T, 3) → float32 (tokens per tile, width): one pass of the vision tower. Raises EngineError."""


def load_engine(pair: ModelPair, options: EngineOptions) -> Engine:
    """Check both files, load the model. Raises ModelError, UsageError (device), EngineError."""
    from smolcli.engine.smolvlm import SmolVLM

    return SmolVLM(pair, options)


def load_planner(pair: ModelPair, options: EngineOptions) -> Planner:
    """Check both files, load the vocabulary only. Raises ModelError."""
    from smolcli.engine.smolvlm import Vocabulary

    return Vocabulary(pair, options)
