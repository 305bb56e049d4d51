"""smol config path|show|set|unset"""

from __future__ import annotations

from typing import Annotated

import typer

from smolcli.usage import Commands, Json, setting_names, setting_values

command = Commands("Show the settings and where they come from, or change them.\n\nExample: smol config show")
_NAME = typer.Argument(metavar="NAME", help="A setting of smol config show.", autocompletion=setting_names)


@command.command()
def path() -> None:
    """Print where config.toml is looked for.

    Example: "$EDITOR" "$(smol config path)"
    """
    from smolcli.console import show_lines
    from smolcli.settings import config_path

    show_lines([str(config_path())])


@command.command()
def show(json: Json = False) -> None:
    """Print every setting, its value, and where the value came from.

    Example: SMOL_THREADS=4 smol config show
    """
    from smolcli.console import show_json, show_table
    from smolcli.settings import TABLE, load_settings

    settings = load_settings()
    if json:
        found = {s.name: {"value": settings.values[s.name], "origin": settings.origins[s.name]} for s in TABLE}
        show_json(found)
        return
    rows = [
        (s.name, _shown(settings.values[s.name]), settings.origins[s.name], f"{s.help} [{s.variable}]") for s in TABLE
    ]
    show_table(("SETTING", "VALUE", "FROM", "WHAT"), *rows)


@command.command("set")
def set_value(
    name: Annotated[str, _NAME],
    value: Annotated[
        str, typer.Argument(metavar="VALUE", help="Its value from now on.", autocompletion=setting_values)
    ],
) -> None:
    """Write one setting to config.toml.

    Example: smol config set threads 4
    """
    from smolcli.settings import change, find_setting

    if value and find_setting(name).name == "model":
        from smolcli.models import lasting_name
        from smolcli.settings import load_settings

        value = lasting_name(value, load_settings())
    change(name, value)


@command.command()
def unset(name: Annotated[str, _NAME]) -> None:
    """Take one setting out of config.toml.

    Example: smol config unset threads
    """
    from smolcli.settings import change

    change(name, None)


def _shown(value: object) -> str:
    return "-" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
