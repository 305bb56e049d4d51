"""smol cache info|path|clear"""

from __future__ import annotations

from typing import Annotated

import typer

command = typer.Typer(
    help="What smol keeps because it was expensive to make: look at it, or clear it.\n\nExample: smol cache info",
    no_args_is_help=True,
)


@command.command()
def info(json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
    """Say how much the cache holds, of what, and how much it may.

    Example: smol cache info
    """
    from smolcli.cache import ROOMS, items
    from smolcli.cli._table import megabytes, show_json, show_lines, show_table
    from smolcli.settings import load_settings

    settings = load_settings()
    rooms = {name: list(items(settings.cache_dir, name)) for name in ROOMS}
    total = sum(item.bytes for found in rooms.values() for item in found)
    limit = settings.cache_size_bytes
    if json:
        sizes = {name: {"items": len(found), "bytes": sum(i.bytes for i in found)} for name, found in rooms.items()}
        record = {"path": str(settings.cache_dir), "bytes": total, "limit_bytes": limit, "rooms": sizes}
        show_json(record)
        return
    rows = [(n, str(len(f)), megabytes(sum(i.bytes for i in f)), ROOMS[n]) for n, f in rooms.items()]
    show_table(("ROOM", "ITEMS", "SIZE", "WHAT"), rows)
    show_lines([f"{megabytes(total)} of {megabytes(limit)} in {settings.cache_dir}"])


@command.command()
def path() -> None:
    """Print the cache's folder.

    Example: du -sh "$(smol cache path)"
    """
    from smolcli.cli._table import show_lines
    from smolcli.settings import load_settings

    show_lines([str(load_settings().cache_dir)])


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
