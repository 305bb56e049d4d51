"""The language model's side: TextConfig comes in; its metadata keys and the tensors that it must have go out."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from .config import RopeScaling, TextConfig
from .dtypes import Floats
from .metadata import Metadata
from .names import WEIGHT, General, Llama
from .names import LanguageTensors as Tensors
from .plan import Wanted


def write_keys(text: TextConfig, metadata: Metadata, file_type: int) -> None:
    """Keys `llama.*`, as llama.cpp's loader reads them."""
    metadata.uint32(Llama.BLOCK_COUNT, text.layers)
    metadata.uint32(Llama.CONTEXT_LENGTH, text.context)
    metadata.uint32(Llama.EMBEDDING_LENGTH, text.hidden)
    metadata.uint32(Llama.FEED_FORWARD_LENGTH, text.ffn)
    metadata.uint32(Llama.HEAD_COUNT, text.heads)
    metadata.uint32(Llama.HEAD_COUNT_KV, text.kv_heads)
    if text.rope_scaling and text.rope_scaling.kind == "linear":
        metadata.string(Llama.ROPE_SCALING_TYPE, "linear")
        metadata.float32(Llama.ROPE_SCALING_FACTOR, text.rope_scaling.factor)
    metadata.float32(Llama.ROPE_FREQ_BASE, text.rope_theta)
    metadata.float32(Llama.RMS_EPSILON, text.rms_eps)
    metadata.uint32(Llama.KEY_LENGTH, text.head_dim)
    metadata.uint32(Llama.VALUE_LENGTH, text.head_dim)
    metadata.uint32(General.FILE_TYPE, file_type)
    metadata.uint32(Llama.VOCAB_SIZE, text.vocab)
    metadata.uint32(Llama.ROPE_DIMENSION_COUNT, text.head_dim)
    metadata.uint32(General.QUANTIZATION_VERSION, 2)


def wanted(text: TextConfig, has_head: bool) -> Iterator[Wanted]:
    """Every tensor, in file order. q and k rows are reordered from transformers' half-split rotary layout to ggml's."""
    queries, keys = text.heads * text.head_dim, text.kv_heads * text.head_dim
    yield Wanted("text_model.embed_tokens.weight", Tensors.TOKEN_EMBEDDING + WEIGHT, (text.vocab, text.hidden))
    if text.rope_scaling and text.rope_scaling.kind == "llama3":
        factors = rope_factors(text.rope_scaling, text.rope_theta, text.head_dim)
        yield Wanted("", Tensors.ROPE_FREQS + WEIGHT, factors.shape, keep_f32=True, computed=factors)
    for i in range(text.layers):
        source = f"text_model.layers.{i}."
        yield _norm(source + "input_layernorm", Tensors.ATTN_NORM.format(i), text)
        yield Wanted(
            source + "self_attn.q_proj.weight",
            Tensors.ATTN_Q.format(i) + WEIGHT,
            (queries, text.hidden),
            heads=text.heads,
        )
        yield Wanted(
            source + "self_attn.k_proj.weight",
            Tensors.ATTN_K.format(i) + WEIGHT,
            (keys, text.hidden),
            heads=text.kv_heads,
        )
        yield Wanted(source + "self_attn.v_proj.weight", Tensors.ATTN_V.format(i) + WEIGHT, (keys, text.hidden))
        yield Wanted(source + "self_attn.o_proj.weight", Tensors.ATTN_OUTPUT.format(i) + WEIGHT, (text.hidden, queries))
        yield _norm(source + "post_attention_layernorm", Tensors.FFN_NORM.format(i), text)
        yield Wanted(source + "mlp.gate_proj.weight", Tensors.FFN_GATE.format(i) + WEIGHT, (text.ffn, text.hidden))
        yield Wanted(source + "mlp.up_proj.weight", Tensors.FFN_UP.format(i) + WEIGHT, (text.ffn, text.hidden))
        yield Wanted(source + "mlp.down_proj.weight", Tensors.FFN_DOWN.format(i) + WEIGHT, (text.hidden, text.ffn))
    yield _norm("text_model.norm", Tensors.OUTPUT_NORM, text)
    if has_head:
        yield Wanted("lm_head.weight", Tensors.OUTPUT + WEIGHT, (text.vocab, text.hidden))


def rope_factors(scaling: RopeScaling, theta: float, head_dim: int) -> Floats:
    """Llama 3's divisors of the rotary frequencies, float32 (head_dim / 2,) (_compute_llama3_parameters)."""
    f32 = np.float32  # every step in float32, as the reference does: bytes are compared
    exponents = np.arange(0, head_dim, 2, dtype=f32) / f32(head_dim)
    wavelengths = f32(2 * math.pi) / (f32(1) / f32(theta) ** exponents)
    low, high = scaling.low_freq_factor, scaling.high_freq_factor
    smooth = (f32(scaling.original_context) / wavelengths - f32(low)) / f32(high - low)
    between = f32(1) / ((f32(1) - smooth) / f32(scaling.factor) + smooth)
    stretched = np.where(wavelengths > scaling.original_context / low, f32(scaling.factor), between)
    factors: Floats = np.where(wavelengths < scaling.original_context / high, f32(1), stretched).astype(f32)
    return factors


def _norm(source: str, target: str, text: TextConfig) -> Wanted:
    return Wanted(source + ".weight", target + WEIGHT, (text.hidden,), keep_f32=True)
