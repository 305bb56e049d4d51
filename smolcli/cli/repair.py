"""smol repair MMPROJ.gguf"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    file: Annotated[Path, typer.Argument(metavar="MMPROJ.gguf", show_default=False)],
    *,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Default: NAME.repaired.gguf beside it.", metavar="FILE")
    ] = None,
    longest_edge: Annotated[
        int | None,
        typer.Option("--longest-edge", help="What pictures are first resized to, 2048 for most.", metavar="PX"),
    ] = None,
    outtype: Annotated[
        str | None, typer.Option("--outtype", help="Store the weights in another type, such as bf16.", metavar="TYPE")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the output file if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress bar.")] = False,
) -> None:
    """Copy a projector with its missing longest edge added, or re-typed; says how many values that changed.

    Example: smol repair mmproj-SmolVLM2-500M-Video-Instruct-f16.gguf --longest-edge 2048
    """
    from gguf_convert.describe import repair_lines, repair_table
    from gguf_convert.repair import RepairOptions, repair
    from smolcli.cli._gguf import ByteBar, print_result, translated

    with translated(), ByteBar(quiet) as bar:
        result = repair(RepairOptions(file, output, longest_edge, outtype.lower() if outtype else None, force), bar)
    print_result(json, repair_table(result), repair_lines(result))
