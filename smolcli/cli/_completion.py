"""What Tab offers for an unfinished word. Imports nothing heavy: it runs on every press."""

from __future__ import annotations

from collections.abc import Callable


def among(*words: str) -> Callable[[str], list[str]]:
    """Completes one of a few words."""
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


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
    from smolcli.models.catalog import names

    return [name for name in names() if name.startswith(incomplete)]


def local_names(incomplete: str) -> list[str]:
    """Pairs of this machine."""
    from smolcli.errors import SmolError
    from smolcli.models.installed import Store
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


def style_names(incomplete: str) -> list[str]:
    """Names of prompt styles."""
    from smolcli.prompt import styles

    return [name for name in styles() if name.startswith(incomplete)]


def setting_names(incomplete: str) -> list[str]:
    """Names of settings."""
    from smolcli.settings import TABLE

    return [setting.name for setting in TABLE if setting.name.startswith(incomplete)]
