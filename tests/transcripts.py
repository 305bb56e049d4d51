"""The README's transcripts: find them, run them, compare them or write them anew.

    python tests/transcripts.py [--write]

A transcript is a ```console block. Each line that starts with "$ " is a command; what follows it is what standard
output and standard error showed, together.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from scores import CLOSE_CALL

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
_BLOCK = re.compile(r"(?<=^```console\n)(.*?)(?=^```$)", re.DOTALL | re.MULTILINE)
_TIME = re.compile(r"about [\d.]+ s|time not measured yet on this machine")


@dataclass(frozen=True)
class Step:
    """One command and what it showed."""

    command: str
    shown: str


def steps(text: str) -> list[Step]:
    """All commands of a README's console blocks, in order."""
    found = []
    for block in _BLOCK.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            found.append(Step(command, shown))
    return found


def importable() -> str:
    """PYTHONPATH for a process of its own: the project, then what this one has (another llama.cpp)."""
    return os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)


def run(command: str, state: Path, margins: Path | None = None) -> Step:
    """Run one command as a person would, in the project's folder; `state` stands for the person's own folders.

    margins: a file to which every greedy answer's margins are added (tests/margins.py).
    """
    program = "-m smolcli" if margins is None else f'"{ROOT / "tests" / "margins.py"}" "{margins}" smol'
    with tempfile.TemporaryDirectory() as bin_folder:
        smol = Path(bin_folder, "smol")
        smol.write_text(f'#!/bin/sh\nexec "{sys.executable}" {program} "$@"\n')
        smol.chmod(0o755)
        path = os.pathsep.join([bin_folder, os.environ.get("PATH", "")])
        folders = {f"XDG_{name}_HOME": str(state) for name in ("CONFIG", "STATE", "CACHE", "DATA")}
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SMOL_")},
            **{"PATH": path, "PYTHONPATH": importable(), "SMOL_STATE_DIR": str(state), "COLUMNS": "80", **folders},
        }
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
    return Step(command, done.stdout)


def comparable(step: Step) -> list[str]:
    """The lines without what differs from run to run: times, and the order in which captions are finished."""
    lines = _TIME.sub("TIME", step.shown).splitlines()
    return sorted(lines) if "caption" in step.command else lines


def close_calls(margins: Path) -> list[str]:
    """The answers of a file of margins that another processor may write otherwise, each as a sentence."""
    lines = margins.read_text(encoding="utf-8").splitlines() if margins.exists() else []
    answers = [json.loads(line) for line in lines]
    return [
        f"{answer['text']!r}: token {answer['step'] + 1} of {answer['steps']} is only {answer['margin']:.2f} ahead"
        for answer in answers
        if answer["margin"] < CLOSE_CALL
    ]


def rewritten(text: str, fresh: dict[str, str]) -> str:
    """The README with fresh output under every command."""

    def block(found: re.Match[str]) -> str:
        commands = [step.command for step in steps(f"```console\n{found[1]}```\n")]
        return "".join(f"$ {command}\n{fresh[command]}" for command in commands)

    return _BLOCK.sub(block, text)


def main(write: bool) -> int:
    """Returns 1 when a transcript is stale and was not to be written."""
    text = README.read_text(encoding="utf-8")
    stale = 0
    with tempfile.TemporaryDirectory() as state:
        fresh = {step.command: run(step.command, Path(state)) for step in steps(text)}
    for step in steps(text):
        if comparable(step) != comparable(fresh[step.command]):
            stale += 1
            print(f"$ {step.command}\n{fresh[step.command].shown}")
    if write:
        README.write_text(rewritten(text, {command: step.shown for command, step in fresh.items()}), encoding="utf-8")
    print(f"{stale} of {len(fresh)} transcripts differ{' and were written' if write and stale else ''}")
    return int(stale > 0 and not write)


if __name__ == "__main__":
    sys.exit(main("--write" in sys.argv[1:]))
