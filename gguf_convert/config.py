"""config.json of any family member and any transformers version comes in, one ModelConfig with every value goes out.

An absent key takes the class default of transformers 5.23 (Idefics3VisionConfig = SmolVLMVisionConfig, LlamaConfig);
shapes are then checked against the tensors, so a default that does not hold is an error and not a wrong file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from .errors import NotOfFamilyError

ARCHITECTURES = ("Idefics3ForConditionalGeneration", "SmolVLMForConditionalGeneration", "Idefics3Model", "SmolVLMModel")
MODEL_TYPES = ("idefics3", "smolvlm")
TEXT_TYPES = ("llama", "vllama3")
MOST_LAYERS, MOST_HEAD_DIM = 1000, 4096  # beyond, the numbers are not a model's; memory is asked for by them
MOST_EDGE_PX = 2**16
SMALLEST = 1e-30  # a smaller one is 0 in float32
DEFAULT_TILES_PER_EDGE = 4  # Idefics3ImageProcessor: size.longest_edge = 4 × tile

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class RopeScaling:
    """`llama3` stretches frequencies (a tensor, rope_freqs), `linear` divides positions by `factor`."""

    kind: str
    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original_context: int


@dataclass(frozen=True, slots=True)
class TextConfig:
    """The language model: LlamaConfig."""

    hidden: int
    ffn: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    context: int
    rope_theta: float
    rope_scaling: RopeScaling | None
    rms_eps: float
    vocab: int
    ties_head: bool | None


@dataclass(frozen=True, slots=True)
class VisionConfig:
    """The SigLIP tower, its connector and the preprocessor. `longest_edge_px` is what an image is first resized to."""

    hidden: int
    ffn: int
    layers: int
    heads: int
    image_px: int
    patch_px: int
    channels: int
    eps: float
    scale_factor: int
    longest_edge_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @property
    def patches(self) -> int:
        """Patches per tile."""
        return (self.image_px // self.patch_px) ** 2

    @property
    def tokens_per_tile(self) -> int:
        """Embedding rows that the language model sees per tile."""
        return self.patches // self.scale_factor**2


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """All that the two files need to know. `warnings` are sentences about what had to be assumed."""

    architecture: str
    text: TextConfig
    vision: VisionConfig
    image_token_id: int | None
    warnings: tuple[str, ...]


def read_config(config: dict[str, Any], preprocessor: dict[str, Any]) -> ModelConfig:
    """Resolve config.json with the (merged) preprocessor configuration. Raises NotOfFamilyError."""
    architecture = _architecture(config)
    text, vision = config.get("text_config"), config.get("vision_config")
    if not isinstance(text, dict) or not isinstance(vision, dict):
        raise NotOfFamilyError("config.json lacks text_config or vision_config.", "It is not a whole model's.")
    warnings: list[str] = []
    image_px = _get(vision, "image_size", 224)
    for_text = _text(text, config)
    for_vision = _vision(vision, config, preprocessor, _longest_edge(preprocessor, image_px, warnings))
    if for_text.heads % for_text.kv_heads or for_text.head_dim % 2 or for_vision.hidden % for_vision.heads:
        raise NotOfFamilyError("config.json: the numbers of attention heads do not divide what they share.")
    if max(for_text.layers, for_vision.layers) > MOST_LAYERS or for_text.head_dim > MOST_HEAD_DIM:
        raise NotOfFamilyError(f"config.json asks for more than {MOST_LAYERS} layers or {MOST_HEAD_DIM} values a head.")
    return ModelConfig(
        architecture=architecture,
        text=for_text,
        vision=for_vision,
        image_token_id=config["image_token_id"] if type(config.get("image_token_id")) is int else None,
        warnings=tuple(warnings),
    )


def merge_preprocessor(preprocessor: dict[str, Any], processor: dict[str, Any]) -> dict[str, Any]:
    """transformers 4 writes preprocessor_config.json; transformers 5 nests it in processor_config.json, which wins."""
    nested = processor.get("image_processor")
    return {**preprocessor, **processor, **(nested if isinstance(nested, dict) else {})}


def _architecture(config: dict[str, Any]) -> str:
    names = config.get("architectures") or []
    name = str(names[0]) if isinstance(names, list) and names else ""
    if name in ARCHITECTURES or (not name and config.get("model_type") in MODEL_TYPES):
        return name or str(config["model_type"])
    found = name or config.get("model_type") or "no architecture"
    raise NotOfFamilyError(f"config.json names {found}; this converts {', '.join(ARCHITECTURES[:2])}.")


def _text(text: dict[str, Any], config: dict[str, Any]) -> TextConfig:
    kind = text.get("model_type", "llama")
    if kind not in TEXT_TYPES:
        raise NotOfFamilyError(f"The language model is a {kind}; this converts {' and '.join(TEXT_TYPES)}.")
    _require(text, "hidden_act", "silu", "language model")
    hidden, heads = _get(text, "hidden_size", 4096), _get(text, "num_attention_heads", 32)
    rope = text.get("rope_parameters") or text.get("rope_scaling") or {}
    if not isinstance(rope, dict):
        raise NotOfFamilyError("config.json: text_config's rope_parameters is no table.")
    ties = text.get("tie_word_embeddings", config.get("tie_word_embeddings"))
    return TextConfig(
        hidden=hidden,
        ffn=_get(text, "intermediate_size", 11008),
        layers=_get(text, "num_hidden_layers", 32),
        heads=heads,
        kv_heads=_get(text, "num_key_value_heads", heads),
        head_dim=_get(text, "head_dim", hidden // heads),
        context=_get(text, "max_position_embeddings", 2048),
        rope_theta=_get(rope, "rope_theta", _get(text, "rope_theta", 10000.0)),  # transformers 5 nests it
        rope_scaling=_rope_scaling(rope),
        rms_eps=_get(text, "rms_norm_eps", 1e-5),
        vocab=_get(text, "vocab_size", _get(config, "vocab_size", 32000)),
        ties_head=ties if isinstance(ties, bool) else None,
    )


def _rope_scaling(rope: dict[str, Any]) -> RopeScaling | None:
    kind = str(rope.get("rope_type", rope.get("type", "default")))
    if kind == "default":
        return None
    if kind not in ("llama3", "linear"):
        raise NotOfFamilyError(f"Rotary scaling {kind!r} is not supported; default, linear and llama3 are.")
    low, high = _get(rope, "low_freq_factor", 1.0), _get(rope, "high_freq_factor", 4.0)
    if low >= high:
        raise NotOfFamilyError(f"Rotary scaling goes from low_freq_factor {low:g} to high_freq_factor {high:g}.")
    return RopeScaling(
        kind=kind,
        factor=_get(rope, "factor", 8.0),
        low_freq_factor=low,
        high_freq_factor=high,
        original_context=_get(rope, "original_max_position_embeddings", 8192),
    )


def _vision(vision: dict[str, Any], config: dict[str, Any], preprocessor: dict[str, Any], longest: int) -> VisionConfig:
    _require(vision, "hidden_act", "gelu_pytorch_tanh", "vision tower")
    image, patch = _get(vision, "image_size", 224), _get(vision, "patch_size", 32)
    scale = _get(config, "scale_factor", 2)
    if image < patch or (image // patch) % scale:  # the convolution leaves a remainder of pixels out: 384 / 14 is 27
        raise NotOfFamilyError(f"A tile of {image} px does not divide into patches of {patch} px, merged by {scale}.")
    return VisionConfig(
        hidden=_get(vision, "hidden_size", 1152),
        ffn=_get(vision, "intermediate_size", 3072),
        layers=_get(vision, "num_hidden_layers", 12),
        heads=_get(vision, "num_attention_heads", 16),
        image_px=image,
        patch_px=patch,
        channels=_get(vision, "num_channels", 3),
        eps=_get(vision, "layer_norm_eps", 1e-6),
        scale_factor=scale,
        longest_edge_px=longest,
        mean=_triple(preprocessor, "image_mean", -1e3),
        std=_triple(preprocessor, "image_std", 1e-3),
    )


def _longest_edge(preprocessor: dict[str, Any], image_px: int, warnings: list[str]) -> int:
    size = preprocessor.get("size")
    if isinstance(size, dict) and (named := _get(size, "longest_edge", 0)):
        if not image_px <= named <= MOST_EDGE_PX:
            raise NotOfFamilyError(f"size.longest_edge is {named}, not within {image_px} (a tile) to {MOST_EDGE_PX}.")
        return named
    longest = DEFAULT_TILES_PER_EDGE * image_px
    warnings.append(
        f"No size.longest_edge in preprocessor_config.json: images will be resized to {longest} px "
        f"({DEFAULT_TILES_PER_EDGE} tiles), the image processor's default."
    )
    return longest


def _triple(table: dict[str, Any], key: str, least: float) -> tuple[float, float, float]:
    """Three numbers from `least` to 1,000: what pixels of 0 to 1 are shifted and divided by."""
    values = table.get(key, (0.5, 0.5, 0.5))
    if not isinstance(values, list | tuple) or [type(v) in (int, float) and least <= v <= 1e3 for v in values] != [
        True
    ] * len("RGB"):
        raise NotOfFamilyError(f"preprocessor_config.json: {key} should be three numbers of a picture's scale.")
    return (float(values[0]), float(values[1]), float(values[2]))


def _get(table: dict[str, Any], key: str, default: Number) -> Number:
    """A positive number of the default's type; absent or null gives the default."""
    value = table.get(key)
    if value is None:
        return default
    whole = isinstance(default, int)
    if (
        isinstance(value, bool)
        or not isinstance(value, int if whole else (int, float))
        or not SMALLEST <= value < 2**31
    ):
        raise NotOfFamilyError(f"config.json: {key} is {value!r}, not a positive {'integer' if whole else 'number'}.")
    return type(default)(value)


def _require(table: dict[str, Any], key: str, wanted: str, where: str) -> None:
    found = table.get(key, wanted)
    if found != wanted:
        raise NotOfFamilyError(f"The {where}'s {key} is {found!r}; llama.cpp runs this family with {wanted!r} only.")
