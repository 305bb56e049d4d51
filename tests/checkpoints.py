"""Tiny checkpoints of every member of the family, written with numpy; no torch, a second at most.

    write_checkpoint(folder, "SmolVLM-256M-Instruct")  # published layout, bf16, real tokenizer, one file
    write_checkpoint(folder, "granite-docling-258M", Variant(dtype="F32", shards=3, prefix=""))

Shapes are scaled down; everything else (keys of config.json, ids) is the member's own. Weights are reproducible noise:
the seed is the tensor's name.
"""

from __future__ import annotations

import json
import shutil
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

GOLDEN = Path(__file__).resolve().parent / "golden"
PUBLISHED = (  # have a golden config.json
    "SmolVLM-256M-Instruct",
    "SmolVLM-500M-Instruct",
    "SmolVLM-Instruct",
    "SmolVLM2-256M-Video-Instruct",
    "SmolVLM2-500M-Video-Instruct",
    "SmolVLM2-2.2B-Instruct",
    "transformers5-created",
    "transformers5-resaved.SmolVLM-256M-Instruct",
)
OTHERS = ("SmolVLM-256M-Base", "SmolDocling-256M-preview", "granite-docling-258M", "Idefics3-8B-Llama3")
FAMILY = (*PUBLISHED, *OTHERS)

