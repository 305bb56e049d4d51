"""Groups of options in (smolcli/options.py), the parameters of a command out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from smolcli.options import Option, options_of
from smolcli.usage.completion import completer

Questions = Annotated[
    list[str] | None,
    typer.Option(
        "-Q",
        "--question",
        help="Ask this (again and again); @FILE holds one per line, - is standard input.",
        metavar="TEXT",
    ),
]
MoreQuestions = Annotated[
    list[str] | None,
    typer.Option(
        "-Q", "--question", help="Ask this as well (again and again); @FILE holds one per line.", metavar="TEXT"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Only errors.")]
Recursive = Annotated[bool, typer.Option("-r", "--recursive", help="Look into folders of folders.")]
Conversations = Annotated[
    Path | None,
    typer.Option("--messages", help="Conversations as JSON or JSON Lines; - is standard input.", metavar="FILE"),
]


def with_options(**defaults: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command every option of the groups that it takes: the parameters whose type is a group of options.

    defaults: option → what takes effect in this command where it is not given, as --help shows it.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        hints = get_type_hints(command, include_extras=True)
        groups = {name: hint for name, hint in hints.items() if is_dataclass(hint) and isinstance(hint, type)}
        own = [p for p in inspect.signature(command).parameters.values() if p.name not in groups]
        own = [p.replace(annotation=hints[p.name], kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
        shared = [parameter for group in groups.values() for parameter in _parameters(group, defaults)]

        def run(**values: Any) -> Any:
            built = {
                name: group(**{f.name: values.pop(f.name) for f in fields(group)}) for name, group in groups.items()
            }
            return command(**values, **built)

        run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
        run.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in [*own, *shared]}
        return run

    return decorate


def typer_option(group: type, name: str, default_text: str | None = None) -> Any:
    """One option of a group as Typer's. default_text: in place of the option's own."""
    about = options_of(group)[name]
    if default_text is not None:
        about = replace(about, default_text=default_text)
    flag = f"--{name.replace('_', '-')}"
    return typer.Option(
        *filter(None, (about.short, flag)),
        help=about.sentence,
        metavar=about.metavar or None,
        show_default=about.default_text or True,
        count=about.count,
        parser=_parser(about, flag),
        autocompletion=completer(about),
        rich_help_panel=getattr(group, "panel", None),
    )


def _parameters(group: type, defaults: Mapping[str, str]) -> Iterator[inspect.Parameter]:
    hints: Mapping[str, Any] = get_type_hints(group)  # of all fields at once
    for field in fields(group):
        hint, shown = hints[field.name], typer_option(group, field.name, defaults.get(field.name))
        annotation = Annotated[hint, shown]  # type: ignore[valid-type]
        kind = inspect.Parameter.KEYWORD_ONLY
        yield inspect.Parameter(field.name, kind, default=field.default, annotation=annotation)


def _parser(about: Option, flag: str) -> Callable[[Any], Any] | None:
    def parse(value: Any) -> Any:
        return about.checked(value, flag)

    return parse if about.allowed else None
