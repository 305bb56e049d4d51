"""smol ocr FILE|DIR|- ..."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.cli._options import with_options
from smolcli.errors import UsageError
from smolcli.options import FormatOptions, LayoutOptions, ModelOptions, OutputOptions, PageOptions, ReadingOptions

if TYPE_CHECKING:
    from smolcli.datatypes import RGB
    from smolcli.formats import PdfOptions

_TOGETHER = 8  # sheets are short and their prompts small: several fit one context and share every decode
_LAYERS = {None: "sound", "skip": "sound", "redo": "seen", "force": "none"}  # by --mode
_DPI = 200  # of pages: letters of 8 points are 22 px high


@with_options(
    {"detail": "auto", "parallel": "8", "dpi": "200"},
    model=ModelOptions,
    reading=ReadingOptions,
    layout=LayoutOptions,
    pages=PageOptions,
    formats=FormatOptions,
    output=OutputOptions,
)
def command(
    paths: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Documents, pictures, folders of them; - is standard input.")
    ],
    recursive: Annotated[bool, typer.Option("-r", "--recursive", help="Look into folders of folders.")] = False,
    table: Annotated[bool, typer.Option("--table", help="Only the tables, as CSV: short for -f csv.")] = False,
    html: Annotated[
        str | None, typer.Option("--html", help="Write pages as HTML: short for -o FILE.html.", metavar="FILE.html")
    ] = None,
    *,
    model: ModelOptions,
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
    from smolcli.cli._delivery import Delivery, Form
    from smolcli.media import find_pages
    from smolcli.session import Run
    from smolcli.verbs import How, Ocr

    model = replace(model, parallel=model.parallel or _TOGETHER)
    if table:
        formats = replace(formats, format=formats.format or "csv")
    if html is not None:
        output = replace(output, output=[*(output.output or []), _html_name(html)])
    run = Run(model, output, reading, pages, formats=formats)
    access = replace(run.access(), several=pages.dpi is None or len(paths) > 1)
    with Delivery(run, paths, pages=True) as delivery:
        if "pdf" in delivery.joined:
            _refuse_a_second(paths, recursive)
        pdf = _pdf_options(paths, layout, pages, output) if "pdf" in delivery.formats else None
        with run.reader() as reader:
            run.name_a_better_reader(reader.facts)
            if layout.layout == "auto":
                run.say_untuned(reader.facts)
            prompt = run.prompt("transcribe", reader.facts)
            template = run.template(replace(prompt, dpi=prompt.dpi or _DPI), [])
            how = How(
                run.page_form(reader.facts, layout.layout),
                reader.facts.name,
                _LAYERS[layout.mode],
                layout.min_confidence,
                layout.drop_doubtful,
                reader.page_texts,
            )
            ocr = Ocr(reader.files, find_pages(paths, recursive), template, access, how)
            try:
                events = ocr.pages(reader.stream(ocr.jobs()))
                delivery.write(reader, events, lambda expected: Form(between="\f", pdf=pdf))
            finally:
                run.console.note(ocr.summary.sentence())


def _html_name(path: str) -> str:
    """The name of a file, which says its format. Raises UsageError for another one."""
    if not path.lower().endswith((".html", ".htm")):
        raise UsageError(f"--html is {path!r}.", f"Let its name say so: --html {path}.html.")
    return path


def _refuse_a_second(paths: list[str], recursive: bool) -> None:
    """A searchable PDF is of one file: a second is refused before any is read. Raises UsageError."""
    from smolcli.formats import second_file
    from smolcli.media import find_pages

    files = (each for each in find_pages(paths, recursive) if isinstance(each, str))
    next(files, None)
    if (second := next(files, None)) is not None:
        raise second_file(second)


def _pdf_options(paths: list[str], layout: LayoutOptions, pages: PageOptions, output: OutputOptions) -> PdfOptions:
    """How searchable PDFs are made; files that are named and cannot become one are refused before any is read.

    One of several that cannot be opened is a failure when its turn comes, and the others go on.
    """
    import io
    import sys
    from contextlib import nullcontext, suppress

    from smolcli.errors import MediaError
    from smolcli.formats import PdfOptions, check_pdf
    from smolcli.media import open_input, parse_pages

    data = None
    if "-" in paths:  # it is read twice
        data = open_input("-").read_all()
        sys.stdin = io.TextIOWrapper(io.BytesIO(data))
    options = PdfOptions(layout.mode or "", pages.password, output.force, data, partial(_pixels, data))
    for path in paths:
        source = data if path == "-" else Path(path)
        if source is not None and _begins_as_pdf(source):
            with suppress(MediaError) if len(paths) > 1 else nullcontext():
                check_pdf(source, options, partial(parse_pages, pages.pages))
    return options


def _pixels(data: bytes | None, path: str, index: int) -> RGB:
    """A picture of a file, as pages are made of it. data: what standard input held. Raises MediaError."""
    import io
    import sys

    from smolcli.media import MediaOptions, open_media

    if path == "-" and data is not None:
        sys.stdin = io.TextIOWrapper(io.BytesIO(data))
    with open_media(path, MediaOptions(all_frames=True)) as media:
        return media.frame(next(place for place in media.places if place.index == index)).rgb


def _begins_as_pdf(source: Path | bytes) -> bool:
    """Whether it is a PDF; pictures have no text, and what cannot be read is said when its turn comes."""
    if isinstance(source, bytes):
        return b"%PDF-" in source[:1024]
    try:
        with source.open("rb") as file:
            return source.is_file() and b"%PDF-" in file.read(1024)
    except OSError:
        return False
