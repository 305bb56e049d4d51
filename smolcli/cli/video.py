"""smol video CLIP... [QUESTION]"""

from __future__ import annotations

import shlex
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.cli._options import with_options
from smolcli.options import ClipOptions, ModelOptions, OutputOptions, PageOptions, ReadingOptions

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from smolcli.cli._session import Delivery, Run
    from smolcli.datatypes import Answer
    from smolcli.engine import Engine
    from smolcli.media import MediaOptions
    from smolcli.tasks.answering import Event
    from smolcli.tasks.planning import Style


@with_options(
    {"detail": "low", "parallel": "1"},
    model=ModelOptions,
    reading=ReadingOptions,
    clips=ClipOptions,
    output=OutputOptions,
)
def command(
    arguments: Annotated[
        list[str], typer.Argument(metavar="CLIP... [QUESTION]", help="Clips, then what you ask of each.")
    ],
    question: Annotated[
        list[str] | None,
        typer.Option(
            "-Q", "--question", help="Ask this as well (again and again); @FILE holds one per line.", metavar="TEXT"
        ),
    ] = None,
    *,
    model: ModelOptions,
    reading: ReadingOptions,
    clips: ClipOptions,
    output: OutputOptions,
) -> None:
    """Answer a question about clips, or describe them.

    Clips are read one after another.

    Example: smol video clip.mp4 "What happens?" --frames 16
    """
    from smolcli.cli._inputs import files_and_questions
    from smolcli.cli._session import PLAIN, Delivery, Form, Run, media_options, style_for

    run = Run(model, output)
    files, questions = files_and_questions(arguments, question or [])
    with ExitStack() as stack:
        delivery = stack.enter_context(Delivery(run))
        engine = stack.enter_context(run.engine())
        style = style_for("video", reading, engine.facts)
        asked = (questions or [style.prompt.default_question], style)
        options = (replace(media_options(PageOptions(), engine.facts), moving=True), clips)
        events = _answers(run, delivery, engine, files, (asked, options))

        def columns(answer: Answer) -> tuple[str, ...]:
            path = (answer.places[0].source.path,) if len(files) > 1 else ()
            return (*path, answer.question) if len(questions) > 1 else path

        form = Form(columns=columns, questions=len(asked[0])) if len(files) > 1 or len(questions) > 1 else PLAIN
        delivery.write(engine, events, len(files) * len(asked[0]), form)


def _answers(
    run: Run,
    delivery: Delivery,
    engine: Engine,
    files: list[str],
    how: tuple[tuple[Sequence[str], Style], tuple[MediaOptions, ClipOptions]],
) -> Generator[Event]:
    """The answers about one clip after another; one that cannot be read is a Failure."""
    from smolcli.cli._inputs import longest, open_inputs
    from smolcli.errors import MediaError, SmolError
    from smolcli.tasks.answering import failure
    from smolcli.tasks.ask import ask

    (questions, style), options = how
    for file in files:
        try:
            with ExitStack() as stack:
                asked = longest(questions, engine), style
                media, plan = open_inputs(stack, [file], engine, asked, options)
                if media[0].video is None:
                    hint = f'For pictures and documents: smol ask {shlex.quote(file)} "…"'
                    raise MediaError(f"{file!r} is not a clip.", hint)
                delivery.notes(plan.notes)
                run.show_plan(engine.facts, plan)
                yield from ask(engine, media, plan, questions, style)
        except SmolError as error:
            if len(files) == 1:
                raise
            yield failure(file, error)
