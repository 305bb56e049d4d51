"""What a folder costs beside its model: time to the first caption, our own time a picture, memory as pictures go by.

    python tests/bench/bench_folder.py [--pictures 100000] [--threads 2]

An engine that answers at once stands below its protocol, so that nothing but our own work is measured. The pictures are
links to a few hundred small ones.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import records
from fakes.engine import FACTS, FakeEngine

from smolcli.datatypes import Sampling
from smolcli.jobs import Answer, Look, Question, Words
from smolcli.run import Access, OpenFiles, RunOptions, run
from smolcli.verbs import Template, caption

RECORDED = "--pictures 20000"
LINKS = 500  # to one picture: file systems have a limit


def main() -> None:
    """Caption a folder and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=2)
    records.add_option(parser)
    options = parser.parse_args()
    title = "A folder without its model: what is our own work"
    recorded = records.Found("folder", title, None, (f"{options.pictures:,} pictures, {options.threads} threads",))
    template = Template((Question(Words(), "What is this?"),), Look("low"), Sampling(max_tokens=5))
    with tempfile.TemporaryDirectory() as folder, closing(OpenFiles(FACTS, FACTS.context_tokens)) as files:
        draw(Path(folder), options.pictures)
        engine, start, done, base_mb = FakeEngine(parallel=4), time.perf_counter(), 0, 0.0
        start_cpu = time.process_time()
        jobs = caption(files, [folder], template, Access())
        for event in run(jobs, engine, files, RunOptions(threads=options.threads)):
            engine.seen.clear()
            if not isinstance(event, Answer):
                continue
            done += 1
            if done == 1:
                base_mb = rss_mb()
                first_s = time.perf_counter() - start
                print(f"first answer after {first_s:.2f} s")
                recorded.add("first answer", "s", [first_s])
            if done in (200, 1000, 10_000, options.pictures):
                spent_ms = (time.perf_counter() - start) / done * 1000
                more_mb = rss_mb() - base_mb
                cpu_ms = (time.process_time() - start_cpu) / done * 1000
                own = f"{spent_ms:.2f} ms each ({cpu_ms:.2f} of processor time)"
                print(f"{done:7,} pictures: {own}, {more_mb:.1f} MB more", flush=True)
                recorded.add(f"{done:,} pictures", "ms a picture", [spent_ms])
                recorded.add(f"{done:,} pictures, more memory", "MB", [more_mb])
        recorded.write(options.record)


def draw(folder: Path, count: int) -> None:
    """`count` small pictures, of which no more than LINKS are one file."""
    for first in range(0, count, LINKS):
        path = folder / f"{first:06}.png"
        picture = Image.new("RGB", (64, 64), "white")
        picture.putpixel((first // LINKS % 64, first // LINKS // 64), (0, 0, 0))
        picture.save(path)
        for number in range(first + 1, min(first + LINKS, count)):
            os.link(path, folder / f"{number:06}.png")


def rss_mb() -> float:
    """What the process holds (Linux)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