TINY_TEXT = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
}
LLAMA3_ROPE = {
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
    "rope_type": "llama3",
}
TINY_VISION = {"hidden_size": 64, "intermediate_size": 112, "num_hidden_layers": 2, "num_attention_heads": 4}
LLAMA3_REGEX = (  # as Llama 3's own tokenizer.json writes it
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


@dataclass(frozen=True)
class Variant:
    """How to store it. prefix: "model." as published, "" as of a bare model, "model.model." as of some trainers."""

    dtype: str = "BF16"
    shards: int = 1
    prefix: str = "model."
    tied: bool | None = None  # None: as the member is
    tiny_tokenizer: bool = False  # 300 tokens instead of 49,280
    config: dict[str, Any] = field(default_factory=dict)  # laid over config.json, None removes a key
    lie: dict[str, Any] = field(default_factory=dict)  # the same, but the weights do not follow
    drop: tuple[str, ...] = ()
    add: tuple[tuple[str, tuple[int, ...]], ...] = ()
    poison: tuple[tuple[str, float], ...] = ()  # (tensor, value of its first number)
    values: dict[str, np.ndarray] = field(default_factory=dict)  # tensors that are not noise


def write_checkpoint(folder: Path, member: str = "SmolVLM-256M-Instruct", variant: Variant = Variant()) -> Path:
    """Write a whole folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    config = tiny_config(member, variant)
    _write_small_files(folder, member, config, variant)
    tied = variant.tied if variant.tied is not None else member == "granite-docling-258M"
    tensors = {name: shape for name, shape in tensor_shapes(config, tied).items() if name not in variant.drop}
    tensors |= dict(variant.add)
    poison = dict(variant.poison)
    stored = {}
    for name, shape in tensors.items():
        values = variant.values.get(name, noise(name, shape))
        if name in poison:
            values.reshape(-1)[0] = poison[name]
        stored[_rename(name, variant.prefix)] = _entry(values, variant.dtype)
    _write_weights(folder, stored, variant.shards)
    (folder / "config.json").write_text(json.dumps(_overlay(config, variant.lie)))
    return folder


def tiny_config(member: str, variant: Variant = Variant()) -> dict[str, Any]:
    """The member's config.json with small shapes."""
    if member in PUBLISHED:
        config = json.loads((GOLDEN / "configs" / f"{member}.config.json").read_text())
    else:
        config = json.loads((GOLDEN / "configs" / "SmolVLM-256M-Instruct.config.json").read_text())
    text, vision = config["text_config"], config["vision_config"]
    text.update(TINY_TEXT)
    vision.update(TINY_VISION)
    vision.update(
        image_size=8 * config["scale_factor"], patch_size=4, max_image_size={"longest_edge": 8 * config["scale_factor"]}
    )
    if member == "granite-docling-258M":
        _set_vocab(config, vocab=290, image=288, special=(281, 282, 282))
        text["architectures"] = ["LlamaForCausalLM"]
        config["tie_word_embeddings"] = text["tie_word_embeddings"] = True
    elif member == "Idefics3-8B-Llama3":
        _set_vocab(config, vocab=290, image=288, special=(280, 281, 282))
        text.update(max_position_embeddings=131072, rope_theta=500000.0, rope_scaling=LLAMA3_ROPE)
        config["scale_factor"] = 2
        vision.update(image_size=16)
    if variant.tiny_tokenizer:
        _set_vocab(config, vocab=290, image=288, special=(281, 282, 282))
    return _overlay(config, variant.config)


def tensor_shapes(config: dict[str, Any], tied: bool) -> dict[str, tuple[int, ...]]:
    """Published names (with `model.`) and shapes."""
    text, vision = config["text_config"], config["vision_config"]
    hidden, ffn, vocab = text["hidden_size"], text["intermediate_size"], text["vocab_size"]
    queries, keys = (text[k] * text["head_dim"] for k in ("num_attention_heads", "num_key_value_heads"))
    shapes: dict[str, tuple[int, ...]] = {} if tied else {"lm_head.weight": (vocab, hidden)}
    shapes["model.text_model.embed_tokens.weight"] = (vocab, hidden)
    for i in range(text["num_hidden_layers"]):
        layer = f"model.text_model.layers.{i}."
        shapes |= {layer + "input_layernorm.weight": (hidden,), layer + "post_attention_layernorm.weight": (hidden,)}
        shapes |= {layer + f"mlp.{n}_proj.weight": (ffn, hidden) for n in ("gate", "up")}
        shapes |= {layer + "mlp.down_proj.weight": (hidden, ffn), layer + "self_attn.q_proj.weight": (queries, hidden)}
        shapes |= {layer + f"self_attn.{n}_proj.weight": (keys, hidden) for n in "kv"}
        shapes[layer + "self_attn.o_proj.weight"] = (hidden, queries)
    shapes["model.text_model.norm.weight"] = (hidden,)
    wide, inner, patch = vision["hidden_size"], vision["intermediate_size"], vision["patch_size"]
    shapes["model.connector.modality_projection.proj.weight"] = (hidden, wide * config["scale_factor"] ** 2)
    vision_layers = {
        "vision_model.embeddings.patch_embedding": (wide, 3, patch, patch),
        "vision_model.post_layernorm": (wide,),
    }
    for i in range(vision["num_hidden_layers"]):
        layer = f"vision_model.encoder.layers.{i}."
        vision_layers |= {layer + f"self_attn.{n}_proj": (wide, wide) for n in ("k", "v", "q", "out")}
        vision_layers |= {layer + "mlp.fc1": (inner, wide), layer + "mlp.fc2": (wide, inner)}
        vision_layers |= {layer + n: (wide,) for n in ("layer_norm1", "layer_norm2")}
    for name, shape in vision_layers.items():
        shapes |= {f"model.{name}.bias": shape[:1], f"model.{name}.weight": shape}
    shapes["model.vision_model.embeddings.position_embedding.weight"] = ((vision["image_size"] // patch) ** 2, wide)
    return shapes


def noise(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """float32 values that every dtype holds exactly (multiples of 1/128 below 1), so that dtypes can be compared."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    values = rng.integers(-64, 65, shape).astype(np.float32) / 128
    return values + 1 if "norm" in name and name.endswith("weight") else values


def tiny_tokenizer(pre: dict[str, Any], added: dict[int, str], ignore_merges: bool = False) -> dict[str, Any]:
    """A byte-level BPE tokenizer.json: 256 byte letters, a few merges, and added tokens at the ids given."""
    from gguf_convert.bpe import LETTERS

    vocab = {letter: index for index, letter in enumerate(LETTERS)}
    merges = [("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("i", "n"), ("e", "r")]
    vocab |= {a + b: 256 + i for i, (a, b) in enumerate(merges)}
    vocab |= {f"unused{i}": i for i in range(len(vocab), min(added))}  # ids have no gaps, or tokenizers moves them
    tokens = [
        {
            "id": i,
            "content": text,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for i, text in sorted(added.items())
    ]
    model = {"type": "BPE", "vocab": vocab, "merges": [list(m) for m in merges], "ignore_merges": ignore_merges}
    return {
        "version": "1.0", "added_tokens": tokens, "normalizer": None, "pre_tokenizer": pre, "post_processor": None,
        "model": {**model, "byte_fallback": False, "unk_token": None},
    }  # fmt: skip


def _write_small_files(folder: Path, member: str, config: dict[str, Any], variant: Variant) -> None:
    tile = config["vision_config"]["image_size"]
    edge = {"SmolVLM-Instruct": 4 * tile, "SmolVLM2-2.2B-Instruct": 4 * tile}.get(member, 4 * tile)
    processor = {
        "size": {"longest_edge": edge},
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "max_image_size": {"longest_edge": tile},
    }
    if member.startswith("transformers5"):
        (folder / "processor_config.json").write_text(json.dumps({"image_seq_len": 4, "image_processor": processor}))
    else:
        (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    if variant.tiny_tokenizer or member in ("granite-docling-258M", "Idefics3-8B-Llama3"):
        _write_tiny_tokenizer(folder, member)
        return
    small = "SmolVLM-Instruct" if member == "SmolVLM-Instruct" else "SmolVLM2-500M-Video-Instruct"
    for name in ("tokenizer_config.json", "chat_template.json", "generation_config.json", "special_tokens_map.json"):
        shutil.copyfile(GOLDEN / "tokenizer" / small / name, folder / name)
    name = "tokenizer_v1_2.2b.json" if member == "SmolVLM-Instruct" else "tokenizer.json"
    tokenizer = GOLDEN / "tokenizer" / name
    if member == "SmolDocling-256M-preview":
        text = tokenizer.read_text(encoding="utf-8").replace("<|reserved_special_token_0|>", "<doctag>")
        (folder / "tokenizer.json").write_text(text, encoding="utf-8")
        settings = (folder / "tokenizer_config.json").read_text().replace("<|reserved_special_token_0|>", "<doctag>")
        (folder / "tokenizer_config.json").write_text(settings)
    else:
        shutil.copyfile(tokenizer, folder / "tokenizer.json")


def _write_tiny_tokenizer(folder: Path, member: str) -> None:
    added = {
        280: "<|begin_of_text|>",
        281: "<|start|>",
        282: "<|end|>",
        **{i: f"<|reserved{i}|>" for i in range(283, 287)},
        287: "<fake_token_around_image>",
        288: "<image>",
    }
    special = {"bos_token": "<|start|>", "eos_token": "<|end|>", "pad_token": "<|end|>", "unk_token": "<|end|>"}
    pre: dict[str, Any] = {
        "type": "Sequence",
        "pretokenizers": [{"type": "Digits", "individual_digits": True}, BYTE_LEVEL],
    }
    if member == "granite-docling-258M":
        pre, added = (
            BYTE_LEVEL,
            added | {289: "<|last|>", 290: "<end_of_utterance>"},
        )  # beyond the vocabulary, as published
    elif member == "Idefics3-8B-Llama3":
        split = {"type": "Split", "pattern": {"Regex": LLAMA3_REGEX}, "behavior": "Isolated", "invert": False}
        pre = {"type": "Sequence", "pretokenizers": [split, BYTE_LEVEL | {"use_regex": False}]}
        special["bos_token"] = "<|begin_of_text|>"
    tokenizer = tiny_tokenizer(pre, added, ignore_merges=member == "Idefics3-8B-Llama3")
    if member == "Idefics3-8B-Llama3":
        single = [{"SpecialToken": {"id": "<|begin_of_text|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
        bos = {"id": "<|begin_of_text|>", "ids": [280], "tokens": ["<|begin_of_text|>"]}
        pair = [*single, {"Sequence": {"id": "B", "type_id": 1}}]
        tokenizer["post_processor"] = {
            "type": "TemplateProcessing",
            "single": single,
            "pair": pair,
            "special_tokens": {bos["id"]: bos},
        }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    template = "{% for message in messages %}{{ message['role'] }}{% endfor %}"
    (folder / "tokenizer_config.json").write_text(json.dumps({**special, "chat_template": template}))


def _write_weights(folder: Path, stored: dict[str, tuple[str, np.ndarray]], shards: int) -> None:
    if shards == 1:
        write_safetensors(folder / "model.safetensors", stored)
        return
    names = [f"model-{i + 1:05}-of-{shards:05}.safetensors" for i in range(shards)]
    where = {name: names[i % shards] for i, name in enumerate(stored)}
    for file in names:
        write_safetensors(folder / file, {name: entry for name, entry in stored.items() if where[name] == file})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))


def write_safetensors(path: Path, stored: dict[str, tuple[str, np.ndarray]]) -> None:
    """Name → (dtype, values in stored dtype). By hand: the library's numpy side has no bf16."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, (dtype, values) in stored.items():
        header[name] = {"dtype": dtype, "shape": values.shape, "data_offsets": [offset, offset + values.nbytes]}
        offset += values.nbytes
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + b"".join(values.tobytes() for _, values in stored.values()))


def _entry(values: np.ndarray, dtype: str) -> tuple[str, np.ndarray]:
    if dtype == "BF16":
        return dtype, (values.astype("<f4").view("<u4") >> 16).astype("<u2")
    return dtype, values.astype({"F32": "<f4", "F16": "<f2"}[dtype])


def _rename(name: str, prefix: str) -> str:
    return prefix + name.removeprefix("model.") if name.startswith("model.") else name


def _set_vocab(config: dict[str, Any], vocab: int, image: int, special: tuple[int, int, int]) -> None:
    bos, eos, pad = special
    config.update(vocab_size=vocab, image_token_id=image, pad_token_id=pad)
    config["text_config"].update(vocab_size=vocab, bos_token_id=bos, eos_token_id=eos, pad_token_id=pad)


def _overlay(config: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    for key, value in changes.items():
        if value is None:
            config.pop(key, None)
        elif isinstance(value, dict) and isinstance(config.get(key), dict):
            _overlay(config[key], value)
        else:
            config[key] = value
    return config
