"""Where the time of one tile goes: smol's vision tower beside the same matrix products in oneDNN, and oneDNN's limit.

    python tests/bench/bench_tile.py [--checkpoint DIR] [--types f16,bf16] [--threads 2] [--rounds 5]
        [--record docs/benchmarks]

In turns: seconds of a tile of a full-size 256M of random weights for each type of projector, a process for each run,
and how many floating-point operations of its products that is in a second. Then oneDNN through torch, where torch is
installed: the products of all layers alone, by kind, and one large product, which is what the processor can do at most.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import records
from bench_ask import full_size

from smolcli.datatypes import ModelPair

PATCHES, WIDTH, HIDDEN, LAYERS, HEADS = 1024, 768, 3072, 12, 12  # of the 256M tower: 512 px tiles, patches of 16 px
PROJECTOR = (64, 12288, 576)  # rows, inputs, outputs
PRODUCTS = {  # what one layer multiplies: (how often, rows, inputs, outputs)
    "q, k, v, out": (4, PATCHES, WIDTH, WIDTH),
    "mlp up": (1, PATCHES, WIDTH, HIDDEN),
    "mlp down": (1, PATCHES, HIDDEN, WIDTH),
    "attention": (2 * HEADS, PATCHES, WIDTH // HEADS, PATCHES),
}
KINDS = {"f16": "float32", "bf16": "bfloat16"}  # of a projector → what oneDNN is given for the same
LARGE = 3072  # rows and columns of a product that keeps every core busy
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
Took = dict[str, float]  # seconds by kind of product; of the tower, of a tile


def flop() -> float:
    """Of the products of one tile."""
    layer = sum(2 * count * rows * inputs * outputs for count, rows, inputs, outputs in PRODUCTS.values())
    rows, inputs, outputs = PROJECTOR
    return float(LAYERS * layer + 2 * rows * inputs * outputs + 2 * PATCHES * 3 * 256 * WIDTH)


def tower(model: ModelPair, threads: int) -> Took:
    """Seconds of the second tile in a process of its own."""
    command = [sys.executable, "-c", CHILD, str(model.language), str(model.projector), str(threads)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=records.ROOT)
    return {"tile": float(done.stdout)}


def products(kind: str, threads: int) -> Took:
    """Seconds of each kind of product of a whole tile, in oneDNN, and of one large product."""
    import torch

    torch.set_num_threads(threads)
    took: Took = {}
    for name, (count, rows, inputs, outputs) in {**PRODUCTS, "large": (1, LARGE, LARGE, LARGE)}.items():
        shapes = (count, rows, inputs), (count, inputs, outputs)  # those of one layer are multiplied in one call
        one, other = (torch.randn(shape, dtype=getattr(torch, kind)) for shape in shapes)
        torch.bmm(one, other)
        start = time.perf_counter()
        for _ in range(1 if name == "large" else LAYERS):
            torch.bmm(one, other)
        took[name] = time.perf_counter() - start
    return took


def has_torch() -> bool:
    """Whether oneDNN can be asked."""
    try:
        import torch
    except ImportError:
        return False
    return bool(torch.backends.mkldnn.is_available())


def main() -> None:
    """Measure in turns, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, help="folder made by make_checkpoint.py (made if absent)")
    parser.add_argument("--types", default="f16,bf16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=records.RUNS)
    records.add_option(parser)
    given = parser.parse_args()
    types = given.types.split(",")
    models = {kind: full_size(given.checkpoint, kind) for kind in types}
    turns: dict[str, Callable[[], Took]] = {kind: partial(tower, models[kind], given.threads) for kind in types}
    if has_torch():
        turns |= {each: partial(products, each, given.threads) for each in KINDS.values()}
    took = records.in_turns(turns, given.rounds)
    settings = (f"{given.threads} threads", f"{flop() / 1e9:.0f} GFLOP of products in a tile of 512 px")
    title = "The vision tower on one tile of a full-size 256M, beside the same products in oneDNN"
    found = records.Found("tile", title, models[types[0]], settings)
    towers = {kind: [each["tile"] for each in took[kind]] for kind in types}
    for kind, seconds in towers.items():
        add(found, f"tower, {kind.upper()}", seconds)
        if kind != types[0]:
            found.ratio(
                f"tower, {kind.upper()}", f"tower, {types[0].upper()}", records.paired(towers[types[0]], seconds)
            )
    for kind, alone in KINDS.items() if has_torch() else ():
        record_products(found, alone, took[alone], towers.get(kind))
    for row in found.rows:
        print(f"{row.tool or 'smol':8s} {row.label:40s} {row.median:8.3f} {row.unit} ({row.min:.3f} to {row.max:.3f})")
    found.write(given.record)


def add(found: records.Found, name: str, seconds: list[float], tool: str = "") -> None:
    """Seconds of a tile, and the speed of its products."""
    found.add(name, "s a tile", seconds, tool=tool)
    found.add(name, "GFLOP/s", [flop() / each / 1e9 for each in seconds], tool=tool)


def record_products(found: records.Found, kind: str, took: list[Took], tower_s: list[float] | None) -> None:
    """What oneDNN takes for the products alone and by kind, its limit, and how near the tower is to it."""
    alone = [sum(each[name] for name in PRODUCTS) for each in took]
    add(found, f"products alone, {kind}", alone, "oneDNN")
    found.add(
        f"one large product, {kind}", "GFLOP/s", [2 * LARGE**3 / each["large"] / 1e9 for each in took], tool="oneDNN"
    )
    for name in PRODUCTS:
        share = median(each[name] for each in took) / median(alone)
        found.add(f"{name}, {kind} ({share:.0%})", "s a tile", [each[name] for each in took], tool="oneDNN")
    if tower_s is not None:
        found.ratio("the whole tower", f"oneDNN's products alone, {kind}", records.paired(alone, tower_s))


if __name__ == "__main__":
    main()
