"""smol convert SRC"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.options import Option, option
from smolcli.usage import with_options

if TYPE_CHECKING:
    from gguf_convert.convert import ConvertOptions
    from smolcli.checks import Cost


@dataclass(frozen=True, slots=True)
class ConversionOptions:
    """What is to be written, and how it is shown."""

    output: Path = option(Path(), Option("Where to write.", short="-o", metavar="DIR"))
    name: str = option("", Option("Name of the files.", metavar="NAME", default_text="the folder's"))
    lm: str | None = option(
        None, Option("Types of the language model.", metavar="TYPE,...", default_text="--outtype, else q8_0")
    )
    mmproj: str | None = option(
        None,
        Option(
            "Types of the projector.",
            metavar="TYPE,...",
            default_text="--outtype, else auto: bf16 or f16 by processor",
        ),
    )
    outtype: str | None = option(None, Option("Types of both files.", metavar="TYPE,..."))
    force: bool = option(False, Option("Replace files that exist."))
    no_verify: bool = option(False, Option("Do not read the files back, nor load them."))
    report: bool = option(False, Option("Measure what each type costs, against float32."))
    json: bool = option(False, Option("One JSON object."))
    quiet: bool = option(False, Option("No progress bar and no notes.", short="-q"))


@with_options()
def command(
    source: Annotated[str, typer.Argument(metavar="SRC", help="A Hugging Face folder, or the id of one on the Hub.")],
    *,
    given: ConversionOptions,
) -> None:
    """Convert a checkpoint of the family to GGUF, and verify it.

    The language model and the projector are written to a file each, read back and loaded.

    Example: smol convert HuggingFaceTB/SmolVLM-256M-Instruct --lm q8_0,f16
    """
    from gguf_convert.convert import ConversionResult, convert
    from gguf_convert.describe import conversion_lines, conversion_table
    from smolcli.checks import load_and_check, measure, report_table
    from smolcli.console import ByteBar, Console
    from smolcli.models import as_smol_errors, checkpoint_folder

    options = _options(checkpoint_folder(source, given.quiet), given)
    loaded: list[str] = []
    console = Console(given.quiet, given.json)

    def check(staged: ConversionResult) -> None:
        console.note(*staged.warnings)
        if options.verify:
            loaded.extend(load_and_check(staged))

    with as_smol_errors(), ByteBar(given.quiet) as bar:
        result = convert(options, bar, check)
    table, lines = conversion_table(result), [*conversion_lines(result), *loaded]
    table["loaded"] = bool(loaded)
    if given.report:
        with as_smol_errors(), ByteBar(given.quiet) as bar:
            measured = measure(result, options, bar)
        table["report"] = report_table(measured)
    console.result([table], lines)
    if given.report and not given.json:
        _show_costs(measured)


def _show_costs(measured: Sequence[Cost]) -> None:
    """What each type cost, as a table."""
    from smolcli.checks import COST_HEADER, COST_TITLE, cost_rows
    from smolcli.console import show_lines, show_table

    show_lines(["", COST_TITLE])
    show_table(COST_HEADER, *cost_rows(measured))


def _options(folder: str, given: ConversionOptions) -> ConvertOptions:
    from gguf_convert.convert import AUTO, ConvertOptions

    return ConvertOptions(
        source=folder,
        out=given.output,
        name=given.name,
        lm=_types(given.lm or given.outtype or "q8_0"),
        mmproj=_types(given.mmproj or given.outtype or AUTO),
        force=given.force,
        verify=not given.no_verify,
    )


def _types(text: str) -> tuple[str, ...]:
    return tuple(kind.strip() for kind in text.split(",") if kind.strip())
