"""How long a picture of 12 megapixels takes to be cut into the tiles of the 256M and 500M models.

    python tests/bench/bench_cut.py [--rounds 9] [--record docs/benchmarks]

For each shape: by the clock, the first time in a process (memory is taken for the first time then) and again; seconds
of processor time; and those of Pillow alone, which resamples to the same sizes in one thread and does nothing else.
With two cores, half of the processor time is the least that the clock could show.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

import numpy as np
import records
from PIL import Image

from smolcli.tiles import Detail, Geometry, cut, plan

GEOMETRY = Geometry(512, 64, 2048)
SHAPES = ((4000, 3000), (3464, 3464), (3000, 4000))
AIM_MS = 120.0


def picture(width: int, height: int) -> np.ndarray:
    """uint8 (height, width, 3) that no two runs have different."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def timed(width: int, height: int, rounds: int) -> list[tuple[float, float]]:
    """Milliseconds by the clock, and of processor time, of each of some rounds."""
    rgb, planned = picture(width, height), plan((width, height), GEOMETRY, Detail("high"))
    took = []
    for _ in range(rounds):
        start, used = time.perf_counter(), time.process_time()
        cut(rgb, planned)
        took.append((1000 * (time.perf_counter() - start), 1000 * (time.process_time() - used)))
    return took


def pillow(width: int, height: int, rounds: int) -> list[float]:
    """Milliseconds of processor time that the same resampling takes in Pillow alone."""
    planned = plan((width, height), GEOMETRY, Detail("high"))
    whole = Image.fromarray(picture(width, height))
    took = []
    for _ in range(rounds):
        start, shown = time.process_time(), whole
        for wide, high in (planned.resized_px, planned.refined_px, (planned.tile_px, planned.tile_px)):
            for size in ((wide, shown.height), (wide, high)):
                shown = shown.resize(size, Image.Resampling.LANCZOS)
        took.append(1000 * (time.process_time() - start))
    return took


def first(width: int, height: int, rounds: int) -> list[float]:
    """Milliseconds by the clock of the first picture of a process, of several processes."""
    command = [sys.executable, __file__, "--first", f"{width}x{height}"]
    return [float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(rounds)]


def report(size: Sequence[int], rounds: int, found: records.Found) -> None:
    """Measure one shape, and say it."""
    took = timed(*size, rounds + 1)[1:]
    rows = (
        ("by the clock", [wall for wall, _ in took]),
        ("by the clock, the first of a process", first(*size, max(5, rounds // 2))),
        ("processor time", [used for _, used in took]),
        ("processor time, Pillow's resampling alone", pillow(*size, rounds)),
    )
    encodes = plan((size[0], size[1]), GEOMETRY, Detail("high")).encodes
    print(f"{size[0]}×{size[1]}, {encodes} tiles (wanted: {AIM_MS:.0f} ms by the clock)")
    for name, values in rows:
        print(f"  {name:42s} {statistics.median(values):6.1f} ms ({min(values):.1f} to {max(values):.1f})", flush=True)
        found.add(f"{size[0]}×{size[1]}, {encodes} tiles: {name}", "ms", values)


def main() -> None:
    """Measure every shape."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--first", metavar="WxH", help="cut one picture, once, and print its milliseconds")
    records.add_option(parser)
    options = parser.parse_args()
    if options.first:
        width, height = map(int, options.first.split("x"))
        print(timed(width, height, 1)[0][0])
        return
    found = records.Found("cut", "A picture of 12 megapixels cut into tiles")
    for size in SHAPES:
        report(size, options.rounds, found)
    found.write(options.record)


if __name__ == "__main__":
    main()
