"""How many rows of the KV cache this machine has room for."""

from __future__ import annotations

import os

from gguf_convert.names import Llama
from smolcli.engine.metadata import GGUFFile

SHARE = 8  # the KV cache of all answers takes at most this part of the machine's memory
UNKNOWN_BYTES = 4 << 30  # what is assumed where the system does not tell
_F16_BYTES = 2


def kv_cells(language: GGUFFile) -> int:
    """Rows of keys and values (float16) of a model that fit an eighth of the machine's memory."""
    layers, width = int(language.get(Llama.BLOCK_COUNT)), int(language.get(Llama.EMBEDDING_LENGTH))
    heads = int(language.get(Llama.HEAD_COUNT))
    kv_heads = int(language.get(Llama.HEAD_COUNT_KV, heads))
    row_bytes = 2 * layers * kv_heads * (width // heads) * _F16_BYTES
    return machine_bytes() // SHARE // row_bytes


def machine_bytes() -> int:
    """The machine's memory."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return UNKNOWN_BYTES
