"""Samples → a contact sheet and their questions and answers, to see what the model is taught."""

import argparse
import random
from pathlib import Path

from PIL import Image

from .geometry import GRIDS, TILE_PX, Layout
from .samples import CLIP, PAINTERS, Options, draw


def main(argv: list[str]) -> None:
    """`preview OUT.png [--seed N] [--rows N] [--task NAME] [--held] [--wear LEVEL]`."""
    parser = argparse.ArgumentParser(prog="train_nano preview", description="Draw a contact sheet of samples.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=5)
    parser.add_argument("--task", choices=[*PAINTERS, CLIP])
    parser.add_argument("--held", action="store_true", help="fonts and words that training never sees")
    parser.add_argument("--wear", type=float, default=0.5)
    options = parser.parse_args(argv)
    rng, cols = random.Random(options.seed), 6
    sheet = Image.new("RGB", (cols * TILE_PX, options.rows * TILE_PX))
    for i in range(cols * options.rows):
        task = options.task or rng.choice([*PAINTERS, CLIP])
        layout = Layout(frames=rng.randrange(1, 7)) if task == CLIP else rng.choice(GRIDS)
        sample = draw(rng, task, layout, Options(held=options.held, level=options.wear))
        row, col = divmod(i, cols)
        sheet.paste(Image.fromarray(sample.tiles[-1]), (col * TILE_PX, row * TILE_PX))
        print(f"{row + 1},{col + 1} {task} {tuple(layout)}: {sample.question!r} -> {sample.text!r}")
    sheet.save(options.out)
