"""smol cache info|path|clear|forget"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from smolcli.cli._help import Commands

command = Commands("Look at what smol keeps because it was expensive to make.\n\nExample: smol cache info")


@command.command()
def info(json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
    """Say how much the cache holds, of what, and how much it may.

    Example: smol cache info
    """
    from smolcli.cache import ROOMS, items
    from smolcli.cli._table import megabytes, show_json, show_lines, show_table
    from smolcli.settings import load_settings
    from smolcli.store import files

    settings = load_settings()
    rooms = {name: list(items(settings.cache_dir, name)) for name in ROOMS}
    total = sum(item.bytes for found in rooms.values() for item in found)
    limit, store_limit = settings.cache_size_bytes, int(settings.values["store_size"])
    kept, kept_bytes = _in_store(settings.store_dir), sum(path.stat().st_size for path in files(settings.store_dir))
    if json:
        sizes = {name: {"items": len(found), "bytes": sum(i.bytes for i in found)} for name, found in rooms.items()}
        store = {"items": kept, "bytes": kept_bytes, "limit_bytes": store_limit}
        record = {"path": str(settings.cache_dir), "bytes": total, "limit_bytes": limit, "rooms": sizes, "store": store}
        show_json(record)
        return
    rows = [(n, str(len(f)), megabytes(sum(i.bytes for i in f)), ROOMS[n]) for n, f in rooms.items()]
    rows.append(
        ("store", str(kept), megabytes(kept_bytes), f"tiles that were encoded, at most {megabytes(store_limit)}")
    )
    show_table(("ROOM", "ITEMS", "SIZE", "WHAT"), rows)
    show_lines([f"{megabytes(total)} of {megabytes(limit)} beside the store in {settings.cache_dir}"])


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
    """Remove everything in the cache and the store.

    It is made again when it is needed. Models stay.

    Example: smol cache clear
    """
    from smolcli.cache import clear as clear_cache
    from smolcli.cli._console import say
    from smolcli.cli._table import megabytes
    from smolcli.settings import load_settings
    from smolcli.store import files, remove

    settings = load_settings()
    kept = sum(path.stat().st_size for path in files(settings.store_dir))
    remove(settings.store_dir)
    removed = clear_cache(settings.cache_dir)
    if not quiet:
        things = f"{len(removed)} things{' and the store' if kept else ''}"
        say(f"{things} removed, {megabytes(sum(item.bytes for item in removed) + kept)}")


@command.command()
def forget(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A picture, a document or a clip.")],
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only errors.")] = False,
) -> None:
    """Remove what was computed from a file.

    It is known by what it holds, not by its name.

    Example: smol cache forget letter.pdf
    """
    from smolcli.cli._console import say
    from smolcli.media.reading import open_input
    from smolcli.settings import load_settings
    from smolcli.store import files, open_store

    given = open_input(file)
    given.close()
    settings, items = load_settings(), 0
    if files(settings.store_dir):
        with closing(open_store(settings.store_dir, int(settings.values["store_size"]), say)) as store:
            items = store.forget(given.sha256)
    if not quiet:
        say(f"{items} tile{'s' * (items != 1)} of {file} forgotten")


def _in_store(folder: Path) -> int:
    """How many tiles are kept; a store that is not there is not made."""
    from smolcli.cli._console import say
    from smolcli.store import files, open_store

    if not files(folder):
        return 0
    with closing(open_store(folder, 1 << 62, say)) as store:
        return store.totals().items
