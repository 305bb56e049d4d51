"""smol ask MEDIA... QUESTION"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from smolcli.cli._options import with_options
from smolcli.options import ClipOptions, ModelOptions, OutputOptions, PageOptions, ReadingOptions


@with_options(
    {"detail": "auto", "parallel": "1"},
    model=ModelOptions,
    reading=ReadingOptions,
    pages=PageOptions,
    clips=ClipOptions,
    output=OutputOptions,
)
def command(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="MEDIA... QUESTION", help="Files (- is standard input), then what you ask."),
    ] = None,
    question: Annotated[
        list[str] | None,
        typer.Option(
            "-Q",
            "--question",
            help="Ask this (again and again); @FILE holds one per line, - is standard input.",
            metavar="TEXT",
        ),
    ] = None,
    messages: Annotated[
        Path | None, typer.Option("--messages", help="A conversation as JSON, its media as files.", metavar="FILE")
    ] = None,
    *,
    model: ModelOptions,
    reading: ReadingOptions,
    pages: PageOptions,
    clips: ClipOptions,
    output: OutputOptions,
) -> None:
    """Answer a question about images, pages and clips in one prompt.

    Example: smol ask photo.jpg "What is this?"
    """
    from smolcli.cli._conversations import ask_conversations
    from smolcli.cli._inputs import longest, no_more_than_messages, open_inputs, refuse_too_many, split_arguments
    from smolcli.cli._session import Delivery, Run, media_options, style_for
    from smolcli.tasks.ask import ask

    run = Run(model, output)
    if messages is not None:
        no_more_than_messages(arguments, question, reading)
        ask_conversations(run, messages, (reading, pages, clips))
        return
    media_paths, questions = split_arguments(arguments or [], question or [])
    with ExitStack() as stack:
        delivery = stack.enter_context(Delivery(run))
        engine = stack.enter_context(run.engine())
        refuse_too_many(media_paths, engine)
        style = style_for("ask", reading, engine.facts)
        asked, options = (longest(questions, engine), style), (media_options(pages, engine.facts), clips)
        media, plan = open_inputs(stack, media_paths, engine, asked, options)
        delivery.notes(plan.notes)
        run.show_plan(engine.facts, plan)
        delivery.write(engine, ask(engine, media, plan, questions, style), len(questions))
