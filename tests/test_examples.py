"""Every example runs: the inputs are drawn anew, the scripts read them with the built-in model."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from transcripts import close_calls, importable, run

from smolcli.media import MediaOptions, open_media

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
SIGNS = ("bakery", "coffee", "exit", "library")
INPUTS = ("sign.jpg", "invoices.pdf", "letter.pdf", "clip.mp4", *(f"signs/{name}.png" for name in SIGNS))


def frames(path: Path) -> list[np.ndarray]:
    with open_media(str(path), MediaOptions(longest_edge_px=512)) as media:
        return [frame.rgb.astype(int) for frame in media.frames()]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    runpy.run_path(str(EXAMPLES / "draw_inputs.py"))["main"](folder)
    return folder


def test_the_script_draws_every_input_and_nothing_else(drawn):
    made = {path.relative_to(drawn).as_posix() for path in drawn.rglob("*") if path.is_file()}
    kept = {path.relative_to(EXAMPLES).as_posix() for path in [*EXAMPLES.glob("*"), *EXAMPLES.glob("signs/*")]}
    assert made == set(INPUTS)
    assert {name for name in kept if Path(name).suffix not in (".py", ".sh", "")} == made


@pytest.mark.parametrize("name", INPUTS)
def test_an_input_is_what_the_script_draws(drawn, name):
    """Not byte by byte: codecs and font libraries change; the pictures stay."""
    for ours, fresh in zip(frames(EXAMPLES / name), frames(drawn / name), strict=True):
        assert ours.shape == fresh.shape
        assert np.abs(ours - fresh).mean() < 3


def test_inputs_are_small():
    assert sum((EXAMPLES / name).stat().st_size for name in INPUTS) < 100_000


def test_the_shell_pipeline_reads_signs_sums_invoices_and_asks_a_pipe(tmp_path):
    done = run("sh examples/pipeline.sh", tmp_path, margins=tmp_path / "margins.jsonl")
    assert close_calls(tmp_path / "margins.jsonl") == []
    *signs, total, price, date = done.shown.splitlines()
    captions = dict(line.split("\t") for line in signs)
    assert list(captions.values()) == sorted(captions.values()) and set(captions) == {f"signs/{n}.png" for n in SIGNS}
    for name, word in zip(SIGNS, ("Bakery", "Coffee", "Exit", "Library"), strict=True):
        assert word in captions[f"signs/{name}.png"]
    assert total == "sum\t131.10"
    assert (price, date) == ("$84.20", "2024-03-05")


def test_the_library_example_prints_an_answer_per_page_and_question(tmp_path):
    watched = [sys.executable, "tests/margins.py", str(tmp_path / "margins.jsonl")]
    done = subprocess.run(
        [*watched, "examples/python_api.py", "examples/invoices.pdf", "What is the total?", "What is the date?"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": importable()},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert close_calls(tmp_path / "margins.jsonl") == []
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(answer["page"], answer["text"]) for answer in found] == [
        (1, "$84.20"),
        (1, "2024-03-05"),
        (2, "$46.90"),
        (2, "2024-04-12"),
    ]


def test_the_library_example_says_how_to_call_it():
    done = subprocess.run(
        [sys.executable, "examples/python_api.py"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": importable()},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1
    assert "FILE.pdf" in done.stderr


def test_make_demo_reads_what_the_examples_hold(tmp_path):
    """The commands of the Makefile's own target, run one after the other."""
    listed = subprocess.run(["make", "-n", "-s", "demo"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    commands = [line.split("/bin/", 1)[1] for line in listed.splitlines() if "/bin/smol " in line]
    assert [command.split()[1] for command in commands] == ["ask", "docvqa", "ocr", "video", "caption"]
    margins = tmp_path / "margins.jsonl"
    shown = "".join(run(command, tmp_path, margins).shown for command in commands)
    assert close_calls(margins) == []
    for words in ("Harbour Street", "Exit 24", "$84.20", "$46.90", "Winter", "Spring", "Coffee", "Library"):
        assert words in shown
