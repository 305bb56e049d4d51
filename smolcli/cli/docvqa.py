"""smol docvqa FILE|DIR|- ... [QUESTION]"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.cli._options import MoreQuestions, with_options
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

if TYPE_CHECKING:
    from smolcli.cli._delivery import Delivery, Form
    from smolcli.jobs import Answer
    from smolcli.reader import Reader
    from smolcli.run import Access
    from smolcli.session import Run
    from smolcli.verbs import DocumentQuestions, Evidence, Search, Template


@with_options(
    {"detail": "auto", "parallel": "1"},
    model=ModelOptions,
    cluster=ClusterOptions,
    reading=ReadingOptions,
    answers=AnswerOptions,
    documents=DocumentOptions,
    pages=PageOptions,
    formats=FormatOptions,
    output=OutputOptions,
)
def command(
    arguments: Annotated[
        list[str],
        typer.Argument(metavar="FILE... [QUESTION]", help="Documents or folders of them, then what you ask of each."),
    ],
    question: MoreQuestions = None,
    recursive: Annotated[bool, typer.Option("-r", "--recursive", help="Look into folders of folders.")] = False,
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
    from smolcli.cli._answers import files_held
    from smolcli.cli._delivery import Delivery
    from smolcli.cli._inputs import reread_standard_input
    from smolcli.session import Run

    run = Run(model, output, reading, pages, formats=formats, cluster=cluster)
    files, questions, held = files_held(arguments, question, answers)
    _refuse_what_does_not_go_together(documents, bool(questions))
    access = replace(run.access(), several=len(files) > 1 or Path(files[0]).is_dir())
    with reread_standard_input(files), Delivery(run, files) as delivery, run.reader() as reader:
        prompt = run.prompt("docvqa" if questions else "transcribe", reader.facts)
        asked = _Asked(files, recursive, held.template(run.template(prompt, questions)), access)
        if questions:
            _answer(delivery, reader, asked, _search(run, reader, documents, files, len(questions)))
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
    from smolcli.media import find_pages
    from smolcli.verbs import DocumentQuestions

    found = find_pages(asked.files, asked.recursive)
    asking = DocumentQuestions(reader.files, found, asked.template, asked.access, search)
    events = asking.answers(reader.stream(asking.jobs()))
    questions = len(asked.template.questions)
    delivery.write(reader, events, partial(_form, asking, asked.access.several, questions))


def _write_out(delivery: Delivery, reader: Reader, asked: _Asked) -> None:
    """The text of each page."""
    from smolcli.media import find_pages
    from smolcli.verbs import docvqa, keeping_texts

    found = find_pages(asked.files, asked.recursive)
    events = reader.stream(docvqa(reader.files, found, asked.template, asked.access))
    delivery.write(reader, keeping_texts(events, reader.page_texts), partial(_text_form, asked.access.several))


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


def _search(run: Run, reader: Reader, documents: DocumentOptions, files: Sequence[str], questions: int) -> Search:
    """How documents are searched, and with what this model is known to say."""
    from smolcli.verbs import Eyes, Ranking, Search

    known = run.known_answers()
    hint = replace(run, reading=ReadingOptions()).prompt("docvqa", reader.facts).hints["relevance"]
    asking = known.relevance or "{question}" + hint
    return Search(
        Ranking(reader.page_texts, reader.rank_texts, asking),
        _evidence(run, reader, documents, files, questions),
        None if documents.all_pages else documents.top,
        documents.per_page,
        known.least if documents.least is None else documents.least,
        known.refusals,
        reader.at_once,
        Eyes(reader.facts.longest_edge_px, known.letter_px, known.least_px),
        known.doubted,
    )


def _evidence(run: Run, reader: Reader, documents: DocumentOptions, files: Sequence[str], questions: int) -> Evidence:
    """Where answers are looked for: among lines that are known, and among those that have to be read if that is asked
    for, or if the model reads lines anyway.
    """
    from smolcli.formats import MarkedPages, Marking
    from smolcli.media import NamedInputs
    from smolcli.verbs import Evidence

    template = replace(run, reading=ReadingOptions()).page_template(reader.facts)
    form = run.page_form(reader.facts, "auto")
    wanted = documents.evidence is not None
    marks = None
    if documents.evidence is not None:
        is_input = NamedInputs(files).have
        marking = Marking(documents.evidence, files, questions, is_input, run.output.force)
        marks = MarkedPages(marking).begin
    return Evidence(template, form if wanted or form.layout == "lines" else None, marks)


def _where(several: bool) -> Callable[[Answer], str]:
    """What a page is called: its number, behind the name of its file where there are several."""

    def where(answer: Answer) -> str:
        place = answer.job.places[0]
        if len(answer.job.places) > 1:  # no page of them answers
            return place.source.path if several else "-"
        return place.uri if several else place.label

    return where


def _form(asking: DocumentQuestions, several: bool, questions: int, expected: int) -> Form:
    """How answers are told apart: by page where there are several, by file and question likewise."""
    from smolcli.cli._delivery import PLAIN, Form

    where = _where(several)

    def columns(answer: Answer) -> tuple[str, ...]:
        return (where(answer), answer.question) if questions > 1 else (where(answer),)

    if expected == 1 and not several and asking.most_pages < 2:
        return PLAIN
    return Form(columns=columns, questions=questions)


def _text_form(several: bool, expected: int) -> Form:
    """How the texts of pages are told apart."""
    from smolcli.cli._delivery import PLAIN, Form

    return PLAIN if expected == 1 and not several else Form(heading=_where(several))
