"""smol cache info|path|clear"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

command = typer.Typer(
    help="What smol keeps because it was expensive to make: look at it, or clear it.", no_args_is_help=True
)


@command.command()
def info(json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
    """Say how much the cache holds, of what, and how much it may.

    Example: smol cache info
    """
    from smolcli.cache import ROOMS, items
    from smolcli.cli._table import megabytes, show_table
    from smolcli.output import to_json
    from smolcli.settings import load_settings

    settings = load_settings()
    rooms = {name: list(items(settings.cache_dir, name)) for name in ROOMS}
    total = sum(item.bytes for found in rooms.values() for item in found)
    limit = settings.cache_size_bytes
    if json:
        sizes = {name: {"items": len(found), "bytes": sum(i.bytes for i in found)} for name, found in rooms.items()}
        record = {"path": str(settings.cache_dir), "bytes": total, "limit_bytes": limit, "rooms": sizes}
        sys.stdout.write(to_json(record) + "\n")
        return
    rows = [(n, str(len(f)), megabytes(sum(i.bytes for i in f)), ROOMS[n]) for n, f in rooms.items()]
    show_table(("ROOM", "ITEMS", "SIZE", "WHAT"), rows)
    sys.stdout.write(f"{megabytes(total)} of {megabytes(limit)} in {settings.cache_dir}\n")


@command.command()
def path() -> None:
    """Print the cache's folder.

    Example: du -sh "$(smol cache path)"
    """
    from smolcli.settings import load_settings

    sys.stdout.write(f"{load_settings().cache_dir}\n")


@command.command()
def clear(quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only errors.")] = False) -> None:
    """Remove everything in the cache; it is made again when it is needed. Models stay.

    Example: smol cache clear
    """
    from smolcli.cache import clear as clear_cache
    from smolcli.cli._console import say
    from smolcli.cli._table import megabytes
    from smolcli.settings import load_settings

    removed = clear_cache(load_settings().cache_dir)
    if not quiet:
        say(f"{len(removed)} things removed, {megabytes(sum(item.bytes for item in removed))}")
