"""Stored numbers (float32, float16, bits of bfloat16) come in, the bytes of a GGUF type go out. Pure, vectorised.

Rounding is that of ggml (ggml_compute_fp32_to_bf16, quantize_row_q8_0_ref), bit for bit; rarer block types are packed
by gguf's own code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import quantize

Floats = npt.NDArray[np.float32]
Stored = npt.NDArray[Any]

INFINITY_BITS = {"F32": 0x7F800000, "F16": 0x7C00, "BF16": 0x7F80}  # sign cleared; anything from here on is Inf or NaN
GGML_NAME = {"F32": GGMLQuantizationType.F32, "F16": GGMLQuantizationType.F16, "BF16": GGMLQuantizationType.BF16}
HALF_BELOW = np.float32(0.5).view(np.uint32) - np.uint32(1)  # adding it and truncating rounds half away from zero
SIGN = np.uint32(0x80000000)


def widen(stored: Stored, dtype: str) -> Floats:
    """float32 of the same shape; exact for all three stored dtypes."""
    if dtype == "BF16":
        bits = stored.astype(np.uint32)
        bits <<= 16
        return bits.view(np.float32)
    return stored.astype(np.float32, copy=False)


def count_nonfinite(stored: Stored, dtype: str) -> int:
    """How many values are Inf or NaN, from their bits."""
    limit = INFINITY_BITS[dtype]
    magnitude: npt.NDArray[Any]
    magnitude = (
        stored.view(np.uint32) & np.uint32(0x7FFFFFFF) if dtype == "F32" else stored.view(np.uint16) & np.uint16(0x7FFF)
    )
    return int(np.count_nonzero(magnitude >= limit)) if magnitude.size and magnitude.max() >= limit else 0


def pack(stored: Stored, dtype: str, target: GGMLQuantizationType) -> npt.NDArray[np.uint8]:
    """(rows, row_values) as bytes of the target type, (rows, row_bytes); rows must divide into its blocks."""
    if GGML_NAME[dtype] is target and not (target is GGMLQuantizationType.BF16 and count_nonfinite(stored, dtype)):
        return np.ascontiguousarray(stored).view(np.uint8)
    values = np.ascontiguousarray(widen(stored, dtype))
    if target is GGMLQuantizationType.F32:
        return values.view(np.uint8)
    if target is GGMLQuantizationType.F16:
        with np.errstate(over="ignore"):
            return values.astype(np.float16).view(np.uint8)
    if target is GGMLQuantizationType.BF16:
        return to_bf16(values).view(np.uint8)
    if target is GGMLQuantizationType.Q8_0:
        return to_q8_0(values)
    with np.errstate(all="ignore"):
        return np.asarray(quantize(values, target))


def to_bf16(values: Floats) -> npt.NDArray[np.uint16]:
    """Round to nearest even; a NaN stays one (quiet), as ggml does."""
    bits = values.view(np.uint32)
    rounded = ((bits >> 16) & np.uint32(1)) + np.uint32(0x7FFF)
    rounded += bits  # cannot wrap but for NaN, which is replaced below
    rounded >>= 16
    narrow = rounded.astype(np.uint16)
    if count_nonfinite(values, "F32"):
        nan = np.isnan(values)
        narrow[nan] = (bits[nan] >> 16) | 64
    return narrow


def to_q8_0(values: Floats) -> npt.NDArray[np.uint8]:
    """Blocks of 32 as one float16 scale and 32 int8, 34 bytes; (rows, n) float32 to (rows, n / 32 * 34) uint8."""
    block, size = GGML_QUANT_SIZES[GGMLQuantizationType.Q8_0]
    blocks = values.reshape(-1, block)
    with np.errstate(all="ignore"):
        largest = np.maximum.reduceat(np.abs(values).reshape(-1), np.arange(0, values.size, block))  # 2 × max(axis=1)
        scale = largest / np.float32(127)
        inverse = np.where(scale == 0, np.float32(0), np.float32(1) / scale)
        scaled = blocks * inverse[:, None]
        scaled += ((scaled.view(np.uint32) & SIGN) | HALF_BELOW).view(np.float32)
        packed = np.empty((len(blocks), size), np.uint8)
        packed[:, :2] = scale.astype(np.float16).view(np.uint8).reshape(-1, 2)
        packed[:, 2:] = scaled.astype(np.int8).view(np.uint8)  # the cast truncates
    return packed.reshape(len(values), -1)
