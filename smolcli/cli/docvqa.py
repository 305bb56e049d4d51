"""smol docvqa FILE... [QUESTION]"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.cli._options import with_options
from smolcli.options import ModelOptions, OutputOptions, PageOptions, ReadingOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smolcli.cli._session import Form
    from smolcli.datatypes import Answer
    from smolcli.media import Media
    from smolcli.tasks.planning import RequestPlan


@with_options(
    {"detail": "auto", "parallel": "1"},
    model=ModelOptions,
    reading=ReadingOptions,
    pages=PageOptions,
    output=OutputOptions,
)
def command(
    arguments: Annotated[
        list[str], typer.Argument(metavar="FILE... [QUESTION]", help="Documents, then what you ask of each page.")
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
    pages: PageOptions,
    output: OutputOptions,
) -> None:
    """Answer a question about each page, or write out its text.

    Example: smol docvqa report.pdf "What is the total?" --pages 1,3-end
    """
    from smolcli.cli._inputs import files_and_questions
    from smolcli.cli._session import Delivery, Run, media_options, style_for
    from smolcli.media import open_media
    from smolcli.tasks.docvqa import docvqa

    run = Run(model, output)
    files, questions = files_and_questions(arguments, question or [])
    with ExitStack() as stack:
        delivery = stack.enter_context(Delivery(run))
        engine = stack.enter_context(run.engine())
        style = style_for("docvqa" if questions else "transcribe", reading, engine.facts)
        options = media_options(pages, engine.facts)

        def opened(media: Media, plans: Sequence[RequestPlan]) -> None:
            delivery.progress.expect((len(plans) - 1) * len(asked[0]))
            for plan in plans:
                run.show_plan(engine.facts, plan)

        media = stack.enter_context(open_media(files[0], options)) if len(files) == 1 else None
        form = _form(len(files) > 1, bool(questions), len(questions), media)
        asked = (questions or [style.prompt.default_question], style)
        delivery.write(
            engine,
            docvqa(engine, [media] if media else files, options, asked, opened),
            len(files) * len(asked[0]),
            form,
        )


def _form(several: bool, asked: bool, questions: int, media: Media | None) -> Form:
    """How answers are told apart: by page, by the file and the question where there are several."""
    from smolcli.cli._session import PLAIN, Form

    def where(answer: Answer) -> str:
        place = answer.places[0]
        if not several:
            return place.label
        return place.source.path if place.page is None else f"{place.source.path}#page={place.page}"

    def columns(answer: Answer) -> tuple[str, ...]:
        return (where(answer), answer.question) if questions > 1 else (where(answer),)

    if media is not None and len(media.outlines) == 1 and questions < 2:
        return PLAIN
    return Form(columns=columns, questions=max(1, questions)) if asked else Form(heading=where)
