"""Checkpoint → Hugging Face folder in float16, which `smol convert` turns into a GGUF pair.

python examples/train_nano export RUN/last.pt FOLDER
"""

import argparse
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

from . import folder, runs
from .model import TRAINING_ONLY


def export(checkpoint: Path, out: Path) -> None:
    """Write `out`: configuration, tokenizer, processor and weights (the training-only heads left out)."""
    model = runs.load_model(checkpoint)
    weights = {name: value for name, value in model.state_dict().items() if not name.startswith(TRAINING_ONLY)}
    halves = {name: value.to(torch.float16).contiguous() for name, value in weights.items()}
    broken = [name for name, value in halves.items() if not value.isfinite().all()]
    if broken:
        raise SystemExit(
            f"{checkpoint}: {broken[0]} does not fit into float16; train on, or export an earlier checkpoint"
        )
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as new:  # what is there stays whole until everything is written
        folder.write(Path(new), model.config)
        save_file(halves, Path(new) / "model.safetensors", {"format": "pt"})
        for path in Path(new).iterdir():
            path.replace(out / path.name)


def main(argv: list[str]) -> None:
    """`export CHECKPOINT FOLDER`."""
    parser = argparse.ArgumentParser(prog="train_nano export", description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args(argv)
    export(asked.checkpoint, asked.folder)
    print(f"{asked.folder}: next, `smol convert {asked.folder}`")
