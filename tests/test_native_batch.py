"""A step's rows as llama.cpp sees them: read back through the pointers that it is given."""

import numpy as np
import pytest

from smolcli.engine.batching import Batch
from smolcli.engine.llama.batch import NativeBatch
from smolcli.errors import EngineError


def batch(count, width=3, first=0):
    numbers = np.arange(first, first + count)
    rows = np.repeat(numbers[:, None], width, axis=1).astype(np.float32)
    return Batch(rows, numbers.astype(np.int32), [(n * 7) % 5 for n in range(count)], numbers % 2 == 1)


def test_every_row_has_its_embedding_position_sequence_and_flag_in_every_batch():
    native = NativeBatch(8, 3)
    for count, first in ((8, 0), (3, 40), (5, 2)):
        wanted = batch(count, first=first)
        seen = native.filled(wanted)
        assert seen.n_tokens == count
        assert not seen.token
        assert [seen.embd[n] for n in range(3 * count)] == wanted.rows.ravel().tolist()
        assert [seen.pos[n] for n in range(count)] == wanted.positions.tolist()
        assert [seen.n_seq_id[n] for n in range(count)] == [1] * count
        assert [seen.seq_id[n][0] for n in range(count)] == wanted.sequences
        assert [bool(seen.logits[n]) for n in range(count)] == wanted.wanted.tolist()


def test_more_rows_than_it_holds_are_an_error():
    with pytest.raises(EngineError, match="9 rows"):
        NativeBatch(8, 3).filled(batch(9))
