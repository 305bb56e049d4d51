"""Where the time of one tile goes: smol's vision tower beside the same matrix products in oneDNN, and what that can do.

    python tests/bench/bench_tile.py [--checkpoint DIR] [--types f16,bf16,f32,q8_0] [--threads 1,2] [--rounds 5]

For each projector type and number of threads, in turns: seconds of a tile, and the floating-point operations per second
that makes of its products. Then oneDNN through torch, where torch is installed: the products of all layers alone (its
limit on this processor), in float32 and bfloat16, and each kind of product.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from make_checkpoint import make_checkpoint

PATCHES, WIDTH, HIDDEN, LAYERS, HEADS = 1024, 768, 3072, 12, 12  # of the 256M tower: 512 px tiles, patches of 16 px
PROJECTOR = (64, 12288, 576)  # rows, inputs, outputs
PRODUCTS = {  # what one layer multiplies: (how often, rows, inputs, outputs)
    "q, k, v, out": (4, PATCHES, WIDTH, WIDTH),
    "mlp up": (1, PATCHES, WIDTH, HIDDEN),
    "mlp down": (1, PATCHES, HIDDEN, WIDTH),
    "attention": (2 * HEADS, PATCHES, WIDTH // HEADS, PATCHES),
}
CHILD = """
import sys, time
from pathlib import Path
import numpy as np
from smolcli.datatypes import ModelPair
from smolcli.engine import EngineOptions, load_engine
language, projector, threads = sys.argv[1:]
tile = np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8)
with load_engine(ModelPair(Path(language), Path(projector), "full"), EngineOptions(threads=int(threads))) as engine:
    engine.embed(tile)
    start = time.perf_counter()
    engine.embed(tile)
    print(time.perf_counter() - start)
"""


def flop() -> float:
    """Of the products of one tile."""
    layer = sum(2 * count * rows * inputs * outputs for count, rows, inputs, outputs in PRODUCTS.values())
    rows, inputs, outputs = PROJECTOR
    return float(LAYERS * layer + 2 * rows * inputs * outputs + 2 * PATCHES * 3 * 256 * WIDTH)


def tower(language: Path, projector: Path, threads: int) -> float:
    """Seconds of the second tile in a process of its own."""
    command = [sys.executable, "-c", CHILD, str(language), str(projector), str(threads)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def products(kind: str, threads: int) -> dict[str, float]:
    """Seconds of each kind of product of a whole tile, in oneDNN; none without torch."""
    try:
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(threads)
    dtype, took = getattr(torch, kind), {}
    for name, (count, rows, inputs, outputs) in PRODUCTS.items():
        one, other = torch.randn(rows, inputs, dtype=dtype), torch.randn(inputs, outputs, dtype=dtype)
        for _ in range(2):
            start = time.perf_counter()
            for _ in range(count * LAYERS):
                torch.mm(one, other)
            took[name] = time.perf_counter() - start
    return took


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=Path("build/bench-256m"), help="made if absent")
    parser.add_argument("--types", default="f16,bf16,f32,q8_0")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if not (options.checkpoint / "config.json").exists():
        make_checkpoint(options.checkpoint)
    out = options.checkpoint / "gguf"
    language = out / "full-q8_0.gguf"
    for kind in options.types.split(","):
        if not (out / f"mmproj-full-{kind}.gguf").exists() or not language.exists():
            command = [sys.executable, "-m", "gguf_convert", str(options.checkpoint), "-o", str(out), "--name", "full"]
            subprocess.run([*command, "--lm", "q8_0", "--mmproj", kind, "--no-verify", "--force"], check=True)
    print(f"{platform.processor() or platform.machine()}, {flop() / 1e9:.0f} GFLOP of products a tile")
    settings = [(kind, int(threads)) for threads in options.threads.split(",") for kind in options.types.split(",")]
    took: dict[tuple[str, int], list[float]] = {setting: [] for setting in settings}
    for _ in range(options.rounds):
        for kind, threads in settings:
            took[kind, threads].append(tower(language, out / f"mmproj-full-{kind}.gguf", threads))
    for (kind, threads), seconds in took.items():
        middle = statistics.median(seconds)
        spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
        print(f"tower {kind:5s} {threads} threads {middle:6.2f} s ({spread})  {flop() / middle / 1e9:6.0f} GFLOP/s")
    for threads in map(int, options.threads.split(",")):
        for kind in ("float32", "bfloat16"):
            parts = products(kind, threads)
            if parts:
                total = sum(parts.values())
                each = ", ".join(f"{name} {seconds:.2f}" for name, seconds in parts.items())
                print(f"oneDNN {kind:8s} {threads} threads {total:5.2f} s {flop() / total / 1e9:6.0f} GFLOP/s ({each})")


if __name__ == "__main__":
    np.seterr(all="raise")
    main()
