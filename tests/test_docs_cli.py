"""What is generated is as it would be generated now; every command shows an example that is a command line."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from smolcli.cli import _commands
from smolcli.models.catalog import catalog, markdown_table

ROOT = Path(__file__).parent.parent
_spec = importlib.util.spec_from_file_location("make_docs", ROOT / "docs" / "make_docs.py")
make_docs = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make_docs)
COMMANDS = [words for words in make_docs.commands() if words]


def command_of(words):
    command = _commands.load(words[0])
    return command.commands[words[1]] if len(words) > 1 else command


def test_docs_cli_is_what_help_says_now():
    assert make_docs.CLI.read_text(encoding="utf-8") == make_docs.cli_text(), "run: python docs/make_docs.py"


def test_the_table_of_models_in_the_readme_is_the_catalogs():
    text = make_docs.README.read_text(encoding="utf-8")
    assert markdown_table() in text, "run: python docs/make_docs.py"
    assert all(f"| `{entry.name}` |" in text for entry in catalog())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_shows_an_example_of_the_command(words):
    lines = [line.strip() for line in make_docs.help_of(words, "80").splitlines()]
    (example,) = [line.removeprefix("Example: ") for line in lines if line.startswith("Example: ")]
    assert f"smol {words[0]}" in example
    line = re.search(r"\$\((smol [^)]*)\)|(smol .*)", example)
    typed = shlex.split(line[1] or line[2])[1:]
    assert typed[0] in _commands.COMMANDS
    known = {name for words in COMMANDS for parameter in command_of(words).params for name in parameter.opts}
    assert {word for word in typed if word.startswith("--")} <= known
