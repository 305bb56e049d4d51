"""What a person types. Only `main(argv)` catches errors; a file here without an underscore is a command."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Annotated, Any

import typer

from smolcli import __version__
from smolcli.cli._console import report, say
from smolcli.errors import BROKEN_PIPE, INTERRUPTED, EngineError, SmolError

COMMANDS = ("ask", "caption", "docvqa", "video", "plan", "prompts")


def app() -> typer.Typer:
    """The command-line application, built on each call: nothing is imported before it is needed."""
    root = typer.Typer(
        name="smol",
        help="Read images, documents and video on your own machine with SmolVLM. Nothing leaves the machine.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    root.callback()(_root)
    for name in COMMANDS:
        command: Any = import_module(f"smolcli.cli.{name}").command
        if isinstance(command, typer.Typer):
            root.add_typer(command, name=name)
        else:
            root.command(name)(command)
    return root


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"smol {__version__}\n")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    pass


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (None: sys.argv) and return its exit code (smolcli/errors.py).

    May be called again and again.
    """
    _prepare_streams()
    code = _guarded(list(sys.argv[1:] if argv is None else argv))
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _broken_pipe()
    except (OSError, ValueError):
        code = code or SmolError.exit_code
    return code


def entry() -> None:
    """The console script `smol`. Leaves without waiting for a native call that Ctrl-C left behind."""
    code = main()
    try:
        sys.stderr.flush()
    finally:
        if code == INTERRUPTED:
            os._exit(code)
    sys.exit(code)


def _guarded(argv: list[str]) -> int:  # noqa: PLR0911  one way out per kind of error
    """Every error becomes its sentence and its exit code."""
    try:
        result = app()(args=argv, prog_name="smol", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except SmolError as error:
        return _fail(error)
    except typer.TyperException as error:  # wrong options; a list of the known ones is in --help
        say(f"error: {error.format_message()} See smol --help.")
        return 2
    except (KeyboardInterrupt, typer.Abort):
        say("interrupted")
        return INTERRUPTED
    except typer.Exit as stop:
        return stop.exit_code
    except BrokenPipeError:
        return _broken_pipe()
    except Exception as error:  # a fault of ours: still a sentence, and how to report it
        _raise_in_debug(error)
        what = f"{type(error).__name__}: {error}"
        say(f"error: smol failed unexpectedly ({what}). Set SMOL_DEBUG=1 and report what it prints.")
        return EngineError.exit_code


def _fail(error: SmolError) -> int:
    _raise_in_debug(error)
    report(error)
    return error.exit_code


def _raise_in_debug(error: Exception) -> None:
    if os.environ.get("SMOL_DEBUG", "") not in ("", "0"):
        import traceback

        traceback.print_exception(error, file=sys.stderr)


def _broken_pipe() -> int:
    """The reader went away: be quiet, and let Python's own flush at exit find an open descriptor."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


def _prepare_streams() -> None:
    """File names that are not UTF-8 come out as the bytes they were; no text can break the output."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="surrogateescape" if "utf" in (stream.encoding or "").lower() else "replace")
