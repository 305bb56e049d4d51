"""READ: requests in, events out (tiles encoded, pieces, generations, refusals). The one door to the models.

    with load_engine(pair, EngineOptions()) as engine:
        for event in engine.run([Request(0, turns)]): ...

`load_planner` opens only the vocabulary: enough to say what a request would cost. Nothing native is imported until one
of them is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, Self

from smolcli.datatypes import RGB, Floats, ModelFacts, ModelPair, Source, TilePlan, Turn
from smolcli.engine.cores import physical_cores
from smolcli.engine.tokens import DEFAULT_TEMPLATE, TokenSequence, template_text
from smolcli.generation import EngineEvent, Request

if TYPE_CHECKING:
    from smolcli.engine.choosing import check_choices
    from smolcli.engine.cores import one_of_each_core, others_running, physical_cores
    from smolcli.engine.llama.devices import devices
    from smolcli.engine.llama.grammar import check_grammar, grammar_of_schema
    from smolcli.engine.llama.library import REBUILD, llama_commit, system_info
    from smolcli.engine.memory import CARD_BYTES, COMPUTE_BYTES
    from smolcli.engine.placement import Placement, device_word

__all__ = [
    "CARD_BYTES",
    "COMPUTE_BYTES",
    "DEFAULT_TEMPLATE",
    "REBUILD",
    "Engine",
    "EngineOptions",
    "Placement",
    "Planner",
    "TileStore",
    "TokenSequence",
    "check_choices",
    "check_grammar",
    "computes_with",
    "device_word",
    "devices",
    "grammar_of_schema",
    "llama_commit",
    "load_engine",
    "load_engine_code",
    "load_planner",
    "one_of_each_core",
    "others_running",
    "physical_cores",
    "place",
    "system_info",
    "template_text",
]


_ROOMS = {
    "CARD_BYTES": "smolcli.engine.memory",
    "COMPUTE_BYTES": "smolcli.engine.memory",
    "REBUILD": "smolcli.engine.llama.library",
    "check_choices": "smolcli.engine.choosing",
    "check_grammar": "smolcli.engine.llama.grammar",
    "grammar_of_schema": "smolcli.engine.llama.grammar",
    "llama_commit": "smolcli.engine.llama.library",
    "one_of_each_core": "smolcli.engine.cores",
    "others_running": "smolcli.engine.cores",
    "physical_cores": "smolcli.engine.cores",
    "system_info": "smolcli.engine.llama.library",
    "devices": "smolcli.engine.llama.devices",
    "Placement": "smolcli.engine.placement",
    "device_word": "smolcli.engine.placement",
}


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """device: "auto", "cpu", "cuda", or "cuda:1" for one of several cards.

    None has a meaning: threads: physical cores; gpu_layers: all; context: what the model was trained with, in tokens;
    parallel: as many answers as memory holds, at most 64, on a CPU 8; towers: one on a CPU, on a card as many as pay;
    batch_rows: rows of one pass of the language model, 512 on a CPU and 2,048 on a card. kv_type: of keys and values,
    one of "f16", "bf16" and "q8_0". pinned: threads keep off the second processors of cores (Linux).
    """

    threads: int | None = None
    device: str = "auto"
    gpu_layers: int | None = None
    context: int | None = None
    parallel: int | None = 1
    verbose: bool = False
    towers: int | None = None
    batch_rows: int | None = None
    kv_type: str = "f16"
    pinned: bool = False


class TileStore(Protocol):
    """Where the embeddings of tiles outlive a process: bytes of float32 rows, by the digest of a tile's pixels.

    source: the sha256 (hex) of the file that the tile was cut from.
    """

    def get(self, digest: bytes, source: str) -> bytes | None:
        """What a tile was encoded to, None where that is not known."""

    def knows(self, source: str) -> bool:
        """Whether some tile of a file is kept."""

    def keep(self, digest: bytes, source: str, rows: bytes) -> None:
        """Keep what a tile was encoded to."""


class Planner(Protocol):
    """Knows a model's facts and its tokens, not its weights."""

    facts: ModelFacts
    context_tokens: int  # what one conversation may hold
    ram_bytes: int  # what the model takes with a full context where the processor computes
    gpu_bytes: int  # and on a card where that does

    def tokens(self, turns: Sequence[Turn], generate: bool = True) -> TokenSequence:
        """The exact id sequence of a conversation."""

    def tokenize(self, text: str) -> list[int]:
        """Ids of plain text: nothing is added, and no string in it becomes a special token."""

    def image_tokens(self, plan: TilePlan) -> int:
        """How many ids one image takes, markers and line breaks included."""

    def close(self) -> None:
        """Free everything native; safe to call twice."""

    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None: ...


