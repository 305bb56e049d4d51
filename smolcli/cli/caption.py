"""smol caption PATH...|DIR|-"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.options import (
    AnswerOptions,
    ClusterOptions,
    FormatOptions,
    InputOptions,
    KeepingOptions,
    ModelOptions,
    OutputOptions,
    PageOptions,
    ReadingOptions,
)
from smolcli.usage import with_options

if TYPE_CHECKING:
    from smolcli.delivery import Shown
    from smolcli.engine import Planner
    from smolcli.media import Given
    from smolcli.run import Item, OpenFiles
    from smolcli.session import Held, Run


Paths = Annotated[
    list[str] | None,
    typer.Argument(metavar="PATH...", help="Files, folders, patterns, @FILE of names; - is a picture, or names."),
]
OneQuestion = Annotated[
    list[str] | None, typer.Option("-Q", "--question", help="Ask this of each image instead, once.", metavar="TEXT")
]
Html = Annotated[
    str | None,
    typer.Option("--html", help="Write a page with pictures and captions: short for -o FILE.html.", metavar="FILE"),
]


@with_options(detail="low", max_tokens="256", parallel="auto")
def command(
    paths: Paths = None,
    question: OneQuestion = None,
    html: Html = None,
    *,
    model: ModelOptions,
    cluster: ClusterOptions,
    reading: ReadingOptions,
    answers: AnswerOptions,
    pages: PageOptions,
    inputs: InputOptions,
    keeping: KeepingOptions,
    formats: FormatOptions,
    output: OutputOptions,
) -> None:
    """Describe each image of files and folders in a line.

    A line is `path<TAB>caption`; lines come in the order of names. Pictures are looked at as one tile (--detail low).

    Example: smol caption holiday/ > captions.tsv
    """
    from smolcli.delivery import gallery
    from smolcli.session import Run, given_pictures, held_answers

    given = given_pictures(paths, inputs)
    held = held_answers(answers, given.streams)
    questions = held.asking(_one_question(question, given.streams))
    _refuse_a_prefix(keeping.prefix, held)
    model = replace(model, parallel=model.parallel or "auto")
    run = Run(model, output, reading, pages, formats=formats, cluster=cluster)
    _caption(run, _Asked(given, inputs, held, questions), keeping, gallery(html))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of which pictures."""

    given: Given
    inputs: InputOptions
    held: Held
    questions: Sequence[str]


def _caption(run: Run, asked: _Asked, keeping: KeepingOptions, shown: Shown) -> None:
    """Write a caption for each picture, or only say what there would be to do."""
    from smolcli.console import Ending
    from smolcli.delivery import BY_PLACE, Delivery, refuse_beside, rehearse
    from smolcli.session import arrivals_of, picked
    from smolcli.streams import reread_standard_input
    from smolcli.verbs import caption_found, prefixed

    given, inputs = asked.given, asked.inputs
    if inputs.unordered:
        refuse_beside(run.formats, "captions have to come in order", "Leave out --unordered.")
    arrivals = arrivals_of(given, inputs, [] if keeping.append else [*(run.output.output or []), *shown.paths])

    def jobs_of(planner: Planner, files: OpenFiles, is_finished: Callable[[str], bool] | None) -> Iterator[Item]:
        template = asked.held.template(run.template(run.prompt("caption", planner.facts), asked.questions))
        return caption_found(files, picked(given, inputs, is_finished, arrivals), template, run.access())

    if inputs.dry_run:
        rehearse(run, given.inputs, keeping, jobs_of, shown)
        return
    sent = given.inputs if run.cluster.cluster is not None else []  # to actors, which may be after it was read here
    with (
        reread_standard_input(sent),
        Delivery(run, given.inputs, shown=shown, keeping=keeping) as delivery,
        run.reader(inputs.unordered) as reader,
        arrivals or nullcontext(),
    ):
        if arrivals is not None:
            arrivals.is_ours = delivery.is_ours
            run.console.tell(f"watching {', '.join(arrivals.folders)} (Ctrl-C ends it)")
        jobs = delivery.unsaid(jobs_of(reader.planner, reader.files, delivery.is_finished), reader.facts.name)
        events = prefixed(reader.stream(jobs), keeping.prefix) if keeping.prefix else reader.stream(jobs)
        delivery.write(reader, events, lambda expected: BY_PLACE, Ending(inputs.watch))


def _refuse_a_prefix(prefix: str, held: Held) -> None:
    """Data and choices are read by programs. Raises UsageError."""
    from smolcli.errors import UsageError

    if prefix and (held.schema or held.choices):
        raise UsageError("--prefix is for captions, not for data or choices.", "Leave out --prefix.")


def _one_question(given: list[str] | None, paths: Sequence[str]) -> list[str]:
    """What is asked of each image, if anything is. Raises UsageError."""
    from smolcli.errors import UsageError
    from smolcli.verbs import read_questions

    questions = read_questions(given or [], paths)
    if len(questions) > 1:
        raise UsageError("One question is asked of each image.", "Use smol docvqa FILE... -Q ... -Q ... for several.")
    return questions
