"""Run the measurements that write records, or check that no ratio has fallen.

    python tests/bench [NAME ...]              # measure, write docs/benchmarks/*.json and docs/benchmarks.md
    python tests/bench --check [NAME ...]      # measure again what is recorded of this machine, and compare its ratios
    python tests/bench --list

NAME is that of a file, peers for bench_peers.py; without one all are run. A check fails where a ratio is more than 10 %
less than what was recorded; seconds are not compared, they depend on the hour. --checkpoint FOLDER: a full-size 256M
that is there already (tests/bench/make_checkpoint.py). LLAMA_TOOLS=FOLDER: llama-mtmd-cli and llama-server.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import records  # noqa: E402

from smolcli.checks import this_machine  # noqa: E402
from smolcli.measurements import Machine, Record, fallen  # noqa: E402

MOST = 0.1  # of a ratio may be lost to chance


def scripts() -> dict[str, Path]:
    """Every measurement that writes a record, by name."""
    found = {file.stem.removeprefix("bench_"): file for file in sorted(HERE.glob("bench_*.py"))}
    return {name: file for name, file in found.items() if "records.add_option" in file.read_text(encoding="utf-8")}


def measure(names: Sequence[str], folder: Path, checkpoint: Path | None = None) -> int:
    """Run each and have it write its record; the number of those that failed."""
    known, failed = scripts(), 0
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"There is no {', '.join(unknown)}. Known: {', '.join(known)}.")
    for name in names or known:
        script = str(known[name].relative_to(records.ROOT))
        failed += run(placed([script, *amount(known[name])], checkpoint), folder) != 0
    return failed


def amount(script: Path) -> list[str]:
    """The options with which a measurement is recorded, where without any it would take hours: its RECORDED."""
    found = re.search(r'^RECORDED = "(.*)"', script.read_text(encoding="utf-8"), re.MULTILINE)
    return shlex.split(found[1]) if found else []


def placed(words: Sequence[str], checkpoint: Path | None) -> list[str]:
    """A command, with the full-size model that is there already in place of what its record calls a folder.

    Other options that were a folder outside of this tree are left out: what is measured finds its own.
    """
    found: list[str] = []
    for word in words:
        if word in ("FOLDER", "FILE"):
            found.pop()
        elif not word.endswith(("=FOLDER", "=FILE")):
            found.append(word)
    takes = checkpoint is not None and '"--checkpoint"' in (records.ROOT / words[0]).read_text(encoding="utf-8")
    return [*found, "--checkpoint", str(checkpoint)] if takes else found


def run(words: Sequence[str], folder: Path) -> int:
    """One measurement; its exit code. What it prints is seen as it comes."""
    print(f"== {shlex.join(words)}", flush=True)
    code = subprocess.run([sys.executable, *words, "--record", str(folder)], cwd=records.ROOT, check=False).returncode
    if code:
        print(f"== {words[0]} failed with {code}", flush=True)
    return code


def check(names: Sequence[str], committed: Path, checkpoint: Path | None = None) -> int:
    """Measure again what was recorded of this machine; an exit code.

    0: every ratio is as good as it was; 1: one has fallen, or could not be measured; 2: there is nothing to compare.
    """
    here = this_machine()
    old = [record for record in records.read_all(committed) if record.ratios and same(record.machine, here)]
    old = [record for record in old if not names or {record.benchmark, record.benchmark.partition("-")[0]} & {*names}]
    if not old:
        where = f"{committed} of this machine ({here.processor}, {here.cores} cores)"
        print(f"Nothing is recorded in {where}. Measure it with: make bench")
        return 2
    sentences: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for command in dict.fromkeys(record.command for record in old):
            words = placed(shlex.split(command)[1:], checkpoint)
            sentences += [f"{command} failed"] * (run(words, Path(folder)) != 0)
        new = {record.benchmark: record for record in records.read_all(Path(folder))}
    for record in old:
        sentences += verdict(record, new.get(record.benchmark))
    print("\n".join(sentences) or f"None of {sum(len(record.ratios) for record in old)} ratios has fallen.")
    return 1 if sentences else 0


def same(one: Machine, other: Machine) -> bool:
    """Whether ratios of one machine can be expected of another."""
    return (one.processor, one.cores, one.devices) == (other.processor, other.cores, other.devices)


def verdict(old: Record, new: Record | None) -> list[str]:
    """Sentences about what has fallen since."""
    if new is None:
        return [f"{old.benchmark} wrote no record"]
    return [f"{old.benchmark}: {sentence}, since {old.date}" for sentence in fallen(old, new, MOST)]


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--check", action="store_true", help="compare the ratios with the recorded ones")
    parser.add_argument("--list", action="store_true", help="the names")
    parser.add_argument("--folder", type=Path, default=records.FOLDER, help="where records are (docs/benchmarks)")
    parser.add_argument("--checkpoint", type=Path, help="a full-size 256M that is there already")
    given = parser.parse_args()
    if given.list:
        print("\n".join(scripts()))
        return 0
    if given.check:
        return check(given.names, given.folder, given.checkpoint)
    failed = measure(given.names, given.folder, given.checkpoint)
    if given.folder == records.FOLDER:
        subprocess.run([sys.executable, str(records.ROOT / "docs" / "make_benchmarks.py")], check=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
