"""smol docvqa FILE|DIR|- ... [QUESTION]"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.options import (
    AnswerOptions,
    ClusterOptions,
    DocumentOptions,
    FormatOptions,
    ModelOptions,
    OutputOptions,
    PageOptions,
    ReadingOptions,
)
from smolcli.usage import MoreQuestions, Recursive, with_options

if TYPE_CHECKING:
    from smolcli.delivery import Delivery
    from smolcli.reader import Reader
    from smolcli.run import Access
    from smolcli.verbs import Search, Template


@with_options(detail="auto", parallel="1")
def command(
    arguments: Annotated[
        list[str],
        typer.Argument(metavar="FILE... [QUESTION]", help="Documents or folders of them, then what you ask of each."),
    ],
    question: MoreQuestions = None,
    recursive: Recursive = False,
    *,
    model: ModelOptions,
    cluster: ClusterOptions,
    reading: ReadingOptions,
    answers: AnswerOptions,
    documents: DocumentOptions,
    pages: PageOptions,
    formats: FormatOptions,
    output: OutputOptions,
) -> None:
    """Answer a question about each document, or write out its text.

    The best answer is given, with its page. Of a long document the likeliest pages are read.

    Example: smol docvqa report.pdf "What is the total?" --evidence proof
    """
    from smolcli.cli._inputs import files_held
    from smolcli.delivery import Delivery
    from smolcli.session import Run, search_of
    from smolcli.streams import reread_standard_input

    run = Run(model, output, reading, pages, formats=formats, cluster=cluster)
    files, questions, held = files_held(arguments, question, answers)
    _refuse_what_does_not_go_together(documents, bool(questions))
    access = replace(run.access(), several=len(files) > 1 or Path(files[0]).is_dir())
    with reread_standard_input(files), Delivery(run, files) as delivery, run.reader() as reader:
        prompt = run.prompt("docvqa" if questions else "transcribe", reader.facts)
        asked = _Asked(files, recursive, held.template(run.template(prompt, questions)), access)
        if questions:
            _answer(delivery, reader, asked, search_of(run, reader, documents, files, len(questions)))
        else:
            _write_out(delivery, reader, asked)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of which files."""

    files: Sequence[str]
    recursive: bool
    template: Template
    access: Access


def _answer(delivery: Delivery, reader: Reader, asked: _Asked, search: Search) -> None:
    """The best answer of each document to each question."""
    from smolcli.delivery import document_form
    from smolcli.media import find_pages
    from smolcli.verbs import DocumentQuestions

    found = find_pages(asked.files, asked.recursive)
    asking = DocumentQuestions(reader.files, found, asked.template, asked.access, search)
    events = asking.answers(reader.stream(asking.jobs()))
    several, questions = asked.access.several, len(asked.template.questions)
    delivery.write(reader, events, lambda expected: document_form(several, asking.most_pages, questions, expected))


def _write_out(delivery: Delivery, reader: Reader, asked: _Asked) -> None:
    """The text of each page."""
    from smolcli.delivery import text_form
    from smolcli.media import find_pages
    from smolcli.verbs import docvqa, keeping_texts

    found = find_pages(asked.files, asked.recursive)
    events = reader.stream(docvqa(reader.files, found, asked.template, asked.access))
    delivery.write(reader, keeping_texts(events, reader.page_texts), partial(text_form, asked.access.several))


def _refuse_what_does_not_go_together(documents: DocumentOptions, asked: bool) -> None:
    """Raises UsageError."""
    from smolcli.errors import UsageError

    if documents.all_pages and documents.per_page:
        raise UsageError(
            "--all-pages and --per-page do not go together.",
            "--per-page reads all pages too, and prints an answer for each.",
        )
    if documents.evidence is not None and not asked:
        raise UsageError(
            "--evidence is given, and no question.", 'Ask one: smol docvqa report.pdf "What is the total?"'
        )
