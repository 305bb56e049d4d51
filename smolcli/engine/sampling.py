"""Logits in, one token out: greedy, or temperature and top-p with a seed; and one that the grammar allows, if any."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from gguf_convert.header import DAMAGED
from smolcli.datatypes import Floats, Sampling
from smolcli.errors import ModelError

_LIKELIEST = 128  # tokens that a grammar is asked about before all are: the one that it allows is mostly among them


class Grammar(Protocol):
    """Where one answer stands in its grammar."""

    def allowed(self, ids: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Which of these tokens may come next; one that ends the answer may where the grammar is complete."""

    def accept(self, token: int) -> None:
        """The answer goes on with this token."""

    def close(self) -> None:
        """The answer has ended; safe to call twice."""


class Sampler:
    """Chooses the tokens of one answer and keeps their log-probabilities (natural, at temperature 1)."""

    def __init__(self, sampling: Sampling, grammar: Grammar | None = None) -> None:
        self._sampling, self._grammar = sampling, grammar
        self._random = np.random.default_rng(sampling.seed)

    def choose(self, logits: Floats) -> tuple[int, float] | None:
        """logits float32 (vocabulary,) → (token id, its log-probability). Ties go to the lower id, as argmax does.

        The probability is the model's own, whatever a grammar leaves of it. None where the grammar can go on with no
        token of this vocabulary. Raises ModelError for logits that are no numbers.
        """
        top = float(logits.max())
        if not np.isfinite(top):
            raise ModelError(
                f"The model's output is {top}: the weights of the model or its projector are damaged.", DAMAGED
            )
        total = np.log(np.exp(logits - top, dtype=np.float32).sum(dtype=np.float64)) + top
        token = self._choose(logits)
        return None if token is None else (token, float(logits[token] - total))

    def accept(self, token: int) -> None:
        """The answer goes on with this token."""
        if self._grammar is not None:
            self._grammar.accept(token)

    def _choose(self, logits: Floats) -> int | None:
        greedy = self._sampling.temperature <= 0
        if self._grammar is None:
            return int(logits.argmax()) if greedy else self._draw(logits, float(logits.max()))
        token = _likeliest_allowed(self._grammar, logits) if greedy else self._draw_allowed(self._grammar, logits)
        if token is not None:
            return token
        every = np.arange(len(logits), dtype=np.int32)
        left = np.where(self._grammar.allowed(every), logits, np.float32(-np.inf))
        top = float(left.max())
        if not np.isfinite(top):
            return None
        return int(left.argmax()) if greedy else self._draw(left, top)

    def _draw_allowed(self, grammar: Grammar, logits: Floats) -> int | None:
        """What is drawn without the grammar, if it allows it: with what is drawn else among those that it allows, each
        of these is as likely as if the others had never been there.
        """
        token = self._draw(logits, float(logits.max()))
        return token if grammar.allowed(np.array([token], np.int32))[0] else None

    def _draw(self, logits: Floats, top: float) -> int:
        weights = np.exp((logits.astype(np.float64) - top) / self._sampling.temperature)
        order = np.argsort(-weights, kind="stable")
        mass = np.cumsum(weights[order])
        # The smallest set whose mass reaches top_p: the token that crosses the line is in it.
        kept = int(np.searchsorted(mass, self._sampling.top_p * mass[-1])) + 1
        kept = min(kept, len(order))
        return int(
            order[np.searchsorted(mass[:kept], self._random.random() * mass[kept - 1], side="right").clip(max=kept - 1)]
        )


def _likeliest_allowed(grammar: Grammar, logits: Floats) -> int | None:
    """The likeliest token that is allowed, if it is among the first few; to ask about all takes milliseconds."""
    best = logits.argmax()
    if grammar.allowed(np.array([best], np.int32))[0]:
        return int(best)
    if len(logits) <= _LIKELIEST:
        return None
    border = np.partition(logits, -_LIKELIEST)[-_LIKELIEST]
    few = np.nonzero(logits >= border)[0].astype(np.int32)
    few = few[np.argsort(-logits[few], kind="stable")]
    allowed = np.nonzero(grammar.allowed(few))[0]
    return int(few[allowed[0]]) if len(allowed) else None
