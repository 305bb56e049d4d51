"""DECODE: a file goes in, upright RGB Frames come out. open_media is the one door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from smolcli.media.base import Media, MediaOptions
from smolcli.media.folders import FolderError, find_pages, find_pictures
from smolcli.media.listing import MEDIA_SUFFIXES
from smolcli.media.named import NamedInputs
from smolcli.media.reading import OPEN_PIPES, Input, open_bytes, open_input
from smolcli.media.selection import parse_pages
from smolcli.media.sniff import door
from smolcli.media.windows import LONGEST_S, WindowOptions, moment, parse_length, parse_moment, windows_of

if TYPE_CHECKING:
    from smolcli.media.pixels import shrunk as shrunk
    from smolcli.media.text_layer import TextLayer

__all__ = [
    "LONGEST_S",
    "MEDIA_SUFFIXES",
    "OPEN_PIPES",
    "FolderError",
    "Media",
    "MediaOptions",
    "NamedInputs",
    "TextLayer",
    "WindowOptions",
    "find_pages",
    "find_pictures",
    "moment",
    "open_input",
    "open_media",
    "open_media_as",
    "open_media_at",
    "open_media_briefly",
    "parse_length",
    "parse_moment",
    "parse_pages",
    "windows_of",
]


def open_media(path: str, options: MediaOptions) -> Media:
    """Open an image, a PDF or a clip by its content; "-" is standard input (images and PDFs).

    Raises MediaError (missing, empty, damaged, of no known kind), EncryptedError (a PDF that wants a password),
    UsageError (pages that the document does not have; a terminal as standard input).
    """
    return _opened(open_input(path), options)


def open_media_as(name: str, data: str | bytes, options: MediaOptions) -> Media:
    """As `open_media`, of a file that lies elsewhere (a path), or of what a file holds, under a name of its own.

    Raises what `open_media` raises.
    """
    given = open_bytes(name, data) if isinstance(data, bytes) else replace(open_input(data), path=name)
    return _opened(given, options)


def open_media_at(uri: str, options: MediaOptions) -> Media:
    """As `open_media`, of a path, a file: URI or a data: URI; nothing is fetched. Raises what `open_media` raises."""
    from smolcli.media.uris import open_uri

    return _opened(open_uri(uri), options)


def _opened(given: Input, options: MediaOptions) -> Media:
    try:
        media = _opener(given, options)(given, options)
    except BaseException:
        given.close()
        raise
    if not options.several:
        media.note(_without_effect(media, options, given))
    return media


def open_media_briefly(path: str, options: MediaOptions) -> Media:
    """As `open_media`, but the file is closed between looks; standard input and pipes, which cannot be, stay open."""
    if path == "-" or path.startswith(OPEN_PIPES):
        return open_media(path, options)
    from smolcli.media.reopened import ReopenedMedia

    return ReopenedMedia(partial(open_media, path, options))


def _without_effect(media: Media, options: MediaOptions, given: Input) -> list[str]:
    """Options that were typed and say nothing to a file of this kind."""
    usual = MediaOptions()
    document = door(given.head) == "document"
    mute = {
        "--pages": media.video is not None and options.pages,
        "--dpi": not document and options.dpi,
        "--password": not document and options.password,
        "--all-frames": (document or media.video is not None) and options.all_frames,
        "--fps": media.video is None and options.fps != usual.fps,
    }
    named = [option for option, typed in mute.items() if typed]
    what = "a clip" if media.video is not None else "a PDF" if document else "a picture"
    verb = "has" if len(named) == 1 else "have"
    return [f"{given.name} is {what}: {' and '.join(named)} {verb} no effect on it."] if named else []


def _opener(given: Input, options: MediaOptions) -> Callable[[Input, MediaOptions], Media]:
    """The decoder for a file: each is imported only when a file of its kind is opened."""
    kind = door(given.head)
    if kind == "image" and options.moving:
        from smolcli.media.animation import open_animation

        return open_animation
    if kind == "document":
        from smolcli.media.document import open_document

        return open_document
    if kind == "video":
        from smolcli.media.video import open_video

        return open_video
    from smolcli.media.image import open_image

    return open_image


def __getattr__(name: str) -> Any:
    """What only documents, and pictures for people to look at, need; it is imported then."""
    if name == "shrunk":
        from smolcli.media.pixels import shrunk

        return shrunk
    if name != "TextLayer":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from smolcli.media.text_layer import TextLayer

    return TextLayer
