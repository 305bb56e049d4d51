"""smol docvqa FILE.pdf|IMAGE [QUESTION]"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.cli._options import ModelOptions, OutputOptions, PageOptions, ReadingOptions, with_options

if TYPE_CHECKING:
    from smolcli.datatypes import Answer


@with_options(model=ModelOptions, reading=ReadingOptions, pages=PageOptions, output=OutputOptions)
def command(
    file: Annotated[str, typer.Argument(metavar="FILE.pdf|IMAGE", show_default=False)],
    question: Annotated[str | None, typer.Argument(metavar="[QUESTION]", show_default=False)] = None,
    *,
    model: ModelOptions,
    reading: ReadingOptions,
    pages: PageOptions,
    output: OutputOptions,
) -> None:
    """Answer a question about each page of a document; without a question, write out its text.

    Example: smol docvqa report.pdf "What is the total?" --pages 1,3-end
    """
    from smolcli.cli._inputs import said
    from smolcli.cli._session import PLAIN, Delivery, Form, Run, media_options, style_for
    from smolcli.media import open_media
    from smolcli.tasks.docvqa import docvqa
    from smolcli.tasks.pages import plan_pages

    run = Run(model, output)
    with ExitStack() as stack:
        delivery = stack.enter_context(Delivery(run))
        engine = stack.enter_context(run.engine())
        style = style_for("transcribe" if question is None else "docvqa", reading, engine.facts)
        asked = style.prompt.default_question if question is None else said(question)
        media = stack.enter_context(open_media(file, media_options(pages, engine.facts)))
        plans = list(plan_pages(engine, media, asked, style))
        for plan in plans:
            run.show_plan(engine.facts, plan)
        several = len(media.outlines) > 1
        form = PLAIN if not several else Form(heading=True) if question is None else Form(label=_label)
        delivery.write(engine, docvqa(engine, media, plans, asked, style), len(plans), form)


def _label(answer: Answer) -> str:
    return answer.places[0].label
