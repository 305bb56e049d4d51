"""`python -m gguf_convert`: a command line comes in, a pair of files and one line each on stdout go out."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from .convert import ConvertOptions, convert
from .describe import conversion_lines, conversion_table
from .errors import ConvertError
from .interrupt import unwind_on_signals
from .outputs import LM_TYPES, MMPROJ_TYPES

BAR_WIDTH = 24
REDRAW_S = 0.1


def main(argv: Sequence[str] | None = None) -> int:
    """Run one conversion; returns the exit code."""
    options, args = parse(argv)
    unwind_on_signals()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that is not UTF-8 comes out as the bytes it was
            stream.reconfigure(errors="surrogateescape")
    bar = Bar(sys.stderr.isatty() and not args.quiet)
    try:
        result = convert(options, bar)
    except ConvertError as error:
        bar.clear()
        print(f"error: {error.message}", *(["\n  " + error.hint] if error.hint else []), sep="", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        bar.clear()
        return 130
    bar.clear()
    for warning in () if args.quiet else result.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    table = json.dumps(conversion_table(result), indent=1) if args.json else None
    return _print(table or "\n".join(conversion_lines(result)))


def parse(argv: Sequence[str] | None) -> tuple[ConvertOptions, argparse.Namespace]:
    """What to convert, and all that was typed. Exits with 2 on a wrong command line."""
    parser = argparse.ArgumentParser(
        prog="python -m gguf_convert",
        description="Convert a SmolVLM / Idefics3 checkpoint to GGUF: the language model and its projector (mmproj).",
        epilog=f"Types: --lm {' '.join(LM_TYPES)}; --mmproj auto {' '.join(MMPROJ_TYPES)}.",
    )
    parser.add_argument("source", metavar="SRC", help="folder with config.json and *.safetensors")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path(), metavar="DIR", help="where to write (default: here)"
    )
    parser.add_argument("--name", default="", help="name of the files (default: the folder's)")
    parser.add_argument("--lm", type=_types, metavar="TYPE,…", help="types of the language model (default: q8_0)")
    parser.add_argument("--mmproj", type=_types, metavar="TYPE,…", help="types of the projector (default: auto)")
    parser.add_argument("--outtype", type=_types, metavar="TYPE,…", help="types of both files")
    parser.add_argument("--force", action="store_true", help="replace files that exist")
    parser.add_argument("--no-verify", action="store_true", help="do not read the files back")
    parser.add_argument("--json", action="store_true", help="describe the result as JSON")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar and no warnings")
    args = parser.parse_args(argv)
    options = ConvertOptions(
        source=args.source,
        out=args.output,
        name=args.name,
        lm=args.lm or args.outtype or ("q8_0",),
        mmproj=args.mmproj or args.outtype or ("auto",),
        force=args.force,
        verify=not args.no_verify,
    )
    return options, args


def _print(text: str) -> int:
    """The exit code: 0, 141 where nobody reads any more, 6 where the output cannot be written."""
    try:
        print(text, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # not to be tried again at exit
        if isinstance(error, BrokenPipeError):
            return 141
        print(f"error: The files are written, but not what is said of them: {error.strerror}.", file=sys.stderr)
        return 6
    return 0


class Bar:
    """A progress bar on stderr, with bytes and the time left; silent where stderr is no terminal."""

    def __init__(self, shown: bool) -> None:
        self.shown, self.started, self.drawn = shown, time.monotonic(), 0.0

    def __call__(self, step: str, done: int, total: int) -> None:
        """Redraw, ten times a second at most."""
        now = time.monotonic()
        if not self.shown or now - self.drawn < REDRAW_S:
            return
        self.drawn = now
        full = int(BAR_WIDTH * done / max(total, 1))
        left = (now - self.started) * (total - done) / max(done, 1)
        sizes = f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
        print(
            f"\r\x1b[K{step} [{'#' * full}{'.' * (BAR_WIDTH - full)}] {sizes}, {left:.0f} s left",
            end="",
            file=sys.stderr,
        )

    def clear(self) -> None:
        """Leave the line empty."""
        if self.shown:
            print("\r\x1b[K", end="", flush=True, file=sys.stderr)


def _types(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise argparse.ArgumentTypeError("name at least one type")
    return names


if __name__ == "__main__":
    sys.exit(main())
