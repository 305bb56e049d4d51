"""One tile in, its embeddings out: the vision tower and projector, through mtmd.

A T×T bitmap with `image_max_tokens` = tokens per tile passes mtmd's preprocessing untouched (tools/mtmd/mtmd-
image.cpp), so the pixels that the tower sees are exactly the ones that we cut.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

import numpy as np

from smolcli.datatypes import RGB, Floats
from smolcli.engine.llama.devices import Device
from smolcli.engine.llama.library import bindings, last_error
from smolcli.errors import EngineError, ModelError

_MARKER = b"<__media__>"
_IMAGE_CHUNK = 1  # MTMD_INPUT_CHUNK_TYPE_IMAGE
# llama_flash_attn_type. On a CPU it is 1.8 times faster than without, for every head size. A card has kernels for some
# head sizes only, and what it lacks would be computed on the CPU in every layer: there llama.cpp asks the card first.
_FLASH_ATTENTION_AUTO, _FLASH_ATTENTION_ON = -1, 1


class VisionTower:
    """Owner of one mtmd context. All methods run in one native thread. card None: it computes on the CPU."""

    def __init__(self, path: Path, language_model: Any, threads: int, card: Device | None) -> None:
        _, self._mtmd = bindings()
        params = self._mtmd.mtmd_context_params_default()
        params.use_gpu = card is not None
        if card is not None:
            params.device = card.handle
        params.print_timings = False
        params.n_threads = threads
        params.warmup = False
        params.flash_attn_type = _FLASH_ATTENTION_ON if card is None else _FLASH_ATTENTION_AUTO
        params.media_marker = _MARKER
        self._params = params
        self._path, self._language_model = path, language_model
        self._context: Any = None

    def open(self, tokens_per_tile: int, width: int) -> None:
        """Load the weights. tokens_per_tile and width say what `embed` will return."""
        self._shape = (tokens_per_tile, width)
        self._params.image_max_tokens = tokens_per_tile
        self._context = self._mtmd.mtmd_init_from_file(os.fsencode(self._path), self._language_model, self._params)
        if not self._context:
            raise ModelError(f"llama.cpp cannot load the projector {self._path}.{last_error()}")

    def embed(self, tile: RGB) -> Floats:
        """tile uint8 (T, T, 3) → float32 (tokens per tile, language model's width), a copy. Raises EngineError."""
        mtmd = self._mtmd
        pixels = np.ascontiguousarray(tile, dtype=np.uint8)
        height, width = pixels.shape[:2]
        bitmap = mtmd.mtmd_bitmap_init(width, height, pixels.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)))
        chunks = mtmd.mtmd_input_chunks_init()
        try:
            text = mtmd.mtmd_input_text(text=_MARKER, add_special=False, parse_special=True)
            text.text_len = len(_MARKER)  # left at 0, mtmd sees an empty prompt
            bitmaps = (mtmd.mtmd_bitmap_p_ctypes * 1)(bitmap)
            if mtmd.mtmd_tokenize(self._context, chunks, ctypes.byref(text), bitmaps, 1):
                raise EngineError(f"llama.cpp could not prepare a {width}×{height} tile.{last_error()}")
            return self._encode(self._first_image(chunks))
        finally:
            mtmd.mtmd_input_chunks_free(chunks)
            mtmd.mtmd_bitmap_free(bitmap)

    def _first_image(self, chunks: Any) -> Any:
        for index in range(self._mtmd.mtmd_input_chunks_size(chunks)):
            chunk = self._mtmd.mtmd_input_chunks_get(chunks, index)
            if self._mtmd.mtmd_input_chunk_get_type(chunk) == _IMAGE_CHUNK:
                return chunk
        raise EngineError("llama.cpp made no image of a tile.")

    def _encode(self, chunk: Any) -> Floats:
        tokens = self._mtmd.mtmd_input_chunk_get_n_tokens(chunk)
        if tokens != self._shape[0]:
            raise EngineError(
                f"llama.cpp makes {tokens} tokens of a tile where the model's files promise {self._shape[0]}."
            )
        if self._mtmd.mtmd_encode_chunk(self._context, chunk):
            raise EngineError(f"llama.cpp could not encode a tile.{last_error()}")
        output = self._mtmd.mtmd_get_output_embd(self._context)
        return np.ctypeslib.as_array(output, self._shape).astype(np.float32)  # the next encode reuses the buffer

    def close(self) -> None:
        """Free the context; safe to call twice."""
        if self._context:
            self._mtmd.mtmd_free(self._context)
            self._context = None
