"""The README says what is there: transcripts, tree, exit codes, options, JSON fields, the two commands."""

import json
import re
import subprocess
import sys

import pytest
from transcripts import README, ROOT, close_calls, comparable, run, steps

from smolcli import errors
from smolcli.cli._commands import COMMANDS, load
from smolcli.console import SIGNALLED

TEXT = README.read_text(encoding="utf-8")
STEPS = steps(TEXT)


def section(title: str) -> str:
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def names_in(text: str) -> set[str]:
    return set(re.findall(r"`([a-z_0-9]+)`", text))


def keys(record) -> set[str]:
    """Every key of a JSON value, at any depth."""
    if isinstance(record, dict):
        return set(record) | {key for value in record.values() for key in keys(value)}
    return {key for value in record for key in keys(value)} if isinstance(record, list) else set()


def options(command) -> set[str]:
    found = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    return found - {"--help", "--version", "--install-completion", "--show-completion"}


def shown_by(arguments: list[str], state) -> list[dict]:
    done = run(f"smol {' '.join(arguments)} 2>/dev/null", state)
    return [json.loads(line) for line in done.shown.splitlines()]


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    return tmp_path_factory.mktemp("state")


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.command)
def test_a_transcript_is_what_the_command_shows(step, state, tmp_path):
    """And would show on any processor: no token of it is a close call."""
    shown = run(step.command, state, margins=tmp_path / "margins.jsonl")
    assert comparable(shown) == comparable(step), "write it anew with: make transcripts"
    silent = step.command.split()[1] in ("plan", "prompts") or "error" in shown.shown
    assert (tmp_path / "margins.jsonl").exists() != silent
    assert close_calls(tmp_path / "margins.jsonl") == [], "ask it otherwise, or draw the input again"


def test_ask_caption_docvqa_video_and_plan_each_have_a_transcript():
    shown = {step.command.split()[1] for step in STEPS}
    assert {"ask", "caption", "docvqa", "ocr", "video", "plan", "prompts"} <= shown


def test_the_tree_is_what_is_there():
    tree = re.search(r"```text\n(.*?)```", section("The project"), re.DOTALL)[1]
    folder, named = ROOT, []
    for line in tree.splitlines():
        name = line.split()[0]
        folder = ROOT if not line.startswith(" ") else folder
        path = folder / name
        assert path.is_dir() if name.endswith("/") else path.is_file(), line
        named.append(path)
        folder = path if not line.startswith(" ") else folder
    packages = {path.parent for path in ROOT.glob("*/__init__.py")}
    assert packages <= set(named)


def test_every_error_stands_in_the_table_with_its_exit_code():
    table = dict(re.findall(r"^\| (\d+) \| `(\w+)` \|", section("Exit codes"), re.MULTILINE))
    found = {c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.SmolError)}
    assert table == {str(error.exit_code): error.__name__ for error in found - {errors.SmolError}}
    assert all(f"| {code} |" in TEXT for code in SIGNALLED)


def test_every_command_is_named():
    for name in COMMANDS:
        assert re.search(rf"^\| .*`smol {name}\b.*\|.*\|$", TEXT, re.MULTILINE), name


def test_the_options_named_are_the_options_there_are():
    there = set().union(*(options(load(name)) for name in ("ask", "caption", "docvqa", "ocr", "video", "plan")))
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", section("Options"))) - {"--help"}
    assert named == there


def test_the_fields_of_an_answer_are_described(state):
    picture = shown_by(["ask", "-q", "--json", "examples/sign.jpg", "'What does it say?'"], state)
    clip = shown_by(["video", "-q", "--json", "examples/clip.mp4", "'What does it say?'"], state)
    page = shown_by(["docvqa", "-q", "--json", "--pages", "2", "examples/invoices.pdf", "'What is the total?'"], state)
    letter = shown_by(["ocr", "-q", "--json", "examples/letter.pdf"], state)
    assert len(picture) == len(clip) == len(page) == len(letter) == 1
    assert page[0]["page"] == page[0]["media"][0]["page"] == 2
    assert keys([picture, clip, page, letter]) <= names_in(section("JSON"))


def test_the_fields_of_a_plan_are_described(state):
    (plan,) = shown_by(["plan", "-q", "--json", "examples/sign.jpg", "examples/clip.mp4", "'What does it say?'"], state)
    described = section("JSON").split("`smol plan --json`")[1]
    assert keys(plan) - {"schema"} <= names_in(described)
    assert {"estimated_s", "fits", "ids"} <= set(plan)


def test_the_two_commands_are_targets_of_the_makefile():
    assert "```sh\nmake demo" in TEXT
    assert "\nmake test" in TEXT
    for target in ("demo", "test", "check"):
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_links_and_files_named_are_there():
    for path in [*re.findall(r"\]\((\w[^):]*)\)", TEXT), *re.findall(r"`((?:examples|smolcli|tests)/[\w./]+)`", TEXT)]:
        assert (ROOT / path).exists(), path


def test_the_readme_stays_short():
    assert len(TEXT.splitlines()) <= 250


def test_the_version_is_in_the_changelog():
    version = subprocess.run(
        [sys.executable, "-m", "smolcli", "--version"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert f"## {version.stdout.split()[1]}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_conversation_in_the_readme_can_be_planned_and_asked(smol, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    [block] = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "messages.json").write_text(block)
    plan = smol("plan", "--messages", tmp_path / "messages.json").record
    answer = smol("ask", "--messages", tmp_path / "messages.json", "--json").record
    assert plan["n_tokens"] == answer["counts"]["prompt_tokens"] and answer["question"] == "What does it say?"
