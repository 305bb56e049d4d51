"""The language model and a grammar as the scheduler sees them: every computation in the engine's native thread."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from gguf_convert.names import WEIGHT, LanguageTensors
from smolcli.datatypes import Floats
from smolcli.engine.batching import Batch, Ids
from smolcli.engine.llama.grammar import Grammar
from smolcli.engine.llama.language import LanguageModel
from smolcli.engine.llama.library import NativeThread
from smolcli.engine.metadata import GGUFFile


class ThreadedDecoder:
    """The language model."""

    def __init__(self, thread: NativeThread, model: LanguageModel, file: GGUFFile) -> None:
        self._thread, self._model, self._file = thread, model, file
        self.piece, self.is_end = cache(model.piece), cache(model.is_end)  # asked again and again of the same few

    def decode(self, batch: Batch) -> Floats:
        """One pass → logits float32 (wanted rows, vocabulary), valid until the next one."""
        return self._thread.call(self._model.decode, batch)

    def embed_tokens(self, ids: Ids) -> Floats:
        """Rows of the token embedding matrix, float32 (n, width)."""
        return self._file.rows(LanguageTensors.TOKEN_EMBEDDING + WEIGHT, ids)

    def copy_sequence(self, source: int, target: int, rows: int) -> None:
        """Share the first KV rows of one sequence with another."""
        self._thread.post(self._model.copy_sequence, source, target, rows)

    def forget(self, sequence: int, from_row: int = 0) -> None:
        """In its turn: after Ctrl-C a decode may still be under way."""
        self._thread.post(self._model.forget, sequence, from_row)


class ThreadedGrammar:
    """Where one answer stands in its grammar. Raises UsageError for a text that is no grammar."""

    def __init__(self, thread: NativeThread, model: LanguageModel, text: str) -> None:
        self._thread = thread
        self._grammar: Grammar = thread.call(model.grammar, text)

    def allowed(self, ids: Ids) -> npt.NDArray[np.bool_]:
        """Which of these tokens may come next."""
        return self._thread.call(self._grammar.allowed, ids)

    def accept(self, token: int) -> None:
        """The answer goes on with this token."""
        self._thread.call(self._grammar.accept, token)

    def close(self) -> None:
        """In its turn, as nothing may be using it."""
        self._thread.post(self._grammar.close)
