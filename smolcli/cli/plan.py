"""smol plan MEDIA... [QUESTION]"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from smolcli.cli._options import ClipOptions, ModelOptions, OutputOptions, PageOptions, ReadingOptions, with_options


@with_options(model=ModelOptions, reading=ReadingOptions, pages=PageOptions, clips=ClipOptions, output=OutputOptions)
def command(
    arguments: Annotated[list[str] | None, typer.Argument(metavar="MEDIA... [QUESTION]", show_default=False)] = None,
    question: Annotated[list[str] | None, typer.Option("-Q", "--question", help="Plan for this question.")] = None,
    messages: Annotated[
        Path | None, typer.Option("--messages", help="A conversation as JSON, or many: one line each.", metavar="FILE")
    ] = None,
    hashes: Annotated[bool, typer.Option("--hashes", help="Render, and give every tile's sha256.")] = False,
    *,
    model: ModelOptions,
    reading: ReadingOptions,
    pages: PageOptions,
    clips: ClipOptions,
    output: OutputOptions,
) -> None:
    """Say what a request would cost before it is computed: sizes, tiles, tokens, context, seconds.

    Example: smol plan photo.jpg "What is this?" --detail native --json
    """
    from smolcli.cli._inputs import longest, no_more_than_messages, open_inputs, split_optional_question
    from smolcli.cli._plans import plan_lines, plan_record, tile_hashes
    from smolcli.cli._session import Run, media_options, style_for, text_output
    from smolcli.output import printable, to_json
    from smolcli.tasks.answering import load_pictures

    run = Run(model, output)
    if messages is not None:
        from smolcli.cli._conversations import plan_conversations

        no_more_than_messages(arguments, question, reading)
        plan_conversations(run, messages, (reading, pages, clips), hashes)
        return
    paths, questions = split_optional_question(arguments or [], question or [])
    with ExitStack() as stack:
        target = stack.enter_context(text_output(output))
        planner = stack.enter_context(run.planner())
        style = style_for("ask", reading, planner.facts)
        asked, options = (longest(questions, planner), style), (media_options(pages, planner.facts), clips)
        media, plan = open_inputs(stack, paths, planner, asked, options)
        run.notes(plan.notes)
        record = plan_record(planner.facts, plan, run.speeds(planner.facts))
        if hashes:
            pictures = [
                load_pictures(*pair)[0] for pair in zip(media, plan.media, strict=True) if pair[0].video is None
            ]
            found = tile_hashes([part for parts in pictures for part in parts])
            for entry in record["media"]:
                if entry["kind"] != "video":
                    entry["tile_sha256"] = next(found)
        lines = (
            [to_json(record)] if output.json or hashes else plan_lines(planner.facts, plan, run.speeds(planner.facts))
        )
        target.write("".join(f"{printable(line)}\n" for line in lines))
