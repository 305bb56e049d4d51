"""-f, -o and --json in, the outputs that they ask for out."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from smolcli.cli._console import is_terminal
from smolcli.errors import UsageError
from smolcli.files import is_stdout
from smolcli.formats import Format, Wanted, find_format, format_of_file
from smolcli.options import FormatOptions, OutputOptions


def wanted_outputs(output: OutputOptions, formats: FormatOptions, pages: bool) -> list[Wanted]:
    """Standard output, or each -o in the format that its name ends in; -f says another where there is one of them.

    pages: whether whole pages are read. Raises UsageError.
    """
    chosen = _chosen(output.json, formats.format, pages)
    paths: Sequence[str | None] = output.output or (None,)
    named = [path for path in paths if path is not None and not is_stdout(path)]
    if len(paths) - len(named) > 1 or len(set(map(os.path.realpath, named))) < len(named):
        raise UsageError("An output is named twice.", "Give each -o another name.")
    if chosen is not None and len(named) == len(paths) > 1:
        flag = "--json" if formats.format is None else "-f"
        raise UsageError(f"{flag} is for one output, and {len(named)} are named.", "Let the names say it: -o NAME.csv.")
    wanted = []
    for path in paths:
        if path is None or is_stdout(path):
            wanted.append(Wanted(_not_to_a_terminal(chosen), path))
        else:
            alone = len(paths) == 1
            wanted.append(Wanted((chosen if alone else None) or format_of_file(path, pages), path))
    return wanted


def _chosen(json: bool, word: str | None, pages: bool) -> Format | None:
    """The format that is asked for. Raises UsageError (none such, two)."""
    found = None if word is None else find_format(word, pages)
    if not json:
        return found
    if found is not None and found.name != "jsonl":
        raise UsageError(f"--json is -f jsonl, and -f says {found.name}.", "Give one of them.")
    return find_format("jsonl", pages)


def _not_to_a_terminal(chosen: Format | None) -> Format | None:
    """Raises UsageError for bytes that no terminal can show."""
    if chosen is not None and chosen.binary and is_terminal(sys.stdout):
        hint = f"Name a file, -o NAME.{chosen.extensions[0]}, or send it on with a pipe."
        raise UsageError(f"{chosen.name} is not for a terminal.", hint)
    return chosen
