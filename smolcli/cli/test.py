"""smol test IMG QUESTION"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.options import ModelOptions, OutputOptions, PageOptions, ReadingOptions
from smolcli.usage import with_options

if TYPE_CHECKING:
    from smolcli.jobs import Answer
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
    from smolcli.delivery import single_answer, text_output
    from smolcli.formats import answer_record, to_json
    from smolcli.session import asking_yes_or_no
    from smolcli.verbs import NO, YES, ask

    with text_output(run.output, [media]) as target, run.reader() as reader:
        template = asking_yes_or_no(run).template(run.prompt("ask", reader.facts), [question]).within(choices=(YES, NO))
        answer = single_answer(run, reader, ask(reader.files, [media], template, run.access()), target)
        run.console.note(*answer.warnings)
        if run.output.json:
            target.write(to_json(answer_record(answer)) + "\n")
    return answer
