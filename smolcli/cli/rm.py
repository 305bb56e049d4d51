"""smol rm NAME"""

from __future__ import annotations

from typing import Annotated

import typer

from smolcli.cli._completion import local_names


def command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="NAME[:TYPE] of smol models.", autocompletion=local_names)
    ],
    *,
    keep_files: Annotated[bool, typer.Option("--keep-files", help="Forget the name, delete nothing.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only errors.")] = False,
) -> None:
    """Remove a model: its name, and the files that smol made of it.

    What was pulled into the cache of the Hub goes too. Files that you added stay, and those that another name still
    uses.

    Example: smol rm 500m-video
    """
    from smolcli.console import Console, say
    from smolcli.errors import OutputError
    from smolcli.models import Store, delete_download, is_default
    from smolcli.printable import megabytes
    from smolcli.settings import change, load_settings

    settings = load_settings()
    store = Store(settings.data_dir)
    pair = store.require(name)
    unused = store.remove(pair)
    ours = [file for file in unused if pair.downloaded or file == pair.own_projector]
    if keep_files:
        ours = []
    stuck = [file.path for file in ours if not delete_download(file)]
    default = settings.values["model"]
    last = is_default(pair, default) and not any(is_default(other, default) for other in store.all())
    if last and settings.origins["model"] == str(settings.config_file):
        change("model", None)
        say("it was the default; from now on the built-in model is")
    if stuck:
        raise OutputError(f"{pair.label} is forgotten, but {stuck[0]} cannot be removed.", "Remove it by hand.")
    Console(quiet).tell(f"{pair.label} is removed, {megabytes(sum(file.bytes for file in ours))} are free again")
