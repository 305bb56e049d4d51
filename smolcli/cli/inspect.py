"""smol inspect FILE.gguf [FILE.gguf...]"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.gguf...", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say what GGUF files hold: shapes, types, bytes, tiles, tokens per picture, pairing, and what is doubtful.

    Example: smol inspect model-q8_0.gguf mmproj-model-f16.gguf
    """
    from gguf_convert.describe import inspection_lines, inspection_table
    from gguf_convert.inspection import inspect
    from smolcli.cli._gguf import print_result, translated

    with translated():
        found = inspect(files)
    print_result(json, inspection_table(found), inspection_lines(found))
