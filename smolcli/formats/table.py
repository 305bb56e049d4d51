"""The formats by name and extension. To register one is a line in FORMATS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal, Protocol

from smolcli.errors import UsageError
from smolcli.files import Target, same_bytes
from smolcli.formats.form import Form
from smolcli.formats.json import JsonWriter, same_records
from smolcli.formats.text import TextWriter
from smolcli.formats.tsv import CsvWriter, LineWriter
from smolcli.jobs import Answer, Failure


class Writer(Protocol):
    """Answers in, bytes of one format into a target."""

    def piece(self, text: str) -> None:
        """The next characters of the answer in the making. Only standard output hears of them."""

    def answer(self, answer: Answer) -> None:
        """Write a finished answer. Raises OutputError."""

    def failure(self, failure: Failure) -> bool:
        """Write a failure, where the format has a place for it; whether it was written."""

    def broke_off(self) -> None:
        """The run broke off: no more will come, `finish` neither."""

    def finish(self) -> None:
        """All answers are written: write what ends the format. Raises OutputError."""


@dataclass(frozen=True, slots=True)
class Format:
    """What answers can be written as.

    extensions: of its files, without the dot; the first is what we give. pages: it shows pages that were read whole
    (`Answer.page`), and no other answers; clips: what happens in clips, likewise. binary: it is not for terminals.
    about_one: it is of one input, so it stands beside it under its whole name (photo.jpg.xmp), and what another program
    wrote there is amended (`Target.before`). single: a file of it is of one input, wherever it lies.
    needs: raises UsageError where a library that it is written with is not installed.
    same: whether two files of it say the same, so that one that is there already may stay.
    """

    name: str
    extensions: tuple[str, ...]
    make: Callable[[Target, Form], Writer]
    pages: bool = False
    binary: bool = False
    about_one: bool = False
    clips: bool = False
    single: bool = False
    needs: Callable[[], None] | None = None
    same: Callable[[Path, Path], bool] = same_bytes


def without_form(writer: Callable[[Target], Writer]) -> Callable[[Target, Form], Writer]:
    """A writer that says by itself what its answers are of."""
    return lambda target, form: writer(target)


def later(module: str, writer: str, *more: str) -> Callable[[Target, Form], Writer]:
    """The same of a writer that is imported when it is needed: most runs need none of them."""

    def make(target: Target, form: Form) -> Writer:
        made: Writer = getattr(import_module(f"smolcli.formats.{module}"), writer)(target, *more)
        return made

    return make


def formed(module: str, writer: str) -> Callable[[Target, Form], Writer]:
    """A writer that is imported when it is needed, and told how its answers are told apart."""

    def make(target: Target, form: Form) -> Writer:
        made: Writer = getattr(import_module(f"smolcli.formats.{module}"), writer)(target, form)
        return made

    return make


def _needs_docling() -> None:
    from smolcli.formats.doctags import require_docling

    require_docling()


def _pdf(target: Target, form: Form) -> Writer:
    """It is imported when it is needed: it loads MuPDF."""
    from smolcli.formats.pdf import PdfWriter
    from smolcli.formats.pdf_opening import PdfOptions

    return PdfWriter(target, form.pdf or PdfOptions())


Export = Literal["json", "markdown", "html", "text"]
DOCLING: tuple[tuple[str, str, Export], ...] = (  # what docling-core writes: our name for it, its extension, and how
    ("docling", "docling.json", "json"),
    ("docling-markdown", "docling.md", "markdown"),
    ("docling-html", "docling.html", "html"),
    ("docling-text", "docling.txt", "text"),
)
CLIPS: tuple[tuple[str, tuple[str, ...], str, str], ...] = (  # of one clip each: name, extensions, module, writer
    ("srt", ("srt",), "subtitles", "SrtWriter"),
    ("vtt", ("vtt",), "subtitles", "VttWriter"),
    ("chapters", ("ffmeta", "ffmetadata"), "chapters", "MetadataWriter"),
    ("chapter-list", ("chapters.txt",), "chapters", "ChapterListWriter"),
)
FORMATS = (  # a name or an extension may stand twice: pages go first where pages are read, clips where clips are
    Format("text", ("txt",), TextWriter),
    Format("tsv", ("tsv", "tab"), LineWriter),
    Format("csv", ("csv",), CsvWriter),
    Format("jsonl", ("json", "jsonl", "ndjson"), without_form(JsonWriter), same=same_records),
    Format("xmp", ("xmp",), later("xmp", "XmpWriter"), about_one=True),
    Format("html", ("html", "htm"), formed("gallery", "GalleryWriter")),
    Format("markdown", ("md", "markdown"), later("markdown", "MarkdownWriter"), pages=True),
    Format("hocr", ("hocr",), later("hocr", "HocrWriter"), pages=True),
    Format("tsv", ("tsv",), later("page_tsv", "PageTsvWriter"), pages=True),
    Format("csv", ("csv",), later("csv", "TablesWriter"), pages=True),
    Format("pdf", ("pdf",), _pdf, pages=True, binary=True),
    Format("html", ("html", "htm"), later("html", "HtmlWriter"), pages=True),
    Format("doctags", ("doctags", "dt"), later("doctags", "DoctagsWriter"), pages=True),
    *(
        Format(name, (ends,), later("doctags", "DoclingWriter", export), pages=True, needs=_needs_docling)
        for name, ends, export in DOCLING
    ),
    *(Format(name, ends, formed(module, writer), clips=True, single=True) for name, ends, module, writer in CLIPS),
    Format("html", ("html", "htm"), formed("clip_page", "ClipPageWriter"), clips=True),
    Format("sheet", ("png",), formed("sheet", "SheetWriter"), binary=True, clips=True, single=True),
)


@dataclass(frozen=True, slots=True)
class Allowed:
    """Which formats a run can write. pages: whole pages are read; beside: what is written is of one input; clips: clips
    are read.
    """

    pages: bool = False
    beside: bool = False
    clips: bool = False

    def has(self, found: Format) -> bool:
        """Whether a format is one of them."""
        read = (self.pages or not found.pages) and (self.clips or not found.clips)
        return read and (self.beside or not found.about_one)


def of_one_input(name: str) -> UsageError:
    """What is said where several inputs would come out in one file that is of one."""
    hint = f"Write it for each of them: --sidecar {name}, beside the input or with --output-dir DIR."
    return UsageError(f"A file of format {name} is of one input, and several are named.", hint)


def find_format(word: str, allowed: Allowed = Allowed()) -> Format:
    """A format by its name or an extension. Raises UsageError, which lists the known ones."""
    found = _called(word.strip().lower().removeprefix("."), allowed)
    if found is None:
        names = dict.fromkeys(each.name for each in FORMATS if allowed.has(each))
        raise UsageError(f"There is no format {word!r}.", f"Known are {', '.join(names)}.")
    return found


def format_of_file(path: str, allowed: Allowed = Allowed()) -> Format | None:
    """The format that the extension of a file says; None where it has no extension. Raises UsageError as above."""
    extension = Path(path).suffix.lower()
    two = "".join(Path(path).suffixes[-2:]).lower()  # as in report.docling.json
    found = (_called(two[1:], allowed) or _called(extension[1:], allowed)) if extension else None
    if found is None and extension:
        known = dict.fromkeys(f".{end}" for each in FORMATS if allowed.has(each) for end in each.extensions)
        hint = f"Known are {', '.join(known)}; with -f FORMAT a file may be called anything."
        raise UsageError(f"{path!r} ends as the files of no format do.", hint)
    return found


def _called(name: str, allowed: Allowed) -> Format | None:
    """Raises UsageError for one that is known and cannot be written here, or needs what is not installed."""
    named = [each for each in FORMATS if name == each.name or name in each.extensions]
    for found in sorted(named, key=lambda each: not (each.pages or each.clips)):
        if allowed.has(found):
            if found.needs is not None:
                found.needs()
            return found
    if not named:
        return None
    if named[0].about_one:
        raise UsageError(f"{named[0].name} is of one input.", f"It is written beside each: --sidecar {named[0].name}.")
    if named[0].clips:
        raise UsageError(f"{named[0].name} says what happens in a clip, and when.", "See smol video.")
    raise UsageError(f"{named[0].name} is written of pages that are read whole, not of answers.", "See smol ocr.")
