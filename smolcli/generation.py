"""What the engine is asked, and everything that it says: pieces, a finished answer with what it took, or a refusal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from smolcli.datatypes import Sampling, Turn
from smolcli.errors import SmolError


@dataclass(frozen=True, slots=True)
class Request:
    """One conversation to continue. `key` comes back with everything that the engine yields for it. grammar: GBNF that
    the answer follows; choices: nothing is written, and each of these is scored as the answer. ignore_eos: it goes on
    to max_tokens whatever it says, for measurements.
    """

    key: int
    turns: tuple[Turn, ...]
    sampling: Sampling = field(default_factory=Sampling)
    grammar: str = ""
    choices: tuple[str, ...] = ()
    ignore_eos: bool = False


@dataclass(frozen=True, slots=True)
class Encoded:
    """So many of the tiles of a request are encoded, 0 before the first one."""

    key: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A few characters of an answer in the making. The pieces of a key, joined, are its Generation's text."""

    key: int
    text: str


StopReason = Literal["end", "length", "repetition"]


@dataclass(frozen=True, slots=True)
class Counts:
    """Tokens of one answer. cached_tokens of the prompt's were reused from an earlier request's KV."""

    prompt_tokens: int = 0
    image_tokens: int = 0
    new_tokens: int = 0
    cached_tokens: int = 0
    encodes: int = 0


@dataclass(frozen=True, slots=True)
class Seconds:
    """What one answer took, in seconds. In company, prefill and decode are its share of each batch, by rows: the shares
    of all answers add up to the run.
    """

    preprocess: float = 0.0  # decoding and cutting its media
    encode: float = 0.0
    prefill: float = 0.0
    decode: float = 0.0


@dataclass(frozen=True, slots=True)
class Generation:
    """A finished answer. mean_logprob: natural logarithm over its tokens, None without any; ids: those, without the one
    that ended it; trace: for each, how many characters the text had with it, and its logprob. choice_logprobs: how
    likely each choice of the request is as the whole answer."""

    key: int
    text: str
    stop_reason: StopReason
    counts: Counts
    seconds: Seconds
    mean_logprob: float | None
    ids: tuple[int, ...] = ()
    trace: tuple[tuple[int, float], ...] = ()
    choice_logprobs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that cannot be answered; the engine goes on with the others."""

    key: int
    error: SmolError


EngineEvent = Encoded | Piece | Generation | Refused
