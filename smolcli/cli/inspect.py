"""smol inspect FILE.gguf [FILE.gguf...]"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smolcli.usage import Json


def command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.gguf...", help="Language models and projectors.")],
    json: Json = False,
) -> None:
    """Say what GGUF files hold, and what is doubtful.

    Shapes, types, bytes, tiles, tokens per picture, and whether two files belong together.

    Example: smol inspect model-q8_0.gguf mmproj-model-f16.gguf
    """
    from gguf_convert.describe import inspection_lines, inspection_table
    from gguf_convert.inspection import inspect
    from smolcli.console import Console
    from smolcli.models import as_smol_errors

    with as_smol_errors():
        found = inspect(files)
    Console(json=json).result([inspection_table(found)], inspection_lines(found))
