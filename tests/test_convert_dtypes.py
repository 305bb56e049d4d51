"""Widening and packing, bit for bit against numpy's and gguf's references, over all values that a file can hold."""

import numpy as np
import pytest
from gguf import GGMLQuantizationType as Type
from gguf.quants import dequantize, quantize
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gguf_convert.dtypes import count_nonfinite, pack, to_bf16, to_q8_0, widen

bits16 = arrays(np.uint16, st.integers(1, 4).map(lambda n: (n, 32)))
bits32 = arrays(np.uint32, st.integers(1, 4).map(lambda n: (n, 64)))
ALL_16 = np.arange(2**16, dtype=np.uint16).reshape(-1, 32)


def test_every_bf16_value_widens_as_gguf_reads_it():
    want = dequantize(ALL_16.view(np.uint8), Type.BF16)
    assert np.array_equal(widen(ALL_16, "BF16").view(np.uint32), want.view(np.uint32))


def test_every_f16_value_widens_as_numpy_does():
    stored = ALL_16.view(np.float16)
    assert np.array_equal(widen(stored, "F16"), stored.astype(np.float32), equal_nan=True)


@pytest.mark.parametrize(("dtype", "stored"), [("BF16", ALL_16), ("F16", ALL_16.view(np.float16))])
def test_nonfinite_values_are_counted_from_their_bits(dtype, stored):
    assert count_nonfinite(stored, dtype) == np.count_nonzero(~np.isfinite(widen(stored, dtype)))


@given(bits32)
def test_narrowing_to_bf16_is_gguf_bit_for_bit(bits):
    values = bits.view(np.float32)
    assert np.array_equal(to_bf16(values), quantize(values, Type.BF16).view(np.uint16))


@given(bits16)
def test_bf16_through_float32_and_back_is_the_same_but_for_signalling_nans(bits):
    finite = np.where(count_each(bits), np.uint16(0), bits)
    assert np.array_equal(to_bf16(widen(finite, "BF16")), finite)


@given(bits32)
def test_q8_0_is_gguf_bit_for_bit(bits):
    values = finite_floats(bits)
    with np.errstate(all="ignore"):
        want = quantize(values, Type.Q8_0)
    assert np.array_equal(to_q8_0(values), want)


@given(st.integers(-127, 127), st.integers(-14, 15))
def test_q8_0_rounds_halves_away_from_zero(step, exponent):
    """A block whose scale is an exact power of two, with a value halfway between two steps."""
    block = np.zeros((1, 32), np.float32)
    block[0, 0] = 127
    block[0, 1] = step + 0.5 if step < 127 else 126.5
    block *= np.float32(2.0**exponent)
    assert np.array_equal(to_q8_0(block), quantize(block, Type.Q8_0))


@settings(max_examples=20)
@given(
    bits32,
    st.sampled_from(["F32", "F16", "BF16"]),
    st.sampled_from([Type.F32, Type.F16, Type.BF16, Type.Q8_0, Type.Q4_0]),
)
def test_packing_any_stored_dtype_is_widening_then_packing(bits, dtype, target):
    values = finite_floats(bits) / np.float32(2**100)
    stored = {"F32": values, "F16": values.astype(np.float16), "BF16": to_bf16(values)}[dtype]
    packed = pack(stored, dtype, target)
    with np.errstate(all="ignore"):
        want = quantize(widen(stored, dtype), target)
    assert packed.tobytes() == want.tobytes()


def finite_floats(bits):
    values = bits.view(np.float32)
    return np.where(np.isfinite(values), values, np.float32(0))


def count_each(bits):
    return (bits & 0x7F80) == 0x7F80
