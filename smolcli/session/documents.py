"""How documents are searched, in options; what is looked for in them, and where what was found is shown, out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from smolcli.options import DocumentOptions, ReadingOptions

if TYPE_CHECKING:
    from smolcli.reader import Reader
    from smolcli.session.run import Run
    from smolcli.verbs import Evidence, Search


def search_of(run: Run, reader: Reader, documents: DocumentOptions, files: Sequence[str], questions: int) -> Search:
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
        known.doubted if documents.least is None else 0.0,  # a bound of the user's own is the only one
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
