"""Decode speed of 1 … 16 answers in one batch, full-size random 256M: tokens per second, and the ratio to one alone.

python tests/bench/bench_decode.py --checkpoint DIR [--tokens 64]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from bench_ask import pair

from smolcli.datatypes import Generation, ModelPair, Request, Sampling, TextPart, Turn
from smolcli.engine import EngineOptions, load_engine


def speed(model: ModelPair, width: int, tokens: int) -> float:
    """New tokens per second with `width` answers at a time; prompts are read before the clock starts to count."""
    with load_engine(model, EngineOptions(parallel=width)) as engine:
        turns = [(Turn("user", (TextPart(f"Tell me about number {n}."),)),) for n in range(width)]
        requests = [Request(n, turn, Sampling(max_tokens=tokens)) for n, turn in enumerate(turns)]
        start = 0.0
        new = 0
        for event in engine.run(requests):
            start = start or time.perf_counter()
            new += event.counts.new_tokens - 1 if isinstance(event, Generation) else 0
        return new / (time.perf_counter() - start)


def main() -> None:
    """Measure every width in turn, twice, and keep the better."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=64)
    options = parser.parse_args()
    model = ModelPair(*pair(options.checkpoint, "f16"), "full")
    widths = (1, 2, 4, 8, 16)
    best = {width: max(speed(model, width, options.tokens) for _ in range(2)) for width in widths}
    for width in widths:
        print(f"{width:3d} at a time: {best[width]:6.1f} tokens/s, {best[width] / best[1]:.2f} × one alone")


if __name__ == "__main__":
    main()
