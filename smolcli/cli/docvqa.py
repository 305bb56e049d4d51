"""smol docvqa FILE... [QUESTION]"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.cli._options import MoreQuestions, with_options
from smolcli.options import AnswerOptions, FormatOptions, ModelOptions, OutputOptions, PageOptions, ReadingOptions

if TYPE_CHECKING:
    from smolcli.cli._delivery import Form
    from smolcli.jobs import Answer


@with_options(
    {"detail": "auto", "parallel": "1"},
    model=ModelOptions,
    reading=ReadingOptions,
    answers=AnswerOptions,
    pages=PageOptions,
    formats=FormatOptions,
    output=OutputOptions,
)
def command(
    arguments: Annotated[
        list[str], typer.Argument(metavar="FILE... [QUESTION]", help="Documents, then what you ask of each page.")
    ],
    question: MoreQuestions = None,
    *,
    model: ModelOptions,
    reading: ReadingOptions,
    answers: AnswerOptions,
    pages: PageOptions,
    formats: FormatOptions,
    output: OutputOptions,
) -> None:
    """Answer a question about each page, or write out its text.

    Example: smol docvqa report.pdf "What is the total?" --pages 1,3-end
    """
    from smolcli.cli._answers import held_answers
    from smolcli.cli._delivery import Delivery
    from smolcli.cli._inputs import files_and_questions
    from smolcli.session import Run
    from smolcli.verbs import docvqa

    run = Run(model, output, reading, pages, formats=formats)
    files, questions = files_and_questions(arguments, question or [])
    held = held_answers(answers, files)
    questions = held.asking(questions)
    with Delivery(run, files) as delivery, run.reader() as reader:
        prompt = run.prompt("docvqa" if questions else "transcribe", reader.facts)
        template = held.template(run.template(prompt, questions))
        jobs = docvqa(reader.files, files, template, run.access())
        form = partial(_form, len(files) > 1, len(questions))
        delivery.write(reader, reader.stream(jobs), form)


def _form(several: bool, questions: int, expected: int) -> Form:
    """How answers are told apart: by page, by the file and the question where there are several."""
    from smolcli.cli._delivery import PLAIN, Form

    def where(answer: Answer) -> str:
        place = answer.job.places[0]
        return place.uri if several else place.label

    def columns(answer: Answer) -> tuple[str, ...]:
        return (where(answer), answer.question) if questions > 1 else (where(answer),)

    if expected == 1 and not several:
        return PLAIN
    return Form(columns=columns, questions=max(1, questions)) if questions else Form(heading=where)
