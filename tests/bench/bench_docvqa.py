"""Questions about drawn documents with the built-in model: what is right, where it stands, what it costs.

    python tests/bench/bench_docvqa.py [--forms 16] [--words 6] [--invoices 8] [--reports 1] [--pages 60] [--thresholds]

ANLS: of answerable questions. page: answered from the right page. IoU: of the evidence with the line that was drawn,
over the answers that are right and have some. abstained: of unanswerable questions. refused: of answerable ones.
encodes: tiles a document, for all of its questions. --thresholds: how sure right answers and inventions were.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import records
from asked_documents import (
    Asked,
    AskedDocument,
    anls,
    draw_form,
    draw_invoice,
    draw_report,
    draw_words,
    iou,
    pdf_of_sheets,
)

from smolcli import Answer
from smolcli.models import builtin, builtin_pages, builtin_questions
from smolcli.reader import Reader, open_reader
from smolcli.run import Access
from smolcli.verbs import DocumentQuestions, Evidence, Eyes, Form, Ranking, Search

RIGHT = 0.8  # ANLS from which an answer is right


@dataclass
class Scores:
    """Of one kind of document."""

    anls: list[float] = field(default_factory=list)
    page: list[bool] = field(default_factory=list)
    iou: list[float] = field(default_factory=list)
    placed: list[bool] = field(default_factory=list)
    abstained: list[bool] = field(default_factory=list)
    refused: list[bool] = field(default_factory=list)
    sure: list[tuple[str, float]] = field(default_factory=list)  # "right", "wrong" or "invented"
    encodes: int = 0
    seconds: list[float] = field(default_factory=list)  # of each document, all of its questions

    def add(self, asked: Asked, answer: Answer) -> None:
        refused = answer.text == "not found"
        if asked.answer is None:
            self.abstained.append(refused)
            if not refused:
                self.sure.append(("invented", answer.confidence or 0.0))
            return
        likeness = anls(answer.text, asked.answer)
        self.anls.append(likeness)
        self.refused.append(refused)
        self.page.append(not refused and answer.job.places[0].page == asked.page)
        if not refused:
            self.sure.append(("right" if likeness >= RIGHT else "wrong", answer.confidence or 0.0))
        if likeness >= RIGHT:
            self.placed.append(bool(answer.evidence))
            if answer.evidence and asked.box is not None and answer.evidence[0].box is not None:
                self.iou.append(iou(answer.evidence[0].box, asked.box))

    def line(self, name: str, documents: int) -> str:
        figures = (self.anls, self.page, self.placed, self.iou, self.abstained, self.refused)
        cells = [f"{mean(figure):.3f}" if figure else "" for figure in figures]
        cells += [f"{self.encodes / documents:.1f}", f"{mean(self.seconds):.1f}"]
        return f"| {name} | {len(self.anls) + len(self.abstained)} | {' | '.join(cells)} |"


def ask(reader: Reader, path: str, document: AskedDocument, search: Search) -> Iterator[Answer]:
    """The answers to what is asked of a document, in order."""
    template = reader.template("docvqa", [asked.question for asked in document.asked])
    asking = DocumentQuestions(reader.files, [path], template, Access(), search)
    for event in asking.answers(reader.stream(asking.jobs())):
        if isinstance(event, Answer):
            yield event


def searching(reader: Reader, top: int | None = 3, least: float | None = None) -> Search:
    """How `smol docvqa` searches with the built-in model."""
    look, known = reader.template("transcribe"), builtin_questions()
    form = replace(Form("lines", reader.facts.tile_px), **builtin_pages())
    return Search(
        Ranking(reader.page_texts, reader.rank_texts, known["relevance"]),
        Evidence(replace(look, look=replace(look.look, dpi=200)), form),
        top,
        least=known["least"] if least is None else least,
        refusals=known["refusals"],
        at_once=4,
        eyes=Eyes(reader.facts.longest_edge_px, known["letter_px"], known["least_px"]),
        doubted=known["doubted"],
    )


def score(documents: Sequence[AskedDocument], mode: str, least: float | None, top: int | None) -> Scores:
    """What comes of some documents, written as PDFs of a kind."""
    scores = Scores()
    with tempfile.TemporaryDirectory() as folder, open_reader(store=False, parallel=4) as reader:
        search = searching(reader, top, least)
        for number, document in enumerate(documents):
            path = Path(folder) / f"{number}.pdf"
            path.write_bytes(pdf_of_sheets(document.sheets, mode))
            start = time.perf_counter()
            for asked, answer in zip(document.asked, ask(reader, str(path), document, search), strict=True):
                scores.add(asked, answer)
                scores.encodes += answer.generation.counts.encodes
            scores.seconds.append(time.perf_counter() - start)
    return scores


def show_thresholds(scores: Scores) -> None:
    """Of what was said: how much of what is right, wrong or invented is surer than each bound."""
    for bound in (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95):
        shares = []
        for kind in ("right", "wrong", "invented"):
            sure = [confidence for what, confidence in scores.sure if what == kind]
            kept = sum(confidence >= bound for confidence in sure)
            shares.append(f"{kind} {kept} of {len(sure)}")
        print(f"    at least {bound}: {', '.join(shares)}")


@dataclass(frozen=True)
class Case:
    """Documents of a kind, the modes in which they are written, and in which of them all pages are read as well."""

    name: str
    documents: Sequence[AskedDocument]
    modes: Sequence[str]
    whole: Sequence[str] = ()


def cases(given: argparse.Namespace) -> Iterator[Case]:
    """What is asked."""
    modes = given.modes.split(",")
    single = [mode for mode in modes if mode != "mixed"]
    yield Case("forms", [draw_form(seed) for seed in range(given.forms)], single)
    yield Case("pages of words", [draw_words(seed) for seed in range(given.words)], single)
    yield Case("invoices on A4", [draw_invoice(seed) for seed in range(given.invoices)], single)
    reports = [draw_report(seed, given.pages) for seed in range(given.reports)]
    yield Case(f"reports of {given.pages} pages", reports, modes, () if given.no_all_pages else ("scanned",))
    printed = [draw_report(seed, given.pages, a4=True) for seed in range(given.reports)]
    yield Case(f"reports of {given.pages} pages on A4", printed, [mode for mode in modes if mode == "born"])


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forms", type=int, default=16)
    parser.add_argument("--words", type=int, default=6, help="pages that tell nothing that is asked")
    parser.add_argument("--invoices", type=int, default=8)
    parser.add_argument("--reports", type=int, default=1)
    parser.add_argument("--pages", type=int, default=60)
    parser.add_argument("--modes", default="born,scanned,mixed")
    parser.add_argument("--least", type=float)
    parser.add_argument("--no-all-pages", action="store_true", help="reports are not read whole for comparison")
    parser.add_argument("--thresholds", action="store_true")
    records.add_option(parser)
    given = parser.parse_args(argv)
    counts = f"{given.forms} forms, {given.words} pages of words, {given.invoices} invoices"
    settings = (f"{counts}, {given.reports} reports of {given.pages} pages",)
    recorded = records.Found("docvqa", "Questions about drawn documents, the built-in model", builtin(), settings)
    print("| documents | questions | ANLS | page | placed | IoU | abstained | refused | encodes | seconds |")
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for case in cases(given):
        for mode in case.modes if case.documents else ():
            for top in [3, None] if mode in case.whole else [3]:
                what = f"{case.name}, {mode}{', all pages' if top is None else ''}"
                scores = score(case.documents, mode, given.least, top)
                print(scores.line(what, len(case.documents)), flush=True)
                record(recorded, what, scores, len(case.documents))
                if given.thresholds:
                    show_thresholds(scores)
    recorded.write(given.record)


def record(recorded: records.Found, what: str, scores: Scores, documents: int) -> None:
    """Put the figures of some documents into the record."""
    recorded.add(what, "s a document", scores.seconds)
    recorded.add(f"{what}, tiles encoded (mean)", "a document", [scores.encodes / documents])
    shares = {
        "ANLS": scores.anls,
        "the right page": scores.page,
        "IoU": scores.iou,
        "rightly not found": scores.abstained,
    }
    for share, values in shares.items():
        if values:
            recorded.add(f"{what}, {share} (mean)", "of 1", [mean(values)])


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
