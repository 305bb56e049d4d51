"""The process's standard streams in; a stdout that only our own writer knows, and a stdin to be read again, out."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, TextIO


def protect_stdout() -> None:
    """From here on `sys.stdout` alone is the output: what writes to descriptor 1 by itself writes to stderr, for good.

    That is native code and child processes. For a program to call when it starts; a library leaves descriptors alone.
    Nothing happens where `sys.stdout` is not on descriptor 1: after the first call, in a notebook, in a test.
    """
    stream = sys.stdout
    try:
        if not isinstance(stream, io.TextIOWrapper) or stream.fileno() != 1:
            return
        stream.flush()
        ours = os.dup(1)  # no child inherits it
    except (OSError, ValueError):  # closed, or full: whoever writes the first answer will say so
        return
    try:
        os.dup2(2, 1)
    except OSError:  # there is no stderr
        os.close(ours)
        return
    buffer = open(ours, "wb", 0 if stream.write_through else -1, closefd=False)  # noqa: SIM115  a descriptor
    sys.stdout = io.TextIOWrapper(
        buffer, stream.encoding, stream.errors, "\n", stream.line_buffering, stream.write_through
    )
    if sys.__stdout__ is stream:  # who wants the terminal's size, or puts stdout back, asks this one
        setattr(sys, "__stdout__", sys.stdout)  # noqa: B010  final to a type checker


def prepare_streams() -> None:
    """File names that are not UTF-8 come out as the bytes they were; no text and no library can break the output.

    A closed standard stream (`>&-`) is filled with one that cannot be used: else the next file to be opened would get
    its number, and be written to.
    """
    if None in (sys.stdin, sys.stdout, sys.stderr):
        for number, mode in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)):
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, mode)  # takes the lowest number that is free
        sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
        sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    protect_stdout()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="surrogateescape" if "utf" in (stream.encoding or "").lower() else "replace")


@contextmanager
def reread_standard_input(paths: Sequence[str]) -> Iterator[None]:
    """Where it is among what is read: it can be read again, as the file that it stands for could be."""
    if "-" not in paths:
        yield
        return
    given = sys.stdin
    sys.stdin = _Reread(given)
    try:
        yield
    finally:
        sys.stdin = given


class _Reread:
    """Standard input as media/reading.py asks for it: its bytes from the start, whenever they are wanted."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream, self._data = stream, b""

    @property
    def buffer(self) -> BinaryIO | None:
        """The bytes of it; what it is itself where it cannot be read."""
        binary: BinaryIO | None = getattr(self._stream, "buffer", None)
        if not self._data:
            if binary is None or binary.closed or binary.isatty():
                return binary
            self._data = binary.read()
        return io.BytesIO(self._data)
