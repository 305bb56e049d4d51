"""Parts of a page go in, HTML that needs nothing else comes out: styles and scripts in it, no network, nothing run
that is not ours.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from smolcli.datatypes import Place
from smolcli.formats.page import plain

_WEB = Path(__file__).with_name("web")
_NO_FILES = ("/dev/", "/proc/", "data:", "file:")  # names of what a page cannot lead to


def head(title: str, styles: Sequence[str], scripts: Sequence[str], media: bool = False) -> str:
    """A page up to its body. styles, scripts: names of files in web/, as `tail` has them; media: clips are played.

    The policy lets nothing run but those scripts, and nothing be loaded but what lies beside the page.
    """
    style = _joined(styles)
    policy = [
        "default-src 'none'",
        "img-src data: 'self' file:",
        *(["media-src 'self' file:"] if media else []),
        f"style-src '{_digest(style)}'",
        f"script-src '{_digest(_joined(scripts))}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{"; ".join(policy)}">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="color-scheme" content="light dark">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{text(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
    )


def tail(scripts: Sequence[str]) -> str:
    """The end of a page."""
    return f"<script>{_joined(scripts)}</script>\n</body>\n</html>\n"


def text(words: str) -> str:
    """A text for an element or an attribute: whatever is in it, it is read as text."""
    return escape(plain(words))


def link_to(place: Place, folder: str | None) -> str | None:
    """The address of a place's file as seen from a page in a folder (None: the present one), its page behind it.

    None where there is no file.
    """
    path = place.source.path
    if path in ("", "-") or path.startswith(_NO_FILES):
        return None
    try:
        relative = os.path.relpath(path, folder or os.curdir)
    except ValueError:  # another drive of Windows
        return Path(path).absolute().as_uri()
    page = f"#page={place.page}" if place.page is not None else ""
    return "./" + quote(os.fsencode(relative.replace(os.sep, "/"))) + page  # "./" for a file called "javascript:x"


def _joined(names: Sequence[str]) -> str:
    return "\n".join((_WEB / name).read_text(encoding="utf-8") for name in names)


def _digest(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode("ascii")
