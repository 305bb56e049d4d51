"""smol pull NAME[:QUANT]"""

from __future__ import annotations

from typing import Annotated

import typer

from smolcli.usage import Json, catalog_names


def command(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="NAME[:TYPE] of smol models --available, or ORG/REPO[:FILE] of the Hub.",
            autocompletion=catalog_names,
        ),
    ],
    *,
    mmproj: Annotated[
        str, typer.Option("--mmproj", help="Type of the projector.", metavar="TYPE", show_default="f16")
    ] = "",
    keep_as_published: Annotated[
        bool, typer.Option("--keep-as-published", help="No repaired and no BF16 copy of the projector.")
    ] = False,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress bars and no notes.")] = False,
) -> None:
    """Fetch a model of the Hugging Face Hub, check it, and name it.

    Where the projector lacks a key that is known, or this processor is faster with BF16, a copy is made in the cache.
    HF_ENDPOINT, HF_TOKEN, HF_HOME and HF_HUB_OFFLINE are honoured.

    Example: smol pull 500m-video
    """
    from smolcli.checks import EngineExaminer
    from smolcli.console import Console
    from smolcli.models import Adoption, default_name, pair_record, parse_wish, pull_pair
    from smolcli.printable import megabytes
    from smolcli.settings import load_settings

    settings, console = load_settings(), Console(quiet, json)
    how = Adoption(settings, EngineExaminer(), console.tell, keep_as_published=keep_as_published)
    pair = pull_pair(parse_wish(name, mmproj), how, quiet)
    files = (f"{file.path}\t{file.bytes}\tsha256:{file.sha256}" for file in pair.files)
    console.result([pair_record(pair, default_name(settings))], files)
    if not json:
        ready = f"{pair.label} is ready ({megabytes(pair.disk_bytes)})"
        console.tell(f'{ready}: smol ask -m {pair.name} photo.jpg "What is this?"')
