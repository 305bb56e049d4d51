"""smol convert SRC"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    source: Annotated[str, typer.Argument(metavar="SRC", show_default=False)],
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where to write.", metavar="DIR")] = Path(),
    name: Annotated[
        str, typer.Option("--name", help="Name of the files. Default: the folder's.", show_default=False)
    ] = "",
    lm: Annotated[
        str | None, typer.Option("--lm", help="Types of the language model. Default: q8_0.", metavar="TYPE,...")
    ] = None,
    mmproj: Annotated[
        str | None,
        typer.Option(
            "--mmproj", help="Types of the projector. Default: auto, bf16 or f16 by processor.", metavar="TYPE,..."
        ),
    ] = None,
    outtype: Annotated[str | None, typer.Option("--outtype", help="Types of both files.", metavar="TYPE,...")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not read the files back, nor load them.")] = False,
    report: Annotated[bool, typer.Option("--report", help="Measure what each type costs, against float32.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress bar and no notes.")] = False,
) -> None:
    """Convert a Hugging Face folder (or Hub id) of the family to GGUF: language model and projector, verified.

    Example: smol convert HuggingFaceTB/SmolVLM2-500M-Video-Instruct -o models --lm q8_0,q4_k_m
    """
    from gguf_convert.convert import AUTO, ConvertOptions, convert
    from gguf_convert.describe import conversion_lines, conversion_table
    from smolcli.cli._console import say
    from smolcli.cli._gguf import ByteBar, print_result, translated
    from smolcli.cli._measure import load_and_check, measure, report_table, show_report

    options = ConvertOptions(
        source=source,
        out=output,
        name=name,
        lm=_types(lm or outtype or "q8_0"),
        mmproj=_types(mmproj or outtype or AUTO),
        force=force,
        verify=not no_verify,
    )
    with translated(), ByteBar(quiet) as bar:
        result = convert(options, bar)
    table, lines = conversion_table(result), conversion_lines(result)
    if not quiet:
        for warning in result.warnings:
            say(f"note: {warning}")
    if options.verify:
        lines += load_and_check(result)
        table["loaded"] = True
    if report:
        with translated():
            measured = measure(result, options, quiet)
        table["report"] = report_table(measured)
    print_result(json, table, lines)
    if report and not json:
        show_report(measured)


def _types(text: str) -> tuple[str, ...]:
    return tuple(kind.strip() for kind in text.split(",") if kind.strip())
