"""What --help says: no types of Python, options under headings, whole sentences, and nothing loaded for it."""

import inspect
import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT

from smolcli.cli._commands import COMMANDS, load
from smolcli.options import GROUPS, options_of

PANELS = list(dict.fromkeys(group.panel for group in GROUPS))
WORDS = [(), *((name,) for name in COMMANDS)]
WORDS += [(name, inner) for name in COMMANDS for inner in getattr(load(name), "commands", {})]
LEAK = re.compile(
    r"<(str|int|float|bool|path|list|date)|list\[|\[\[|\]\]|[{}]|<=x|x>=|\bNone\b|\bFalse\b|\bTrue\b|\[\]"
)


@pytest.fixture(params=["80", "110", "60"])
def width(request, monkeypatch):
    monkeypatch.setenv("COLUMNS", request.param)
    return int(request.param)


def sections(text):
    """Heading → its lines; the text before any heading is under ""."""
    found = {"": []}
    for line in text.splitlines():
        heading = re.fullmatch(r"([A-Z]\w+):", line)
        if heading:
            assert heading[1] not in found
        current = heading[1] if heading else list(found)[-1]
        found.setdefault(current, []).append(line)
    return found


@pytest.mark.parametrize("words", WORDS, ids=lambda words: " ".join(words) or "smol")
def test_help_keeps_to_the_width_and_shows_nothing_of_how_it_is_made(smol, width, words):
    done = smol(*words, "--help")
    assert done.code == 0 and done.err == ""
    assert max(map(len, done.out.splitlines())) <= width
    assert not LEAK.search(done.out), LEAK.search(done.out)
    assert done.out.startswith(f"Usage: {' '.join(('smol', *words))} [OPTIONS]")
    assert "..." not in done.out.partition("Commands:")[2]


@pytest.mark.parametrize("words", [words for words in WORDS if words], ids=" ".join)
def test_every_option_and_argument_says_what_it_is(words):
    command = load(words[0])
    command = command.commands[words[1]] if len(words) > 1 else command
    for parameter in command.params:
        assert parameter.help and parameter.help[0].isupper(), parameter.name
        assert parameter.param_type_name == "option" or parameter.metavar, parameter.name
        assert re.search(r"[.\]]$", parameter.help), parameter.help


@pytest.mark.parametrize(
    ("words", "usage"),
    [
        (["ask"], "MEDIA... QUESTION"),
        (["caption"], "PATH..."),
        (["docvqa"], "FILE... [QUESTION]"),
        (["video"], "CLIP... [QUESTION]"),
        (["models"], "[COMMAND [ARGS]...]"),
        (["models", "verify"], "[NAME]"),
        (["models", "add"], "NAME LM.gguf MMPROJ.gguf"),
        (["config", "set"], "NAME VALUE"),
        (["cache"], "COMMAND [ARGS]..."),
        (["doctor"], ""),
    ],
)
def test_usage_is_what_one_types(smol, words, usage):
    first = smol(*words, "--help").out.splitlines()[0]
    assert first == f"Usage: smol {' '.join(words)} [OPTIONS] {usage}".rstrip()


@pytest.mark.parametrize("name", ["ask", "caption", "docvqa", "video", "plan"])
def test_options_stand_under_the_heading_of_their_group_in_the_order_of_the_groups(smol, name):
    found = sections(smol(name, "--help").out)
    assert [heading for heading in found if heading in PANELS] == [panel for panel in PANELS if panel in found]
    assert list(found)[1:3] == ["Arguments", "Options"] and {"Model", "Reading", "Output"} <= set(found)
    for panel in filter(found.__contains__, PANELS):
        flags = re.findall(r"^  (?:-\w, )?(--[a-z-]+)", "\n".join(found[panel]), re.MULTILINE)
        groups = [list(options_of(group)) for group in GROUPS if group.panel == panel]
        known = [[f"--{option.replace('_', '-')}" for option in group] for group in groups]
        assert flags == [flag for group in known if set(group) <= set(flags) for flag in group]
    assert "-h, --help" in "\n".join(found["Options"])


