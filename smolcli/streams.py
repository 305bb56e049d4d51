"""The process's stdout goes in, one that only our own writer knows comes out: nothing else writes into the answers."""

from __future__ import annotations

import io
import os
import sys


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
