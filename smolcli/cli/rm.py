"""smol rm NAME"""

from __future__ import annotations

from typing import Annotated

import typer

from smolcli.usage import Quiet, local_names


def command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="NAME[:TYPE] of smol models.", autocompletion=local_names)
    ],
    *,
    keep_files: Annotated[bool, typer.Option("--keep-files", help="Forget the name, delete nothing.")] = False,
    quiet: Quiet = False,
) -> None:
    """Remove a model: its name, and the files that smol made of it.

    What was pulled into the cache of the Hub goes too. Files that you added stay, and those that another name still
    uses.

    Example: smol rm 500m-video
    """
    from smolcli.console import Console, say
    from smolcli.models import remove_pair
    from smolcli.printable import megabytes
    from smolcli.settings import load_settings

    removed = remove_pair(name, load_settings(), keep_files)
    if removed.was_default:
        say("it was the default; from now on the built-in model is")
    Console(quiet).tell(f"{removed.label} is removed, {megabytes(removed.freed_bytes)} are free again")
