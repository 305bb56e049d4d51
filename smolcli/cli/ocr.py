"""smol ocr FILE|DIR|- ..."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.errors import UsageError
from smolcli.options import (
    ClusterOptions,
    FormatOptions,
    LayoutOptions,
    ModelOptions,
    OutputOptions,
    PageOptions,
    ReadingOptions,
)
from smolcli.usage import Recursive, with_options

if TYPE_CHECKING:
    from smolcli.delivery import Delivery
    from smolcli.formats import Form
    from smolcli.reader import Reader
    from smolcli.session import Run
    from smolcli.verbs import How, Ocr

_LAYERS = {None: "sound", "skip": "sound", "redo": "seen", "force": "none"}  # by --mode


@with_options(detail="auto", parallel="auto", dpi="200")
def command(
    paths: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Documents, pictures, folders of them; - is standard input.")
    ],
    recursive: Recursive = False,
    table: Annotated[bool, typer.Option("--table", help="Only the tables, as CSV: short for -f csv.")] = False,
    html: Annotated[
        str | None, typer.Option("--html", help="Write pages as HTML: short for -o FILE.html.", metavar="FILE.html")
    ] = None,
    *,
    model: ModelOptions,
    cluster: ClusterOptions,
    reading: ReadingOptions,
    layout: LayoutOptions,
    pages: PageOptions,
    formats: FormatOptions,
    output: OutputOptions,
) -> None:
    """Write out the text of documents, page by page.

    Text that a page has already is taken as it is; what is only a picture is read.

    Example: smol ocr scan.pdf -o scan.txt
    """
    from smolcli.delivery import Delivery
    from smolcli.formats import Form
    from smolcli.session import Run, pdf_options, refuse_a_second
    from smolcli.streams import reread_standard_input

    formats, output = _short_for(formats, output, table, html)
    model = replace(model, parallel=model.parallel or "auto")
    run = Run(model, output, reading, pages, formats=formats, cluster=cluster)
    with reread_standard_input(paths), Delivery(run, paths, pages=True) as delivery:
        refuse_a_second(paths if "pdf" in delivery.joined else [], recursive)
        pdf = pdf_options(paths, layout, pages, output) if "pdf" in delivery.formats else None
        with run.reader() as reader:
            how = _how(run, reader, layout, _layers(layout, delivery.formats))
            _write(delivery, reader, _reading(run, reader, how, paths, recursive), Form(between="\f", pdf=pdf))


def _write(delivery: Delivery, reader: Reader, ocr: Ocr, form: Form) -> None:
    """Every page, and at the end what they were read as, also where the run breaks off."""
    try:
        delivery.write(reader, ocr.pages(reader.stream(ocr.jobs())), lambda expected: form)
    finally:
        delivery.notes(ocr.summary.sentences("csv" in delivery.formats))


def _short_for(
    formats: FormatOptions, output: OutputOptions, table: bool, html: str | None
) -> tuple[FormatOptions, OutputOptions]:
    """--table is -f csv, --html FILE is -o FILE. Raises UsageError where that is named otherwise."""
    if html is not None and not html.lower().endswith((".html", ".htm")):
        raise UsageError(f"--html is {html!r}.", f"Let its name say so: --html {html}.html.")
    if table and formats.format not in (None, "csv"):
        raise UsageError(f"--table is -f csv, and -f says {formats.format}.", "Give one of them.")
    outputs = output.output if html is None else [*(output.output or []), html]
    return replace(formats, format="csv") if table else formats, replace(output, output=outputs)


def _layers(layout: LayoutOptions, formats: set[str]) -> str:
    """Which text layers stand for their pages: any, where pages that have one are only left as they are."""
    return "any" if layout.mode == "skip" and formats == {"pdf"} else _LAYERS[layout.mode]


def _how(run: Run, reader: Reader, layout: LayoutOptions, layers: str) -> How:
    """How this model reads pages."""
    from smolcli.verbs import How

    facts = reader.facts
    run.name_a_better_reader(facts)
    if layout.layout == "auto":
        run.say_untuned(facts)
    form = run.page_form(facts, layout.layout)
    return How(form, facts.name, layers, layout.min_confidence, layout.drop_doubtful, reader.page_texts, reader.engines)


def _reading(run: Run, reader: Reader, how: How, paths: list[str], recursive: bool) -> Ocr:
    """The pages of files and folders, as they are read."""
    from smolcli.media import find_pages
    from smolcli.verbs import Ocr

    template = run.page_template(reader.facts)
    several = run.pages.dpi is None or len(paths) > 1
    access = replace(run.access(), several=several, in_parts=True)
    return Ocr(reader.files, find_pages(paths, recursive), template, access, how)
