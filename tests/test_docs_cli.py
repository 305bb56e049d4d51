"""What is generated is as it would be generated now; every command shows an example that is a command line."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
import typer

from smolcli.cli import app
from smolcli.models.catalog import catalog, markdown_table

ROOT = Path(__file__).parent.parent
_spec = importlib.util.spec_from_file_location("make_docs", ROOT / "docs" / "make_docs.py")
make_docs = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make_docs)
COMMANDS = [words for words in make_docs.commands() if words]


def test_docs_cli_is_what_help_says_now():
    assert make_docs.CLI.read_text(encoding="utf-8") == make_docs.cli_text(), "run: python docs/make_docs.py"


def test_the_table_of_models_in_the_readme_is_the_catalogs():
    text = make_docs.README.read_text(encoding="utf-8")
    assert markdown_table() in text, "run: python docs/make_docs.py"
    assert all(f"| `{entry.name}` |" in text for entry in catalog())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_shows_an_example_of_the_command(words):
    lines = [line.strip() for line in make_docs.help_of(words).splitlines()]
    (example,) = [line.removeprefix("Example: ") for line in lines if line.startswith("Example: ")]
    assert f"smol {words[0]}" in example
    line = re.search(r"\$\((smol [^)]*)\)|(smol .*)", example)
    typed = shlex.split(line[1] or line[2])[1:]
    root = typer.main.get_command(app())
    assert typed[0] in root.commands
    known = {name for words in COMMANDS for name in options(root, words)}
    assert {word for word in typed if word.startswith("--")} <= known


def options(root, words):
    command = root
    for word in words:
        command = command.commands[word]
    return [name for parameter in command.params for name in parameter.opts]
