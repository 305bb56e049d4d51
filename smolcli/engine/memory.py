"""How many rows of the KV cache this machine has room for."""

from __future__ import annotations

import os

from smolcli.engine.metadata import GGUFFile

SHARE = 8  # the KV cache of all answers takes at most this part of the machine's memory
UNKNOWN_BYTES = 4 << 30  # what is assumed where the system does not tell
_F16_BYTES = 2


def kv_cells(language: GGUFFile) -> int:
    """Rows of keys and values (float16) of a model that fit an eighth of the machine's memory.

    GGUF keys: llama.block_count, llama.embedding_length, llama.attention.head_count, llama.attention.head_count_kv.
    """
    layers, width = int(language.get("llama.block_count")), int(language.get("llama.embedding_length"))
    heads = int(language.get("llama.attention.head_count"))
    kv_heads = int(language.get("llama.attention.head_count_kv", heads))
    row_bytes = 2 * layers * kv_heads * (width // heads) * _F16_BYTES
    return machine_bytes() // SHARE // row_bytes


def machine_bytes() -> int:
    """The machine's memory."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return UNKNOWN_BYTES
