"""A picture file and a text in; the same file, with the text in its own description, out. No pixel is touched.

The new file is written beside the old one, read back and taken apart again: all that is not XMP has to be the very
same, and to decode to the same pixels, before it takes the old one's place.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from smolcli.errors import OutputError, SmolError
from smolcli.files import OutputFile, writing
from smolcli.formats.containers import Parts, parts_of
from smolcli.formats.xmp import EMPTY, described
from smolcli.printable import escaped, printable

MOST_FILE_BYTES = 1 << 30
_HEAD, _TAIL = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n', '<?xpacket end="w"?>'


def describe_file(path: str, sha256: str, text: str, same_pixels: Callable[[bytes, bytes], bool]) -> str | None:
    """Put a text at the end of a picture's description; the sha256 (hex) of the file then, None where it has it.

    sha256: of the file that was read. same_pixels: whether two files decode to the same. Raises OutputError for a file
    that cannot hold it, may not be written, or has been changed meanwhile.
    """
    name = escaped(path)
    real = Path(os.path.realpath(path))
    _require_writable(real, name)
    try:
        return _described_file(real, sha256, printable(text).strip(), same_pixels)
    except SmolError as error:
        message = error.message.replace("The XMP file that is there", "The XMP that is in it")
        raise OutputError(f"{name} is as it was: {message}", error.hint) from error


def _require_writable(path: Path, name: str) -> None:
    with writing(name):
        status = path.stat()
    if not path.is_file():
        raise OutputError(f"{name} is no file that could be written.", "Name a file.")
    if not status.st_mode & 0o222 or not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        raise OutputError(f"{name} is read-only.", "Let it be written (chmod u+w), or use --sidecar xmp.")
    if status.st_size > MOST_FILE_BYTES:
        raise OutputError(f"{name} has more than 1 GiB.", "Use --sidecar xmp.")


def _described_file(path: Path, sha256: str, text: str, same_pixels: Callable[[bytes, bytes], bool]) -> str | None:
    """Raises OutputError."""
    file = OutputFile(path, False, "amend")
    try:
        before = file.before
        old = parts_of(before)
        xmp = described(_packet(old), text)
        if xmp == _packet(old) or not text:
            return None
        if hashlib.sha256(before).hexdigest() != sha256:
            raise OutputError("It has been changed since it was read.", "Try again.")
        file.write_bytes(old.with_xmp(xmp))
        after = file.read_back()
        if not _is_sound(parts_of(after), old, xmp) or not same_pixels(before, after):
            raise OutputError("Its copy would not be the same picture.", "Use --sidecar xmp, and report this.")
        file.check()
        file.commit()
        return hashlib.sha256(after).hexdigest()
    finally:
        file.discard()


def _packet(parts: Parts) -> bytes:
    """The XMP of a file, an empty one where it has none; without bytes that only fill its place."""
    return parts.xmp.rstrip(b"\0") if parts.held else _HEAD.encode() + EMPTY + _TAIL.encode()


def _is_sound(new: Parts, old: Parts, xmp: bytes) -> bool:
    return new.held and new.xmp == xmp and new.others == old.others
