"""USAGE: a command's function in, what Typer makes of it out: its options from groups, its --help, what Tab offers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from smolcli.usage.help import Commands, Group, single

if TYPE_CHECKING:
    from smolcli.usage.completion import catalog_names as catalog_names
    from smolcli.usage.completion import local_names as local_names
    from smolcli.usage.completion import model_names as model_names
    from smolcli.usage.completion import prompt_names as prompt_names
    from smolcli.usage.completion import setting_names as setting_names
    from smolcli.usage.completion import setting_values as setting_values
    from smolcli.usage.parameters import Conversations as Conversations
    from smolcli.usage.parameters import Json as Json
    from smolcli.usage.parameters import MoreQuestions as MoreQuestions
    from smolcli.usage.parameters import Questions as Questions
    from smolcli.usage.parameters import Quiet as Quiet
    from smolcli.usage.parameters import Recursive as Recursive
    from smolcli.usage.parameters import typer_option as typer_option
    from smolcli.usage.parameters import with_options as with_options

__all__ = ["Commands", "Group", "single"]
_SHARED = ("Conversations", "Json", "MoreQuestions", "Questions", "Quiet", "Recursive")
_LATER = {
    **dict.fromkeys((*_SHARED, "typer_option", "with_options"), "parameters"),
    **dict.fromkeys(("catalog_names", "local_names", "model_names", "prompt_names"), "completion"),
    **dict.fromkeys(("setting_names", "setting_values"), "completion"),
}


def __getattr__(name: str) -> Any:
    """What commands are made with; the help of all of them needs none of it."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
