"""How threads that wait should wait: decoding, reading a prompt and encoding a tile, by how long libgomp spins.

    python tests/bench/bench_threads.py [--checkpoint DIR] [--rounds 5] [--spins smol,0,2000,20000,active] [--busy 2]
        [--record docs/benchmarks]

One process for each setting, all opened at first and asked in turns: what the machine does beside them meets all of
them. Measured twice: as the machine is, and beside --busy processes that compute without end. "smol" is what smol
chooses by itself, as it finds the machine when it starts (a process of its own for each of the two). How busy others
kept the cores is said; with --quiet X a moment is waited for in which they take no more than that share, and what was
measured while they took more is not counted. Linux. Recorded are ratios of what smol chooses to each of the others.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import records
from bench_ask import full_size

HERE = Path(__file__).resolve()
Found = dict[tuple[str, str], dict[int, float]]  # setting and kind of work → by round, how many a second there were
UNITS = {"decode": "tokens/s", "prefill": "tokens/s", "tile": "tiles/s"}
BURN = "while True: pass"


class Contender:
    """A process with a model open and one setting of its threads."""

    def __init__(self, spin: str, files: tuple[Path, Path], threads: int) -> None:
        environment = {
            name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
        }
        if spin == "active":
            environment["OMP_WAIT_POLICY"] = "active"
        elif spin != "smol":
            environment["GOMP_SPINCOUNT"] = spin
        command = [sys.executable, str(HERE), "--serve", *map(str, files), str(threads)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)
        self.ask("decode")

    def ask(self, what: str) -> float:
        """Per second, as the process counts it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(what, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())

    @property
    def cpu_s(self) -> float:
        """Seconds of processors that it has used."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


def serve(language: str, projector: str, threads: str) -> None:
    """Answer "decode", "prefill" or "tile", a line each, with how many a second there were."""
    import numpy as np

    from smolcli.datatypes import ModelPair, Sampling, TextPart, Turn
    from smolcli.engine import EngineOptions, load_engine
    from smolcli.generation import Generation, Request

    tile = np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    model = ModelPair(Path(language), Path(projector), "full")
    with load_engine(model, EngineOptions(threads=int(threads))) as engine:
        for number, what in enumerate(sys.stdin):
            if what.strip() == "tile":
                start = time.perf_counter()
                engine.embed(tile)
                print(1 / (time.perf_counter() - start), flush=True)
                continue
            words, tokens = ("", 24) if what.strip() == "decode" else ("one two three four five " * 80, 1)
            turns = (Turn("user", (TextPart(f"{number} {words}"),)),)
            request = Request(number, turns, Sampling(max_tokens=tokens))
            [made] = [event for event in engine.run([request]) if isinstance(event, Generation)]
            decoded = made.counts.new_tokens / made.seconds.decode if made.seconds.decode else 0.0
            print(decoded if tokens > 1 else made.counts.prompt_tokens / made.seconds.prefill, flush=True)


def processors() -> tuple[float, float]:
    """(seconds of processors used by all, seconds that there were), since the machine was started."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    tick = os.sysconf("SC_CLK_TCK")
    return (sum(fields) - fields[3] - fields[4]) / tick, sum(fields) / tick


def await_quiet(quiet: float, most_s: float = 20.0) -> None:
    """Until all others together take no more than a share of the processors, or some seconds are over."""
    until = time.monotonic() + most_s
    while quiet < 1 and time.monotonic() < until:
        used, total = processors()
        time.sleep(0.25)
        used_then, total_then = processors()
        if used_then - used <= quiet * (total_then - total):
            return


def measure(contenders: dict[str, Contender], work: list[str], rounds: int, quiet: float) -> Found:
    """What was counted of each, by setting and kind of work."""
    found: Found = {(spin, what): {} for spin in contenders for what in work}
    others = []
    for number in range(rounds):
        for what in work:
            for spin, contender in contenders.items():
                await_quiet(quiet)
                (used, total), own = processors(), contender.cpu_s
                speed = contender.ask(what)
                (used_then, total_then), own_then = processors(), contender.cpu_s
                share = (used_then - used - (own_then - own)) / max(1e-9, total_then - total)
                others.append(share)
                if share <= quiet:
                    found[spin, what][number] = speed
    print(f"others kept the processors busy for {statistics.median(others):.0%} of the time (median)")
    return found


def show(found: Found) -> None:
    """Medians, the spread of the middle half, and how many were counted."""
    for (spin, what), counted in sorted(found.items(), key=lambda item: item[0][1]):
        speeds = sorted(counted.values()) or [math.nan]
        low, high = speeds[len(speeds) // 4], speeds[-(len(speeds) // 4) - 1]
        spread = f"{UNITS[what]} ({low:.2f} to {high:.2f}, {len(counted)})"
        print(f"  {what:8s} {spin:>8s} {statistics.median(speeds):8.2f} {spread}")


def record(recorded: records.Found, found: Found, busy: int) -> None:
    """How many a second of each, and how much more that is with what smol chooses by itself, round by round."""
    beside = f", beside {busy} busy processes" if busy else ""
    for (spin, what), counted in found.items():
        if counted:
            name = "as smol chooses" if spin == "smol" else f"spins: {spin}"
            recorded.add(f"{what}{beside}, {name}", UNITS[what], list(counted.values()))
        ours = found.get(("smol", what), {})
        if spin != "smol" and (both := sorted(ours.keys() & counted.keys())):
            gained = [ours[number] / counted[number] for number in both]
            recorded.ratio(f"{what}{beside}", f"spins: {spin}", gained)


def main() -> None:
    """Measure, as the machine is and beside others that compute."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, help="folder made by make_checkpoint.py (made if absent)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--spins", default="smol,0,2000,20000")
    parser.add_argument("--work", default="decode,prefill", help="of decode, prefill and tile")
    parser.add_argument("--busy", type=int, default=2, help="processes that compute beside it, the second time")
    parser.add_argument("--quiet", type=float, default=1.0, help="most of the processors that others may take")
    parser.add_argument("--threads", type=int, default=2)
    records.add_option(parser)
    options = parser.parse_args()
    spins = options.spins.split(",")
    model = full_size(options.checkpoint)
    title = "How threads wait for each other: what smol chooses, and other rounds of libgomp's loop"
    recorded = records.Found("threads", title, model, (f"{options.threads} threads",))
    for count in dict.fromkeys((0, options.busy)):
        burning = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(count)]
        time.sleep(1 if count else 0)
        contenders = {spin: Contender(spin, (model.language, model.projector), options.threads) for spin in spins}
        try:
            print(f"beside {count} busy processes:" if count else "as the machine is:", end=" ", flush=True)
            quiet = 2.0 if count else options.quiet
            found = measure(contenders, options.work.split(","), options.rounds, quiet)
            show(found)
            record(recorded, found, count)
        finally:
            for contender in contenders.values():
                contender.close()
            for process in burning:
                process.kill()
                process.wait()
    recorded.write(options.record)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(*sys.argv[2:])
    else:
        main()
