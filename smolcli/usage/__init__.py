"""USAGE: a command's function in, what Typer makes of it out: its options from groups, its --help, what Tab offers."""

from __future__ import annotations

from smolcli.usage.completion import (
    among,
    catalog_names,
    completer,
    local_names,
    model_names,
    prompt_names,
    setting_names,
    setting_values,
)
from smolcli.usage.help import Commands, Group, single
from smolcli.usage.parameters import Conversations, MoreQuestions, Questions, typer_option, with_options

__all__ = [
    "Commands",
    "Conversations",
    "Group",
    "MoreQuestions",
    "Questions",
    "among",
    "catalog_names",
    "completer",
    "local_names",
    "model_names",
    "prompt_names",
    "setting_names",
    "setting_values",
    "single",
    "typer_option",
    "with_options",
]
