"""smol test IMG QUESTION"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.options import ModelOptions, OutputOptions, PageOptions, ReadingOptions
from smolcli.usage import with_options

if TYPE_CHECKING:
    from smolcli.jobs import Answer
    from smolcli.reader import Reader
    from smolcli.run import Item
    from smolcli.session import Run


@with_options(detail="auto", parallel="1")
def command(
    media: Annotated[str, typer.Argument(metavar="IMG", help="A picture, a page or a clip; - is standard input.")],
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What can be answered with yes or no.")],
    least: Annotated[
        float, typer.Option("--min", help="How likely yes has to be.", metavar="X", min=0.0, max=1.0)
    ] = 0.5,
    *,
    model: ModelOptions,
    reading: ReadingOptions,
    pages: PageOptions,
    output: OutputOptions,
) -> None:
    """Say by the exit code whether something is seen in a picture.

    0 is yes, 1 is no, 2 and more is an error. -v says how likely yes is.

    Example: smol test door.jpg "Is there a person?" && echo ring
    """
    from smolcli.session import Run
    from smolcli.verbs import likely_of

    answer = _answer(Run(model, output, reading, pages), media, question)
    likely = likely_of(answer)
    if output.verbose:
        from smolcli.console import say

        say(f"yes {likely:.3f}, no {1 - likely:.3f}")
    if likely < least:
        raise typer.Exit(1)


def _answer(run: Run, media: str, question: str) -> Answer:
    """Yes or no about the pictures of one file together. Raises SomeInputsFailedError with a code of 2 or more."""
    from smolcli.delivery import text_output
    from smolcli.formats import answer_record, to_json
    from smolcli.verbs import NO, YES, ask

    hint = run.reading.hint or run.known_answers().yes_or_no
    hinted = replace(run, reading=replace(run.reading, hint=hint))
    with text_output(run.output, [media]) as target, run.reader() as reader:
        template = hinted.template(run.prompt("ask", reader.facts), [question]).within(choices=(YES, NO))
        answer = _of(run, reader, ask(reader.files, [media], template, run.access()))
        run.console.note(*answer.warnings)
        if run.output.json:
            target.write(to_json(answer_record(answer)) + "\n")
    return answer


def _of(run: Run, reader: Reader, jobs: Iterator[Item]) -> Answer:
    """What the one job came to, what is said of it on the way. Raises SomeInputsFailedError."""
    from smolcli.console import say
    from smolcli.errors import SomeInputsFailedError
    from smolcli.formats import failure_sentence
    from smolcli.jobs import Answer, Failure
    from smolcli.run import Planned
    from smolcli.speeds import Took, peak_rss_bytes, stats_lines

    began_s = time.perf_counter()
    for event in reader.stream(jobs):
        if isinstance(event, Planned):
            run.show_plan(reader.engine, event.plan)
        elif isinstance(event, Failure):
            say(failure_sentence(event))
            error = SomeInputsFailedError("")
            error.exit_code = event.exit_code
            raise error
        elif isinstance(event, Answer):
            if run.output.stats:
                took, wall_s = Took(), time.perf_counter() - began_s
                took.add(event.generation, event.cached)
                for line in stats_lines(
                    took, (reader.engine.load_s, wall_s), peak_rss_bytes(), reader.facts.tokens_per_tile
                ):
                    say(line)
            return event
    raise AssertionError("a job came to nothing")
