"""Write what is generated: docs/cli.md from every command's --help, the table of models in README.md from the catalog.

python docs/make_docs.py            # write
python docs/make_docs.py --check    # exit 1 if something is not as it would be written
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import typer

from smolcli.cli import app, main
from smolcli.models.catalog import markdown_table

ROOT = Path(__file__).resolve().parent.parent
CLI, README = ROOT / "docs" / "cli.md", ROOT / "README.md"
WIDTH = "110"
HEAD = "# The command line\n\nGenerated from `--help` by `python docs/make_docs.py`; do not edit.\n"
_TABLE = re.compile(r"(<!-- models: docs/make_docs.py -->\n).*?(<!-- /models -->)", re.DOTALL)


def commands() -> Iterator[tuple[str, ...]]:
    """The words of every command, parents first."""
    yield ()
    for name, command in typer.main.get_command(app()).commands.items():
        yield (name,)
        for inner in getattr(command, "commands", {}):
            yield (name, inner)


def help_of(words: tuple[str, ...]) -> str:
    """What `smol WORDS --help` prints, in a terminal of a fixed width."""
    stream = io.StringIO()
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = WIDTH
    try:
        with contextlib.redirect_stdout(stream):
            main([*words, "--help"])
    finally:
        os.environ.pop("COLUMNS") if before is None else os.environ.update(COLUMNS=before)
    return "\n".join(line.rstrip() for line in stream.getvalue().strip().splitlines())


def cli_text() -> str:
    """The whole of docs/cli.md."""
    parts = (f"## {' '.join(('smol', *words))}\n\n```text\n{help_of(words)}\n```\n" for words in commands())
    return "\n".join([HEAD, *parts])


def readme_text() -> str:
    """README.md with its table of models as the catalog has it."""
    return _TABLE.sub(lambda match: match[1] + markdown_table() + match[2], README.read_text(encoding="utf-8"))


if __name__ == "__main__":
    made = {CLI: cli_text(), README: readme_text()}
    stale = [path.name for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        sys.exit(f"stale: {', '.join(stale)}; run python docs/make_docs.py" if stale else 0)
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
