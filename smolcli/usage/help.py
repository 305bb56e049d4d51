"""A command's parameters in, its --help out: usage as it is typed, options under headings, defaults as they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from smolcli.options import default_text, with_default

ARGUMENTS = "Arguments"
OPTIONS = "Options"  # the heading of what has none of its own
_WHOLE = 1000  # characters: no first sentence is longer
_NAMES_WIDTH = 30  # the formatter's: longer names stand on a line of their own


class Command(TyperCommand):
    """A command with our help."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Options and arguments, --help among them."""
        return _plainly_taken(super().get_params(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Options, then arguments as they are typed."""
        return _usage(self)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments, then options by heading."""
        _write_parameters(self, ctx, formatter)


class Group(TyperGroup):
    """A command of commands with our help."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Options and arguments, --help among them."""
        return _plainly_taken(super().get_params(ctx))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Options by heading, then commands, each with the first sentence of its help."""
        _write_parameters(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """First sentences are wrapped where a terminal is narrow, and never cut."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, command.get_short_help_str(_WHOLE)) for name, command in found if command is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _plainly_taken(parameters: list[Any]) -> list[Any]:
    """Parameters that take as it is what needs no check: what is absent, what a default is, text where text is wanted.

    Typer has pydantic check every value, which takes longer to load than all else of a command line.
    """
    for each in parameters:
        if not isinstance(each.process_value, partial):
            each.process_value = partial(_taken, each, each.process_value)
    return parameters


def _taken(parameter: Any, checked: Callable[[Any, Any], Any], ctx: Any, value: Any) -> Any:
    """A parameter's value as its command receives it; `checked` is how Typer makes it of what was typed."""
    is_list = parameter.nargs == -1 or getattr(parameter, "multiple", False)
    about = getattr(parameter, "type_descriptor", None)
    if value is None and not parameter.required:
        taken: Any = () if is_list else None
        return taken if parameter.callback is None else parameter.callback(ctx, parameter, taken)
    if about is None or parameter.callback is not None:
        return checked(ctx, value)
    if value == parameter.default and type(value) in (int, float, str):
        return value
    return _as_wanted(about, value, is_list) if _needs_no_check(about, value, is_list) else checked(ctx, value)


def _needs_no_check(about: Any, value: Any, is_list: bool) -> bool:
    """Whether our own parser makes the value, or it is text, or some texts, as it was typed."""
    if getattr(about.parameter_info, "parser", None) is not None:
        return not is_list
    texts = list(value) if is_list and value else [value]
    wanted = list[str] if is_list else str
    return about.annotation == wanted and all(type(each) is str for each in texts)


def _as_wanted(about: Any, value: Any, is_list: bool) -> Any:
    parser = getattr(about.parameter_info, "parser", None)
    if parser is not None:
        return parser(value)
    return list(value) if is_list else value


class Commands(typer.Typer):
    """A command of commands, to be filled with `@commands.command()`. With a callback it does something of its own."""

    def __init__(self, help: str, *, does_something: bool = False) -> None:
        super().__init__(
            cls=Group,
            help=help,
            no_args_is_help=not does_something,
            subcommand_metavar="[COMMAND [ARGS]...]" if does_something else "COMMAND [ARGS]...",
            add_completion=False,
            rich_markup_mode=None,
        )

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """Typer's, with our help."""
        return super().command(name, cls=Command, **settings)


def single(function: Callable[..., Any]) -> typer.Typer:
    """A command that is one function."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(cls=Command)(function)
    return app


def _usage(command: Any) -> list[str]:
    arguments = [each.metavar or each.name.upper() for each in command.params if each.param_type_name == "argument"]
    return [command.options_metavar, *arguments]


def _write_parameters(command: Any, context: Any, formatter: Any) -> None:
    """Sections of (names, help), their columns in line with one another."""
    sections: dict[str, list[tuple[str, str]]] = {ARGUMENTS: [], OPTIONS: []}
    for each in command.get_params(context):
        if each.param_type_name == "argument":
            if each.help:
                sections[ARGUMENTS].append((each.metavar or each.name.upper(), each.help))
        elif not each.hidden:
            row = (_names(each), with_default(each.help or "", _default(each, context)))
            sections.setdefault(each.rich_help_panel or OPTIONS, []).append(row)
    width = min(_NAMES_WIDTH, max(len(names) for rows in sections.values() for names, _ in rows))
    for heading, rows in sections.items():
        if rows:
            with formatter.section(heading):
                formatter.write_dl([(names.ljust(width), text) for names, text in rows])


def _names(option: Any) -> str:
    """ "-m, --model MODEL"."""
    names = ", ".join(sorted(option.opts, key=len))
    takes_value = not (option.is_flag or option.count)
    return f"{names} {option.metavar or option.name.upper()}" if takes_value else names


def _default(option: Any, context: Any) -> str:
    """What takes effect where the option is not given: what the user has set, what the option says, or its value."""
    value = option.get_default(context, call=False)
    if value == option.default and isinstance(option.show_default, str):
        return option.show_default
    return "" if option.count or not option.show_default else default_text(value)
