"""A pair opened to be measured: an engine that also gives plain ids and logits of the next tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smolcli.datatypes import Floats, Turn
from smolcli.engine.llama.language import ContextSize
from smolcli.engine.scheduler import Batch
from smolcli.engine.smolvlm import _BATCH_ROWS, SmolVLM, _Decoder, _Rows


class Probe(SmolVLM):
    """An engine whose numbers can be read. One conversation at a time; the context is opened on first use."""

    _decoder: _Decoder | None = None

    def plain_ids(self, text: str) -> list[int]:
        """Ids of plain text, as llama.cpp tokenizes it."""
        return self._native().call(self._model.tokenize, text)

    def logits(self, turns: Sequence[Turn], forced: Sequence[int] | None, steps: int) -> tuple[Floats, list[int]]:
        """Logits float32 (steps, vocabulary) after the prompt and after each further token, and those tokens.

        forced: the tokens to go on with, so that two models are compared on the same text; None takes the likeliest.
        """
        sequence = self.tokens(turns)
        embeddings, _ = self._embed_images(sequence.images)
        rows = _Rows(sequence.ids, self.facts.image_token, embeddings, self._language_file)
        decoder, count = self._open_decoder(), len(sequence.ids)
        decoder.forget(0)
        for start in range(0, count, _BATCH_ROWS):
            end = min(count, start + _BATCH_ROWS)
            last = decoder.decode(_batch(rows(start, end), start, end == count))
        found, tokens = [last[0].copy()], []
        for step in range(steps - 1):
            tokens.append(forced[step] if forced is not None else int(found[-1].argmax()))
            row = decoder.embed_tokens(np.array([tokens[-1]], np.int32))
            found.append(decoder.decode(_batch(row, count + step, True))[0].copy())
        return np.stack(found), tokens

    def _open_decoder(self) -> _Decoder:
        if self._decoder is None:
            size = ContextSize(self.context_tokens, 1, min(_BATCH_ROWS, self.context_tokens))
            self._native().call(self._model.open_context, size, self._threads, self.facts.width)
            self._decoder = _Decoder(self._native(), self._model, self._language_file)
        return self._decoder


def _batch(rows: Floats, start: int, last_wanted: bool) -> Batch:
    """Rows of sequence 0 from a position on; only the last one's logits may be wanted."""
    count = len(rows)
    wanted = np.zeros(count, np.bool_)
    wanted[-1] = last_wanted
    return Batch(rows, np.arange(start, start + count, dtype=np.int32), [0] * count, wanted)
