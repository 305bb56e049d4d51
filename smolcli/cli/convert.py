"""smol convert SRC"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.cli._options import with_options

if TYPE_CHECKING:
    from gguf_convert.convert import ConvertOptions


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is to be written, and how it is shown."""

    output: Annotated[Path, typer.Option("-o", "--output", help="Where to write.", metavar="DIR")] = Path()
    name: Annotated[
        str, typer.Option("--name", help="Name of the files. Default: the folder's.", show_default=False)
    ] = ""
    lm: Annotated[
        str | None, typer.Option("--lm", help="Types of the language model. Default: q8_0.", metavar="TYPE,...")
    ] = None
    mmproj: Annotated[
        str | None,
        typer.Option(
            "--mmproj", help="Types of the projector. Default: auto, bf16 or f16 by processor.", metavar="TYPE,..."
        ),
    ] = None
    outtype: Annotated[str | None, typer.Option("--outtype", help="Types of both files.", metavar="TYPE,...")] = None
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not read the files back, nor load them.")] = False
    report: Annotated[bool, typer.Option("--report", help="Measure what each type costs, against float32.")] = False
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress bar and no notes.")] = False


@with_options(wishes=Wishes)
def command(source: Annotated[str, typer.Argument(metavar="SRC", show_default=False)], *, wishes: Wishes) -> None:
    """Convert a Hugging Face folder (or Hub id) of the family to GGUF: language model and projector, verified.

    Example: smol convert HuggingFaceTB/SmolVLM2-500M-Video-Instruct -o models --lm q8_0,q4_k_m
    """
    from gguf_convert.convert import ConversionResult, convert
    from gguf_convert.describe import conversion_lines, conversion_table
    from smolcli.checks import load_and_check, measure, report_table
    from smolcli.cli._console import say
    from smolcli.cli._gguf import ByteBar, print_result, translated

    options = _options(_folder(source, wishes.quiet), wishes)
    loaded: list[str] = []

    def check(staged: ConversionResult) -> None:
        for warning in () if wishes.quiet else staged.warnings:
            say(f"note: {warning}")
        if options.verify:
            loaded.extend(load_and_check(staged))

    with translated(), ByteBar(wishes.quiet) as bar:
        result = convert(options, bar, check)
    table, lines = conversion_table(result), [*conversion_lines(result), *loaded]
    table["loaded"] = bool(loaded)
    if wishes.report:
        with translated(), ByteBar(wishes.quiet) as bar:
            measured = measure(result, options, bar)
        table["report"] = report_table(measured)
    print_result(wishes.json, table, lines)
    if wishes.report and not wishes.json:
        from smolcli.cli._report import show_report

        show_report(measured)


def _options(folder: str, wishes: Wishes) -> ConvertOptions:
    from gguf_convert.convert import AUTO, ConvertOptions

    return ConvertOptions(
        source=folder,
        out=wishes.output,
        name=wishes.name,
        lm=_types(wishes.lm or wishes.outtype or "q8_0"),
        mmproj=_types(wishes.mmproj or wishes.outtype or AUTO),
        force=wishes.force,
        verify=not wishes.no_verify,
    )


def _folder(source: str, quiet: bool) -> str:
    """A Hub id is downloaded; all else is the converter's to judge."""
    from smolcli.errors import ModelError
    from smolcli.models import hub

    with suppress(OSError, ValueError, RuntimeError):  # a name too long, no such home
        if Path(source).expanduser().exists():
            return source
    if "/" not in source or not hub.HUB_ID.fullmatch(source):
        return source
    repository = hub.look(source)
    if not any(file.name.endswith(".safetensors") and "/" not in file.name for file in repository.files):
        raise ModelError(f"{source} has no checkpoint in safetensors.", f"For its GGUF files: smol pull {source}")
    return str(hub.fetch_checkpoint(repository, quiet)[0])


def _types(text: str) -> tuple[str, ...]:
    return tuple(kind.strip() for kind in text.split(",") if kind.strip())
