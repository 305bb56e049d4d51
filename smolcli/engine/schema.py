"""Checked headers → hyperparameters of the two halves, after every promise in the keys is held against the tensors.

Keys and tensor names: llama.cpp `src/llama-arch.cpp` (llama) and `tools/mtmd/clip-impl.h` (clip, idefics3). A file that
passes here cannot make the loaders divide by zero, read past an array or meet a shape that they do not expect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gguf_convert.header import DAMAGED
from gguf_convert.names import BIAS, WEIGHT, Clip, General, Llama, Split, Tokenizer
from gguf_convert.names import LanguageTensors as Text
from gguf_convert.names import VisionTensors as Tower
from smolcli.engine.metadata import GGUFFile
from smolcli.errors import ModelError

LARGEST = 1 << 24  # no honest width, count or vocabulary of the family comes near
MOST_LAYERS = 512  # LLAMA_MAX_LAYERS
LEAST_CONTEXT = 64  # tokens
MOST_PIXELS = 1 << 14  # of the longest edge; transformers never resizes beyond 4096

# What ggml multiplies with and the gguf package can dequantize. The rest of ggml's types aborts in a matrix product.
MATRIX_TYPES = frozenset({
    "F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ2_XXS",
    "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ1_S", "IQ1_M", "IQ4_NL", "IQ4_XS", "TQ1_0", "TQ2_0", "MXFP4",
})  # fmt: skip
VECTOR_TYPES = frozenset(["F32"])  # norms, biases and positions: ggml aborts over sums of F32 and anything else
CONVOLUTION_TYPES = frozenset(["F32", "F16", "BF16"])

# The family's tokenizers in llama.cpp's names: all but granite-docling's and Idefics3-8B's are SmolLM's.
PRE_TOKENIZERS = ("smollm", "granite-docling", "llama-bpe", "gpt-2", "default")

# Keys that the projector's loader reads if they are there, and aborts over when they are of another type.
OPTIONAL_KINDS = {
    Clip.VISION_PROJECTOR_TYPE: "STRING",
    Clip.USE_GELU: "BOOL",
    Clip.USE_SILU: "BOOL",
    Clip.HAS_AUDIO_ENCODER: "BOOL",
    Clip.HAS_GEN_AUDIO_ENCODER: "BOOL",
    Clip.MINICPMV_VERSION: "INT32",
    Clip.MINICPMV_QUERY_NUM: "UINT32",
    Clip.PATCH_MERGE_TYPE: "STRING",
    Clip.GRID_PINPOINTS: "[INT32]",
    Clip.FEATURE_LAYER: "[INT32]",
    General.NAME: "STRING",
    General.DESCRIPTION: "STRING",
}
CONVERT = "Convert the checkpoint again with `python -m gguf_convert`."
ADD_MMPROJ = "Give the language model with -m and the projector (mmproj) with --mmproj."

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Language:
    """Hyperparameters of the language model (keys `llama.*`); counts, and context in tokens."""

    width: int
    layers: int
    heads: int
    kv_heads: int
    key_width: int
    value_width: int
    ffn: int
    vocab: int
    context_tokens: int


@dataclass(frozen=True, slots=True)
class Vision:
    """Hyperparameters of the projector file (keys `clip.*`).

    longest_edge_px None: `clip.vision.preproc_image_size` is missing.
    """

    width: int
    layers: int
    heads: int
    ffn: int
    tile_px: int
    patch_px: int
    scale: int
    text_width: int
    eps: float
    longest_edge_px: int | None

    @property
    def tokens_per_tile(self) -> int:
        """(tile / patch / scale)²: 64 for 512/16/4, 81 for 384/14/3 (patches that do not fill a cell are dropped)."""
        return (self.tile_px // self.patch_px // self.scale) ** 2


def read_language(file: GGUFFile) -> Language:
    """Check a language-model file. Raises ModelError."""
    architecture = _value(file, General.ARCHITECTURE, "STRING")
    if architecture == Clip.ARCHITECTURE:
        raise ModelError(f"{file.path} is a vision projector (mmproj), not a language model.", ADD_MMPROJ)
    if architecture != Llama.ARCHITECTURE:
        raise ModelError(
            f"{file.path} is a {architecture!r} model; SmolVLM's language model is {Llama.ARCHITECTURE!r}."
        )
    if file.keys.get(Tokenizer.CHAT_TEMPLATE, "STRING") != "STRING":
        raise _damaged(file, f"{Tokenizer.CHAT_TEMPLATE} is no text")
    vocab = _check_tokenizer(file)
    heads, width = _count(file, Llama.HEAD_COUNT), _count(file, Llama.EMBEDDING_LENGTH)
    key_width = _count(file, Llama.KEY_LENGTH, width // heads)
    facts = Language(
        width=width,
        layers=_count(file, Llama.BLOCK_COUNT, most=MOST_LAYERS),
        heads=heads,
        kv_heads=_count(file, Llama.HEAD_COUNT_KV, heads),
        key_width=key_width,
        value_width=_count(file, Llama.VALUE_LENGTH, width // heads),
        ffn=_count(file, Llama.FEED_FORWARD_LENGTH),
        vocab=vocab,
        context_tokens=_count(file, Llama.CONTEXT_LENGTH),
    )
    _positive(file, Llama.RMS_EPSILON)
    rope = _count(file, Llama.ROPE_DIMENSION_COUNT, key_width)
    if facts.context_tokens < LEAST_CONTEXT:
        raise _damaged(file, f"{Llama.CONTEXT_LENGTH} is {facts.context_tokens}")
    if facts.heads % facts.kv_heads or key_width % 2 or rope > key_width or rope % 2:
        raise _damaged(
            file, f"{heads} heads, {facts.kv_heads} kv heads, head width {key_width} and rope {rope} do not go together"
        )
    for key in (Llama.EXPERT_COUNT, Split.COUNT):
        if file.get(key, 0) not in (0, 1):
            raise ModelError(f"{file.path} is a mixture of experts or one part of several files ({key}).", CONVERT)
    optional = {Text.OUTPUT + WEIGHT: (width, vocab), Text.ROPE_FREQS + WEIGHT: (rope // 2,)}
    _check_tensors(file, dict(_language_shapes(facts)), optional)
    return facts


def read_vision(file: GGUFFile) -> Vision:
    """Check a projector file of the idefics3 kind. Raises ModelError."""
    architecture = _value(file, General.ARCHITECTURE, "STRING")
    if architecture != Clip.ARCHITECTURE:
        raise ModelError(
            f"{file.path} is a {architecture!r} language model, not a vision projector (mmproj).", ADD_MMPROJ
        )
    for key, kind in OPTIONAL_KINDS.items():
        if file.keys.get(key, kind) != kind:
            raise _damaged(file, f"{key} is of type {file.keys[key]}, not {kind}")
    projector = file.get(Clip.PROJECTOR_TYPE) or file.get(Clip.VISION_PROJECTOR_TYPE)
    if projector != Clip.IDEFICS3:
        raise ModelError(f"{file.path} has a {projector!r} projector; the SmolVLM family has {Clip.IDEFICS3!r}.")
    if file.get(Clip.HAS_VISION_ENCODER) is not True:
        raise _damaged(file, f"{Clip.HAS_VISION_ENCODER} is not set")
    if file.get(Clip.HAS_AUDIO_ENCODER) or file.get(Clip.HAS_GEN_AUDIO_ENCODER):
        raise ModelError(f"{file.path} has an audio encoder; the SmolVLM family has none.")
    facts = Vision(
        width=_count(file, Clip.EMBEDDING_LENGTH),
        layers=_count(file, Clip.BLOCK_COUNT, most=MOST_LAYERS),
        heads=_count(file, Clip.HEAD_COUNT),
        ffn=_count(file, Clip.FEED_FORWARD_LENGTH),
        tile_px=_count(file, Clip.IMAGE_SIZE),
        patch_px=_count(file, Clip.PATCH_SIZE),
        scale=_count(file, Clip.SCALE_FACTOR),
        text_width=_count(file, Clip.PROJECTION_DIM),
        eps=_positive(file, Clip.EPSILON),
        longest_edge_px=_count(file, Clip.PREPROC_IMAGE_SIZE, 0, MOST_PIXELS) or None,
    )
    for key in (Clip.IMAGE_MEAN, Clip.IMAGE_STD):
        if file.keys.get(key) != "[FLOAT32]" or len(file.get(key)) != 3:
            raise _damaged(file, f"{key} is not three numbers")
    if facts.width % facts.heads or facts.tokens_per_tile < 1 or facts.scale < 2:
        raise _damaged(
            file,
            f"width {facts.width}, {facts.heads} heads, tile {facts.tile_px}, patch {facts.patch_px} "
            f"and scale {facts.scale} do not go together",
        )
    _check_tensors(file, dict(_vision_shapes(facts)), dict(_vision_biases(file, facts)))
    return facts


def _language_shapes(m: Language) -> Iterator[tuple[str, Shape]]:
    yield Text.TOKEN_EMBEDDING + WEIGHT, (m.width, m.vocab)
    yield Text.OUTPUT_NORM + WEIGHT, (m.width,)
    query, key, value = m.heads * m.key_width, m.kv_heads * m.key_width, m.kv_heads * m.value_width
    for n in range(m.layers):
        yield Text.ATTN_NORM.format(n) + WEIGHT, (m.width,)
        yield Text.ATTN_Q.format(n) + WEIGHT, (m.width, query)
        yield Text.ATTN_K.format(n) + WEIGHT, (m.width, key)
        yield Text.ATTN_V.format(n) + WEIGHT, (m.width, value)
        yield Text.ATTN_OUTPUT.format(n) + WEIGHT, (m.heads * m.value_width, m.width)
        yield Text.FFN_NORM.format(n) + WEIGHT, (m.width,)
        yield Text.FFN_GATE.format(n) + WEIGHT, (m.width, m.ffn)
        yield Text.FFN_UP.format(n) + WEIGHT, (m.width, m.ffn)
        yield Text.FFN_DOWN.format(n) + WEIGHT, (m.ffn, m.width)


def _vision_shapes(m: Vision) -> Iterator[tuple[str, Shape]]:
    yield Tower.PATCH_EMBEDDING + WEIGHT, (m.patch_px, m.patch_px, 3, m.width)
    yield Tower.PATCH_EMBEDDING + BIAS, (m.width,)
    yield Tower.POSITION_EMBEDDING + WEIGHT, (m.width, (m.tile_px // m.patch_px) ** 2)
    yield Tower.POST_NORM + WEIGHT, (m.width,)
    yield Tower.POST_NORM + BIAS, (m.width,)
    yield Tower.CONNECTOR + WEIGHT, (m.width * m.scale**2, m.text_width)
    for n in range(m.layers):
        for norm in (Tower.LN1, Tower.LN2):
            yield norm.format(n) + WEIGHT, (m.width,)
            yield norm.format(n) + BIAS, (m.width,)
        for projection in (Tower.ATTN_Q, Tower.ATTN_K, Tower.ATTN_V, Tower.ATTN_OUT):
            yield projection.format(n) + WEIGHT, (m.width, m.width)
            yield projection.format(n) + BIAS, (m.width,)
        # Older files name the two feed-forward matrices the other way round; llama.cpp repairs that by their shapes.
        yield Tower.FFN_UP.format(n) + WEIGHT, (m.width, m.ffn)
        yield Tower.FFN_DOWN.format(n) + WEIGHT, (m.ffn, m.width)


def _vision_biases(file: GGUFFile, m: Vision) -> Iterator[tuple[str, Shape]]:
    """The feed-forward biases, as long as the matrix that has their name makes them."""
    for n in range(m.layers):
        for name in (Tower.FFN_UP.format(n), Tower.FFN_DOWN.format(n)):
            matrix = file.tensors.get(name + WEIGHT)
            yield name + BIAS, matrix.shape[-1:] if matrix else ()


def _check_tensors(file: GGUFFile, wanted: Mapping[str, Shape], optional: Mapping[str, Shape]) -> None:
    """Every wanted tensor is there, none that we do not know, all of the shapes and types that the graphs expect."""
    if missing := [name for name in wanted if name not in file.tensors]:
        raise _damaged(file, f"tensor {missing[0]} is missing")
    shapes = {**wanted, **optional}
    for name, tensor in file.tensors.items():
        shape = shapes.get(name)
        if shape is None:
            raise _damaged(file, f"it has a tensor {name}, which no model of the family has")
        if tensor.shape != shape and not _swapped_feed_forward(name, tensor.shape, shape):
            raise _damaged(file, f"tensor {name} has shape {list(tensor.shape)}, not {list(shape)}")
        if tensor.type not in _types_of(name, shape):
            raise _damaged(file, f"tensor {name} is of type {tensor.type}")


def _types_of(name: str, shape: Shape) -> frozenset[str]:
    if len(shape) == 1 or name == Tower.POSITION_EMBEDDING + WEIGHT:
        return VECTOR_TYPES
    return CONVOLUTION_TYPES if len(shape) == 4 else MATRIX_TYPES


def _swapped_feed_forward(name: str, found: Shape, wanted: Shape) -> bool:
    return name.startswith("v.blk.") and ".ffn_" in name and found == wanted[::-1]


def _check_tokenizer(file: GGUFFile) -> int:
    """The tokenizer's arrays are of one length and its ids lie inside. Returns the vocabulary's size."""
    if _value(file, Tokenizer.MODEL, "STRING") != Tokenizer.BYTE_PAIRS:
        raise ModelError(
            f"{file.path} has a {file.get(Tokenizer.MODEL)!r} tokenizer; the family's is {Tokenizer.BYTE_PAIRS!r}."
        )
    if (pre := file.get(Tokenizer.PRE, "default")) not in PRE_TOKENIZERS:
        raise ModelError(f"{file.path} splits text as {pre!r} does; the family's way is {PRE_TOKENIZERS[0]!r}.")
    tokens: list[str] = _value(file, Tokenizer.TOKENS, "[STRING]")
    vocab = len(tokens)
    if not vocab or len(set(tokens)) != vocab or "" in tokens:
        raise _damaged(file, f"of {vocab} tokens {vocab - len(set(tokens))} are there twice, or one is empty")
    if len(_value(file, Tokenizer.TOKEN_TYPE, "[INT32]")) != vocab:
        raise _damaged(file, f"{Tokenizer.TOKEN_TYPE} has not one entry for each of {vocab} tokens")
    if Tokenizer.SCORES in file.keys and len(_value(file, Tokenizer.SCORES, "[FLOAT32]")) != vocab:
        raise _damaged(file, f"{Tokenizer.SCORES} has not one entry for each of {vocab} tokens")
    for merge in _value(file, Tokenizer.MERGES, "[STRING]"):
        left, gap, right = merge.partition(" ")
        if not (left and gap and right) or " " in right:
            raise _damaged(file, f"{Tokenizer.MERGES} holds {merge[:70]!r}, which is no pair")
    for key, kind in file.keys.items():
        if key.startswith(Tokenizer.GGML) and key.endswith(Tokenizer.ID):
            value = file.get(key)
            if kind != "UINT32" or value >= vocab:
                raise _damaged(file, f"{key} is {value!r} with {vocab} tokens")
    return vocab


def _value(file: GGUFFile, key: str, kind: str) -> Any:
    """The value of a key of exactly that type: llama.cpp's loaders abort over some keys of another."""
    if file.keys.get(key) != kind:
        raise _damaged(file, f"the key {key} is missing or is not of type {kind}")
    return file.get(key)


def _count(file: GGUFFile, key: str, default: int | None = None, most: int = LARGEST) -> int:
    if key not in file.keys and default is not None:
        return default
    value = int(_value(file, key, "UINT32"))
    if not 0 < value <= most and value != default:
        raise _damaged(file, f"{key} is {value}")
    return value


def _positive(file: GGUFFile, key: str) -> float:
    value = float(_value(file, key, "FLOAT32"))
    if not 0 < value < 1:
        raise _damaged(file, f"{key} is {value}")
    return value


def _damaged(file: GGUFFile, what: str) -> ModelError:
    return ModelError(f"{file.path} is damaged or incomplete: {what}.", DAMAGED)
