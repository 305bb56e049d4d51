"""Memory as real pictures go by: the process as it is every 100 pictures of a folder that the built-in model captions.

    python tests/bench/bench_memory.py [--pictures 2000] [--side 200] [--no-store]

Every picture is another one, of 200 x 200 pixels and more, so that nothing is known from the one before. Linux only.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from pathlib import Path

import records
from PIL import Image

import smolcli
from smolcli.models import builtin
from smolcli.run import Access
from smolcli.verbs import caption

RECORDED = "--pictures 1000"
STEP = 100


def main() -> None:
    """Caption a folder and print the memory on the way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--side", type=int, default=200, help="least pixels of a side")
    parser.add_argument("--parallel", type=int, default=4)
    parser.add_argument("--max-tokens", type=int, default=4)
    parser.add_argument("--no-store", action="store_true")
    records.add_option(parser)
    options = parser.parse_args()
    settings = (f"{options.parallel} at a time", "without the store" if options.no_store else "with the store")
    recorded = records.Found("memory", "Memory as pictures go by, the built-in model", builtin(), settings)
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder), options.pictures, options.side)
        os.environ["SMOL_CACHE_DIR"] = os.path.join(folder, ".cache")
        with smolcli.open(store=not options.no_store, parallel=options.parallel) as reader:
            sampling = smolcli.Sampling(max_tokens=options.max_tokens)
            template = reader.template("caption", look=smolcli.Look("low"), sampling=sampling)
            base_mb = 0.0
            for number, answer in enumerate(reader.read(caption(reader.files, [folder], template, Access())), 1):
                if not isinstance(answer, smolcli.Answer):
                    sys.exit(f"{answer.source}: {answer.message}")
                if number == 2 * STEP:
                    base_mb = rss_mb()
                if number % STEP == 0:
                    more = f", {rss_mb() - base_mb:+.1f} since the {2 * STEP}th" if base_mb else ""
                    recorded.add(f"after {number:,} pictures", "MB", [rss_mb()])
                    print(f"{number:6,} pictures: {rss_mb():.1f} MB{more}", flush=True)
    recorded.write(options.record)


def draw(folder: Path, count: int, side: int) -> None:
    """Small pictures of noise, no two of them alike, of many sizes."""
    noise = random.Random(0)
    for number in range(count):
        picture = Image.frombytes("RGB", (8, 8), noise.randbytes(192))
        picture.resize((side + number % 97, side + number % 61)).save(folder / f"{number:05}.jpg")


def rss_mb() -> float:
    """What the process holds."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
