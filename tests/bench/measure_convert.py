"""Convert a full-size checkpoint (made when it is not there) and print seconds, processor seconds and peak memory.

    python tests/bench/measure_convert.py DIR [--size 256m|500m] [--runs 3]

llama.cpp's converter takes two runs for the first case on the 256M shape: 9.9 + 6.0 processor seconds, 571 and 385 MB.
On two cores at a load of 6 that was 24.6 + 13.8 s, and 5.7 s (2.8 of the processor, 98 MB) here.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from make_checkpoint import MODELS, make_checkpoint

ROOT = Path(__file__).resolve().parent.parent.parent
CASES = {
    "Q8_0 language model and F16 projector, verified": ["--lm", "q8_0", "--mmproj", "f16"],
    "the same, not verified": ["--lm", "q8_0", "--mmproj", "f16", "--no-verify"],
    "bf16 pair, verified": ["--outtype", "bf16"],
}


def measure(folder: Path, options: list[str]) -> tuple[float, float, float]:
    """Wall seconds, processor seconds, peak MB of one conversion in a process of its own."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as out:
        command = [sys.executable, "-m", "gguf_convert", str(folder), "-o", out, *options]
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    if status:
        sys.exit(f"{' '.join(command)} failed")
    peak = usage.ru_maxrss / (1024 if sys.platform.startswith("linux") else 1024**2)
    return wall, usage.ru_utime + usage.ru_stime, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dir", type=Path)
    parser.add_argument("--size", choices=sorted(MODELS), default="256m")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    if not (args.dir / "model.safetensors").exists():
        make_checkpoint(args.dir, args.size)
    for name, options in CASES.items():
        wall, cpu, peak = min(measure(args.dir, options) for _ in range(args.runs))
        print(f"{name}: {wall:.1f} s, processor {cpu:.1f} s, peak {peak:.0f} MB")


if __name__ == "__main__":
    main()
