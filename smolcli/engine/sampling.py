"""Logits in, one token out: greedy, or temperature and top-p with a seed."""

from __future__ import annotations

import numpy as np

from gguf_convert.header import DAMAGED
from smolcli.datatypes import Floats, Sampling
from smolcli.errors import ModelError


class Sampler:
    """Chooses the tokens of one answer and keeps their log-probabilities (natural, at temperature 1)."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._random = np.random.default_rng(sampling.seed)

    def choose(self, logits: Floats) -> tuple[int, float]:
        """logits float32 (vocabulary,) → (token id, its log-probability). Ties go to the lower id, as argmax does.

        Raises ModelError for logits that are no numbers.
        """
        top = float(logits.max())
        if not np.isfinite(top):
            raise ModelError(
                f"The model's output is {top}: the weights of the model or its projector are damaged.", DAMAGED
            )
        total = np.log(np.exp(logits - top, dtype=np.float32).sum(dtype=np.float64)) + top
        token = int(logits.argmax()) if self._sampling.temperature <= 0 else self._draw(logits, top)
        return token, float(logits[token] - total)

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
