"""smol cache info|path|clear|forget"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from smolcli.usage import Commands, Json, Quiet

command = Commands("Look at what smol keeps because it was expensive to make.\n\nExample: smol cache info")


@command.command()
def info(json: Json = False) -> None:
    """Say how much the cache holds, of what, and how much it may.

    Example: smol cache info
    """
    from smolcli.cache import ROOMS, items
    from smolcli.console import say, show_json, show_lines, show_table
    from smolcli.printable import megabytes
    from smolcli.settings import load_settings
    from smolcli.store import disk_bytes, totals

    settings = load_settings()
    rooms = {name: list(items(settings.cache_dir, name)) for name in ROOMS}
    total = sum(item.bytes for found in rooms.values() for item in found)
    limit, store_limit = settings.cache_size_bytes, int(settings.values["store_size"])
    kept, kept_bytes = totals(settings.store_dir, say), disk_bytes(settings.store_dir)
    if json:
        sizes = {name: {"items": len(found), "bytes": sum(i.bytes for i in found)} for name, found in rooms.items()}
        store = {"items": kept.items, "bytes": kept_bytes, "limit_bytes": store_limit, **asdict(kept)}
        record = {"path": str(settings.cache_dir), "bytes": total, "limit_bytes": limit, "rooms": sizes, "store": store}
        show_json(record)
        return
    rows = [(n, str(len(f)), megabytes(sum(i.bytes for i in f)), ROOMS[n]) for n, f in rooms.items()]
    rows.append(("tiles", str(kept.tiles.items), megabytes(kept.tiles.bytes), "tiles that were encoded (store)"))
    rows.append(("answers", str(kept.answers.items), megabytes(kept.answers.bytes), "finished answers (store)"))
    show_table(("ROOM", "ITEMS", "SIZE", "WHAT"), *rows)
    beside = f"{megabytes(total)} of {megabytes(limit)} beside the store in {settings.cache_dir}"
    show_lines([beside, f"{megabytes(kept_bytes)} of {megabytes(store_limit)} in the store in {settings.store_dir}"])


@command.command()
def path() -> None:
    """Print the cache's folder.

    Example: du -sh "$(smol cache path)"
    """
    from smolcli.console import show_lines
    from smolcli.settings import load_settings

    show_lines([str(load_settings().cache_dir)])


@command.command()
def clear(quiet: Quiet = False) -> None:
    """Remove everything in the cache and the store.

    It is made again when it is needed. Models stay.

    Example: smol cache clear
    """
    from smolcli.cache import clear as clear_cache
    from smolcli.console import Console
    from smolcli.printable import megabytes
    from smolcli.settings import load_settings
    from smolcli.store import disk_bytes, remove

    settings = load_settings()
    kept = disk_bytes(settings.store_dir)
    remove(settings.store_dir)
    removed = clear_cache(settings.cache_dir)
    things = f"{len(removed)} things{' and the store' if kept else ''}"
    Console(quiet).tell(f"{things} removed, {megabytes(sum(item.bytes for item in removed) + kept)}")


@command.command()
def forget(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A picture, a document or a clip.")],
    quiet: Quiet = False,
) -> None:
    """Remove what was computed from a file.

    It is known by what it holds, not by its name.

    Example: smol cache forget letter.pdf
    """
    from smolcli.console import say
    from smolcli.media import open_input
    from smolcli.settings import load_settings
    from smolcli.store import forget as forget_file

    given = open_input(file)
    given.close()
    gone = forget_file(load_settings().store_dir, given.sha256, say)
    if not quiet:
        tiles, answers = gone.tiles.items, gone.answers.items
        say(f"{tiles} tile{'s' * (tiles != 1)} and {answers} answer{'s' * (answers != 1)} of {file} forgotten")