def test_the_columns_of_all_headings_are_in_line(smol, width):
    rows = re.findall(r"^  (-.*?) {2,}(?=\S)", smol("ask", "--help").out, re.MULTILINE)
    starts = {len(match[0]) for match in re.finditer(r"^  -.*? {2,}(?=\S)", smol("ask", "--help").out, re.MULTILINE)}
    assert len(rows) > 30 and len(starts) == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_of_a_command_is_the_first_sentence_of_its_own_help(name):
    assert inspect.cleandoc(load(name).help).split("\n\n")[0] == COMMANDS[name]
    assert COMMANDS[name].endswith(".") and COMMANDS[name].count(". ") == 0


def test_summaries_are_whole_at_80_columns(smol, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = [" ".join(line.split()) for line in smol("--help").out.splitlines()]
    assert all(f"{name} {summary}" in lines for name, summary in COMMANDS.items())
    for name in COMMANDS:
        inner = getattr(load(name), "commands", {})
        lines = [" ".join(line.split()) for line in smol(name, "--help").out.splitlines()]
        for word, command in inner.items():
            assert f"{word} {inspect.cleandoc(command.help).splitlines()[0]}" in lines


def test_a_group_without_a_command_shows_its_help(smol):
    for name in ("cache", "config"):
        done = smol(name)
        assert done.code == 2 and done.out == "" and all(word in done.err for word in load(name).commands)


def loaded(argv, environment=()):
    """The modules that a command line loads in a process of its own."""
    code = f"import sys; sys.argv[0] = 'smol'; from smolcli.cli import main; main({argv!r}); print(*sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | dict(environment), capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


HEAVY = {"numpy", "PIL", "cv2", "pymupdf", "llama_cpp", "gguf", "jinja2", "rich", "sqlite3", "pydantic", "tomllib"}


def test_the_help_of_smol_loads_no_command_and_nothing_heavy():
    modules = loaded(["--help"])
    assert not modules & HEAVY
    assert not {f"smolcli.cli.{name}" for name in COMMANDS} & modules
    ours = {name for name in modules if name.startswith("smolcli.")}
    assert ours <= {
        f"smolcli.{name}" for name in ("cli", "console", "errors", "options", "printable", "streams", "usage")
    } | {
        "smolcli.cli._commands",
        "smolcli.usage.help",
        *(f"smolcli.console.{name}" for name in ("bars", "sentences", "signals")),
        *(f"smolcli.options.{name}" for name in ("clips", "documents", "folders", "groups", "option", "shown")),
    }


def test_the_help_of_a_command_loads_no_other_and_nothing_heavy():
    modules = loaded(["caption", "--help"])
    assert not modules & (HEAVY - {"tomllib", "pydantic"})  # of settings, and of Typer itself
    assert {f"smolcli.cli.{name}" for name in COMMANDS} & modules == {"smolcli.cli.caption"}


def completed(*words):
    """What Tab offers for the last of these words, in bash."""
    environment = {"_SMOL_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    command = [sys.executable, "-m", "smolcli"]
    done = subprocess.run(command, env=os.environ | environment, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_tab_offers_commands_their_commands_options_and_values():
    assert completed("smol", "c") == ["caption", "cache", "config", "convert"]
    assert completed("smol", "config", "s") == ["show", "set"]
    assert completed("smol", "caption", "--un") == ["--unordered"]
    assert completed("smol", "config", "set", "dev") == ["device"]
    assert completed("smol", "config", "set", "device", "v") == ["vulkan"]
    assert completed("smol", "config", "set", "store", "f") == ["false"]


def test_a_mistyped_command_is_told_the_nearest(smol):
    assert "Did you mean 'caption'?" in smol("captoin").sentence
