"""A step's rows in, llama.cpp's batch out: arrays that are made once, and filled whole."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from smolcli.engine.batching import Batch
from smolcli.engine.llama.library import bindings
from smolcli.errors import EngineError


class NativeBatch:
    """Owner of one llama_batch of up to `rows` rows of embeddings, each in one sequence."""

    def __init__(self, rows: int, width: int) -> None:
        llama, _ = bindings()
        self._embeddings = np.zeros((rows, width), np.float32)
        self._positions, self._sequences = np.zeros(rows, np.int32), np.zeros(rows, np.int32)
        self._sequence_counts, self._wanted = np.ones(rows, np.int32), np.zeros(rows, np.int8)
        steps = np.arange(rows, dtype=np.uintp) * self._sequences.itemsize
        self._pointers = self._sequences.ctypes.data + steps  # of each row to its one sequence
        self._native = llama.llama_batch()
        parts = (
            ("embd", self._embeddings),
            ("pos", self._positions),
            ("n_seq_id", self._sequence_counts),
            ("seq_id", self._pointers),
            ("logits", self._wanted),
        )
        kinds = dict(llama.llama_batch._fields_)
        for name, values in parts:
            setattr(self._native, name, ctypes.cast(values.ctypes.data, kinds[name]))

    def filled(self, batch: Batch) -> Any:
        """The native batch with these rows; it is overwritten by the next ones. Raises EngineError for too many."""
        count = len(batch.positions)
        if count > len(self._positions):
            raise EngineError(f"{count} rows were to be decoded at once, but a batch holds {len(self._positions)}.")
        self._embeddings[:count] = batch.rows
        self._positions[:count] = batch.positions
        self._sequences[:count] = batch.sequences
        self._wanted[:count] = batch.wanted
        self._native.n_tokens = count
        return self._native
