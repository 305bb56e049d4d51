"""A limit goes in, Pillow decodes within it and keeps quiet: what is global in Pillow, made safe for many threads.

Pillow's limit on pixels is one number for a process, and only warns between it and twice as many; its warnings go
through filters that are the process's, and libtiff's complaints to stderr. None of these is switched to and fro here:
what another thread does meanwhile, or the program that this is a part of, is left as it is.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache

from PIL import Image

from smolcli.datatypes import Size

_LIMIT: ContextVar[int | None] = ContextVar("pixels that a picture decoded here may have", default=None)
_MODULES = r"(PIL|pillow_heif)\b"
_IGNORED = ("ignore", None, Warning, re.compile(_MODULES), 0)  # as `warnings` keeps it
_filters, _descriptor = threading.Lock(), threading.RLock()


class TooManyPixelsError(Exception):
    """A picture, or one inside it as in an icon, has more pixels than may be decoded."""

    def __init__(self, size_px: Size) -> None:
        super().__init__(f"{size_px[0]} x {size_px[1]} pixels")
        self.size_px = size_px


@contextlib.contextmanager
def limited(limit: int, tiff: bool) -> Iterator[None]:
    """What this thread decodes in here may have `limit` pixels, and nothing is said on stderr.

    tiff: whether it is one. Raises TooManyPixelsError before a larger one takes memory.
    """
    _ignore_warnings()
    token = _LIMIT.set(limit)
    try:
        with contextlib.nullcontext() if not tiff or _silence_libtiff() else _without_stderr():
            yield
    finally:
        _LIMIT.reset(token)


_usual_check = Image._decompression_bomb_check


def _check(size: Size, *, error_only: bool = False) -> None:
    """What Pillow calls before it trusts a size that a file claims; elsewhere than in `limited` it is its own."""
    limit = _LIMIT.get()
    if limit is None:
        _usual_check(size, error_only=error_only) if error_only else _usual_check(size)
    elif max(1, size[0]) * max(1, size[1]) > limit:
        raise TooManyPixelsError(size)


Image._decompression_bomb_check = _check


def _ignore_warnings() -> None:
    """Pillow warns of what it raises, or repairs, anyway. Filters may be set back by whoever uses this program."""
    if _IGNORED not in warnings.filters:
        with _filters:
            warnings.filterwarnings("ignore", module=_MODULES)


@cache
def _silence_libtiff() -> bool:
    """Tell the libtiff that Pillow was built with to write nothing to stderr; False where it cannot be told.

    Pillow raises an error about what libtiff cannot read.
    """
    try:
        library = ctypes.CDLL(Image.core.__file__)  # type: ignore[attr-defined]
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            function = getattr(library, name)
            function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
            function(None)
    except (OSError, AttributeError):  # a libtiff inside Pillow's own file
        return False
    return True


@contextlib.contextmanager
def _without_stderr() -> Iterator[None]:
    """Descriptor 2 leads nowhere, for one thread at a time."""
    with _descriptor:
        try:
            stderr = os.dup(2)
        except OSError:  # the process has no stderr
            yield
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            os.close(nowhere)
