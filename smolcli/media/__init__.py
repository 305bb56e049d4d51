"""DECODE: a file goes in, upright RGB Frames come out. open_media is the one door."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from smolcli.datatypes import Place
from smolcli.media.base import Media, MediaOptions
from smolcli.media.listing import MEDIA_SUFFIXES, has_namesake
from smolcli.media.plausible import fault_of
from smolcli.media.reading import OPEN_PIPES, Input, open_bytes, open_input
from smolcli.media.selection import parse_pages
from smolcli.media.sniff import door

if TYPE_CHECKING:
    from smolcli.media.arriving import Arrivals, require_watching
    from smolcli.media.cutting import Piece
    from smolcli.media.folders import FolderError, find_media, find_pages, find_pictures
    from smolcli.media.lists import Given
    from smolcli.media.live import Live, LiveOptions, LiveWindow
    from smolcli.media.named import NamedInputs
    from smolcli.media.picking import Found, first, shuffled, without
    from smolcli.media.pixels import shrunk as shrunk
    from smolcli.media.text_layer import TextLayer
    from smolcli.media.windows import LONGEST_S, WindowOptions, moment, parse_length, parse_moment, windows_of

__all__ = [
    "LONGEST_S",
    "MEDIA_SUFFIXES",
    "OPEN_PIPES",
    "Arrivals",
    "FolderError",
    "Found",
    "Given",
    "Live",
    "LiveOptions",
    "LiveWindow",
    "Media",
    "MediaOptions",
    "NamedInputs",
    "TextLayer",
    "WindowOptions",
    "cut_clip",
    "fault_of",
    "find_media",
    "find_pages",
    "find_pictures",
    "first",
    "has_namesake",
    "load_picture_code",
    "moment",
    "open_input",
    "open_media",
    "open_media_as",
    "open_media_at",
    "open_media_briefly",
    "parse_length",
    "parse_moment",
    "parse_pages",
    "require_cutting",
    "require_watching",
    "same_pictures",
    "scenes_of",
    "shuffled",
    "watch",
    "windows_of",
    "without",
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


def same_pictures(one: bytes, other: bytes) -> bool:
    """Whether two files of pictures decode to the same pixels, in all of their pictures. Raises MediaError."""
    from smolcli.media.image import open_image
    from smolcli.media.reading import open_bytes

    options = MediaOptions(all_frames=True)
    opened = [open_image(open_bytes("the picture", data), options) for data in (one, other)]
    first, second = opened
    if [outline.size_px for outline in first.outlines] != [outline.size_px for outline in second.outlines]:
        return False
    pairs = zip(first.frames(), second.frames(), strict=True)
    return all(bool((frame.rgb == beside.rgb).all()) for frame, beside in pairs)


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


def scenes_of(media: Media, options: WindowOptions) -> Iterator[Place]:
    """The windows of an opened clip, one for each scene (scenes.py), as they are found. Raises MediaError, UsageError.

    What only scenes need is imported then.
    """
    from smolcli.media.scenes import scenes_of as found

    return found(media, options)


def cut_clip(path: str, parts_s: Sequence[tuple[float, float]], suffix: str = ".mp4") -> AbstractContextManager[Piece]:
    """Parts of a clip as a file of their own, copied as they are coded (cutting.py). Raises MediaError, UsageError."""
    from smolcli.media.cutting import cut_clip as cut

    return cut(path, parts_s, suffix)


def load_picture_code() -> None:
    """Import what opens usual pictures. Raises ImportError."""
    from smolcli.media.image import load_decoders

    load_decoders()


def require_cutting() -> None:
    """Raises UsageError where no clip can be cut here."""
    from smolcli.media.cutting import require

    require()


def watch(address: str, options: LiveOptions) -> Live:
    """Watch a camera (by its number) or an RTSP, HTTP or file URL (live.py). Raises MediaError where none is there."""
    from smolcli.media.live import Live

    return Live(address, options)


_LATER = {
    **dict.fromkeys(("Arrivals", "require_watching"), "arriving"),
    **dict.fromkeys(("FolderError", "find_media", "find_pages", "find_pictures"), "folders"),
    "Given": "lists",
    **dict.fromkeys(("Live", "LiveOptions", "LiveWindow"), "live"),
    "NamedInputs": "named",
    **dict.fromkeys(("Found", "first", "shuffled", "without"), "picking"),
    "shrunk": "pixels",
    "TextLayer": "text_layer",
    **dict.fromkeys(("LONGEST_S", "WindowOptions", "moment", "parse_length", "parse_moment", "windows_of"), "windows"),
}


def __getattr__(name: str) -> Any:
    """What only folders, clips, documents and cameras need; it is loaded then."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
