"""What a measurement found in, a record of it out: JSON with machine, build, model, date and the spread of its runs.

    records.add_option(parser)                                     # --record FOLDER
    found = records.Found("peers", "One image with llama.cpp's own tools", model=pair, settings=("2 threads",))
    found.add("cold", "s", [4.1, 4.2, 4.0])                        # repeats; seconds are only shown
    found.add("cold", "s", [4.5, 4.6, 4.4], tool="llama-mtmd-cli")
    found.ratio("one image, cold", "llama-mtmd-cli", [1.02, 1.03, 1.01], target=1.02)   # one value of each pair of runs
    found.write(options.record)                                    # nothing where --record was not given

Two contenders are run in turns (`in_turns`), and their ratio is taken of runs that followed each other. Ratios are what
`make bench-check` compares, and more is better; all else is only shown.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from smolcli.checks import model_names, this_build, this_machine
from smolcli.datatypes import ModelPair
from smolcli.measurements import Build, Machine, Measurement, Record, as_json, from_json, measured, ratio

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "benchmarks"
RUNS = 5  # pairs of runs, at least, of what is committed
T = TypeVar("T")


def add_option(parser: argparse.ArgumentParser) -> None:
    """--record FOLDER: write a record there; docs/benchmarks is where the documentation has them."""
    parser.add_argument("--record", type=Path, metavar="FOLDER", help="write a record there, such as docs/benchmarks")


@dataclass
class Found:
    """What one benchmark has measured so far. title: a sentence without its full stop."""

    benchmark: str
    title: str
    model: ModelPair | None = None
    settings: Sequence[str] = ()
    rows: list[Measurement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, unit: str, values: Sequence[float], at: int = 0, tool: str = "") -> Measurement:
        """A quantity of its repeats. at: how many sequences went on at the same time; tool: whose it is if not ours."""
        self.rows.append(measured(name, unit, values, at, tool))
        return self.rows[-1]

    def ratio(self, name: str, versus: str, values: Sequence[float], target: float = 0.0, at: int = 0) -> Measurement:
        """How many times better than `versus` each pair of runs was."""
        self.rows.append(ratio(name, versus, values, target, at))
        return self.rows[-1]

    def write(self, folder: Path | None) -> None:
        """Write the record of this machine, in place of an older one; nothing without a folder."""
        if folder is not None:
            write(self.record(), folder)

    def record(self) -> Record:
        """What was found, on this machine, today."""
        return Record(
            self.benchmark,
            self.title,
            command(),
            datetime.datetime.now(datetime.UTC).date().isoformat(),
            this_machine(),
            with_commit(this_build()),
            model_names(self.model) if self.model is not None else (),
            tuple(self.settings),
            tuple(self.rows),
            tuple(self.notes),
        )


def in_turns(contenders: Mapping[str, Callable[[], T]], runs: int = RUNS) -> dict[str, list[T]]:
    """Run each in turn, `runs` times, the other way round every second time: what slows a machine slows all alike."""
    found: dict[str, list[T]] = {name: [] for name in contenders}
    for number in range(runs):
        order = list(contenders) if number % 2 == 0 else list(reversed(contenders))
        for name in order:
            found[name].append(contenders[name]())
    return found


def paired(theirs: Sequence[float], ours: Sequence[float]) -> list[float]:
    """Their seconds over ours, run by run: how many times as fast we are."""
    return [their / our for their, our in zip(theirs, ours, strict=True)]


def write(record: Record, folder: Path) -> None:
    """A file of its own for each benchmark and kind of machine, in place of an older one."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / file_name(record.benchmark, record.machine)
    file.write_text(json.dumps(as_json(record), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stderr.write(f"recorded: {file}\n")


def file_name(benchmark: str, machine: Machine) -> str:
    """ "peers.amd-epyc-2.json": a benchmark has a record for each kind of machine."""
    words = re.sub(r"[^a-z0-9]+", "-", f"{machine.processor} {machine.cores} {' '.join(machine.devices)}".lower())
    return f"{benchmark}.{words.strip('-')[:80]}.json"


def read(file: Path) -> Record:
    """A record that was written. Raises ValueError, OSError."""
    try:
        return from_json(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def read_all(folder: Path = FOLDER) -> list[Record]:
    """Every record of a folder, in the order of names. Raises ValueError, OSError."""
    return [read(file) for file in sorted(folder.glob("*.json"))]


def command() -> str:
    """What was typed, without where it was to be recorded."""
    words, rest = [], iter(sys.argv[1:])
    for word in rest:
        if word == "--record":
            next(rest, None)
        elif not word.startswith("--record="):
            words.append(word)
    script = Path(sys.argv[0]).resolve()
    shown = script.relative_to(ROOT) if script.is_relative_to(ROOT) else script.name
    return shlex.join(["python", str(shown), *map(without_place, words)])


def without_place(word: str) -> str:
    """A word of a command line, FOLDER or FILE for what lies outside of this tree: that is another place elsewhere."""
    option, is_option, value = word.partition("=") if word.startswith("--") else ("", "", word)
    path = Path(value).expanduser()
    if not value or not (path.is_absolute() or (path.exists() and not path.resolve().is_relative_to(ROOT))):
        return word
    return f"{option}{is_option}{'FILE' if path.is_file() else 'FOLDER'}"


def with_commit(build: Build) -> Build:
    """A build that says of which commit it is, where that is known."""
    commit = _commit()
    return replace(build, smol=f"{build.smol}, commit {commit}") if commit else build


def _commit() -> str:
    """Of this tree, "+" behind it where files have been changed since; "" where it is no repository."""
    git = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    return subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
