"""smol caption PATH...|DIR"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.cli._options import with_options
from smolcli.options import (
    AnswerOptions,
    ClusterOptions,
    FormatOptions,
    ModelOptions,
    OutputOptions,
    PageOptions,
    ReadingOptions,
)

if TYPE_CHECKING:
    from smolcli.jobs import Answer

_TOGETHER = 4  # captions are short and their prompts small: several fit one context and share every decode


@with_options(
    {"detail": "low", "max_tokens": "256", "parallel": "4"},
    model=ModelOptions,
    cluster=ClusterOptions,
    reading=ReadingOptions,
    answers=AnswerOptions,
    pages=PageOptions,
    formats=FormatOptions,
    output=OutputOptions,
)
def command(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, and folders of them.")],
    question: Annotated[
        list[str] | None, typer.Option("-Q", "--question", help="Ask this of each image instead, once.", metavar="TEXT")
    ] = None,
    recursive: Annotated[bool, typer.Option("-r", "--recursive", help="Look into folders of folders.")] = False,
    unordered: Annotated[
        bool, typer.Option("--unordered", help="Captions as they finish, not as files are named.")
    ] = False,
    *,
    model: ModelOptions,
    cluster: ClusterOptions,
    reading: ReadingOptions,
    answers: AnswerOptions,
    pages: PageOptions,
    formats: FormatOptions,
    output: OutputOptions,
) -> None:
    """Describe each image of files and folders in a line.

    A line is `path<TAB>caption`; lines come in the order of names.

    Example: smol caption holiday/ > captions.tsv
    """
    from smolcli.cli._answers import held_answers
    from smolcli.cli._delivery import Delivery, Form
    from smolcli.cli._inputs import reread_standard_input
    from smolcli.cli._outputs import refuse_beside
    from smolcli.session import Run
    from smolcli.verbs import caption

    held = held_answers(answers, paths)
    questions = held.asking(_one_question(question, paths))
    run = Run(
        replace(model, parallel=model.parallel or _TOGETHER), output, reading, pages, formats=formats, cluster=cluster
    )
    if unordered:
        refuse_beside(formats, "captions have to come in order", "Leave out --unordered.")
    sent = paths if cluster.cluster is not None else []  # to actors, which may be after it was read here
    with reread_standard_input(sent), Delivery(run, paths) as delivery, run.reader(unordered) as reader:
        template = held.template(run.template(run.prompt("caption", reader.facts), questions))
        jobs = caption(reader.files, paths, template, run.access(), recursive)
        delivery.write(reader, reader.stream(jobs), lambda expected: Form(columns=_columns))


def _one_question(given: list[str] | None, paths: list[str]) -> list[str]:
    """What is asked of each image, if anything is. Raises UsageError."""
    from smolcli.errors import UsageError
    from smolcli.verbs import read_questions

    questions = read_questions(given or [], paths)
    if len(questions) > 1:
        raise UsageError("One question is asked of each image.", "Use smol docvqa FILE... -Q ... -Q ... for several.")
    return questions


def _columns(answer: Answer) -> tuple[str, ...]:
    return (answer.job.places[0].uri,)
