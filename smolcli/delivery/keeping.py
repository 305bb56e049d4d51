"""--append, --overwrite, --write-xmp and --errors in: what is added to, what is left as it is, where failures go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from smolcli import formats, media
from smolcli.delivery.wanted import chosen_format, refuse_inputs, wanted_outputs
from smolcli.errors import OutputError, UsageError
from smolcli.files import is_stdout
from smolcli.formats import Allowed, Wanted, find_format, format_of_file
from smolcli.jobs import Answer
from smolcli.options import FormatOptions, KeepingOptions, OutputOptions, PageOptions
from smolcli.session import Run

USUAL = KeepingOptions()


def failure_file(keeping: KeepingOptions, inputs: Sequence[str]) -> formats.FailureFile | None:
    """The file that --errors asks for. Raises UsageError, OutputError."""
    if keeping.errors is None:
        return None
    path = str(keeping.errors)
    if is_stdout(path):
        raise UsageError("--errors is for a file: answers go to standard output.", "Name one: --errors failed.jsonl")
    refuse_inputs([path], inputs)
    return formats.FailureFile(keeping.errors)


def outputs_of(run: Run, allowed: Allowed, short: Sequence[Wanted], keeping: KeepingOptions) -> list[Wanted]:
    """Where answers go together: nowhere where they are written into the pictures and no more is said. Raises
    UsageError.
    """
    output, formats = run.output, run.formats
    if keeping.append:
        return [replace(each, prefix=keeping.prefix) for each in appended(output, formats, short)]
    if keeping.write_xmp and not output.output and chosen_format(output, formats, allowed) is None:
        return list(short)
    return wanted_outputs(output, formats, allowed, short)


def refuse_writing_into(keeping: KeepingOptions, pages: PageOptions, inputs: Sequence[str]) -> None:
    """What --write-xmp cannot do. Raises UsageError."""
    if keeping.write_xmp and "-" in inputs:
        raise UsageError("--write-xmp writes into files, and standard input is none.", "Name the picture's file.")
    if keeping.write_xmp and pages.all_frames:
        raise UsageError("--write-xmp gives a file one caption.", "Leave out --all-frames.")


def written_into(answer: Answer) -> Answer | None:
    """Write an answer into the picture that it is about; the answer as one about the new file, None where the picture
    has it already. Raises OutputError.
    """
    (place,) = answer.job.places
    if place.source.kind != "image":
        raise OutputError(f"{place.source.path} is no picture that holds its own description.", "Use --sidecar xmp.")
    sha256 = formats.describe_file(place.source.path, place.source.sha256, answer.text, media.same_pictures)
    if sha256 is None:
        return None
    place = replace(place, source=replace(place.source, sha256=sha256))
    return replace(answer, job=replace(answer.job, places=(place,)), shown=((place,),))


def appended(output: OutputOptions, formats: FormatOptions, short: Sequence[Wanted]) -> list[Wanted]:
    """The file that --append adds to. Raises UsageError for what is no one file of JSON Lines."""
    paths = [*(output.output or ()), *(str(each.path) for each in short)]
    if len(paths) != 1 or short or is_stdout(paths[0]):
        raise UsageError("--append adds to one file.", "Name it: -o captions.jsonl --append")
    found = chosen_format(output, formats, Allowed()) or format_of_file(paths[0])
    if found is not None and found.name != "jsonl":
        raise UsageError(f"--append adds to JSON Lines, and {paths[0]!r} is {found.name}.", "Name it -o NAME.jsonl.")
    return [Wanted(find_format("jsonl"), paths[0], appended=True)]


def leaving(
    beside: formats.Beside | None, keeping: KeepingOptions | None, one_each: bool = True
) -> formats.Beside | None:
    """Files about inputs, where what stands beside an input already is left: in commands that have such options.

    one_each: of a picture there is one answer.
    """
    if beside is None or keeping is None:
        return beside
    force = beside.force or keeping.overwrite
    left = replace(beside, force=force, kept=beside.folder is None, one_each=one_each)
    return replace(left, has_namesake=media.has_namesake)
