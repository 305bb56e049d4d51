"""Rows of embeddings in, logits out: the language model, its tokenizer and its KV cache."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smolcli.datatypes import Floats
from smolcli.engine.batching import Batch
from smolcli.engine.llama.batch import NativeBatch
from smolcli.engine.llama.devices import Device
from smolcli.engine.llama.grammar import Grammar
from smolcli.engine.llama.library import bindings, last_error, start_backends
from smolcli.errors import EngineError, ModelError

_ALL_LAYERS = 999
_MAX_PIECE = 256
_GGML_TYPES = {"f16": 1, "q8_0": 8, "bf16": 30}  # enum ggml_type, of which the binding lacks some


@dataclass(frozen=True, slots=True)
class ContextSize:
    """How large a context is.

    cells: KV rows shared by all sequences; sequences: how many may live at once; batch_rows: most rows of one decode;
    outputs: most of these whose logits are wanted.
    """

    cells: int
    sequences: int
    batch_rows: int
    outputs: int


class LanguageModel:
    """Owner of one llama_model and its llama_context. All methods run in the engine's native thread.

    card None: it computes on the CPU, and no driver of a card is started for a vocabulary. gpu_layers None: all.
    """

    def __init__(self, path: Path, card: Device | None, gpu_layers: int | None, vocab_only: bool) -> None:
        self._llama, _ = bindings()
        if not vocab_only:
            start_backends()
        params = self._llama.llama_model_default_params()
        params.vocab_only = vocab_only
        params.n_gpu_layers = 0 if card is None else _ALL_LAYERS if gpu_layers is None else gpu_layers
        handles = [] if card is None else [card.handle]
        self._devices = (ctypes.c_void_p * (len(handles) + 1))(*handles, None)  # without a list, llama.cpp takes all
        params.devices = ctypes.cast(self._devices, ctypes.c_void_p)
        self.handle = self._llama.llama_model_load_from_file(os.fsencode(path), params)
        if not self.handle:
            raise ModelError(f"llama.cpp cannot load the model {path}.{last_error()}")
        self._vocab = self._llama.llama_model_get_vocab(self.handle)
        self.vocab_size: int = self._llama.llama_vocab_n_tokens(self._vocab)
        self._context: Any = None
        self._batch: NativeBatch | None = None

    def tokenize(self, text: str) -> list[int]:
        """Ids of plain text: nothing is added, and no string in it becomes a special token."""
        data = text.encode("utf-8", "replace")
        ids = (self._llama.llama_token * (len(data) + 1))()
        count = self._llama.llama_tokenize(self._vocab, data, len(data), ids, len(ids), False, False)
        if count < 0:
            raise EngineError("llama.cpp could not tokenize the text.")
        return list(ids[:count])

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for; special tokens are written out."""
        buffer = ctypes.create_string_buffer(_MAX_PIECE)
        count = self._llama.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, True)
        if count < 0:  # the room that it needs
            buffer = ctypes.create_string_buffer(-count)
            count = self._llama.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, True)
        return buffer.raw[:count]

    def is_end(self, token: int) -> bool:
        """Whether the model ends its turn with this token."""
        return bool(self._llama.llama_vocab_is_eog(self._vocab, token))

    def ends(self) -> tuple[int, ...]:
        """Every token with which the model may end its turn."""
        return tuple(filter(self.is_end, range(self.vocab_size)))

    def grammar(self, text: str) -> Grammar:
        """What an answer that follows a grammar (GBNF) begins with. Raises UsageError."""
        return Grammar(self._vocab, text)

    def open_context(self, size: ContextSize, threads: int, width: int, kv_type: str = "f16") -> None:
        """Make the KV cache and the batch, in place of earlier ones. kv_unified lets part of a sequence be copied."""
        self._close_context()
        params = self._llama.llama_context_default_params()
        params.n_ctx = size.cells
        params.n_batch = params.n_ubatch = size.batch_rows
        params.n_seq_max = size.sequences
        params.n_outputs_max = size.outputs
        params.n_threads = params.n_threads_batch = threads
        params.type_k = params.type_v = _GGML_TYPES[kv_type]
        params.kv_unified = True
        params.no_perf = True
        self._context = self._llama.llama_init_from_model(self.handle, params)
        if not self._context:
            hint = (
                "Lower --context or --parallel." if kv_type == "f16" else "Use --kv-type f16, or a smaller --context."
            )
            raise EngineError(f"llama.cpp cannot make a context of {size.cells} tokens.{last_error()}", hint)
        self._memory = self._llama.llama_get_memory(self._context)
        self._batch = NativeBatch(size.batch_rows, width)

    def decode(self, batch: Batch) -> Floats:
        """One pass over the batch's rows → logits float32 (wanted rows, vocabulary), valid until the next call."""
        if self._batch is None:
            raise EngineError("A decode was asked for before there was a context.")
        status = self._llama.llama_decode(self._context, self._batch.filled(batch))
        if status:
            count = len(batch.positions)
            raise EngineError(f"llama.cpp could not decode {count} rows (status {status}).{last_error()}")
        wanted = int(np.count_nonzero(batch.wanted))
        if not wanted:
            return np.empty((0, self.vocab_size), np.float32)
        return np.ctypeslib.as_array(self._llama.llama_get_logits(self._context), (wanted, self.vocab_size))

    def copy_sequence(self, source: int, target: int, rows: int) -> None:
        """Let `target` share the first `rows` KV rows of `source`."""
        self._llama.llama_memory_seq_cp(self._memory, source, target, 0, rows)

    def forget(self, sequence: int, from_row: int = 0) -> None:
        """Drop a sequence from a row on; rows that another one shares stay for that one."""
        self._llama.llama_memory_seq_rm(self._memory, sequence, from_row, -1)

    def close(self) -> None:
        """Free context and model, in that order; safe to call twice."""
        self._close_context()
        if self.handle:
            self._llama.llama_model_free(self.handle)
            self.handle = None

    def _close_context(self) -> None:
        self._batch = None
        if self._context:
            self._llama.llama_free(self._context)
            self._context = None
