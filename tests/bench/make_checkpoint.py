"""Write a full-size SmolVLM checkpoint with random weights: real shapes, real tokenizer, bf16 safetensors, no torch.

    python tests/bench/make_checkpoint.py DIR [--size 256m|500m|2.2b] [--seed N]

Timing and memory of anything that reads it are those of the published model; its text is noise. Names and shapes are
those of the published safetensors (SmolVLM-256M-Instruct: 471 tensors, 256,484,928 parameters; untied head).
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
MODELS = {"256m": "SmolVLM-256M-Instruct", "500m": "SmolVLM-500M-Instruct", "2.2b": "SmolVLM2-2.2B-Instruct"}
TEXT = {"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32}  # what config.json leaves out
VISION = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12}
VISION_2B = {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27}

Entry = tuple[str, tuple[int, ...]]


def text_tensors(text: dict[str, int]) -> Iterator[Entry]:
    """Names and shapes of the language model."""
    hidden, ffn, kv = text["hidden_size"], text["intermediate_size"], text["num_key_value_heads"] * text["head_dim"]
    yield "lm_head.weight", (text["vocab_size"], hidden)
    yield "model.text_model.embed_tokens.weight", (text["vocab_size"], hidden)
    for i in range(text["num_hidden_layers"]):
        layer = f"model.text_model.layers.{i}"
        yield f"{layer}.input_layernorm.weight", (hidden,)
        yield f"{layer}.mlp.down_proj.weight", (hidden, ffn)
        yield f"{layer}.mlp.gate_proj.weight", (ffn, hidden)
        yield f"{layer}.mlp.up_proj.weight", (ffn, hidden)
        yield f"{layer}.post_attention_layernorm.weight", (hidden,)
        yield f"{layer}.self_attn.k_proj.weight", (kv, hidden)
        yield f"{layer}.self_attn.o_proj.weight", (hidden, text["num_attention_heads"] * text["head_dim"])
        yield f"{layer}.self_attn.q_proj.weight", (text["num_attention_heads"] * text["head_dim"], hidden)
        yield f"{layer}.self_attn.v_proj.weight", (kv, hidden)
    yield "model.text_model.norm.weight", (hidden,)


def vision_tensors(vision: dict[str, int], scale: int, text_hidden: int) -> Iterator[Entry]:
    """Names and shapes of the connector and the vision tower."""
    hidden, ffn, patch = vision["hidden_size"], vision["intermediate_size"], vision["patch_size"]
    yield "model.connector.modality_projection.proj.weight", (text_hidden, hidden * scale**2)
    yield "model.vision_model.embeddings.patch_embedding.bias", (hidden,)
    yield "model.vision_model.embeddings.patch_embedding.weight", (hidden, 3, patch, patch)
    yield "model.vision_model.embeddings.position_embedding.weight", ((vision["image_size"] // patch) ** 2, hidden)
    for i in range(vision["num_hidden_layers"]):
        layer = f"model.vision_model.encoder.layers.{i}"
        widths = {
            "layer_norm1": (hidden,),
            "layer_norm2": (hidden,),
            "mlp.fc1": (ffn, hidden),
            "mlp.fc2": (hidden, ffn),
        }
        widths |= {f"self_attn.{name}": (hidden, hidden) for name in ("k_proj", "out_proj", "q_proj", "v_proj")}
        for name, shape in widths.items():
            yield f"{layer}.{name}.bias", shape[:1]
            yield f"{layer}.{name}.weight", shape
    yield "model.vision_model.post_layernorm.bias", (hidden,)
    yield "model.vision_model.post_layernorm.weight", (hidden,)


def random_bf16(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """uint16 bf16 bits, scaled as an initialiser would so that activations stay finite; norms are near one."""
    values = rng.standard_normal(shape, dtype=np.float32)
    if "norm" in name:
        values = values * 0.05 + (0 if name.endswith("bias") else 1)
    else:
        values *= 0.02 if len(shape) == 1 else 1 / math.sqrt(math.prod(shape[1:]))
    bits = values.view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def write_safetensors(path: Path, entries: list[Entry], seed: int) -> None:
    """One file, tensor after tensor; the header is padded to 8 bytes as the safetensors library does."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, shape in entries:
        size = 2 * math.prod(shape)
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    raw = json.dumps(header, separators=(",", ":")).encode()
    raw += b" " * (-len(raw) % 8)
    rng = np.random.default_rng(seed)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(raw)) + raw)
        for name, shape in entries:
            file.write(random_bf16(name, shape, rng).tobytes())


def make_checkpoint(out: Path, size: str = "256m", seed: int = 7) -> int:
    """Write the folder; returns the number of parameters."""
    model = MODELS[size]
    config = json.loads((GOLDEN / "configs" / f"{model}.config.json").read_text())
    text = {**TEXT, **config["text_config"]}
    vision = {**(VISION_2B if size == "2.2b" else VISION), **config["vision_config"]}
    entries = [*text_tensors(text), *vision_tensors(vision, config["scale_factor"], text["hidden_size"])]
    out.mkdir(parents=True, exist_ok=True)
    for file in (GOLDEN / "tokenizer" / model).iterdir():
        shutil.copyfile(file, out / file.name)
    shutil.copyfile(GOLDEN / "tokenizer" / "tokenizer.json", out / "tokenizer.json")
    shutil.copyfile(GOLDEN / "configs" / f"{model}.config.json", out / "config.json")
    write_safetensors(out / "model.safetensors", entries, seed)
    return sum(math.prod(shape) for _, shape in entries)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dir", type=Path)
    parser.add_argument("--size", choices=sorted(MODELS), default="256m")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    count = make_checkpoint(args.dir, args.size, args.seed)
    print(f"{args.dir}: {count:,} parameters")


if __name__ == "__main__":
    main()
