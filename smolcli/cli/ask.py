"""smol ask MEDIA... QUESTION"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from smolcli.options import (
    AnswerOptions,
    ClipOptions,
    FormatOptions,
    ModelOptions,
    OutputOptions,
    PageOptions,
    ReadingOptions,
)
from smolcli.usage import Conversations, Questions, with_options

Arguments = Annotated[
    list[str] | None,
    typer.Argument(metavar="MEDIA... QUESTION", help="Files (- is standard input), then what you ask."),
]


@with_options(detail="auto", parallel="1")
def command(
    arguments: Arguments = None,
    question: Questions = None,
    messages: Conversations = None,
    *,
    model: ModelOptions,
    reading: ReadingOptions,
    answers: AnswerOptions,
    pages: PageOptions,
    clips: ClipOptions,
    formats: FormatOptions,
    output: OutputOptions,
) -> None:
    """Answer a question about images, pages and clips in one prompt.

    Example: smol ask photo.jpg "What is this?"
    """
    from smolcli.cli._inputs import no_more_than_messages, split_arguments, split_optional_question
    from smolcli.delivery import Delivery
    from smolcli.formats import PLAIN
    from smolcli.session import Run, held_answers
    from smolcli.verbs import ask, refuse_too_many

    run = Run(model, output, reading, pages, clips, formats)
    if messages is not None:
        from smolcli.cli._conversations import ask_conversations

        no_more_than_messages(arguments, question, reading, answers)
        ask_conversations(run, messages)
        return
    held = held_answers(answers, arguments or [])
    split = split_optional_question if held.schema else split_arguments
    paths, questions = split(arguments or [], question or [])
    _refuse_a_file_for_each(paths, formats)
    with Delivery(run, paths) as delivery, run.reader() as reader:
        refuse_too_many(paths, reader.engine)
        template = held.template(run.template(run.prompt("ask", reader.facts), held.asking(questions)))
        delivery.write(reader, reader.stream(ask(reader.files, paths, template, run.access())), lambda expected: PLAIN)


def _refuse_a_file_for_each(paths: Sequence[str], formats: FormatOptions) -> None:
    """Of files that are asked about together none has an answer of its own. Raises UsageError."""
    from smolcli.delivery import refuse_beside

    if len(paths) > 1:
        refuse_beside(formats, "all of them are asked about together", "Ask about each: smol docvqa FILE... QUESTION.")
