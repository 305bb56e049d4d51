"""smol plan MEDIA... [QUESTION]"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.cli._options import with_options
from smolcli.options import ClipOptions, ModelOptions, OutputOptions, PageOptions, ReadingOptions

if TYPE_CHECKING:
    from smolcli.cli._session import Run
    from smolcli.datatypes import ImagePart
    from smolcli.media import Media
    from smolcli.tasks.planning import RequestPlan


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
        list[str] | None, typer.Argument(metavar="MEDIA... [QUESTION]", help="Files, then what would be asked.")
    ] = None,
    question: Annotated[
        list[str] | None, typer.Option("-Q", "--question", help="Plan for this question.", metavar="TEXT")
    ] = None,
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
    """Say what a request would cost before it is computed.

    Sizes, tiles, tokens, context, seconds.

    Example: smol plan photo.jpg "What is this?" --detail native --json
    """
    from smolcli.cli._inputs import no_more_than_messages, split_optional_question
    from smolcli.cli._session import Run

    run, options = Run(model, output), (reading, pages, clips)
    if messages is not None:
        from smolcli.cli._conversations import plan_conversations

        no_more_than_messages(arguments, question, reading)
        plan_conversations(run, messages, options, hashes)
        return
    _plan_inputs(run, split_optional_question(arguments or [], question or []), options, hashes)


def _plan_inputs(
    run: Run, given: tuple[list[str], list[str]], options: tuple[ReadingOptions, PageOptions, ClipOptions], hashes: bool
) -> None:
    """Print the plan of one request; given: its media and questions."""
    from smolcli.cli._inputs import longest, open_inputs
    from smolcli.cli._plans import add_hashes, plan_lines, plan_record
    from smolcli.cli._session import media_options, style_for, text_output
    from smolcli.output import printable, to_json

    (paths, questions), (reading, pages, clips) = given, options
    with ExitStack() as stack:
        target = stack.enter_context(text_output(run.output))
        planner = stack.enter_context(run.planner())
        asked = (longest(questions, planner), style_for("ask", reading, planner.facts))
        media, plan = open_inputs(stack, paths, planner, asked, (media_options(pages, planner.facts), clips))
        run.notes((*plan.notes, *(warning for medium in media for warning in medium.warnings)))
        speeds = run.speeds(planner.facts)
        if run.output.json or hashes:
            record = plan_record(planner.facts, plan, speeds)
            if hashes:
                add_hashes(record["media"], _pictures(media, plan))
            lines: Iterable[str] = [to_json(record)]
        else:
            lines = plan_lines(planner.facts, plan, speeds)
        target.write("".join(f"{printable(line)}\n" for line in lines))


def _pictures(media: Sequence[Media], plan: RequestPlan) -> Iterator[ImagePart]:
    """Every image and page of a request, cut; clips are left out."""
    from smolcli.tasks.answering import load_pictures

    for medium, planned in zip(media, plan.media, strict=True):
        if medium.video is None:
            yield from load_pictures(medium, planned)[0]
