"""smol plan MEDIA... [QUESTION]"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.options import AnswerOptions, ClipOptions, ModelOptions, OutputOptions, PageOptions, ReadingOptions
from smolcli.usage import Conversations, with_options

if TYPE_CHECKING:
    from smolcli.datatypes import ImagePart
    from smolcli.media import Media
    from smolcli.run import RequestPlan
    from smolcli.session import Run


@with_options(detail="auto", parallel="1")
def command(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="MEDIA... [QUESTION]", help="Files, then what would be asked.")
    ] = None,
    question: Annotated[
        list[str] | None, typer.Option("-Q", "--question", help="Plan for this question.", metavar="TEXT")
    ] = None,
    messages: Conversations = None,
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
    from smolcli.session import Run

    run = Run(model, output, reading, pages, clips)
    if messages is not None:
        from smolcli.cli._conversations import plan_conversations

        no_more_than_messages(arguments, question, reading, AnswerOptions())
        plan_conversations(run, messages, hashes)
        return
    _plan_inputs(run, split_optional_question(arguments or [], question or []), hashes)


def _plan_inputs(run: Run, given: tuple[list[str], list[str]], hashes: bool) -> None:
    """Print the plan of the request with the longest question; given: media and questions."""
    from smolcli.delivery import text_output
    from smolcli.formats import add_hashes, plan_lines, plan_record, printable, to_json
    from smolcli.run import OpenFiles, plan_job
    from smolcli.verbs import open_together

    paths, questions = given
    with ExitStack() as stack:
        target = stack.enter_context(text_output(run.output, paths))
        planner = stack.enter_context(run.planner())
        files = stack.enter_context(closing(OpenFiles(planner.facts, planner.context_tokens)))
        template = run.template(run.prompt("ask", planner.facts), questions)
        jobs = list(template.jobs(open_together(stack, files, paths, template.look, run.access())))
        media = files.take(jobs[0])
        plan = max((plan_job(planner, media, job) for job in jobs), key=lambda found: len(found.sequence.ids))
        run.console.note(*dict.fromkeys((*plan.notes, *(odd for medium in media for odd in medium.warnings))))
        shown = run.shown_plan(planner, plan)
        lines: Iterable[str] = plan_lines(shown)
        if run.output.json or hashes:
            record = plan_record(shown)
            if hashes:
                add_hashes(record["media"], _pictures(media, plan))
            lines = [to_json(record)]
        target.write("".join(f"{printable(line)}\n" for line in lines))


def _pictures(media: Sequence[Media], plan: RequestPlan) -> Iterator[ImagePart]:
    """Every image and page of a request, cut; clips are left out."""
    from smolcli.jobs import Look
    from smolcli.run import cut_pictures

    for medium, planned in zip(media, plan.media, strict=True):
        if medium.video is None:
            yield from cut_pictures(medium, planned, Look())[0]
