"""A GGUF pair → the Hugging Face folder that it is made of, in float32: the pair that ships is the weights' one source.

python examples/train_nano unpack FOLDER [--pair LANGUAGE.gguf PROJECTOR.gguf]

Packing such a folder again gives the same numbers: in each block of 32 the largest is ±127 steps, so the step comes out
as it was. Needs neither torch nor safetensors. The heads that only training uses are in no pair.
"""

import argparse
import json
import struct
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType
from gguf.quants import dequantize

from gguf_convert import language, vision
from gguf_convert.config import read_config
from gguf_convert.errors import NotACheckpointError
from gguf_convert.plan import Wanted
from gguf_convert.read import GGUFFile, read_gguf
from gguf_convert.write import Staging

from . import folder
from .config import NanoConfig

BUILTIN = Path(__file__).resolve().parents[2] / "smolcli/models/builtin"
SHIPPED = (BUILTIN / "smol-nano-q8_0.gguf", BUILTIN / "mmproj-smol-nano-q8_0.gguf")
WEIGHTS = "model.safetensors"
_SIZES = {  # fields of NanoConfig and where a pair's files say them
    "width": "llama.embedding_length",
    "layers": "llama.block_count",
    "heads": "llama.attention.head_count",
    "kv_heads": "llama.attention.head_count_kv",
    "hidden": "llama.feed_forward_length",
    "context": "llama.context_length",
    "rope_theta": "llama.rope.freq_base",
    "vocabulary": "llama.vocab_size",
    "vision_width": "clip.vision.embedding_length",
    "vision_layers": "clip.vision.block_count",
    "vision_heads": "clip.vision.attention.head_count",
    "vision_hidden": "clip.vision.feed_forward_length",
    "tile": "clip.vision.image_size",
    "patch": "clip.vision.patch_size",
    "scale": "clip.vision.projector.scale_factor",
}


def config_of(files: tuple[GGUFFile, GGUFFile]) -> NanoConfig:
    """The sizes of a pair; which heads were guided is not in it. Raises NotACheckpointError where a size is missing."""
    keys = {key: value.value for file in files for key, value in file.metadata.values.items()}
    if lost := [key for key in _SIZES.values() if key not in keys]:
        raise NotACheckpointError(f"{files[0].path} and {files[1].path} do not say {lost[0]}.", "Give a GGUF pair.")
    return NanoConfig(**{field: keys[key] for field, key in _SIZES.items()}, here_layers=(0,), next_layers=(0,))


def numbers(file: GGUFFile, want: Wanted) -> np.ndarray:
    """One tensor as float32 in the shape and the order of rows that a checkpoint has. Raises NotACheckpointError."""
    found = next((info for info in file.tensors if info.name == want.name), None)
    if found is None or found.shape != want.shape:
        raise NotACheckpointError(
            f"{file.path} lacks {want.name} of shape {want.shape}.", "Give a pair of this recipe."
        )
    with file.path.open("rb") as stored:
        stored.seek(file.offsets[want.name])
        raw = np.frombuffer(stored.read(found.bytes), np.uint8)
    if found.type == GGMLQuantizationType.F32:
        values = raw.view("<f4").reshape(want.shape)
    else:
        values = dequantize(raw.reshape(*want.shape[:-1], -1), found.type).astype(np.float32)
    if want.heads:  # ggml's pairs → the two halves of a head in which transformers rotates
        values = values.reshape(want.heads, -1, 2, want.shape[-1]).swapaxes(1, 2).reshape(want.shape)
    return np.ascontiguousarray(values)


def write_weights(path: Path, weights: dict[str, np.ndarray]) -> None:
    """Write float32 as a safetensors file, sorted by name: always the same bytes, for they name the pair."""
    header: dict[str, dict] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, values in sorted(weights.items()):
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [at, at + values.nbytes]}
        at += values.nbytes
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(head)) + head)
        for _, values in sorted(weights.items()):
            file.write(values.astype("<f4").tobytes())


def unpack(pair: tuple[Path, Path], out: Path) -> NanoConfig:
    """Write `out`, whole or not at all; returns the sizes. Raises ConvertError's children."""
    files = (read_gguf(pair[0]), read_gguf(pair[1]))
    config = config_of(files)
    known = read_config(folder.model_config(config, "float32"), folder.preprocessor_config(config))
    wanted = [(files[0], want) for want in language.wanted(known.text, has_head=False)]
    wanted += [(files[1], want) for want in vision.wanted(known.vision, known.text.hidden)]
    weights = {f"model.{want.source}": numbers(file, want) for file, want in wanted}
    with Staging(out, "unpack") as staging:
        write_weights(staging.path(WEIGHTS), weights)
        staging.publish([WEIGHTS, *folder.write(staging.path(WEIGHTS).parent, config, "float32")])
    return config


def main(argv: list[str]) -> None:
    """`unpack FOLDER …`."""
    parser = argparse.ArgumentParser(prog="train_nano unpack", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    names = ("LANGUAGE.gguf", "PROJECTOR.gguf")
    parser.add_argument("--pair", type=Path, nargs=2, metavar=names, default=SHIPPED, help="the built-in model's")
    asked = parser.parse_args(argv)
    config = unpack(tuple(asked.pair), asked.folder)
    print(f"{asked.folder}: a decoder of {config.layers} layers and a tower of {config.vision_layers}, float32")
