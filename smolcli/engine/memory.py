"""How many rows of the KV cache there is room for, and what a model takes in all, in RAM or on a card."""

from __future__ import annotations

import os

from gguf_convert.names import Llama
from smolcli.engine.metadata import GGUFFile
from smolcli.errors import UsageError

SHARE = 8  # the KV cache of all answers takes at most this part of the machine's memory
MOST_TOGETHER = 64  # answers at once where nobody says how many
CPU_TOGETHER = 8  # on a processor, where more in a batch are hardly faster and each has to wait longer
_ANSWER_TILES, _ANSWER_TOKENS = 17, 256  # of a picture that is cut finely, and what is written and asked about it
UNKNOWN_BYTES = 4 << 30  # what is assumed where the system does not tell
COMPUTE_BYTES = 250 << 20  # what llama.cpp computes in, beside weights and KV rows
# The same on a card: the driver's own, kernels, a first tower. 400 MB were measured with the 256M on an H100.
CARD_BYTES = 512 << 20
_CARD_SHARE = 2  # of what is free on a card when the weights are there
KV_BYTES = {"f16": 2.0, "bf16": 2.0, "q8_0": 34 / 32}  # of a key's or value's number, by type


def kv_cells(language: GGUFFile, card_free_bytes: int | None = None, kv_type: str = "f16") -> int:
    """Rows of keys and values of a model that fit an eighth of the machine's memory, or half a card's."""
    most = machine_bytes() // SHARE if card_free_bytes is None else card_free_bytes // _CARD_SHARE
    return most // kv_row_bytes(language, kv_type)


def together(cells: int, tokens_per_tile: int, on_card: bool) -> int:
    """How many answers are written at once where nobody says it: as many as have room, each with a picture."""
    room = cells // (_ANSWER_TILES * tokens_per_tile + _ANSWER_TOKENS)
    return max(1, min(room, MOST_TOGETHER if on_card else CPU_TOGETHER))


def needed_bytes(language: GGUFFile, projector: GGUFFile, kv_bytes: int) -> tuple[int, int]:
    """What a model takes with keys and values of so many bytes: in RAM where the processor computes, and on a card
    where that does.
    """
    weights = language.size + projector.size + kv_bytes
    return weights + COMPUTE_BYTES, weights + CARD_BYTES


def kv_row_bytes(language: GGUFFile, kv_type: str = "f16") -> int:
    """Keys and values of one token. Raises UsageError for a type that they cannot have."""
    if kv_type not in KV_BYTES:
        raise UsageError(f"Keys and values cannot be {kv_type!r}.", f"Known: {', '.join(KV_BYTES)}.")
    layers, width = int(language.get(Llama.BLOCK_COUNT)), int(language.get(Llama.EMBEDDING_LENGTH))
    heads = int(language.get(Llama.HEAD_COUNT))
    kv_heads = int(language.get(Llama.HEAD_COUNT_KV, heads))
    return int(2 * layers * kv_heads * (width // heads) * KV_BYTES[kv_type])


def machine_bytes() -> int:
    """The machine's memory."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return UNKNOWN_BYTES
