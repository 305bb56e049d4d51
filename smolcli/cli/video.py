"""smol video CLIP... [QUESTION]"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.cli._options import MoreQuestions, with_options
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

if TYPE_CHECKING:
    from smolcli.cli._delivery import Form
    from smolcli.jobs import Answer
    from smolcli.reader import Reader
    from smolcli.session import Run
    from smolcli.verbs import ClipQuestions, Merging, Watching


@with_options(
    {"detail": "low", "parallel": "1"},
    model=ModelOptions,
    cluster=ClusterOptions,
    reading=ReadingOptions,
    answers=AnswerOptions,
    clips=ClipOptions,
    windows=WindowOptions,
    formats=FormatOptions,
    shown=ClipOutputOptions,
    output=OutputOptions,
)
def command(
    arguments: Annotated[
        list[str], typer.Argument(metavar="CLIP... [QUESTION]", help="Clips, then what you ask of each.")
    ],
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
    from smolcli.cli._answers import held_answers
    from smolcli.cli._delivery import Delivery
    from smolcli.cli._inputs import files_and_questions, reread_standard_input
    from smolcli.cli._shown import clip_outputs
    from smolcli.session import Run
    from smolcli.verbs import ClipQuestions

    run = Run(model, output, reading, clips=clips, formats=formats, cluster=cluster)
    files, questions = files_and_questions(arguments, question or [])
    held = held_answers(answers, files)
    questions = held.asking(questions)
    sent = files if cluster.cluster is not None else []
    with (
        reread_standard_input(sent),
        Delivery(run, files, shown=clip_outputs(shown)) as delivery,
        run.reader() as reader,
    ):
        template = held.template(run.template(run.prompt("video", reader.facts), questions))
        watching = _watching(run, reader, windows, bool(questions))
        asking = ClipQuestions(reader.files, files, template, run.access(), watching)
        events = asking.answers(reader.stream(asking.jobs(reader.at_once)))
        delivery.write(reader, events, partial(_form, asking, len(files) > 1, len(questions)))


def _watching(run: Run, reader: Reader, options: WindowOptions, asked: bool) -> Watching:
    """How clips are watched, and with what this model is known to say. Raises UsageError (times)."""
    from smolcli.media import WindowOptions as Wanted
    from smolcli.media import parse_length, parse_moment, windows_of
    from smolcli.verbs import Watching

    wanted = Wanted(
        0.0 if options.start is None else parse_moment(options.start, "--start"),
        None if options.end is None else parse_moment(options.end, "--end"),
        None if options.every is None else parse_length(options.every, "--every"),
        _longest_s(run, reader),
    )
    known, answers = run.known_clips(), run.known_answers()
    prompt = replace(run, reading=ReadingOptions()).prompt("video", reader.facts)
    return Watching(
        windows=lambda media: windows_of(media, wanted),
        asked=asked,
        merging=None if known.joins else _merging(run, reader),
        joins=known.joins,
        relevance=known.relevance or "{question}" + prompt.hints["relevance"],
        top=None if options.all else options.windows,
        least=answers.least,
        refusals=answers.refusals,
    )


def _longest_s(run: Run, reader: Reader) -> float | None:
    """How long a window may be: as the paper found, or as long as the frames last that a model was trained on.

    None where all of a clip is one: --frames says how many of it are read.
    """
    from smolcli.media import LONGEST_S
    from smolcli.run import REFERENCE_FRAMES

    if run.clips.frames is not None:
        return None
    most = reader.facts.max_frames
    return LONGEST_S if most >= REFERENCE_FRAMES else min(LONGEST_S, most / run.clips.fps)


def _merging(run: Run, reader: Reader) -> Merging:
    """How the descriptions of windows become one: by the same model, in its own words."""
    from smolcli.run import has_room
    from smolcli.verbs import Merging

    prompt = replace(run, reading=ReadingOptions()).prompt("merge", reader.facts)
    template = run.template(prompt, [])
    question = replace(template.questions[0], text=prompt.default_question, hint="")
    return Merging(
        question, template.sampling, lambda asked: has_room(reader.planner, asked, template.sampling.max_tokens)
    )


def _form(asking: ClipQuestions, several: bool, questions: int, expected: int) -> Form:
    """How answers are told apart: by clip, window and question, where there are several."""
    from smolcli.cli._delivery import PLAIN, Form

    windows = asking.most_windows > 1

    def columns(answer: Answer) -> tuple[str, ...]:
        place = answer.job.places[0]
        path = (place.source.path,) if several else ()
        when = (place.label if place.window_s is not None else "all",) if windows else ()
        return (*path, *when, *((answer.question,) if questions > 1 else ()))

    names = _names(("place", several), ("time", windows), ("question", questions > 1))
    ranges = windows and not several and questions <= 1
    return Form(columns=columns, questions=max(1, questions), names=names, ranges=ranges) if names else PLAIN


def _names(*columns: tuple[str, bool]) -> tuple[str, ...]:
    return tuple(name for name, there in columns if there)
