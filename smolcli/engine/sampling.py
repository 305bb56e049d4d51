"""Logits of all answers in, one token of each out: greedy, or temperature and top-p with a seed; one that the grammar
allows, if there is any.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from gguf_convert.header import DAMAGED
from smolcli.datatypes import Floats, Sampling
from smolcli.engine.cores import physical_cores
from smolcli.errors import ModelError

_LIKELIEST = 128  # tokens that a grammar is asked about before all are: the one that it allows is mostly among them
_BIN_SHIFT = 50  # of a float64's bits: what is left is its exponent and two bits more
_MOST_THREADS = 8
_PER_THREAD = 1 << 19  # logits: fewer are not worth waking a thread for

Wide = npt.NDArray[np.float64]
Choice = tuple[int, float] | None


class Grammar(Protocol):
    """Where one answer stands in its grammar."""

    def allowed(self, ids: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Which of these tokens may come next; one that ends the answer may where the grammar is complete."""

    def accept(self, token: int) -> None:
        """The answer goes on with this token."""

    def close(self) -> None:
        """The answer has ended; safe to call twice."""


class Sampler:
    """How the tokens of one answer are chosen, and where it stands in its draws and its grammar."""

    def __init__(self, sampling: Sampling, grammar: Grammar | None = None) -> None:
        self._temperature, self._top_p, self._grammar = sampling.temperature, sampling.top_p, grammar
        self._random = np.random.default_rng(sampling.seed) if sampling.temperature > 0 else None
        self.takes_likeliest = self._random is None and grammar is None

    def accept(self, token: int) -> None:
        """The answer goes on with this token."""
        if self._grammar is not None:
            self._grammar.accept(token)

    def choose(self, logits: Floats, best: int) -> int | None:
        """logits float32 (vocabulary,), of which `best` is the first of the largest → the next token.

        None where the grammar can go on with no token of this vocabulary.
        """
        if self._grammar is None:
            return best if self._random is None else self._draw(logits, logits[best])
        token = self._allowed(self._grammar, logits, best)
        if token is not None:
            return token
        every = np.arange(len(logits), dtype=np.int32)
        left = np.where(self._grammar.allowed(every), logits, np.float32(-np.inf))
        best = int(left.argmax())
        if not np.isfinite(left[best]):
            return None
        return best if self._random is None else self._draw(left, left[best])

    def _allowed(self, grammar: Grammar, logits: Floats, best: int) -> int | None:
        """What is chosen without the grammar, if it allows it, or is found among the likeliest.

        With what is drawn else among those that it allows, each of these is as likely as if the others had never been.
        """
        if self._random is None:
            return _likeliest_allowed(grammar, logits, best)
        token = self._draw(logits, logits[best])
        return token if grammar.allowed(np.array([token], np.int32))[0] else None

    def _draw(self, logits: Floats, top: np.float32) -> int:
        """A token of the smallest set whose mass reaches top_p; the one that crosses the line is in it."""
        assert self._random is not None
        heaviest = _HeaviestFirst(np.exp((logits.astype(np.float64) - float(top)) / self._temperature))
        _, mass = heaviest.at(self._top_p * heaviest.total, "left")
        return heaviest.at(self._random.random() * mass, "right")[0]


class _HeaviestFirst:
    """Tokens in the order of their weights, equal ones by id, of which only those are sorted that are asked for.

    weights float64 (vocabulary,), the largest is 1. They are in bins, four to each power of two.
    """

    def __init__(self, weights: Wide) -> None:
        self._weights, self._bins = weights, weights.view(np.int64) >> _BIN_SHIFT
        self._mass = np.cumsum(np.bincount(self._bins, weights)[::-1])  # up to each bin, the heaviest first
        self.total = float(self._mass[-1])

    def at(self, goal: float, side: Literal["left", "right"]) -> tuple[int, float]:
        """The token with which the mass reaches the goal, or ("right") goes beyond it, and the mass up to it."""
        number = min(int(np.searchsorted(self._mass, goal, side)), len(self._mass) - 1)
        few = np.flatnonzero(self._bins == len(self._mass) - 1 - number)
        few = few[np.argsort(-self._weights[few], kind="stable")]
        mass = np.cumsum(self._weights[few]) + (self._mass[number - 1] if number else 0.0)
        place = min(int(np.searchsorted(mass, goal, side)), len(few) - 1)
        return int(few[place]), float(mass[place])


