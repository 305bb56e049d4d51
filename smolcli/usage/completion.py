"""What Tab offers for an unfinished word. Imports nothing heavy: it runs on every press."""

from __future__ import annotations

from collections.abc import Callable

import typer

from smolcli.options import Option


def among(*words: str) -> Callable[[str], list[str]]:
    """Completes one of a few words."""
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


def completer(option: Option) -> Callable[[str], list[str]] | None:
    """Completes the values of an option; None where nobody knows them."""
    if option.completion:
        return globals()[option.completion]  # type: ignore[no-any-return]
    return among(*map(str, option.choices)) if option.choices else None


def format_names(incomplete: str) -> list[str]:
    """Names of formats."""
    from smolcli.formats import FORMATS

    return [name for name in dict.fromkeys(each.name for each in FORMATS) if name.startswith(incomplete)]


def hint_names(incomplete: str) -> list[str]:
    """Answer hints that some prompt knows."""
    from smolcli.prompt import load_prompt, names

    known = dict.fromkeys(hint for name in names() for hint in load_prompt(name, "reference").hints)
    return [hint for hint in known if hint.startswith(incomplete)]


def model_names(incomplete: str) -> list[str]:
    """Names that -m understands: the built-in model, pairs of this machine, the catalog."""
    from smolcli.errors import SmolError
    from smolcli.models import known_names
    from smolcli.settings import load_settings

    try:
        names = known_names(load_settings())
    except SmolError:  # a broken config.toml is no reason to print into a command line
        return []
    return [name for name in names if name.startswith(incomplete)]


def catalog_names(incomplete: str) -> list[str]:
    """Names that `smol pull` understands."""
    from smolcli.models import catalog_names as names

    return [name for name in names() if name.startswith(incomplete)]


def local_names(incomplete: str) -> list[str]:
    """Pairs of this machine."""
    from smolcli.errors import SmolError
    from smolcli.models import Store
    from smolcli.settings import load_settings

    try:
        labels = [pair.label for pair in Store(load_settings().data_dir).all()]
    except SmolError:
        return []
    names = [label.partition(":")[0] for label in labels]
    return [name for name in dict.fromkeys([*names, *labels]) if name.startswith(incomplete)]


def prompt_names(incomplete: str) -> list[str]:
    """Names of prompts."""
    from smolcli.prompt import names

    return [name for name in names() if name.startswith(incomplete)]


def setting_names(incomplete: str) -> list[str]:
    """Names of settings."""
    from smolcli.settings import TABLE

    return [setting.name for setting in TABLE if setting.name.startswith(incomplete)]


def setting_values(context: typer.Context, incomplete: str) -> list[str]:
    """Values of the setting that was named before."""
    from smolcli.errors import SmolError
    from smolcli.settings import find_setting

    try:
        setting = find_setting(str(context.params.get("name")))
    except SmolError:
        return []
    if setting.kind == "switch":
        return among("true", "false")(incomplete)
    complete = completer(setting.option) if setting.option is not None else None
    return complete(incomplete) if complete is not None else []
