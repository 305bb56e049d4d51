"""Nothing but `smol pull` and a Hub id asks the network: the others run where it is forbidden."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from models import folder, nano_pair

from smolcli.cli import COMMANDS

ROOT = Path(__file__).parent.parent
FORBID = """
import json, sys
asked = []
def forbid(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        asked.append(event)
        raise OSError(f"the network is forbidden ({event})")
sys.addaudithook(forbid)
from smolcli.cli import main
codes = {}
for line in json.load(sys.stdin):
    del asked[:]
    codes[" ".join(line)] = [main(line), len(asked)]
    sys.stdout.flush()
print("CODES " + json.dumps(codes))
"""


@pytest.fixture
def offline(tmp_path):
    """Run command lines in one process without a network: "words" → (exit code, connections tried), and stderr."""

    def run(lines: list[list[str]]):
        folders = {f"SMOL_{name.upper()}_DIR": str(tmp_path / name) for name in ("data", "cache", "state")}
        own = {**folders, "SMOL_CONFIG": str(tmp_path / "config.toml"), "HF_HOME": str(tmp_path / "hf")}
        done = subprocess.run(
            [sys.executable, "-c", FORBID],
            input=json.dumps(lines),
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, **own},
            check=True,
        )
        codes = json.loads(done.stdout.rpartition("CODES ")[2])
        return {words: tuple(found) for words, found in codes.items()}, done.stderr

    return run


def test_every_command_but_pull_works_without_a_network(offline, drawn, tmp_path):
    pair, picture = nano_pair(), str(drawn / "exit.png")
    projector = tmp_path / "mmproj.gguf"
    shutil.copyfile(pair.projector, projector)
    checkpoint = str(folder() / "hf" / "nano")
    lines = [
        ["ask", "-q", picture, "What does it say?"],
        ["caption", "-q", picture],
        ["docvqa", "-q", str(drawn / "doc.pdf"), "--pages", "1"],
        ["ocr", "-q", picture],
        ["tune", "ocr", "-q", "--pages", "1"],
        ["bench", "-q", "--quick", "--widths", "1", "--runs", "1"],
        ["video", "-q", str(drawn / "clip.mp4")],
        ["find", "-q", str(drawn / "exit.png"), "text"],
        ["test", "-q", str(drawn / "exit.png"), "Is there text?"],
        ["plan", "-q", picture, "What?"],
        ["plan", "-q", "-m", checkpoint, picture, "What?"],
        ["prompts"],
        ["convert", "-q", checkpoint, "-o", str(tmp_path / "out")],
        ["inspect", str(pair.language)],
        ["repair", "-q", str(projector), "--longest-edge", "64"],
        ["models", "add", "-q", "mine", str(pair.language), str(pair.projector)],
        ["models", "verify"],
        ["models", "--available"],
        ["models", "default", "mine"],
        ["doctor", "--json"],
        ["cache", "info"],
        ["cache", "clear", "-q"],
        ["config", "show"],
        ["rm", "-q", "mine"],
    ]
    assert {line[0] for line in lines} == set(COMMANDS) - {"pull"}
    codes, said = offline(lines)
    assert {words: found for words, found in codes.items() if found != (0, 0)} == {}, said


def test_a_missing_model_names_its_pull_command_and_asks_nobody(offline, drawn):
    codes, said = offline([["ask", "-m", "500m-video", str(drawn / "exit.png"), "What?"]])
    assert list(codes.values()) == [(4, 0)]
    assert "smol pull 500m-video" in said


def test_pull_without_a_network_is_a_sentence(offline):
    codes, said = offline([["pull", "500m-video"]])
    ((code, tried),) = codes.values()
    assert code == 7 and tried > 0
    assert said.startswith("smol: error: ggml-org/SmolVLM2-500M-Video-Instruct-GGUF cannot be fetched")
    assert "unexpectedly" not in said
