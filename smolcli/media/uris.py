"""An address as chat clients write it goes in (a path, a file: or a data: URI); an open Input comes out.

Nothing is fetched: http: and all other schemes are refused. What a data: URI holds stays in memory, and is told by its
content, not by the type that it declares.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from urllib.parse import unquote_to_bytes

from smolcli.errors import MediaError
from smolcli.media.reading import Input, open_bytes, open_input

DATA_BYTES = 256_000_000  # the most that a data: URI may hold
MOST_ESCAPES = 2**22  # each takes half a microsecond
LONGEST_PATH = 4096  # Linux's PATH_MAX, the largest of the systems
LOCAL_HOSTS = ("", "localhost", "127.0.0.1", "[::1]")
_CHUNK = 2**20
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://", re.I)  # two letters or more: "C:/photo.jpg" is a path
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,40}/[\w.+-]{1,60}", re.ASCII)  # RFC 6838, without its rarer characters
_DRIVE = re.compile(r"/([a-z])[:|](?=/|$)", re.I)  # RFC 8089, appendix E.2
_WAY_OUT = "Write data:image/png;base64,… or the path of a file."


def open_uri(uri: str) -> Input:
    """Open what a path, a file: URI (RFC 8089) or a data: URI (RFC 2397) names. Raises MediaError."""
    kind = uri[:5].lower()
    if kind == "data:":
        return open_bytes(*_held(uri))
    if kind != "file:" and _SCHEME.match(uri):
        plain = uri.partition("?")[0]  # tokens of a signed address stand behind it
        raise MediaError(f"{_shown(plain)} is an address, not a file.", "Download it first: nothing is fetched.")
    short = len(uri) <= 3 * LONGEST_PATH  # a byte may be three characters
    path = local_path(uri) if kind == "file:" and short else uri
    if len(path) > LONGEST_PATH:
        raise MediaError(f"{_shown(uri)} is no path: it has {len(uri):,} characters.", _WAY_OUT)
    return open_input(path)


def local_path(uri: str) -> str:
    """The path of a file: URI, its escapes decoded; Windows' drives lose their leading slash."""
    rest = uri[5:]
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        rest = slash + path
        if host.lower() not in LOCAL_HOSTS:
            raise MediaError(f"{_shown(uri)} is on another machine.", "Copy it here first: nothing is fetched.")
    if not rest.startswith("/"):
        raise MediaError(f"{_shown(uri)} is not absolute.", "Write file:///folder/photo.jpg, or the path itself.")
    try:
        path = os.fsdecode(unquote_to_bytes(rest.encode("utf-8", "surrogateescape")))
    except UnicodeError as error:
        raise MediaError(f"{_shown(uri)} is no name of a file.", "Check the URI.") from error
    return _DRIVE.sub(r"\1:", path, count=1) if os.name == "nt" else path


def _held(uri: str) -> tuple[str, bytes]:
    """(short name, bytes) of a data: URI, read as browsers read it (WHATWG Fetch: the data: URL processor)."""
    header, comma, body = uri[5:].partition(",")
    if not comma:
        raise MediaError(f"{_shown(uri)} holds nothing: it has no comma.", _WAY_OUT)
    declared, *parameters = header.split(";")
    kind = f"data:{declared.strip()}" if _MEDIA_TYPE.fullmatch(declared.strip()) else "data:"
    too_large = MediaError(f"{kind} holds more than {_size(DATA_BYTES)}.", "Save it to a file and give its path.")
    if len(body) > 3 * DATA_BYTES:
        raise too_large
    if body.count("%") > MOST_ESCAPES:
        raise MediaError(f"{kind} holds more than {MOST_ESCAPES:,} escapes (%41).", "Write it as base64.")
    try:
        data = _percent_decoded(body.encode("ascii"))
        if parameters and parameters[-1].strip().lower() == "base64":
            data = _base64_decoded(data)
    except UnicodeEncodeError as error:
        raise MediaError(f"{kind} holds letters that no URI holds.", _WAY_OUT) from error
    except binascii.Error as error:
        raise MediaError(
            f"{kind} is not base64, or cut: {error}.", "Encode it again, or give the path of the file."
        ) from error
    if len(data) > DATA_BYTES:
        raise too_large
    return f"{kind} ({_size(len(data))})", data


def _percent_decoded(text: bytes) -> bytes:
    """%41 → A; in chunks, because the library makes an object of every escape."""
    if b"%" not in text:
        return text
    found, at = bytearray(), 0
    while at < len(text):
        end = at + _CHUNK
        escape = text.rfind(b"%", end - 2, end)  # none is cut in two
        end = escape if escape > at else end
        found += unquote_to_bytes(text[at:end])
        at = end
    return bytes(found)


def _base64_decoded(text: bytes) -> bytes:
    """White space may stand anywhere, padding may be missing; nothing else is passed over. Raises binascii.Error."""
    text = text.translate(None, b" \t\n\f\r").rstrip(b"=")
    return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)


def _size(count: int) -> str:
    """ "812 bytes", "12 kB", "5 MB"."""
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1e3:.0f} kB" if count < 1e6 else f"{count / 1e6:.0f} MB"


def _shown(uri: str) -> str:
    """The URI for a message: no password, control characters escaped, of a long one the start."""
    uri = re.sub(r"//[^/]*@", "//", uri[:200]) + uri[200:]
    return repr(uri) if len(uri) <= 100 else f"{uri[:80]!r}…"
