"""Decode speed of 1 … 16 answers in one batch, full-size random 256M: tokens per second, and the ratio to one alone.

python tests/bench/bench_decode.py [--checkpoint DIR] [--tokens 64] [--rounds 5] [--record docs/benchmarks]
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import records
from bench_ask import full_size

from smolcli.checks import decode_speed
from smolcli.datatypes import ModelPair
from smolcli.engine import EngineOptions, load_engine

WIDTHS = (1, 2, 4, 8, 16)


def speed(model: ModelPair, width: int, tokens: int) -> float:
    """New tokens per second with `width` answers at a time, all of the same length."""
    with load_engine(model, EngineOptions(parallel=width)) as engine:
        decode_speed(engine, width, 2)
        return decode_speed(engine, width, tokens)


def main() -> None:
    """Measure every width in turn, again and again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, help="folder made by make_checkpoint.py (made if absent)")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=records.RUNS)
    records.add_option(parser)
    options = parser.parse_args()
    model = full_size(options.checkpoint)
    turns = {str(width): partial(speed, model, width, options.tokens) for width in WIDTHS}
    speeds = records.in_turns(turns, options.rounds)
    found = records.Found("decode", "Decode in company: tokens per second", model, (f"{options.tokens} tokens each",))
    for width in WIDTHS:
        shown = found.add("decode", "tokens/s", speeds[str(width)], width)
        gain = [many / one for many, one in zip(speeds[str(width)], speeds["1"], strict=True)]
        times = found.ratio("decode", "one alone", gain, at=width).median if width > 1 else 1.0
        print(f"{width:3d} at a time: {shown.median:6.1f} tokens/s, {times:.2f} × one alone")
    found.write(options.record)


if __name__ == "__main__":
    main()
