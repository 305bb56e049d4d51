"""A pair in, what only the engine can say of it out: whether it opens, how long a tile takes."""

from __future__ import annotations

import time

import numpy as np

from smolcli.datatypes import ModelPair
from smolcli.engine import EngineOptions, load_engine, load_planner


class EngineExaminer:
    """Opens pairs with the options that a run would use. smolcli/models/adopt.py: Examiner."""

    def __init__(self, options: EngineOptions | None = None) -> None:
        self._options = options or EngineOptions()

    def check(self, pair: ModelPair) -> None:
        """Open both headers and the vocabulary. Raises ModelError."""
        load_planner(pair, self._options).close()

    def encode_s(self, pair: ModelPair) -> float:
        """Seconds of one tile; the first, with which the weights are loaded, is not counted. Raises ModelError."""
        with load_engine(pair, self._options) as engine:
            edge = engine.facts.tile_px
            tile = np.arange(edge * edge * 3, dtype=np.uint32).astype(np.uint8).reshape(edge, edge, 3)
            engine.embed(tile)
            start = time.perf_counter()
            engine.embed(tile)
            return time.perf_counter() - start
