"""--append, --overwrite and --errors in: what a run adds to, what it leaves as it is, and where its failures go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from smolcli.cli._outputs import chosen_format, refuse_inputs
from smolcli.errors import UsageError
from smolcli.files import is_stdout
from smolcli.formats import Allowed, Beside, FailureFile, Wanted, find_format, format_of_file
from smolcli.media import has_namesake
from smolcli.options import FormatOptions, KeepingOptions, OutputOptions

USUAL = KeepingOptions()


def failure_file(keeping: KeepingOptions, inputs: Sequence[str]) -> FailureFile | None:
    """The file that --errors asks for. Raises UsageError, OutputError."""
    if keeping.errors is None:
        return None
    path = str(keeping.errors)
    if is_stdout(path):
        raise UsageError("--errors is for a file: answers go to standard output.", "Name one: --errors failed.jsonl")
    refuse_inputs([path], inputs)
    return FailureFile(keeping.errors)


def appended(output: OutputOptions, formats: FormatOptions, short: Sequence[Wanted]) -> list[Wanted]:
    """The file that --append adds to. Raises UsageError for what is no one file of JSON Lines."""
    paths = [*(output.output or ()), *(str(each.path) for each in short)]
    if len(paths) != 1 or short or is_stdout(paths[0]):
        raise UsageError("--append adds to one file.", "Name it: -o captions.jsonl --append")
    found = chosen_format(output, formats, Allowed()) or format_of_file(paths[0])
    if found is not None and found.name != "jsonl":
        raise UsageError(f"--append adds to JSON Lines, and {paths[0]!r} is {found.name}.", "Name it -o NAME.jsonl.")
    return [Wanted(find_format("jsonl"), paths[0], appended=True)]


def leaving(beside: Beside | None, keeping: KeepingOptions | None) -> Beside | None:
    """Files about inputs, where what stands beside an input already is left: in commands that have such options."""
    if beside is None or keeping is None:
        return beside
    force = beside.force or keeping.overwrite
    return replace(beside, force=force, kept=beside.folder is None, has_namesake=has_namesake)
