"""Pictures a second of two Ray nodes beside two plain processes, one thread each; and what a million jobs cost.

    python tests/bench/bench_cluster.py [--model builtin] [--pictures 64] [--rounds 5] [--record docs/benchmarks]
    python tests/bench/bench_cluster.py --simulate 1000000

Both read the same pictures, each its half, in turns and from the moment at which every model is loaded; the best round
of each counts. --simulate: the nodes' actors answer at once without a model, so that what is left is what the machine
that one types on does for each job.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import records
from drawing import draw_text
from fakes.engine import FACTS

from smolcli.datatypes import Place, Sampling, Source
from smolcli.engine import EngineOptions
from smolcli.generation import Counts, Generation, Seconds
from smolcli.jobs import Answer, Job, Look, Question, Words
from smolcli.models import builtin, carry_pair, resolve
from smolcli.reader import Reader
from smolcli.run import Access, Crew, OpenFiles, RunOptions, Task, parse_cluster, run_there
from smolcli.verbs import caption

TOGETHER, LETTERS = 4, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def main() -> None:
    """Measure, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=records.RUNS)
    parser.add_argument("--simulate", type=int, default=0)
    parser.add_argument("--plain", help=argparse.SUPPRESS)  # a folder: this is one of the plain processes
    records.add_option(parser)
    options = parser.parse_args()
    if options.plain:
        read_plainly(options.model, options.plain)
    elif options.simulate:
        simulate(options.simulate)
    else:
        settings = (f"{options.pictures} pictures with a word", f"{TOGETHER} at a time, one thread each")
        found = records.Found(
            "cluster", "Two Ray nodes beside two plain processes", resolve(options.model, None), settings
        )
        compare(options.model, options.pictures, options.rounds, found)
        found.write(options.record)


def compare(model: str, pictures: int, rounds: int, found: records.Found) -> None:
    """Both in turns, the other one first every second time."""
    with tempfile.TemporaryDirectory() as folder, two_nodes() as address:
        halves = [Path(folder) / name for name in ("one", "other")]
        for number in range(pictures):
            half = halves[number % 2]
            half.mkdir(exist_ok=True)
            word = LETTERS[number % 26] + LETTERS[number // 26 % 26].lower()
            draw_text(half / f"{number:05}.png", word, height=150)
        contenders = {
            "two plain processes": lambda: plainly(model, halves),
            "two Ray nodes": lambda: on_nodes(model, halves, address),
        }
        took = records.in_turns(contenders, rounds)
    for name, seconds in took.items():
        row = found.add(name, "pictures/s", [pictures / each for each in seconds])
        print(f"{name}: {row.median:.2f} pictures/s ({row.min:.2f} to {row.max:.2f})", flush=True)
    plain, nodes = took.values()
    times = found.ratio("two Ray nodes", "two plain processes", records.paired(plain, nodes))
    print(f"{times.median:.3f} times as many on nodes ({times.min:.3f} to {times.max:.3f})")


@contextmanager
def two_nodes() -> Iterator[str]:
    """The address of two nodes, a processor each."""
    os.environ |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}  # loopback, and silent
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 80_000_000}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    try:
        cluster.add_node(**node)
        yield str(cluster.address)
    finally:
        cluster.shutdown()


def plainly(model: str, halves: list[Path]) -> float:
    """Seconds that two processes take, from when both are told to begin."""
    command = [sys.executable, __file__, "--model", model, "--plain"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running = [subprocess.Popen([*command, str(half)], **pipes) for half in halves]
    for process in running:
        assert process.stdout.readline() == "ready\n"
    start = time.perf_counter()
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in running:
        assert process.stdout.readline() == "done\n"
    spent_s = time.perf_counter() - start
    for process in running:
        process.communicate()
    return spent_s


def read_plainly(model: str, folder: str) -> None:
    """One of the two."""
    with Reader(resolve(model, None), EngineOptions(threads=1, parallel=TOGETHER), None, RunOptions()) as reader:
        print("ready", flush=True)
        sys.stdin.readline()
        template = reader.template("caption", look=Look("low"), sampling=Sampling(max_tokens=16))
        said = list(reader.read(caption(reader.files, [folder], template, Access())))
        print("done" if said and all(isinstance(each, Answer) for each in said) else "failed", flush=True)


def on_nodes(model: str, halves: list[Path], address: str) -> float:
    """Seconds that two actors take, from when both have begun."""
    pair, engine = resolve(model, None), EngineOptions(threads=1, parallel=TOGETHER)
    with (
        Crew(parse_cluster(address), Task(carry_pair(pair), engine, RunOptions())) as crew,
        Reader(pair, engine, None, RunOptions()) as reader,  # for its files and its prompt
    ):
        while len(crew.ready) < len(halves):
            list(crew.heard(0.1))
        start = time.perf_counter()
        template = reader.template("caption", look=Look("low"), sampling=Sampling(max_tokens=16))
        jobs = caption(reader.files, [str(half) for half in halves], template, Access())
        said = [event for event in run_there(jobs, crew, reader.files, RunOptions()) if isinstance(event, Answer)]
        spent_s = time.perf_counter() - start
        assert len(said) == sum(len(list(half.iterdir())) for half in halves)
    return spent_s


def simulate(count: int) -> None:
    """What each job costs this machine when nodes answer at once, and what it holds as they go by."""
    from smolcli.run.cluster import crew as crews

    crews.actor_class = answering_at_once
    task = Task(carry_pair(builtin()), EngineOptions(parallel=TOGETHER), RunOptions())
    done, marks = 0, {10**power for power in range(3, 9)} | {count}
    with two_nodes() as address, Crew(parse_cluster(address), task) as crew:
        while len(crew.ready) < 2:
            list(crew.heard(0.1))
        start, cpu_s, files = time.perf_counter(), cpu(), OpenFiles(FACTS, FACTS.context_tokens)
        for event in run_there(jobs_of(count), crew, files, RunOptions()):
            if isinstance(event, Answer):
                assert event.job.places[0].index == done
                done += 1
                if done in marks:
                    wall_ms, cpu_ms = (1000 * spent / done for spent in (time.perf_counter() - start, cpu() - cpu_s))
                    print(
                        f"{done:9,} jobs: {wall_ms:.3f} ms each, {cpu_ms:.3f} ms of CPU, {rss_mb():.0f} MB", flush=True
                    )
    assert done == count


def jobs_of(count: int) -> Iterator[Job]:
    """Jobs about files that are nowhere."""
    for number in range(count):
        source = Source(f"/data/{number // 1000:06}/{number:09}.jpg", "image", f"{number:064x}")
        yield Job((Place(source, number),), Question(Words(), "Describe it."), Look("low"), Sampling(max_tokens=64))


def answering_at_once() -> type:
    """An actor without a model: each job has its answer, of a caption's length."""
    from smolcli.run.cluster.nouns import Outcome, Prepared

    def answer(job: Job) -> Outcome:
        made = Generation(0, "A sign that says something. " * 4, "end", Counts(100, 64, 30), Seconds(), -0.1, (7,) * 30)
        return Outcome(Answer(job, (job.places,), "none", made))

    class Actor:
        def prepare(self, *_: object) -> Prepared:
            return Prepared()

        def read(self, sent) -> Outcome:
            return answer(sent.job)

    return Actor


def cpu() -> float:
    """Seconds of processor time that this process has had, in all of its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def rss_mb() -> float:
    """What the process holds (Linux)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
