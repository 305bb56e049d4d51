"""smol video CLIP [QUESTION]"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import typer

from smolcli.cli._options import ClipOptions, ModelOptions, OutputOptions, PageOptions, ReadingOptions, with_options


@with_options(model=ModelOptions, reading=ReadingOptions, clips=ClipOptions, output=OutputOptions)
def command(
    clip: Annotated[str, typer.Argument(metavar="CLIP", show_default=False)],
    question: Annotated[str | None, typer.Argument(metavar="[QUESTION]", show_default=False)] = None,
    *,
    model: ModelOptions,
    reading: ReadingOptions,
    clips: ClipOptions,
    output: OutputOptions,
) -> None:
    """Answer a question about a clip; without a question, describe it.

    Example: smol video clip.mp4 "What happens?" --frames 16
    """
    from smolcli.cli._inputs import open_inputs, said
    from smolcli.cli._session import Delivery, Run, media_options, style_for
    from smolcli.errors import MediaError
    from smolcli.tasks.ask import ask

    run = Run(model, output)
    with ExitStack() as stack:
        delivery = stack.enter_context(Delivery(run))
        engine = stack.enter_context(run.engine())
        style = style_for("video", reading, engine.facts)
        asked = style.prompt.default_question if question is None else said(question)
        options = media_options(PageOptions(), engine.facts)
        media, plan = open_inputs(stack, [clip], engine, (asked, style), (options, clips))
        if media[0].video is None:
            raise MediaError(f"{clip} is not a clip.", f'For pictures and documents: smol ask {clip} "…"')
        delivery.notes(plan.notes)
        run.show_plan(engine.facts, plan)
        delivery.write(engine, ask(engine, media, plan, [asked], style), 1)
