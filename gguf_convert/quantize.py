"""A language model's GGUF comes in, the same in a K-quant or 4 / 5-bit type goes out: llama.cpp's own quantizer.

The only file of this package that knows llama_cpp, and it imports it when used.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from subprocess import DEVNULL, PIPE

from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, LlamaFileType

from .errors import CannotWriteError, QuantizerError
from .write import TensorInfo, translated

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
    """Write `target`, fsynced. Raises QuantizerError (llama.cpp is missing or refuses), CannotWriteError.

    In a process of its own: a signal ends it at once, and neither its memory nor its log is ours.
    """
    if find_spec("llama_cpp") is None:
        hint = "Run `pip install llama-cpp-python`, or choose f32, f16, bf16 or q8_0."
        raise QuantizerError("This type is packed by llama.cpp's quantizer, which is not installed.", hint)
    command = [sys.executable, "-P", "-m", __name__, str(source), str(target), type_name]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)])
    }
    done = subprocess.run(command, env=environment, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, check=False)
    if done.returncode != 0:
        log = done.stderr.decode("utf-8", "replace").splitlines()
        said = next((line for line in reversed(log) if re.search("fail|error", line, re.IGNORECASE)), "no reason given")
        if "iostream error" in said:
            raise CannotWriteError(f"The disk is full, or {target.name} cannot be written.", "Free some space.")
        raise QuantizerError(f"llama.cpp could not quantize to {type_name}: {said.strip()}", "Choose another --lm.")
    with translated(target), target.open("rb+") as file:
        os.fsync(file.fileno())


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


def _main(source: str, target: str, type_name: str) -> int:
    """The process itself: 0, or llama.cpp's code; what it says goes to stderr."""
    from llama_cpp import llama_cpp as library

    library.llama_log_set(library.llama_log_callback(), ctypes.c_void_p(0))  # its own, unfiltered
    params = library.llama_model_quantize_default_params()
    params.ftype = int(TYPES[type_name])
    if hasattr(params, "max_buf_size"):
        params.max_buf_size = BUFFER_BYTES
    return int(library.llama_model_quantize(os.fsencode(source), os.fsencode(target), ctypes.byref(params)))


if __name__ == "__main__":
    sys.exit(min(_main(*sys.argv[1:]), 1))
