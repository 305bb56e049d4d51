"""smol video CLIP... [QUESTION]"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.errors import UsageError
from smolcli.options import (
    AnswerOptions,
    ClipOptions,
    ClipOutputOptions,
    ClusterOptions,
    FormatOptions,
    ModelOptions,
    OutputOptions,
    ReadingOptions,
    WindowOptions,
)
from smolcli.usage import MoreQuestions, with_options

if TYPE_CHECKING:
    from smolcli.delivery import Shown
    from smolcli.session import Held, Run

Clips = Annotated[
    list[str] | None, typer.Argument(metavar="CLIP... [QUESTION]", help="Clips, then what you ask of each.")
]


@with_options(detail="low", parallel="1")
def command(
    arguments: Clips = None,
    question: MoreQuestions = None,
    *,
    model: ModelOptions,
    cluster: ClusterOptions,
    reading: ReadingOptions,
    answers: AnswerOptions,
    clips: ClipOptions,
    windows: WindowOptions,
    formats: FormatOptions,
    shown: ClipOutputOptions,
    output: OutputOptions,
) -> None:
    """Answer a question about clips, or describe them.

    A clip of more than 3.5 minutes is watched in windows: each is described as it comes, then all of it; a question is
    put to the likeliest ones.

    Example: smol video clip.mp4 "What happens?" --frames 16
    """
    from smolcli.cli._inputs import files_held
    from smolcli.delivery import clip_outputs
    from smolcli.session import Run

    run = Run(model, output, reading, clips=clips, formats=formats, cluster=cluster)
    written = clip_outputs(shown)
    if windows.camera is not None:
        _watch_a_camera(run, [*(arguments or []), *(question or [])], answers, windows, written)
    else:
        _watch_clips(run, files_held(_named(arguments), question, answers), windows, written)


def _watch_clips(run: Run, asked: tuple[list[str], list[str], Held], windows: WindowOptions, shown: Shown) -> None:
    """Answer about clips, or describe them. asked: files, questions, and what answers are held to."""
    from smolcli.delivery import Delivery, clip_form
    from smolcli.session import watching
    from smolcli.streams import reread_standard_input
    from smolcli.verbs import ClipQuestions

    files, questions, held = asked
    sent = files if run.cluster.cluster is not None else []
    with reread_standard_input(sent), Delivery(run, files, shown=shown) as delivery, run.reader() as reader:
        template = held.template(run.template(run.prompt("video", reader.facts), questions))
        watched = watching(run, reader, windows, bool(questions))
        asking = ClipQuestions(reader.files, files, template, run.access(), watched)
        events = asking.answers(reader.stream(asking.jobs(reader.at_once)))
        several, asked_of_each = len(files) > 1, len(questions)
        delivery.write(reader, events, lambda expected: clip_form(several, asking.most_windows > 1, asked_of_each))


def _named(arguments: list[str] | None) -> list[str]:
    """Raises UsageError where nothing is named."""

    if not arguments:
        raise UsageError("No clip is named.", "Name one, or --camera 0 (smol video --help).")
    return arguments


def _watch_a_camera(
    run: Run, questions: list[str], answers: AnswerOptions, windows: WindowOptions, shown: Shown
) -> None:
    """Answer about every window of what goes on, until it ends or is ended. Raises UsageError, MediaError."""
    from smolcli.console import Ending
    from smolcli.delivery import Delivery, camera_form
    from smolcli.media import watch
    from smolcli.session import held_answers, live_options
    from smolcli.verbs import live_windows

    if run.cluster.cluster is not None:
        raise UsageError("A camera is watched on this machine.", "Leave out --cluster.")
    held = held_answers(answers, [])
    questions = held.asking(questions)
    with Delivery(run, [], shown=shown) as delivery, run.reader() as reader:
        template = held.template(run.template(run.prompt("video", reader.facts), questions))
        live = watch(str(windows.camera), live_options(run, reader, windows))
        run.console.tell(f"watching {live.name} (Ctrl-C ends it)")
        form = camera_form(len(questions))
        events = reader.stream(live_windows(reader.files, live, template))
        try:
            delivery.write(reader, events, lambda expected: form, Ending(stop=live.stop))
        finally:
            live.stop()
