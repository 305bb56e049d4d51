"""The most memory that one picture takes, for the family's three sizes: full-size random models, made and deleted here.

    python tests/bench/bench_sizes.py [--sizes 256m,500m,2.2b] [--folder DIR] [--detail native] [--mmproj q8_0]
        [--rounds 5] [--record docs/benchmarks]

Each size needs up to 9 GB of disk while it is measured (`--folder`, else the system's temporary folder). Linux. What is
recorded as a ratio is how often the memory would go into what it may be at most.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import records
from bench_peers import QUESTION, noise
from make_checkpoint import make_checkpoint

from smolcli.checks.peers import Watched

MOST_MB = {"256m": 600, "500m": 1200, "2.2b": 4900}
NEW_TOKENS = 8


def pair(size: str, folder: Path, mmproj: str) -> list[str]:
    """A model of a size as options of smol: Q8_0, and the projector as asked. The checkpoint is deleted."""
    checkpoint, out = folder / size, folder / f"{size}-gguf"
    if not out.exists():
        make_checkpoint(checkpoint, size)
        command = [sys.executable, "-m", "gguf_convert", str(checkpoint), "-o", str(out), "--name", size]
        subprocess.run(
            [*command, "--lm", "q8_0", "--mmproj", mmproj, "--no-verify"], check=True, stdout=subprocess.DEVNULL
        )
        shutil.rmtree(checkpoint)
    return ["-m", str(out / f"{size}-q8_0.gguf"), "--mmproj", str(out / f"mmproj-{size}-{mmproj}.gguf")]


def run(command: list[str]) -> tuple[float, float]:
    """Seconds and peak memory in MB of a process."""
    with tempfile.TemporaryFile("a+b") as out:
        start = time.perf_counter()
        watched = Watched(command, out, out)
        if watched.wait(3600):
            out.seek(0)
            sys.exit(f"{' '.join(command)} failed: {out.read().decode()[-500:]}")
    return time.perf_counter() - start, watched.peak_bytes / 1e6


def main() -> None:
    """Measure every size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="256m,500m,2.2b")
    parser.add_argument("--folder", type=Path, help="where models are made")
    parser.add_argument("--detail", default="native")
    parser.add_argument("--mmproj", default="q8_0")
    parser.add_argument("--keep", action="store_true", help="leave the models for another run")
    parser.add_argument("--rounds", type=int, default=records.RUNS)
    records.add_option(parser)
    options = parser.parse_args()
    settings = (
        "640×488 picture",
        f"--detail {options.detail}",
        f"{NEW_TOKENS} new tokens",
        f"projector {options.mmproj}",
    )
    found = records.Found("sizes", "Memory for one picture: full-size random models of the three sizes", None, settings)
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        picture = Path(scratch, "photo.jpg")
        noise((640, 488), 1).save(picture, quality=90)
        for size in options.sizes.split(","):
            folder = options.folder if options.keep and options.folder else Path(scratch)
            model = pair(size, folder, options.mmproj)
            files = sum(Path(model[index]).stat().st_size for index in (1, 3)) / 1e6
            words = ["--detail", options.detail, "--max-tokens", str(NEW_TOKENS), "--no-store", "-q"]
            command = [sys.executable, "-m", "smolcli", "ask", str(picture), QUESTION, *model, *words]
            runs = [run(command) for _ in range(options.rounds)]
            peaks, most = [peak for _, peak in runs], MOST_MB[size]
            peak, took = max(peaks), median(seconds for seconds, _ in runs)
            verdict = "ok" if peak <= most else "TOO MUCH"
            print(
                f"{size:5s} files {files:6.0f} MB  peak {peak:6.0f} MB, at most {most}: {verdict}  {took:.1f} s",
                flush=True,
            )
            found.add(f"{size}: both files", "MB", [files])
            found.add(f"{size}: peak memory (at most {most:,})", "MB", peaks)
            found.add(f"{size}: from start to end", "s", [seconds for seconds, _ in runs])
            found.ratio(f"{size}: memory", f"{most:,} MB", [most / each for each in peaks], 1.0)
            if not options.keep:
                shutil.rmtree(folder / f"{size}-gguf")
    found.write(options.record)


if __name__ == "__main__":
    main()
