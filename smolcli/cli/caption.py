"""smol caption PATH...|DIR"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.cli._options import with_options
from smolcli.options import ModelOptions, OutputOptions, PageOptions, ReadingOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smolcli.datatypes import Answer
    from smolcli.media import Media
    from smolcli.tasks.planning import RequestPlan

_TOGETHER = 4  # captions are short and their prompts small: several fit one context and share every decode


@with_options(
    {"detail": "low", "max_tokens": "256", "parallel": "4"},
    model=ModelOptions,
    reading=ReadingOptions,
    pages=PageOptions,
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
    reading: ReadingOptions,
    pages: PageOptions,
    output: OutputOptions,
) -> None:
    """Describe each image of files and folders in a line.

    A line is `path<TAB>caption`; lines come in the order of names.

    Example: smol caption holiday/ > captions.tsv
    """
    from smolcli.batch import find_pictures
    from smolcli.cli._inputs import read_questions
    from smolcli.cli._session import Delivery, Form, Run, media_options, style_for
    from smolcli.errors import UsageError
    from smolcli.tasks.caption import caption
    from smolcli.tasks.pages import in_order

    questions = read_questions(question or [], paths)
    if len(questions) > 1:
        raise UsageError("One question is asked of each image.", "Use smol docvqa FILE... -Q ... -Q ... for several.")
    run = Run(replace(model, parallel=model.parallel or _TOGETHER), output)
    with ExitStack() as stack:
        delivery = stack.enter_context(Delivery(run))
        found = list(find_pictures(paths, recursive))
        engine = stack.enter_context(run.engine())
        style = style_for("caption", reading, engine.facts)
        if questions:
            style = replace(style, prompt=replace(style.prompt, default_question=questions[0]))

        def opened(media: Media, plans: Sequence[RequestPlan]) -> None:
            delivery.progress.expect(len(plans) - 1)
            for plan in plans:
                run.show_plan(engine.facts, plan)

        events = caption(engine, found, media_options(pages, engine.facts), style, opened)
        delivery.write(engine, events if unordered else in_order(events), len(found), Form(columns=_columns))


def _columns(answer: Answer) -> tuple[str, ...]:
    place = answer.places[0]
    return (place.source.path if place.page is None else f"{place.source.path}#page={place.page}",)
