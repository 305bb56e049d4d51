"""How one row of logits becomes a token as the definition says: a softmax, a sort, a sum."""

from __future__ import annotations

import numpy as np

from smolcli.errors import ModelError


class Sampler:
    """Chooses the tokens of one answer."""

    def __init__(self, sampling, grammar=None):
        self._sampling, self._grammar = sampling, grammar
        self._random = np.random.default_rng(sampling.seed)

    def choose(self, logits):
        """logits float32 (vocabulary,) → (token id, its log-probability), None where the grammar allows no token."""
        wide = logits.astype(np.float64)
        top = wide.max()
        if not np.isfinite(top):
            raise ModelError("damaged")
        total = np.log(np.exp(wide - top).sum()) + top
        token = self._choose(logits)
        return None if token is None else (token, float(wide[token] - total))

    def _choose(self, logits):
        greedy = self._sampling.temperature <= 0
        if not greedy:
            token = self._draw(logits, float(logits.max()))
            if self._grammar is None or self._grammar.allowed(np.array([token], np.int32))[0]:
                return token
        if self._grammar is not None:
            every = np.arange(len(logits), dtype=np.int32)
            logits = np.where(self._grammar.allowed(every), logits, np.float32(-np.inf))
        top = float(logits.max())
        if not np.isfinite(top):
            return None
        return int(logits.argmax()) if greedy else self._draw(logits, top)

    def _draw(self, logits, top):
        weights = np.exp((logits.astype(np.float64) - top) / self._sampling.temperature)
        order = np.argsort(-weights, kind="stable")
        mass = np.cumsum(weights[order])
        kept = min(int(np.searchsorted(mass, self._sampling.top_p * mass[-1])) + 1, len(order))
        place = np.searchsorted(mass[:kept], self._random.random() * mass[kept - 1], side="right")
        return int(order[min(place, kept - 1)])
