"""A job's places before they are decoded: what their pictures measure, and how each is cut."""

from __future__ import annotations

from dataclasses import dataclass

from smolcli.datatypes import Outline, Place, Size, Source, VideoFacts
from smolcli.jobs import Job


@dataclass(frozen=True, slots=True)
class Outlined:
    """One place of a job before it is cut: the sizes of its pictures (not rendered), and a clip's facts."""

    source: Source
    outlines: tuple[Outline, ...]
    video: VideoFacts | None = None


def boxed_size(size_px: Size, place: Place) -> Size:
    """The size in pixels of a place's box in a picture of a size."""
    left, top, right, bottom = boxed(size_px, place)
    return right - left, bottom - top


def boxed(size_px: Size, place: Place) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of a place's box in pixels, at least one each way; the whole picture without a box."""
    if place.box is None:
        return 0, 0, *size_px
    (x, y, wide, high), (width, height) = place.box, size_px
    left, top = min(width - 1, max(0, int(x * width))), min(height - 1, max(0, int(y * height)))
    right, bottom = min(width, round((x + wide) * width)), min(height, round((y + high) * height))
    return left, top, max(left + 1, right), max(top + 1, bottom)


def sheet_outlined(job: Job) -> Outlined:
    """The one picture that the pieces of a job make (Look.sheet)."""
    assert job.look.sheet is not None
    side = job.look.sheet.side_px
    return Outlined(job.places[0].source, (Outline(job.places[0], (side, side)),))
