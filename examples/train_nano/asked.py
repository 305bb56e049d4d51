"""The command line of `train` → the run's folder, its plan and the weights that it starts from."""

import argparse
import os
import secrets
from pathlib import Path

import torch

from .arguments import check_device, positive
from .config import SIZES
from .schedule import POOLS, QUEUE, STAGES, Plan
from .verdict import CASES

TILES = {QUEUE: 20, POOLS: 1088}  # per step


def parse(argv: list[str], description: str) -> tuple[Path, Plan, Path | None]:
    """Folder, plan, weights or None. Exits with a sentence where the line asks for what cannot be."""
    parser = _parser(description)
    asked = parser.parse_args(argv)
    if (asked.run / "last.pt").exists():
        parser.error(f"{asked.run} holds a run already: go on with `resume {asked.run}`, or name another folder")
    if asked.weights and asked.size:
        parser.error(f"{asked.weights} has its own size; leave --size out")
    check_device(asked.device)
    gpu = asked.device != "cpu"
    supply = asked.supply or (POOLS if gpu else QUEUE)
    first, names = asked.first or ("joint" if asked.weights else "vision"), list(STAGES[supply])
    if first not in names:
        parser.error(f"--first {first}: with --supply {supply} the stages are {', '.join(names)}")
    return (
        asked.run,
        Plan(
            stages=names[names.index(first) :],
            trained=asked.weights is not None,
            minutes=asked.minutes,
            steps=asked.steps,
            size=asked.size or "large",
            tiles=asked.tiles or TILES[supply],
            producers=asked.producers or (max(1, (os.cpu_count() or 3) - 2) if gpu else 1),
            device=asked.device,
            seed=secrets.randbits(31) if asked.seed is None else asked.seed,  # trained on from itself: new pages
            rate=asked.rate,
            supply=supply,
            pool_gb=asked.pool_gb,
            cases=(CASES if supply == POOLS else 0) if asked.cases is None else asked.cases,
            compiled=gpu and not asked.uncompiled,
        ),
        asked.weights,
    )


def _parser(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="train_nano train", description=description)
    parser.add_argument("run", type=Path, help="folder of the run; made when it is not there")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--minutes", type=positive(float), default=0.0, help="length of the whole schedule")
    length.add_argument("--steps", type=positive(int), default=0, help="length of the whole schedule")
    parser.add_argument(
        "--weights", type=Path, help="checkpoint or exported folder to start from, on everything that is drawn"
    )
    first = dict.fromkeys(name for stages in STAGES.values() for name in stages)
    parser.add_argument("--first", choices=first, help="stage to begin with (with --weights: joint; else vision)")
    parser.add_argument("--size", choices=SIZES, help="large, unless --weights says it")
    parser.add_argument("--tiles", type=positive(int), help="tiles per step (20 from the queue, 1088 from pools)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--supply", choices=list(STAGES), help="where steps come from (a CPU: queue, a GPU: pools)")
    parser.add_argument(
        "--pool-gb", type=positive(float), default=0.0, help="size of the pools (a GPU: 62 %% of what is free)"
    )
    parser.add_argument("--producers", type=positive(int), help="drawing processes (1 on a CPU, cores - 2 on a GPU)")
    parser.add_argument("--rate", type=positive(float), default=1.0, help="times the recipe's learning rates")
    parser.add_argument("--seed", type=int, help="of drawing and first weights; another one for each run, unless given")
    parser.add_argument("--cases", type=int, help="held-out pages a class, read at the end (pools: 24; queue: none)")
    parser.add_argument("--uncompiled", action="store_true", help="do not compile the layers (a GPU is slower then)")
    return parser
