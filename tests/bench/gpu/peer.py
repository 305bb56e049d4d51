"""The peer of measure.py on the same card: transformers, random weights, bfloat16, scaled-dot-product attention.

    python tests/bench/gpu/peer.py CONFIG.json [--device cuda] [--batches 1,64,16] [--budget 28]

CONFIG.json is a published config.json of the family (tests/golden/configs). Each batch is that many examples of the
paper: 17 tiles, a question, 32 new tokens; tokens of the vision tower are in the prompt where the model expects them.
`--device cpu --layers 2 --batches 1` tries it without a card.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from pathlib import Path

import torch
import transformers

TILES, QUESTION_IDS = 17, 20


class Peer:
    """A model of random weights on a device. layers: of both halves, 0 for the config's own."""

    def __init__(self, config: Path, device: str, layers: int) -> None:
        values = json.loads(config.read_text())
        if layers:
            values["text_config"]["num_hidden_layers"] = values["vision_config"]["num_hidden_layers"] = layers
        values.pop("_name_or_path", None)
        kind = "SmolVLM" if values["model_type"] == "smolvlm" else "Idefics3"
        self.config = getattr(transformers, f"{kind}Config").from_dict(values)
        self.config._attn_implementation = "sdpa"
        self.device, self.cuda = device, device.startswith("cuda")
        torch.set_default_dtype(torch.bfloat16)
        with torch.device(device):
            self.model = getattr(transformers, f"{kind}ForConditionalGeneration")(self.config).eval()
        torch.set_default_dtype(torch.float32)

    def inputs(self, batch: int) -> dict[str, torch.Tensor]:
        """So many examples: random pixels, and ids with a place for every tile."""
        vision = self.config.vision_config
        edge = vision.image_size
        per_tile = (edge // vision.patch_size // self.config.scale_factor) ** 2
        image = self.config.image_token_id
        generator = torch.Generator().manual_seed(batch)
        question = torch.randint(20, 40_000, (QUESTION_IDS,), generator=generator).tolist()
        ids = torch.tensor([[1, *([30, *[image] * per_tile] * TILES), *question]] * batch, device=self.device)
        pixels = torch.rand((batch, TILES, 3, edge, edge), device=self.device, dtype=torch.bfloat16) * 2 - 1
        whole = torch.ones((batch, TILES, edge, edge), device=self.device, dtype=torch.bool)
        return {
            "input_ids": ids,
            "attention_mask": torch.ones_like(ids),
            "pixel_values": pixels,
            "pixel_attention_mask": whole,
        }

    def wall_s(self, batch: int, new: int, rounds: int) -> float:
        """Seconds of the best round."""
        data, walls = self.inputs(batch), []
        for _ in range(rounds):
            self.wait()
            start = time.perf_counter()
            self.model.generate(**data, max_new_tokens=new, min_new_tokens=new, do_sample=False, pad_token_id=2)
            self.wait()
            walls.append(time.perf_counter() - start)
        return min(walls)

    def wait(self) -> None:
        """Until the card has done all."""
        if self.cuda:
            torch.cuda.synchronize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batches", type=lambda text: [int(word) for word in text.split(",")], default=[1, 64, 16])
    parser.add_argument("--budget", type=float, default=28, metavar="SECONDS")
    parser.add_argument("--new", type=int, default=32)
    parser.add_argument("--layers", type=int, default=0)
    given = parser.parse_args()
    start = time.monotonic()
    peer = Peer(given.config, given.device, given.layers)
    size = sum(parameter.numel() for parameter in peer.model.parameters()) / 1e6
    print(f"transformers {transformers.__version__}, torch {torch.__version__}: {size:.0f} M parameters", flush=True)
    for batch in given.batches:
        if time.monotonic() - start > given.budget:
            print(f"batch {batch}: left out, no time", flush=True)
            continue
        try:
            with torch.inference_mode():
                wall_s = peer.wall_s(batch, given.new, 2)
        except torch.OutOfMemoryError as error:
            print(f"batch {batch}: {str(error).splitlines()[0]}", flush=True)
            gc.collect()
            torch.cuda.empty_cache()
            continue
        memory = f", {torch.cuda.max_memory_allocated() / 1e9:.1f} GB" if peer.cuda else ""
        print(f"batch {batch}: {batch / wall_s:.2f} examples/s{memory}", flush=True)


if __name__ == "__main__":
    main()
