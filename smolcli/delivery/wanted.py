"""-f, -o, --json, --sidecar and --output-dir in, the outputs that they ask for out; what cannot be is refused."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from smolcli import formats as writers
from smolcli import media
from smolcli.console import is_terminal
from smolcli.errors import UsageError
from smolcli.files import Target, is_stdout, open_target
from smolcli.formats import Allowed, Format, Wanted, find_format, format_of_file
from smolcli.media import MEDIA_SUFFIXES
from smolcli.options import FormatOptions, OutputOptions


def wanted_outputs(
    output: OutputOptions, formats: FormatOptions, allowed: Allowed, short: Sequence[Wanted] = ()
) -> list[Wanted]:
    """Standard output, or each -o in the format that its name ends in; -f says another where there is one of them.

    Nothing where files beside the inputs are all that is asked for. short: what is named otherwise than with -o; then
    standard output is only written to where -f says in what. Raises UsageError.
    """
    in_folder = formats.output_dir is not None and formats.sidecar is None  # then -f is for the files in it
    chosen = None if in_folder else chosen_format(output, formats, allowed)
    paths: Sequence[str | None] = output.output or (None,)
    if (formats.beside or short) and chosen is None and not output.output:
        paths = ()
    _refuse_naming_twice([*paths, *(each.path for each in short)])
    named = [path for path in paths if path is not None and not is_stdout(path)]
    if chosen is not None and len(named) == len(paths) > 1:
        flag = "--json" if formats.format is None else "-f"
        raise UsageError(f"{flag} is for one output, and {len(named)} are named.", "Let the names say it: -o NAME.csv.")
    wanted = []
    for path in paths:
        if path is None or is_stdout(path):
            wanted.append(Wanted(_not_to_a_terminal(chosen), path))
        else:
            alone = len(paths) == 1
            wanted.append(Wanted((chosen if alone else None) or format_of_file(path, allowed), path))
    for each in short:
        if is_stdout(each.path):
            _not_to_a_terminal(each.format)
    return [*wanted, *short]


def _refuse_naming_twice(paths: Sequence[str | None]) -> None:
    """Raises UsageError."""
    named = [path for path in paths if path is not None and not is_stdout(path)]
    if len(paths) - len(named) > 1 or len(set(map(os.path.realpath, named))) < len(named):
        raise UsageError("An output is named twice.", "Give each of them another name.")


def wanted_beside(
    output: OutputOptions, formats: FormatOptions, inputs: Sequence[str], allowed: Allowed
) -> writers.Beside | None:
    """What --sidecar and --output-dir ask for, None where neither is given. Raises UsageError."""
    if not formats.beside:
        return None
    named, allowed = media.NamedInputs(inputs), replace(allowed, beside=True)
    folder = None if formats.output_dir is None else str(formats.output_dir)
    if formats.sidecar is not None:
        sidecars = tuple(dict.fromkeys(_sidecar(word, allowed) for word in formats.sidecar.split(",")))
    else:
        chosen = chosen_format(output, formats, allowed) or find_format("text")
        sidecars = (writers.Sidecar(chosen, chosen.extensions[0]),)
    if folder is None and "-" in inputs:
        raise UsageError("There is no place beside standard input.", "Name one: --output-dir DIR.")
    if formats.output_dir is not None and formats.output_dir.exists() and not formats.output_dir.is_dir():
        raise UsageError(f"{folder!r} is not a folder.", "Name another one with --output-dir.")
    beside = writers.Beside(sidecars, folder, inputs, named.have, output.force)
    _refuse_reading_them(beside, named)
    return beside


def refuse_inputs(paths: Sequence[str] | None, inputs: Sequence[str]) -> None:
    """An output that is one of the files to be read, by whatever name, is refused. Raises UsageError."""
    files = [path for path in paths or () if not is_stdout(path)]
    named = media.NamedInputs(inputs) if any(map(os.path.exists, files)) else None
    for path in files if named is not None else ():
        if named is not None and named.lead_to(Path(path)):
            raise UsageError(f"The output {path!r} is itself to be read.", "Give it another name.")


def refuse_beside(formats: FormatOptions, reason: str, way_out: str) -> None:
    """For runs whose answers are not of one input after another. Raises UsageError."""
    if formats.beside:
        flag = "--sidecar" if formats.sidecar is not None else "--output-dir"
        raise UsageError(f"{flag} writes a file for each input: {reason}.", way_out)


def chosen_format(output: OutputOptions, formats: FormatOptions, allowed: Allowed) -> Format | None:
    """The format that -f or --json asks for. Raises UsageError (none such, two)."""
    found = None if formats.format is None else find_format(formats.format, allowed)
    if not output.json:
        return found
    if found is not None and found.name != "jsonl":
        raise UsageError(f"--json is -f jsonl, and -f says {found.name}.", "Give one of them.")
    return find_format("jsonl")


def _sidecar(word: str, allowed: Allowed) -> writers.Sidecar:
    """The extension is the one that was named, if it was one."""
    found, name = find_format(word, allowed), word.strip().lower().removeprefix(".")
    return writers.Sidecar(found, name if name in found.extensions else found.extensions[0])


def _refuse_reading_them(beside: writers.Beside, named: media.NamedInputs) -> None:
    """Files that are written are not to be read as well. Raises UsageError."""
    names = writers.SidecarNames(beside.folder, beside.inputs)
    for path in beside.inputs:
        if not os.path.isdir(path):  # noqa: PTH112  a string, as it was named
            for written in (names.name(path, sidecar.ending)[0] for sidecar in beside.sidecars):
                if named.have(written):
                    raise UsageError(f"The output {str(written)!r} is itself to be read.", "Name an --output-dir.")
    read = [sidecar for sidecar in beside.sidecars if f".{sidecar.extension}" in MEDIA_SUFFIXES]
    folders = [path for path in beside.inputs if os.path.isdir(path)]  # noqa: PTH112
    if beside.folder is None and read and folders:
        message = f"{read[0].format.name} files beside those of {folders[0]!r} would be read the next time, as inputs."
        raise UsageError(message, "Name a folder outside of it: --output-dir DIR.")
    if beside.folder is not None and read and named.hold(Path(beside.folder)):
        message = f"The output folder {beside.folder!r} is in a folder that is read"
        raise UsageError(f"{message}, and {read[0].format.name} would be read too.", "Name one outside of it.")


def _not_to_a_terminal(chosen: Format | None) -> Format | None:
    """Raises UsageError for bytes that no terminal can show."""
    if chosen is not None and chosen.binary and is_terminal(sys.stdout):
        hint = f"Name a file, -o NAME.{chosen.extensions[0]}, or send it on with a pipe."
        raise UsageError(f"{chosen.name} is not for a terminal.", hint)
    return chosen


@contextmanager
def text_output(output: OutputOptions, inputs: Sequence[str] = ()) -> Iterator[Target]:
    """Standard output, or a file that appears whole: for what is not an answer. Raises UsageError (two)."""
    paths: Sequence[str | None] = output.output or (None,)
    if len(paths) > 1:
        raise UsageError("A plan is written once.", "Give one -o.")
    refuse_inputs(output.output, inputs)
    target = open_target(paths[0], output.force)
    try:
        yield target
        target.commit()
    finally:
        target.discard()
