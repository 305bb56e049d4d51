"""Checked headers → hyperparameters of the two halves, after every promise in the keys is held against the tensors.

Keys and tensor names: llama.cpp `src/llama-arch.cpp` (llama) and `tools/mtmd/clip-impl.h` (clip, idefics3). A file that
passes here cannot make the loaders divide by zero, read past an array or meet a shape that they do not expect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from smolcli.engine.metadata import DAMAGED, GGUFFile
from smolcli.errors import ModelError

LARGEST = 1 << 24  # no honest width, count or vocabulary of the family comes near
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
    """Hyperparameters of the projector file (keys `clip.*`). longest_edge_px None:

    `clip.vision.preproc_image_size` is missing.
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
    architecture = _text(file, "general.architecture")
    if architecture == "clip":
        raise ModelError(f"{file.path} is a vision projector (mmproj), not a language model.", ADD_MMPROJ)
    if architecture != "llama":
        raise ModelError(f"{file.path} is a {architecture!r} model; SmolVLM's language model is 'llama'.")
    vocab = _check_tokenizer(file)
    heads, width = _count(file, "llama.attention.head_count"), _count(file, "llama.embedding_length")
    key_width = _count(file, "llama.attention.key_length", width // heads)
    facts = Language(
        width=width,
        layers=_count(file, "llama.block_count"),
        heads=heads,
        kv_heads=_count(file, "llama.attention.head_count_kv", heads),
        key_width=key_width,
        value_width=_count(file, "llama.attention.value_length", key_width),
        ffn=_count(file, "llama.feed_forward_length"),
        vocab=vocab,
        context_tokens=_count(file, "llama.context_length"),
    )
    _positive(file, "llama.attention.layer_norm_rms_epsilon")
    rope = _count(file, "llama.rope.dimension_count", key_width)
    if facts.heads % facts.kv_heads or key_width % 2 or rope > key_width or rope % 2:
        raise _damaged(
            file, f"{heads} heads, {facts.kv_heads} kv heads, head width {key_width} and rope {rope} do not go together"
        )
    _check_shapes(file, dict(_language_shapes(facts)), optional={"output.weight": (width, vocab)})
    return facts


def read_vision(file: GGUFFile) -> Vision:
    """Check a projector file of the idefics3 kind. Raises ModelError."""
    architecture = _text(file, "general.architecture")
    if architecture != "clip":
        raise ModelError(
            f"{file.path} is a {architecture!r} language model, not a vision projector (mmproj).", ADD_MMPROJ
        )
    projector = file.get("clip.projector_type") or file.get("clip.vision.projector_type")
    if projector != "idefics3":
        raise ModelError(f"{file.path} has a {projector!r} projector; the SmolVLM family has 'idefics3'.")
    if file.get("clip.has_vision_encoder") is not True:
        raise _damaged(file, "clip.has_vision_encoder is not set")
    facts = Vision(
        width=_count(file, "clip.vision.embedding_length"),
        layers=_count(file, "clip.vision.block_count"),
        heads=_count(file, "clip.vision.attention.head_count"),
        ffn=_count(file, "clip.vision.feed_forward_length"),
        tile_px=_count(file, "clip.vision.image_size"),
        patch_px=_count(file, "clip.vision.patch_size"),
        scale=_count(file, "clip.vision.projector.scale_factor", 1),
        text_width=_count(file, "clip.vision.projection_dim"),
        eps=_positive(file, "clip.vision.attention.layer_norm_epsilon"),
        longest_edge_px=_count(file, "clip.vision.preproc_image_size", 0) or None,
    )
    for key in ("clip.vision.image_mean", "clip.vision.image_std"):
        values = file.get(key)
        if not isinstance(values, list) or len(values) != 3:
            raise _damaged(file, f"{key} is not three numbers")
    if facts.width % facts.heads or facts.tokens_per_tile < 1:
        raise _damaged(
            file,
            f"width {facts.width}, {facts.heads} heads, tile {facts.tile_px}, patch {facts.patch_px} "
            f"and scale {facts.scale} do not go together",
        )
    _check_shapes(file, dict(_vision_shapes(facts)), optional={})
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


def _check_shapes(file: GGUFFile, wanted: Mapping[str, Shape], optional: Mapping[str, Shape]) -> None:
    for name, shape in {**wanted, **optional}.items():
        tensor = file.tensors.get(name)
        if tensor is None and name in optional:
            continue
        if tensor is None:
            raise _damaged(file, f"tensor {name} is missing")
        if tensor.shape != shape and not _swapped_feed_forward(name, tensor.shape, shape):
            raise _damaged(file, f"tensor {name} has shape {list(tensor.shape)}, not {list(shape)}")


def _swapped_feed_forward(name: str, found: Shape, wanted: Shape) -> bool:
    return name.startswith("v.blk.") and ".ffn_" in name and found == wanted[::-1]


def _check_tokenizer(file: GGUFFile) -> int:
    """The tokenizer's arrays are of one length and its ids lie inside. Returns the vocabulary's size."""
    if _text(file, "tokenizer.ggml.model") != "gpt2":
        raise ModelError(f"{file.path} has a {file.get('tokenizer.ggml.model')!r} tokenizer; the family's is 'gpt2'.")
    vocab = file.array_length("tokenizer.ggml.tokens") or 0
    if not vocab:
        raise _damaged(file, "tokenizer.ggml.tokens is missing")
    for key in ("token_type", "scores"):
        length = file.array_length(f"tokenizer.ggml.{key}")
        if length is not None and length != vocab:
            raise _damaged(file, f"tokenizer.ggml.{key} has {length} entries for {vocab} tokens")
    if file.array_length("tokenizer.ggml.merges") is None:
        raise _damaged(file, "tokenizer.ggml.merges is missing")
    if not all(" " in merge[1:] for merge in file.get("tokenizer.ggml.merges")):
        raise _damaged(file, "tokenizer.ggml.merges holds an entry that is no pair")
    for key in file.keys:
        if key.startswith("tokenizer.ggml.") and key.endswith("_token_id"):
            value = file.get(key)
            if not isinstance(value, int) or not 0 <= value < vocab:
                raise _damaged(file, f"{key} is {value!r} with {vocab} tokens")
    return vocab


def _text(file: GGUFFile, key: str) -> str:
    value = file.get(key)
    if not isinstance(value, str):
        raise _damaged(file, f"the key {key} is missing or is no text")
    return value


def _count(file: GGUFFile, key: str, default: int | None = None) -> int:
    value = file.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _damaged(file, f"the key {key} is missing or is no whole number")
    if not 0 < value < LARGEST and value != default:
        raise _damaged(file, f"{key} is {value}")
    return value


def _positive(file: GGUFFile, key: str) -> float:
    value = file.get(key)
    if not isinstance(value, float) or not 0 < value < 1:
        raise _damaged(file, f"{key} is {value!r}")
    return value


def _damaged(file: GGUFFile, what: str) -> ModelError:
    return ModelError(f"{file.path} is damaged or incomplete: {what}.", DAMAGED)
