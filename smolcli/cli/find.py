"""smol find CLIP|DIR... "a red car" """

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.options import ClipOptions, FormatOptions, ModelOptions, OutputOptions, PageOptions, ReadingOptions
from smolcli.usage import Recursive, with_options

if TYPE_CHECKING:
    from smolcli.jobs import Answer
    from smolcli.session import Run
    from smolcli.verbs import Looking


Arguments = Annotated[
    list[str], typer.Argument(metavar="CLIP|DIR... TEXT", help="Clips, pictures, PDFs and folders, then what for.")
]
Least = Annotated[float, typer.Option("--min", help="How likely it has to be.", metavar="X", min=0.0, max=1.0)]
Top = Annotated[int | None, typer.Option("--top", help="Only the likeliest places.", metavar="N", min=1)]
Start = Annotated[str | None, typer.Option("--start", help="Begin at this time: 1:23.", metavar="TIME")]
End = Annotated[str | None, typer.Option("--end", help="End at this time.", metavar="TIME")]
Cut = Annotated[Path | None, typer.Option("--cut", help="Copy what was found of a clip into a clip.", metavar="FILE")]


@with_options(detail="low", parallel="auto")
def command(
    arguments: Arguments,
    recursive: Recursive = False,
    *,
    least: Least = 0.5,
    top: Top = None,
    start: Start = None,
    end: End = None,
    cut: Cut = None,
    model: ModelOptions,
    reading: ReadingOptions,
    pages: PageOptions,
    clips: ClipOptions,
    formats: FormatOptions,
    output: OutputOptions,
) -> None:
    """Find where something is seen in clips, pictures and pages.

    A line is `place<TAB>how likely`. The exit code is 0 if it was found, 1 if not, 2 or more after an error.

    Example: smol find holiday.mp4 photos/ "a red car"
    """
    from smolcli.delivery import cut_file
    from smolcli.session import Run

    paths, text = _paths_and_text(arguments, cut)
    looking = _looking(least, start, end, clips)
    run = Run(replace(model, parallel=model.parallel or "auto"), output, reading, pages, clips, formats)
    with cut_file(cut, output.force) as write_cut:
        found = _find(run, paths, _Sought(text, looking, recursive, top))
        if write_cut is not None and found:
            write_cut(paths[0], found)
    if not found:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Sought:
    """What is looked for, and how; top: only so many of the likeliest places are written."""

    text: str
    looking: Looking
    recursive: bool
    top: int | None


def _find(run: Run, paths: list[str], sought: _Sought) -> list[Answer]:
    """Write the places where it is seen; all of them. Raises SomeInputsFailedError, with a code of 2 or more."""
    from smolcli.delivery import BY_PLACE, Delivery
    from smolcli.errors import SomeInputsFailedError
    from smolcli.media import find_media
    from smolcli.session import asking_yes_or_no
    from smolcli.verbs import Finding, noting, question_for

    found: list[Answer] = []
    with Delivery(run, paths) as delivery, run.reader() as reader:
        asking = asking_yes_or_no(run, "low")
        template = asking.template(run.prompt("ask", reader.facts), [question_for(sought.text)])
        files = find_media(paths, sought.recursive)
        finding = Finding(reader.files, files, template, run.access(), sought.looking)
        events = noting(finding.answers(reader.stream(finding.jobs(reader.at_once))), found, sought.top)
        try:
            delivery.write(reader, events, lambda expected: BY_PLACE)
        except SomeInputsFailedError as error:
            error.exit_code = max(2, error.exit_code)
            raise
    return found


def _paths_and_text(arguments: list[str], cut: Path | None) -> tuple[list[str], str]:
    """Raises UsageError."""
    from smolcli.errors import UsageError

    if len(arguments) < 2:
        raise UsageError("Name files or folders, then what is looked for.", 'smol find clip.mp4 "a red car"')
    if cut is not None and (len(arguments) > 2 or Path(arguments[0]).is_dir()):
        raise UsageError("--cut is of one clip.", "Name one, or leave out --cut.")
    return arguments[:-1], arguments[-1]


def _looking(least: float, start: str | None, end: str | None, clips: ClipOptions) -> Looking:
    """Raises UsageError (times)."""
    from smolcli.media import parse_moment
    from smolcli.verbs import Looking

    start_s = 0.0 if start is None else parse_moment(start, "--start")
    end_s = None if end is None else parse_moment(end, "--end")
    return Looking(least, start_s, end_s, clips.fps != ClipOptions().fps)
