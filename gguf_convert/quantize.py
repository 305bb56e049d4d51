"""A language model's GGUF comes in, the same in a K-quant or 4 / 5-bit type goes out: llama.cpp's own quantizer.

The only file of this package that knows llama_cpp, and it imports it when used.
"""

from __future__ import annotations

import ctypes
import re
from pathlib import Path
from typing import Any

from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, LlamaFileType

from .errors import QuantizerError
from .write import TensorInfo

TYPES = {
    "q2_k": LlamaFileType.MOSTLY_Q2_K,
    "q3_k_s": LlamaFileType.MOSTLY_Q3_K_S,
    "q3_k_m": LlamaFileType.MOSTLY_Q3_K_M,
    "q3_k_l": LlamaFileType.MOSTLY_Q3_K_L,
    "q4_0": LlamaFileType.MOSTLY_Q4_0,
    "q4_1": LlamaFileType.MOSTLY_Q4_1,
    "q4_k_s": LlamaFileType.MOSTLY_Q4_K_S,
    "q4_k_m": LlamaFileType.MOSTLY_Q4_K_M,
    "q5_0": LlamaFileType.MOSTLY_Q5_0,
    "q5_1": LlamaFileType.MOSTLY_Q5_1,
    "q5_k_s": LlamaFileType.MOSTLY_Q5_K_S,
    "q5_k_m": LlamaFileType.MOSTLY_Q5_K_M,
    "q6_k": LlamaFileType.MOSTLY_Q6_K,
}
K_BLOCK = 256
BUFFER_BYTES = 64 << 20  # rows that the quantizer holds at once; its default is 8 GiB


def quantize_file(source: Path, target: Path, type_name: str) -> None:
    """Write `target`. Raises QuantizerError when llama.cpp is missing or refuses."""
    library = _library()
    log: list[str] = []
    callback = _silence(library, log)
    params = library.llama_model_quantize_default_params()
    params.ftype = int(TYPES[type_name])
    if hasattr(params, "max_buf_size"):
        params.max_buf_size = BUFFER_BYTES
    code = library.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(params))
    del callback
    if code != 0 or not target.is_file():
        said = next((line for line in reversed(log) if re.search("fail|error", line)), "no reason given").strip()
        raise QuantizerError(f"llama.cpp could not quantize to {type_name}: {said}", "Choose another type for --lm.")


def fallback_reason(tensor: TensorInfo, type_name: str) -> str:
    """Why llama.cpp gave a tensor another kind of type than the file's, "" where it did not have to."""
    row = tensor.shape[-1]
    is_k = "_k" in type_name
    if len(tensor.shape) < 2 or tensor.type is GGMLQuantizationType.F32:
        return ""
    if is_k and row % K_BLOCK and GGML_QUANT_SIZES[tensor.type][0] < K_BLOCK:
        return f"rows of {row} values do not divide into blocks of {K_BLOCK}"
    if not is_k and row % 32 and tensor.type is GGMLQuantizationType.F16:
        return f"rows of {row} values do not divide into blocks of 32"
    return ""


def _library() -> Any:
    try:
        from llama_cpp import llama_cpp
    except (ImportError, OSError, RuntimeError) as error:
        hint = "Run `pip install llama-cpp-python`, or choose f32, f16, bf16 or q8_0."
        raise QuantizerError("This type is packed by llama.cpp's quantizer, which is not installed.", hint) from error
    return llama_cpp


_kept: list[Any] = []  # llama.cpp holds on to its log callback for the life of the process


def _silence(library: Any, log: list[str]) -> Any:
    """Collect llama.cpp's messages instead of printing them."""

    @library.llama_log_callback  # type: ignore[untyped-decorator]
    def collect(level: int, text: bytes | None, data: Any) -> None:
        log.append((text or b"").decode("utf-8", "replace"))

    library.llama_log_set(collect, ctypes.c_void_p(0))
    _kept[:] = [collect]
    return collect