class RowSampling:
    """The tokens of all answers of a step, and their log-probabilities (natural, at temperature 1).

    The likeliest token of every row is found at once. Log-probabilities take an exponential of every logit, and are
    shared out among threads.
    """

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None
        self._rooms: Floats = np.empty((0, 0), np.float32)

    def choose(self, logits: Floats, samplers: Sequence[Sampler]) -> list[Choice]:
        """logits float32 (n, vocabulary) → for each row its token and that one's log-probability.

        Ties go to the lower id. The probability is the model's own, whatever a grammar leaves of it; None where a
        grammar can go on with no token. Raises ModelError for logits that are no numbers.
        """
        likeliest = logits.argmax(axis=1)
        rows = np.arange(len(logits))
        tops = logits[rows, likeliest]
        if not np.isfinite(tops).all():
            bad = float(tops[~np.isfinite(tops)][0])
            raise ModelError(
                f"The model's output is {bad}: the weights of the model or its projector are damaged.", DAMAGED
            )
        totals = self._log_totals(logits, tops)
        best: list[int] = likeliest.tolist()
        tokens = [
            token if sampler.takes_likeliest else sampler.choose(row, token)
            for sampler, row, token in zip(samplers, logits, best, strict=True)
        ]
        known = [token or 0 for token in tokens]
        logprobs: list[float] = (logits[rows, known] - totals).tolist()
        return [None if token is None else (token, found) for token, found in zip(tokens, logprobs, strict=True)]

    def _log_totals(self, logits: Floats, tops: Floats) -> Wide:
        """The logarithm of the sum of the exponentials of each row, float64 (n,)."""
        count, width = logits.shape
        threads = max(1, min(_MOST_THREADS, physical_cores(), logits.size // _PER_THREAD, count))
        if self._rooms.shape != (threads, width):
            self._rooms = np.empty((threads, width), np.float32)
        totals = np.empty(count, np.float64)
        edges = [count * n // threads for n in range(threads + 1)]
        parts = [slice(start, end) for start, end in pairwise(edges)]
        given = [(logits[part], tops[part], totals[part], room) for part, room in zip(parts, self._rooms, strict=True)]
        if threads > 1 and self._threads is None:
            self._threads = ThreadPoolExecutor(_MOST_THREADS, "smol-logits")
        others = [self._threads.submit(_sum_exponentials, *each) for each in given[1:]] if self._threads else []
        _sum_exponentials(*given[0])
        for other in others:
            other.result()
        return np.log(totals) + tops


def _sum_exponentials(logits: Floats, tops: Floats, sums: Wide, room: Floats) -> None:
    """The sum of exp(logit - top) of each row into `sums`. A row at a time, which stays in the processor's cache."""
    for index, (row, top) in enumerate(zip(logits, tops, strict=True)):
        np.subtract(row, top, out=room)
        np.exp(room, out=room)
        sums[index] = room.sum()  # pairwise, so that float32 is enough


def _likeliest_allowed(grammar: Grammar, logits: Floats, best: int) -> int | None:
    """The likeliest token that is allowed, if it is among the first few; to ask about all takes milliseconds."""
    if grammar.allowed(np.array([best], np.int32))[0]:
        return best
    if len(logits) <= _LIKELIEST:
        return None
    border = np.partition(logits, -_LIKELIEST)[-_LIKELIEST]
    few = np.nonzero(logits >= border)[0].astype(np.int32)
    few = few[np.argsort(-logits[few], kind="stable")]
    allowed = np.nonzero(grammar.allowed(few))[0]
    return int(few[allowed[0]]) if len(allowed) else None


def log_softmax(logits: Floats) -> Floats:
    """Natural log-probabilities float32 of logits (n, vocabulary), summed in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    found: Floats = (shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))).astype(np.float32)
    return found
