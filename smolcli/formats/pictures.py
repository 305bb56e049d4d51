"""Pictures go in, what pages and sheets show of them comes out: JPEG and PNG."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from smolcli.datatypes import RGB
from smolcli.formats.cues import Cue

QUALITY = 75  # of a thumbnail: some 8 kB at 256 px
T = TypeVar("T")


def data_uri(rgb: RGB) -> str:
    """uint8 (H, W, 3) → a JPEG that stands in a page."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(rgb).save(data, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode("ascii")


def png(rgb: RGB) -> bytes:
    """uint8 (H, W, 3) → a PNG file."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(rgb).save(data, "PNG")
    return data.getvalue()


def evenly(items: Sequence[T], most: int) -> list[T]:
    """At most so many of some things, spread over all of them, the first one among them."""
    if len(items) <= most:
        return list(items)
    return [items[number * len(items) // most] for number in range(most)]


def thinned(cues: Sequence[Cue], most: int) -> tuple[list[Cue], int]:
    """Cues with at most so many frames together, each with some of its own; how many frames there were."""
    total = sum(len(cue.shown) for cue in cues)
    if total <= most and len(cues) <= most:
        return list(cues), total
    kept = evenly(cues, most)
    frames = sum(len(cue.shown) for cue in kept)
    share = min(1.0, (most - len(kept)) / max(1, frames))
    return [replace(cue, shown=tuple(evenly(cue.shown, 1 + int(len(cue.shown) * share)))) for cue in kept], total
