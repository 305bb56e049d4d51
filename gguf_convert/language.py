"""The language model's side: TextConfig comes in; its metadata keys and the tensors that it must have go out."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from .config import RopeScaling, TextConfig
from .dtypes import Floats
from .metadata import Metadata
from .plan import Wanted

ROPE_FREQS = "rope_freqs.weight"


def write_keys(text: TextConfig, metadata: Metadata, file_type: int) -> None:
    """Keys `llama.*`, as llama.cpp's loader reads them."""
    metadata.uint32("llama.block_count", text.layers)
    metadata.uint32("llama.context_length", text.context)
    metadata.uint32("llama.embedding_length", text.hidden)
    metadata.uint32("llama.feed_forward_length", text.ffn)
    metadata.uint32("llama.attention.head_count", text.heads)
    metadata.uint32("llama.attention.head_count_kv", text.kv_heads)
    if text.rope_scaling and text.rope_scaling.kind == "linear":
        metadata.string("llama.rope.scaling.type", "linear")
        metadata.float32("llama.rope.scaling.factor", text.rope_scaling.factor)
    metadata.float32("llama.rope.freq_base", text.rope_theta)
    metadata.float32("llama.attention.layer_norm_rms_epsilon", text.rms_eps)
    metadata.uint32("llama.attention.key_length", text.head_dim)
    metadata.uint32("llama.attention.value_length", text.head_dim)
    metadata.uint32("general.file_type", file_type)
    metadata.uint32("llama.vocab_size", text.vocab)
    metadata.uint32("llama.rope.dimension_count", text.head_dim)
    metadata.uint32("general.quantization_version", 2)


def wanted(text: TextConfig, has_head: bool) -> Iterator[Wanted]:
    """Every tensor, in file order. q and k rows are reordered from transformers' half-split rotary layout to ggml's."""
    queries, keys = text.heads * text.head_dim, text.kv_heads * text.head_dim
    yield Wanted("text_model.embed_tokens.weight", "token_embd.weight", (text.vocab, text.hidden))
    if text.rope_scaling and text.rope_scaling.kind == "llama3":
        factors = rope_factors(text.rope_scaling, text.rope_theta, text.head_dim)
        yield Wanted("", ROPE_FREQS, factors.shape, keep_f32=True, computed=factors)
    for i in range(text.layers):
        source, target = f"text_model.layers.{i}.", f"blk.{i}."
        yield _norm(source + "input_layernorm", target + "attn_norm", text)
        yield Wanted(
            source + "self_attn.q_proj.weight", target + "attn_q.weight", (queries, text.hidden), heads=text.heads
        )
        yield Wanted(
            source + "self_attn.k_proj.weight", target + "attn_k.weight", (keys, text.hidden), heads=text.kv_heads
        )
        yield Wanted(source + "self_attn.v_proj.weight", target + "attn_v.weight", (keys, text.hidden))
        yield Wanted(source + "self_attn.o_proj.weight", target + "attn_output.weight", (text.hidden, queries))
        yield _norm(source + "post_attention_layernorm", target + "ffn_norm", text)
        yield Wanted(source + "mlp.gate_proj.weight", target + "ffn_gate.weight", (text.ffn, text.hidden))
        yield Wanted(source + "mlp.up_proj.weight", target + "ffn_up.weight", (text.ffn, text.hidden))
        yield Wanted(source + "mlp.down_proj.weight", target + "ffn_down.weight", (text.hidden, text.ffn))
    yield _norm("text_model.norm", "output_norm", text)
    if has_head:
        yield Wanted("lm_head.weight", "output.weight", (text.vocab, text.hidden))


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
    return Wanted(source + ".weight", target + ".weight", (text.hidden,), keep_f32=True)
