"""Checked headers → hyperparameters of the two halves, after every promise in the keys is held against the tensors.

Keys and tensor names: llama.cpp `src/llama-arch.cpp` (llama) and `tools/mtmd/clip-impl.h` (clip, idefics3). A file that
passes here cannot make the loaders divide by zero, read past an array or meet a shape that they do not expect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from smolcli.engine.metadata import DAMAGED, GGUFFile
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
    "clip.vision.projector_type": "STRING",
    "clip.use_gelu": "BOOL",
    "clip.use_silu": "BOOL",
    "clip.has_audio_encoder": "BOOL",
    "clip.has_gen_audio_encoder": "BOOL",
    "clip.minicpmv_version": "INT32",
    "clip.minicpmv_query_num": "UINT32",
    "clip.vision.mm_patch_merge_type": "STRING",
    "clip.vision.image_grid_pinpoints": "[INT32]",
    "clip.vision.feature_layer": "[INT32]",
    "general.name": "STRING",
    "general.description": "STRING",
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
    architecture = _value(file, "general.architecture", "STRING")
    if architecture == "clip":
        raise ModelError(f"{file.path} is a vision projector (mmproj), not a language model.", ADD_MMPROJ)
    if architecture != "llama":
        raise ModelError(f"{file.path} is a {architecture!r} model; SmolVLM's language model is 'llama'.")
    if file.keys.get("tokenizer.chat_template", "STRING") != "STRING":
        raise _damaged(file, "tokenizer.chat_template is no text")
    vocab = _check_tokenizer(file)
    heads, width = _count(file, "llama.attention.head_count"), _count(file, "llama.embedding_length")
    key_width = _count(file, "llama.attention.key_length", width // heads)
    facts = Language(
        width=width,
        layers=_count(file, "llama.block_count", most=MOST_LAYERS),
        heads=heads,
        kv_heads=_count(file, "llama.attention.head_count_kv", heads),
        key_width=key_width,
        value_width=_count(file, "llama.attention.value_length", width // heads),
        ffn=_count(file, "llama.feed_forward_length"),
        vocab=vocab,
        context_tokens=_count(file, "llama.context_length"),
    )
    _positive(file, "llama.attention.layer_norm_rms_epsilon")
    rope = _count(file, "llama.rope.dimension_count", key_width)
    if facts.context_tokens < LEAST_CONTEXT:
        raise _damaged(file, f"llama.context_length is {facts.context_tokens}")
    if facts.heads % facts.kv_heads or key_width % 2 or rope > key_width or rope % 2:
        raise _damaged(
            file, f"{heads} heads, {facts.kv_heads} kv heads, head width {key_width} and rope {rope} do not go together"
        )
    for key in ("llama.expert_count", "split.count"):
        if file.get(key, 0) not in (0, 1):
            raise ModelError(f"{file.path} is a mixture of experts or one part of several files ({key}).", CONVERT)
    optional = {"output.weight": (width, vocab), "rope_freqs.weight": (rope // 2,)}
    _check_tensors(file, dict(_language_shapes(facts)), optional)
    return facts


def read_vision(file: GGUFFile) -> Vision:
    """Check a projector file of the idefics3 kind. Raises ModelError."""
    architecture = _value(file, "general.architecture", "STRING")
    if architecture != "clip":
        raise ModelError(
            f"{file.path} is a {architecture!r} language model, not a vision projector (mmproj).", ADD_MMPROJ
        )
    for key, kind in OPTIONAL_KINDS.items():
        if file.keys.get(key, kind) != kind:
            raise _damaged(file, f"{key} is of type {file.keys[key]}, not {kind}")
    projector = file.get("clip.projector_type") or file.get("clip.vision.projector_type")
    if projector != "idefics3":
        raise ModelError(f"{file.path} has a {projector!r} projector; the SmolVLM family has 'idefics3'.")
    if file.get("clip.has_vision_encoder") is not True:
        raise _damaged(file, "clip.has_vision_encoder is not set")
    if file.get("clip.has_audio_encoder") or file.get("clip.has_gen_audio_encoder"):
        raise ModelError(f"{file.path} has an audio encoder; the SmolVLM family has none.")
    facts = Vision(
        width=_count(file, "clip.vision.embedding_length"),
        layers=_count(file, "clip.vision.block_count", most=MOST_LAYERS),
        heads=_count(file, "clip.vision.attention.head_count"),
        ffn=_count(file, "clip.vision.feed_forward_length"),
        tile_px=_count(file, "clip.vision.image_size"),
        patch_px=_count(file, "clip.vision.patch_size"),
        scale=_count(file, "clip.vision.projector.scale_factor"),
        text_width=_count(file, "clip.vision.projection_dim"),
        eps=_positive(file, "clip.vision.attention.layer_norm_epsilon"),
        longest_edge_px=_count(file, "clip.vision.preproc_image_size", 0, MOST_PIXELS) or None,
    )
    for key in ("clip.vision.image_mean", "clip.vision.image_std"):
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
    yield "token_embd.weight", (m.width, m.vocab)
    yield "output_norm.weight", (m.width,)
    query, key, value = m.heads * m.key_width, m.kv_heads * m.key_width, m.kv_heads * m.value_width
    for n in range(m.layers):
        block = f"blk.{n}."
        yield block + "attn_norm.weight", (m.width,)
        yield block + "attn_q.weight", (m.width, query)
        yield block + "attn_k.weight", (m.width, key)
        yield block + "attn_v.weight", (m.width, value)
        yield block + "attn_output.weight", (m.heads * m.value_width, m.width)
        yield block + "ffn_norm.weight", (m.width,)
        yield block + "ffn_gate.weight", (m.width, m.ffn)
        yield block + "ffn_up.weight", (m.width, m.ffn)
        yield block + "ffn_down.weight", (m.ffn, m.width)


def _vision_shapes(m: Vision) -> Iterator[tuple[str, Shape]]:
    yield "v.patch_embd.weight", (m.patch_px, m.patch_px, 3, m.width)
    yield "v.patch_embd.bias", (m.width,)
    yield "v.position_embd.weight", (m.width, (m.tile_px // m.patch_px) ** 2)
    yield "v.post_ln.weight", (m.width,)
    yield "v.post_ln.bias", (m.width,)
    yield "mm.model.fc.weight", (m.width * m.scale**2, m.text_width)
    for n in range(m.layers):
        block = f"v.blk.{n}."
        for norm in ("ln1", "ln2"):
            yield f"{block}{norm}.weight", (m.width,)
            yield f"{block}{norm}.bias", (m.width,)
        for projection in ("attn_q", "attn_k", "attn_v", "attn_out"):
            yield f"{block}{projection}.weight", (m.width, m.width)
            yield f"{block}{projection}.bias", (m.width,)
        # Older files name the two feed-forward matrices the other way round; llama.cpp repairs that by their shapes.
        yield block + "ffn_up.weight", (m.width, m.ffn)
        yield block + "ffn_down.weight", (m.ffn, m.width)


def _vision_biases(file: GGUFFile, m: Vision) -> Iterator[tuple[str, Shape]]:
    """The feed-forward biases, as long as the matrix that has their name makes them."""
    for n in range(m.layers):
        for name in (f"v.blk.{n}.ffn_up", f"v.blk.{n}.ffn_down"):
            matrix = file.tensors.get(f"{name}.weight")
            yield f"{name}.bias", matrix.shape[-1:] if matrix else ()


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
    if len(shape) == 1 or name == "v.position_embd.weight":
        return VECTOR_TYPES
    return CONVOLUTION_TYPES if len(shape) == 4 else MATRIX_TYPES


def _swapped_feed_forward(name: str, found: Shape, wanted: Shape) -> bool:
    return name.startswith("v.blk.") and ".ffn_" in name and found == wanted[::-1]


def _check_tokenizer(file: GGUFFile) -> int:
    """The tokenizer's arrays are of one length and its ids lie inside. Returns the vocabulary's size."""
    if _value(file, "tokenizer.ggml.model", "STRING") != "gpt2":
        raise ModelError(f"{file.path} has a {file.get('tokenizer.ggml.model')!r} tokenizer; the family's is 'gpt2'.")
    if (pre := file.get("tokenizer.ggml.pre", "default")) not in PRE_TOKENIZERS:
        raise ModelError(f"{file.path} splits text as {pre!r} does; the family's way is {PRE_TOKENIZERS[0]!r}.")
    tokens: list[str] = _value(file, "tokenizer.ggml.tokens", "[STRING]")
    vocab = len(tokens)
    if not vocab or len(set(tokens)) != vocab or "" in tokens:
        raise _damaged(file, f"of {vocab} tokens {vocab - len(set(tokens))} are there twice, or one is empty")
    if len(_value(file, "tokenizer.ggml.token_type", "[INT32]")) != vocab:
        raise _damaged(file, f"tokenizer.ggml.token_type has not one entry for each of {vocab} tokens")
    if "tokenizer.ggml.scores" in file.keys and len(_value(file, "tokenizer.ggml.scores", "[FLOAT32]")) != vocab:
        raise _damaged(file, f"tokenizer.ggml.scores has not one entry for each of {vocab} tokens")
    for merge in _value(file, "tokenizer.ggml.merges", "[STRING]"):
        left, gap, right = merge.partition(" ")
        if not (left and gap and right) or " " in right:
            raise _damaged(file, f"tokenizer.ggml.merges holds {merge[:70]!r}, which is no pair")
    for key, kind in file.keys.items():
        if key.startswith("tokenizer.ggml.") and key.endswith("_token_id"):
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
