"""Write what is generated: docs/cli.md from every command's --help and the settings, the catalog in README.md.

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

from smolcli.cli import main
from smolcli.cli._commands import COMMANDS, load
from smolcli.models.catalog import markdown_table
from smolcli.options import default_text, with_default
from smolcli.settings import TABLE, Setting

ROOT = Path(__file__).resolve().parent.parent
CLI, README = ROOT / "docs" / "cli.md", ROOT / "README.md"
WIDTH = "110"
HEAD = "# The command line\n\nGenerated from `--help` by `python docs/make_docs.py`; do not edit.\n"
SETTINGS = """## Settings

`smol config set NAME VALUE` writes one to config.toml. Its variable goes before that, an option before both.

| Setting | Variable | |
| --- | --- | --- |
"""
_TABLE = re.compile(r"(<!-- models: docs/make_docs.py -->\n).*?(<!-- /models -->)", re.DOTALL)


def commands() -> Iterator[tuple[str, ...]]:
    """The words of every command, parents first."""
    yield ()
    for name in COMMANDS:
        yield (name,)
        for inner in getattr(load(name), "commands", {}):
            yield (name, inner)


def help_of(words: tuple[str, ...], width: str = WIDTH) -> str:
    """What `smol WORDS --help` prints, in a terminal of a fixed width, to a user who has set nothing."""
    stream, before = io.StringIO(), dict(os.environ)
    os.environ.update({name: "" for name in before if name.startswith("SMOL_")})
    os.environ.update(COLUMNS=width, SMOL_CONFIG=os.devnull)
    try:
        with contextlib.redirect_stdout(stream):
            main([*words, "--help"])
    finally:
        os.environ.clear()
        os.environ.update(before)
    return "\n".join(line.rstrip() for line in stream.getvalue().strip().splitlines())


def cli_text() -> str:
    """The whole of docs/cli.md."""
    parts = (f"## {' '.join(('smol', *words))}\n\n```text\n{help_of(words)}\n```\n" for words in commands())
    settings = "".join(f"| `{each.name}` | `{each.variable}` | {described(each)} |\n" for each in TABLE)
    return "\n".join([HEAD, *parts, SETTINGS + settings])


def described(setting: Setting) -> str:
    """What a setting is, and its default."""
    return with_default(setting.help, default_text(setting.default))


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
