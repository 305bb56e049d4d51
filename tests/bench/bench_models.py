"""`smol bench` of the built-in model and of a full-size one of random weights, as records.

    python tests/bench/bench_models.py [--models builtin,256m] [--checkpoint DIR] [--record docs/benchmarks]

LLAMA_TOOLS=FOLDER: the built-in model beside llama-mtmd-cli and llama-server of that folder, in turns, five times.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import records
from bench_ask import full_size

from smolcli.measurements import from_json

TITLES = {"builtin": "smol bench, the built-in model", "256m": "smol bench, a full-size 256M of random weights"}


def main() -> None:
    """Measure each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="builtin,256m")
    parser.add_argument("--checkpoint", type=Path, help="folder made by make_checkpoint.py (made if absent)")
    parser.add_argument("--widths", default="1,2,4,8,16")
    records.add_option(parser)
    given = parser.parse_args()
    for name in given.models.split(","):
        words = ["--json"]
        if name == "builtin":
            words += ["--runs", str(records.RUNS), "--widths", given.widths]
            words += ["--against", os.environ["LLAMA_TOOLS"]] if "LLAMA_TOOLS" in os.environ else []
        else:  # as many runs as a minute holds, for each figure
            pair = full_size(given.checkpoint)
            words += ["-m", str(pair.language), "--mmproj", str(pair.projector)]
        command = [sys.executable, "-m", "smolcli", "bench", *words]
        text = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=records.ROOT).stdout
        found = from_json(text)
        for row in found.rows:
            print(f"{row.tool or 'smol':16s} {row.label:30s} {row.median:10.4g} {row.unit} {row.versus}")
        if given.record is not None:
            build, title = records.with_commit(found.build), TITLES.get(name, f"smol bench, {name}")
            about = {"benchmark": f"models-{name}", "title": title, "command": records.command()}
            records.write(replace(found, build=build, **about), given.record)


if __name__ == "__main__":
    main()
