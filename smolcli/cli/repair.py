"""smol repair MMPROJ.gguf"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smolcli.usage import Json


def command(
    file: Annotated[Path, typer.Argument(metavar="MMPROJ.gguf", help="The projector to copy.")],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Where to write.", metavar="FILE", show_default="NAME.repaired.gguf beside it"
        ),
    ] = None,
    longest_edge: Annotated[
        int | None,
        typer.Option("--longest-edge", help="What pictures are first resized to, 2048 for most.", metavar="N"),
    ] = None,
    outtype: Annotated[
        str | None, typer.Option("--outtype", help="Store the weights in another type, such as bf16.", metavar="TYPE")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the output file if it exists.")] = False,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress bar.")] = False,
) -> None:
    """Copy a projector with a missing key added, or re-typed.

    The key is the longest edge of pictures. Of a new type it is said how many values that changed.

    Example: smol repair mmproj-model-f16.gguf --longest-edge 2048
    """
    from gguf_convert.describe import repair_lines, repair_table
    from gguf_convert.repair import RepairOptions, repair
    from smolcli.console import ByteBar, Console
    from smolcli.models import as_smol_errors

    with as_smol_errors(), ByteBar(quiet) as bar:
        result = repair(RepairOptions(file, output, longest_edge, outtype.lower() if outtype else None, force), bar)
    Console(quiet, json).result([repair_table(result)], repair_lines(result))
