"""What a person types. Only `main(argv)` catches errors; a file here without an underscore is a command."""

from __future__ import annotations

import atexit
import errno
import gc
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any

import typer

from smolcli import __version__
from smolcli.cli._commands import COMMANDS, Root
from smolcli.console import SIGNALLED, ended_code, ending_signals, report, say
from smolcli.errors import BROKEN_PIPE, EngineError, OutputError, SmolError, SomeInputsFailedError, UsageError
from smolcli.streams import prepare_streams

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EBADF)  # what writing --help may meet
KEYBOARD_INTERRUPT = 130  # what the library makes of any signal that unwinds
# What every wrong option is; before 0.29 the library had no name of its own for it.
_WrongUsage: type[Exception] = getattr(typer, "TyperException", typer.BadParameter.__mro__[-4])
_START_S = 1.0
NEED_NO_SETTINGS = ("config", "doctor")  # with them a wrong config.toml is found and mended


def app() -> typer.Typer:
    """The command-line application. A command is imported when it is typed."""
    root = typer.Typer(
        name="smol",
        cls=Root,
        help="Read images, documents and video on your own machine with SmolVLM. Nothing leaves the machine.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    root.callback()(_root)
    return root


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"smol {__version__}\n")
        raise typer.Exit


def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """What the user has set outside the command line becomes the options' defaults (smolcli/settings.py)."""
    if context.invoked_subcommand not in NEED_NO_SETTINGS:
        from smolcli.settings import load_settings

        defaults = load_settings().option_defaults()
        context.default_map = dict.fromkeys(COMMANDS, defaults)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (None: sys.argv) and return its exit code (smolcli/errors.py).

    May be called again and again. The first call takes descriptor 1 for itself (smolcli/streams.py).
    """
    prepare_streams()
    return _guarded(list(sys.argv[1:] if argv is None else argv))


def entry() -> None:
    """The console script `smol`. Leaves without waiting for a native call that Ctrl-C left behind.

    It leaves at once as soon as what was registered for the end has been called, too: to take the interpreter apart,
    module by module, takes longer than reading a small picture.
    """
    code = EngineError.exit_code

    def leave() -> None:
        _flush_or_drop()
        os._exit(code)

    _collect_later()
    atexit.register(leave)  # before all that a command registers, so that it is called after that
    code = main()
    _flush_or_drop()
    if code in SIGNALLED:
        os._exit(code)
    sys.exit(code)


def _collect_later() -> None:
    """Nothing that is imported is garbage, and to look for some each time takes a fifteenth of a start."""
    gc.disable()
    timer = threading.Timer(_START_S, gc.enable)
    timer.daemon = True
    timer.start()


def _flush_or_drop() -> None:
    """Write what waits; what cannot be written now is not to be tried, and reported, again at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _guarded(argv: list[str]) -> int:  # noqa: PLR0911  one way out per kind of error
    """Every error becomes its sentence and its exit code."""
    try:
        try:
            with ending_signals():
                result = app()(args=argv, prog_name="smol", standalone_mode=False)
        finally:
            _flush()
        code = result if isinstance(result, int) else 0
        return ended_code() if code == KEYBOARD_INTERRUPT else code
    except SmolError as error:
        return _fail(error)
    except _WrongUsage as error:  # wrong options; a list of the known ones is in --help
        return _wrong_usage(error)
    except (KeyboardInterrupt, typer.Abort):
        return ended_code()
    except typer.Exit as stop:
        return ended_code() if stop.exit_code == KEYBOARD_INTERRUPT else stop.exit_code
    except BrokenPipeError:
        return BROKEN_PIPE
    except SystemExit as stop:  # the library leaves so: completion with its own code, a --help into a closed pipe
        return BROKEN_PIPE if isinstance(stop.__context__, OSError) else int(stop.code or 0)
    except Exception as error:  # a fault of ours: still a sentence, and how to report it
        if isinstance(error, OSError) and error.errno in _FULL:
            return _fail(OutputError(f"The output cannot be written: {error.strerror}."))
        _raise_in_debug(error)
        what = f"{type(error).__name__}: {error}"
        say(f"error: smol failed unexpectedly ({what}). Set SMOL_DEBUG=1 and report what it prints.")
        return EngineError.exit_code


def _flush() -> None:
    """Write what waits to be written to standard output. Raises OutputError, ReaderGoneError."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        from smolcli.files import writing

        with writing("Standard output"):
            raise


def _wrong_usage(error: Any) -> int:
    """Wrong options: a sentence; no command at all: the help."""
    if type(error).__name__ == "NoArgsIsHelpError":
        with suppress(OSError, ValueError):
            sys.stderr.write(error.format_message() + "\n")
    else:
        context = getattr(error, "ctx", None)
        message = error.format_message().rstrip(".")
        say(f"error: {message}. See {context.command_path if context else 'smol'} --help.")
    return UsageError.exit_code


def _fail(error: SmolError) -> int:
    if not isinstance(error, SomeInputsFailedError):  # each was said, with its traceback, when it failed
        _raise_in_debug(error)
    report(error)
    return error.exit_code


def _raise_in_debug(error: Exception) -> None:
    if os.environ.get("SMOL_DEBUG", "") not in ("", "0"):  # not from the settings: they may be what is wrong
        import traceback

        traceback.print_exception(error, file=sys.stderr)
