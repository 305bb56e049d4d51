"""A planned job → its media: every picture decoded and cut."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from smolcli.datatypes import RGB, Frame, ImagePart, Outline, Place
from smolcli.errors import MediaError, about_part
from smolcli.jobs import Job, Look, PlannedMedium
from smolcli.media import Media
from smolcli.prompt import Medium
from smolcli.run.duplicates import Duplicates
from smolcli.run.opened import OpenFiles, turned
from smolcli.run.outlined import boxed
from smolcli.run.planning import medium_parts
from smolcli.tiles import cut

RGB_BYTES = 3  # of a pixel


@dataclass(frozen=True, slots=True)
class Loaded:
    """Media of one job, decoded and cut; the pictures that are shown for each of its places; what is odd about them.

    page: of a job that looks for values, the text of its pages, where each of them has all of its text of its own.
    """

    media: tuple[Medium, ...]
    shown: tuple[tuple[Place, ...], ...]
    warnings: tuple[str, ...]
    preprocess_s: float
    page: str = ""


def load(files: OpenFiles, job: Job, planned: Sequence[PlannedMedium]) -> Loaded:
    """Decode and cut every picture that was planned; the job's files are held. Safe in any thread.

    Raises MediaError; a request never goes on without a picture.
    """
    start = time.perf_counter()
    if job.look.sheet is not None:
        return _sheet(files, job, planned[0], start)
    media: list[Medium] = []
    shown: list[tuple[Place, ...]] = []
    warnings: list[str] = []
    layers: list[str] = []
    for number, (place, item) in enumerate(zip(job.places, planned, strict=True)):
        with about_part(number), files.alone(place.source, job.look) as medium:
            parts, places, odd = cut_pictures(medium, item, job.look)
            if job.question.schema:
                layers.append(_own_text(medium, place))
        media += medium_parts(item.video, parts, places)
        shown.append(tuple(places))
        warnings += odd
    page = "\n".join(layers) if all(layers) else ""
    return Loaded(tuple(media), tuple(shown), tuple(dict.fromkeys(warnings)), time.perf_counter() - start, page)


def _own_text(medium: Media, place: Place) -> str:
    """The text that a page has of its own, "" unless all that is seen of the page is sure to be in it."""
    layer = medium.layer(place)
    if layer is None or not layer.is_sound or layer.pictures:
        return ""
    return "\n".join(region.text for region in layer.regions)


def _sheet(files: OpenFiles, job: Job, planned: PlannedMedium, start: float) -> Loaded:
    """Pieces of one page, cut out of it and put on one picture."""
    from smolcli.layout import put_together

    assert job.look.sheet is not None
    page = files.straight(job.places[0], job.look)
    size_px = page.rgb.shape[1], page.rgb.shape[0]
    rgb = put_together(page.rgb, [boxed(size_px, place) for place in job.places], job.look.sheet)
    part = ImagePart(planned.plans[0], cut(rgb, planned.plans[0]), planned.source)
    shown = tuple((place,) for place in job.places)
    text = ""
    if job.question.schema:
        with files.alone(job.places[0].source, job.look) as medium:
            text = _own_text(medium, replace(job.places[0], box=None))
    return Loaded((part,), shown, page.warnings, time.perf_counter() - start, text)


def held_bytes(planned: Sequence[PlannedMedium]) -> int:
    """What decoding and cutting hold at most: a picture as it is, and all tiles."""
    pictures = [plan for item in planned for plan in item.plans]
    tiles = sum(plan.encodes * plan.tile_px**2 for plan in pictures)
    largest = max((plan.source_px[0] * plan.source_px[1] for plan in pictures), default=0)
    return RGB_BYTES * (tiles + largest)


def cut_pictures(medium: Media, planned: PlannedMedium, look: Look) -> tuple[list[ImagePart], list[Place], list[str]]:
    """Every picture of one place, cut; where it is; what is odd. Only a damaged clip may give fewer than planned.

    Raises MediaError.
    """
    parts: list[ImagePart] = []
    places: list[Place] = []
    warnings: list[str] = []
    seen = Duplicates() if planned.video is not None and look.dedupe else None
    for frame, plan in zip(_frames(medium, planned.outlines, look), planned.plans, strict=False):
        tiles = cut(frame.rgb, plan)
        parts.append(ImagePart(plan, seen.like(tiles) if seen is not None else tiles, planned.source))
        places.append(frame.place)
        warnings += frame.warnings
    if not parts or (planned.video is None and len(parts) < len(planned.plans)):
        raise MediaError(
            f"{planned.source.path} gave {len(parts)} of {len(planned.plans)} pictures.", "The file is damaged."
        )
    return parts, places, [*medium.warnings, *warnings]


def _frames(medium: Media, outlines: Sequence[Outline], look: Look) -> Iterator[Frame]:
    """The frames of a clip, or the one picture of a place, of which its box is left."""
    if medium.video is not None:
        yield from medium.frames(outlines)
        return
    for outline in outlines:
        frame = medium.frame(replace(outline.place, box=None))
        rgb = turned(frame.rgb, look)
        yield replace(frame, rgb=_boxed(rgb, outline.place), place=replace(frame.place, box=outline.place.box))


def _boxed(rgb: RGB, place: Place) -> RGB:
    """uint8 (H, W, 3) → that part of it which is in the place's box."""
    left, top, right, bottom = boxed((rgb.shape[1], rgb.shape[0]), place)
    return rgb[top:bottom, left:right]
