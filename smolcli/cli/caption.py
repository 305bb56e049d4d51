"""smol caption PATH...|DIR"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.cli._options import ModelOptions, OutputOptions, PageOptions, ReadingOptions, with_options

if TYPE_CHECKING:
    from smolcli.datatypes import Answer
    from smolcli.tasks.planning import RequestPlan

_TOGETHER = 4  # captions are short and their prompts small: several fit one context and share every decode


@with_options(model=ModelOptions, reading=ReadingOptions, pages=PageOptions, output=OutputOptions)
def command(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...|DIR", show_default=False)],
    question: Annotated[
        str | None, typer.Option("-Q", "--question", help="Ask this of each image instead.", metavar="TEXT")
    ] = None,
    recursive: Annotated[bool, typer.Option("-r", "--recursive", help="Look into folders of folders.")] = False,
    *,
    model: ModelOptions,
    reading: ReadingOptions,
    pages: PageOptions,
    output: OutputOptions,
) -> None:
    """Describe images: one line `path<TAB>caption` for each, as it is finished.

    Example: smol caption holiday/ > captions.tsv
    """
    from smolcli.batch import find_pictures
    from smolcli.cli._inputs import said
    from smolcli.cli._session import Delivery, Form, Run, media_options, style_for
    from smolcli.tasks.caption import caption

    run = Run(replace(model, parallel=model.parallel or _TOGETHER), output)
    with ExitStack() as stack:
        delivery = stack.enter_context(Delivery(run))
        found = list(find_pictures(paths, recursive))
        engine = stack.enter_context(run.engine())
        style = style_for("caption", reading, engine.facts)
        if question is not None:
            style = replace(style, prompt=replace(style.prompt, default_question=said(question)))

        def show(plan: RequestPlan) -> None:
            run.show_plan(engine.facts, plan)

        events = caption(engine, found, media_options(pages, engine.facts), style, show)
        delivery.write(engine, events, len(found), Form(label=_label))


def _label(answer: Answer) -> str:
    place = answer.places[0]
    return place.source.path if place.page is None else f"{place.source.path}#page={place.page}"
