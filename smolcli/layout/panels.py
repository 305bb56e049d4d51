"""A page in grey goes in; its panels (print on a ground of its own), pictures and dark margins come out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np

from smolcli.layout.nouns import PixelBox

OFF_PAPER = 40  # grey levels: a panel is so much darker or lighter than the paper
EDGED = 0.8  # of each side of a panel's box is filled by it
FILLED = 0.45  # of its box is a panel, at least
LEAST_SIDE_PX = 16  # in working pixels
LEAST_BARE = 0.004  # of a panel is print, as a share of its pixels
SHRINK = 24  # the paper is measured on a page so many times smaller
LIKE_PAPER = 25  # grey levels: paper differs from its plane by less
TONES = 0.30  # of a picture's pixels that are neither its light nor its dark: print has a third of that
NEAR = 0.6  # of a panel's pixels have its ground's tone


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of a page that is not of its paper. box: in working pixels. margin: what it covers, for a dark margin."""

    kind: Literal["panel", "picture", "margin"]
    box: PixelBox
    margin: Any = None


def paper_of(grey: Any) -> Any:
    """The tone of the paper all over a page: a curved plane through what is most of it, uint8 (h, w)."""
    height, width = grey.shape
    small = cv2.resize(grey, (max(2, width // SHRINK), max(2, height // SHRINK)), interpolation=cv2.INTER_AREA)
    tones = small.astype(np.float64).ravel()
    y, x = np.mgrid[-1 : 1 : small.shape[0] * 1j, -1 : 1 : small.shape[1] * 1j]
    terms = np.stack([np.ones(small.size), *(t.ravel() for t in (x, y, x * x, x * y, y * y))], 1)
    counts = np.convolve(np.bincount(small.ravel(), minlength=256), np.ones(9), "same")
    plane = np.full(small.size, float(np.argmax(counts)))
    for _ in range(4):
        inside = np.abs(tones - plane) < LIKE_PAPER
        if inside.sum() < 0.05 * small.size:
            break
        kept = terms[inside]
        plane = terms @ np.linalg.lstsq(kept.T @ kept, kept.T @ tones[inside], rcond=None)[0]
    fitted = np.clip(np.round(plane), 0, 255).astype(np.uint8).reshape(small.shape)
    return cv2.resize(fitted, (width, height), interpolation=cv2.INTER_LINEAR)


def find_panels(grey: Any, em: float) -> list[Panel]:
    """What is not of the page's paper over more than letters' strokes. em: the letter size in working pixels.

    It is looked for on a page of half the size.
    """
    half = cv2.resize(grey, (grey.shape[1] // 2, grey.shape[0] // 2), interpolation=cv2.INTER_AREA)
    off = cv2.compare(cv2.absdiff(half, paper_of(half)), OFF_PAPER, cv2.CMP_GT)
    whole = cv2.morphologyEx(off, cv2.MORPH_CLOSE, _square(0.15 * em))  # over the strokes of letters on it
    solid = cv2.morphologyEx(whole, cv2.MORPH_OPEN, _square(0.6 * em))
    if not solid.any():
        return []
    grown = cv2.bitwise_and(whole, cv2.dilate(solid, _square(1.2 * em)))  # into the edges between letters
    _, labels, stats, _ = cv2.connectedComponentsWithStats(grown, connectivity=4, ltype=cv2.CV_32S)
    found = []
    for number, (left, top, width, height, area) in enumerate(stats[1:].tolist(), 1):
        part = slice(top, top + height), slice(left, left + width)
        if area < FILLED * width * height:
            if left <= 1 or top <= 1 or left + width >= half.shape[1] - 1 or top + height >= half.shape[0] - 1:
                found.append(_margin(labels[part] == number, (left, top), em))
            continue  # elsewhere it is a letter of a large headline
        bare = 1 - np.count_nonzero(off[part]) / (width * height)
        if min(width, height) < max(LEAST_SIDE_PX, 1.3 * em) / 2 or bare < LEAST_BARE:
            continue  # a bar, a stroke of such a letter
        inner = _trimmed(labels[part] == number)
        box = 2 * (left + inner[0]), 2 * (top + inner[1]), 2 * (left + inner[2]), 2 * (top + inner[3])
        if min(box[2] - box[0], box[3] - box[1]) < LEAST_SIDE_PX:
            continue
        if is_picture(grey[box[1] : box[3], box[0] : box[2]]):
            found.append(Panel("picture", box))
        elif _is_edged((labels[part] == number)[inner[1] : inner[3], inner[0] : inner[2]]):
            found.append(Panel("panel", box))
    return found


def _trimmed(own: Any) -> PixelBox:
    """The box of a panel's pixels without specks and letters that touch it from outside; of no size without any."""
    (top, bottom), (left, right) = (
        (int(full[0]), int(full[-1]) + 1) if len(full) else (0, 0)
        for full in (np.flatnonzero(own.mean(axis=axis) > 0.5) for axis in (1, 0))
    )
    return left, top, right, bottom


def _is_edged(own: Any) -> bool:
    """Whether a panel's pixels fill the sides of its box: letters of a headline that run together do not."""
    sides = own[:2].T, own[-2:].T, own[:, :2], own[:, -2:]
    return min(float(side.any(axis=1).mean()) for side in sides) > EDGED


def _margin(own: Any, corner: tuple[int, int], em: float) -> Panel:
    """A dark margin of a scan: its pixels on the page of half the size, and where their corner is."""
    height, width = own.shape
    left, top = corner
    whole = cv2.resize(own.astype(np.uint8), (2 * width, 2 * height), interpolation=cv2.INTER_NEAREST)
    box = 2 * left, 2 * top, 2 * (left + width), 2 * (top + height)
    return Panel("margin", box, cv2.dilate(whole, _square(0.5 * em)))


def is_picture(grey: Any) -> bool:
    """Whether a part of a page has the many tones of a picture, and no ground that most of it is of."""
    low, high = (float(tone) for tone in np.percentile(grey[::2, ::2], (3, 97)))
    if high - low < OFF_PAPER:
        return False
    amid = np.mean((grey > low + 0.2 * (high - low)) & (grey < high - 0.2 * (high - low)))
    counts = np.bincount(grey.ravel(), minlength=256)
    ground = np.convolve(counts, np.ones(33), "same").max() / grey.size
    return bool(amid > TONES and ground < NEAR)


def _square(side: float) -> Any:
    """A square of at most a side: odd, for an opening by an even one moves what it leaves by a pixel."""
    return np.ones((max(1, (int(side) - 1) // 2 * 2 + 1),) * 2, np.uint8)
