"""smol video CLIP... [QUESTION]"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.cli._options import MoreQuestions, with_options
from smolcli.options import (
    AnswerOptions,
    ClipOptions,
    ClipOutputOptions,
    FormatOptions,
    ModelOptions,
    OutputOptions,
    ReadingOptions,
)

if TYPE_CHECKING:
    from smolcli.cli._delivery import Form
    from smolcli.jobs import Answer


@with_options(
    {"detail": "low", "parallel": "1"},
    model=ModelOptions,
    reading=ReadingOptions,
    answers=AnswerOptions,
    clips=ClipOptions,
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
    reading: ReadingOptions,
    answers: AnswerOptions,
    clips: ClipOptions,
    formats: FormatOptions,
    shown: ClipOutputOptions,
    output: OutputOptions,
) -> None:
    """Answer a question about clips, or describe them.

    Clips are read one after another.

    Example: smol video clip.mp4 "What happens?" --frames 16
    """
    from smolcli.cli._answers import held_answers
    from smolcli.cli._delivery import Delivery
    from smolcli.cli._inputs import files_and_questions
    from smolcli.cli._shown import clip_outputs
    from smolcli.session import Run
    from smolcli.verbs import video

    run = Run(model, output, reading, clips=clips, formats=formats)
    files, questions = files_and_questions(arguments, question or [])
    held = held_answers(answers, files)
    questions = held.asking(questions)
    with Delivery(run, files, shown=clip_outputs(shown)) as delivery, run.reader() as reader:
        template = held.template(run.template(run.prompt("video", reader.facts), questions))
        jobs = video(reader.files, files, template, run.access())
        form = _form(len(files) > 1, len(questions))
        delivery.write(reader, reader.stream(jobs), lambda expected: form)


def _form(several: bool, questions: int) -> Form:
    """How answers are told apart: by the clip and the question where there are several."""
    from smolcli.cli._delivery import PLAIN, Form

    def columns(answer: Answer) -> tuple[str, ...]:
        path = (answer.job.places[0].source.path,) if several else ()
        return (*path, answer.question) if questions > 1 else path

    if not several and questions <= 1:
        return PLAIN
    names = ("place", "question") if several else ("question",)
    return Form(columns=columns, questions=max(1, questions), names=names)