class Engine(Planner, Protocol):
    """A planner that also reads."""

    placement: Placement  # what it computes on
    parallel: int  # how many answers are written at the same time

    def add(self, request: Request) -> bool:
        """Take a request, or say that there is no room for it now.

        Raises DoesNotFitError and EngineError for this request alone; the others go on.
        """

    def expect(self, sources: Iterable[Source]) -> None:
        """Pictures of these files will come with a request: what encodes them may be opened in the meantime."""

    @property
    def load_s(self) -> float:
        """Seconds spent on loading weights so far."""

    def step(self) -> list[EngineEvent]:
        """A pass of the vision towers, one of the language model, and what came of them; [] when nothing is left.

        Raises EngineError, ModelError: then all requests that were taken are forgotten.
        """

    def cancel(self, key: int) -> None:
        """Forget a request that is under way; nothing more is said of it."""

    @property
    def busy(self) -> bool:
        """Whether a step has anything to do."""

    def run(self, requests: Iterable[Request]) -> Iterator[EngineEvent]:
        """Answer many requests, several at a time; requests are pulled as room appears.

        One that cannot be answered is Refused. Raises EngineError, ModelError.
        """

    def score(self, turns: Sequence[Turn], continuations: Sequence[Sequence[int]]) -> list[Floats]:
        """How likely each continuation (ids) of a conversation is, without writing anything.

        For each of them float32 (its length, vocabulary): row k holds the natural log-probability of every token after
        the prompt and the first k ids. Raises DoesNotFitError, EngineError.
        """

    def embed(self, tile: RGB) -> Floats:
        """tile uint8 (T, T, 3) → float32 (tokens per tile, width): one pass of the vision tower. Raises EngineError."""


def load_engine(
    pair: ModelPair,
    options: EngineOptions,
    kept: TileStore | None = None,
    placement: Placement | None = None,
) -> Engine:
    """Check both files, load the model. `kept`: tiles that are known already are not encoded again.

    placement: from `place`, where that was asked before. Raises ModelError, UsageError (device), EngineError.
    """
    from smolcli.engine.smolvlm import SmolVLM

    return SmolVLM(pair, options, kept, placement)


def load_engine_code() -> None:
    """Import what `load_engine` needs. Raises ImportError."""
    import_module("smolcli.engine.smolvlm")


def place(pair: ModelPair, options: EngineOptions) -> Placement:
    """What a pair would be computed on: a card, or the processor. Raises UsageError (device), EngineError (memory)."""
    from smolcli.engine import placement

    return placement.place(pair, options)


def computes_with(placement: Placement) -> str:
    """The build of llama.cpp and what it computes on: the same pixels give the same numbers where this is the same."""
    from smolcli.engine.llama import library

    return f"{library.system_info()} on {placement.name}"


def load_planner(pair: ModelPair, options: EngineOptions) -> Planner:
    """Check both files, load the vocabulary only. Raises ModelError."""
    from smolcli.engine.vocabulary import Vocabulary

    return Vocabulary(pair, options)


def __getattr__(name: str) -> Any:
    """What is asked of llama.cpp itself, without a model; it is loaded then."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ROOMS[name]), name)
