"""DECODE: a file goes in, upright RGB Frames come out. open_media is the one door."""

from __future__ import annotations

from collections.abc import Callable

from smolcli.media.base import Media, MediaOptions
from smolcli.media.reading import Input, open_input
from smolcli.media.sniff import door

__all__ = ["Media", "MediaOptions", "open_media"]


def open_media(path: str, options: MediaOptions) -> Media:
    """Open an image, a PDF or a clip by its content; "-" is standard input (images and PDFs).

    Raises MediaError (missing, empty, damaged, of no known kind), EncryptedError (a PDF that wants a password),
    UsageError (pages that the document does not have; a terminal as standard input).
    """
    given = open_input(path)
    try:
        return _opener(given)(given, options)
    except BaseException:
        given.close()
        raise


def _opener(given: Input) -> Callable[[Input, MediaOptions], Media]:
    """The decoder for a file: each is imported only when a file of its kind is opened."""
    kind = door(given.head)
    if kind == "document":
        from smolcli.media.document import open_document

        return open_document
    if kind == "video":
        from smolcli.media.video import open_video

        return open_video
    from smolcli.media.image import open_image

    return open_image
