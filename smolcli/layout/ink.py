"""A page goes in, its ink comes out: what is print, what is a rule, what is a panel or a picture.

All of it is in pixels of a working page of about two megapixels, each `Ink.scale` pixels of the page wide. Paper may be
light or dark, shaded, noisy; ink is what stands out from the ground around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from smolcli.datatypes import RGB
from smolcli.layout.nouns import PixelBox
from smolcli.layout.panels import Panel, find_panels, paper_of

Grey = npt.NDArray[np.uint8]  # (h, w)
Mask = npt.NDArray[np.uint8]  # (h, w), 0 or 255

WORKING_PX = 2_200_000  # an A4 page at 150 dpi: letters of 5 points are 10 pixels high
MOST_LARGER = 2.0
LEAST_SIDE_PX = 16  # a smaller page is made so large: OpenCV takes arrays of one pixel for numbers
LEAST_SHARE = 0.3  # of the strongest ink around: thin strokes of small print are grey, and break where more is asked
PANEL_REACH = 2.0  # a panel may be as low as a line, and print covers much of it
EDGE_PX = 3  # where a panel's ground passes into the paper
LEAST_PRINT = 4  # of 255: less of a part of a page is not covered by print, but by specks
GROUND = 8  # the ground is measured on a picture so many times smaller
LEAST_CONTRAST = 22  # grey levels: paper and JPEG differ from themselves by less
NOISE_SIGMAS = 5.0  # of a page of two million pixels, one is further from the mean by chance


@dataclass(frozen=True, slots=True)
class Letters:
    """Connected pieces of ink, one a row. left, top, width, height, area: in working pixels, int64 (n,)."""

    left: Any
    top: Any
    width: Any
    height: Any
    area: Any

    def __len__(self) -> int:
        return len(self.left)

    @property
    def right(self) -> Any:
        """Where they end, exclusive."""
        return self.left + self.width

    @property
    def bottom(self) -> Any:
        """Where they end beneath, exclusive."""
        return self.top + self.height

    def take(self, which: Any) -> Letters:
        """Those of an index or a mask."""
        return Letters(self.left[which], self.top[which], self.width[which], self.height[which], self.area[which])


@dataclass(frozen=True, slots=True)
class Ink:
    """What is on a page. mask: print, without rules and pictures. light: where print is lighter than its ground.

    across, down: level and upright rules. pictures: their boxes. scale: page pixels in a working pixel. em: the letter
    size of most of the print in working pixels, a first guess.
    """

    mask: Mask
    light: Mask
    across: Mask
    down: Mask
    pictures: tuple[PixelBox, ...]
    scale: float
    em: float


def reduced(rgb: RGB) -> tuple[Grey, float]:
    """The page in grey at about WORKING_PX, and how many of its pixels one of those is wide.

    A small one is made larger by no more than MOST_LARGER: letters of few pixels touch, and stand apart when they are
    drawn finer.
    """
    grey = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    scale = max(1 / MOST_LARGER, (height * width / WORKING_PX) ** 0.5)
    if scale > 1.6:  # OpenCV is several times faster at whole numbers
        scale = float(round(scale))
        size = max(1, int(width // scale)), max(1, int(height // scale))
        whole = grey[: size[1] * int(scale), : size[0] * int(scale)]
        grey = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
    elif not 0.87 < scale < 1.15:
        size = max(1, round(width / scale)), max(1, round(height / scale))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC)
    else:
        scale = 1.0
    if min(grey.shape) < LEAST_SIDE_PX:
        more = (max(0, LEAST_SIDE_PX - side) for side in grey.shape)
        grey = cv2.copyMakeBorder(grey, 0, next(more), 0, next(more), cv2.BORDER_REPLICATE)
    return np.asarray(grey, np.uint8), scale


def noise_of(grey: Grey) -> float:
    """The standard deviation of the noise in grey levels: by the median, which print does not reach."""
    part = grey[:: max(1, grey.shape[0] // 400)]  # neighbours along a row only
    apart = np.abs(part[:, 2:].astype(np.int16) + part[:, :-2] - 2 * part[:, 1:-1].astype(np.int16))
    return float(np.median(apart)) * 1.4826 / 6**0.5 if apart.size else 0.0


def standing_out(grey: Grey, reach: float = 1 / 6) -> tuple[Mask, Mask]:
    """What is print-like: 255 where it stands out from the ground around it; and where it is lighter than that.

    reach: how far the ground is looked for, a share of the shorter side.
    """
    height, width = grey.shape
    noise = noise_of(grey)
    if noise > 3:
        grey = np.asarray(cv2.GaussianBlur(grey, (3, 3), 0), np.uint8)
        noise *= 0.4
    small = cv2.resize(grey, (max(1, width // GROUND), max(1, height // GROUND)), interpolation=cv2.INTER_AREA)
    span = max(3, int(min(small.shape) * reach)) | 1
    ground_small = cv2.blur(cv2.medianBlur(small, min(span, 255)), (5, 5))
    ground = cv2.resize(ground_small, (width, height), interpolation=cv2.INTER_LINEAR)
    darker, lighter = cv2.subtract(ground, grey), cv2.subtract(grey, ground)
    light = cv2.resize(_lighter_print(ground_small, darker, lighter), (width, height), interpolation=cv2.INTER_NEAREST)
    strength = np.where(light > 0, lighter, darker)
    least = max(LEAST_CONTRAST, NOISE_SIGMAS * noise)
    peaks = cv2.dilate(
        cv2.resize(
            cv2.dilate(strength, np.ones((4, 4), np.uint8)), None, fx=0.25, fy=0.25, interpolation=cv2.INTER_NEAREST
        ),
        np.ones((9, 9), np.uint8),
    )
    needed = cv2.resize(
        cv2.max(cv2.multiply(peaks, LEAST_SHARE), least), (width, height), interpolation=cv2.INTER_LINEAR
    )
    return np.asarray(cv2.compare(strength, needed, cv2.CMP_GT), np.uint8), light


def _lighter_print(ground: Grey, darker: Grey, lighter: Grey) -> Mask:
    """255 where print is lighter than the ground: on dark ground, or on grey with more light than dark on it."""
    size = ground.shape[::-1]
    window = (max(3, min(size) // 6),) * 2

    def share(strength: Grey) -> Any:
        strong = cv2.resize(cv2.compare(strength, 40, cv2.CMP_GT), size, interpolation=cv2.INTER_AREA)
        return cv2.blur(strong, window)

    light = share(lighter)
    grey_with_light = (ground < 190) & (light > LEAST_PRINT) & (light > 1.5 * share(darker))
    return np.where((ground < 90) | grey_with_light, 255, 0).astype(np.uint8)


def letters_of(mask: Mask) -> Letters:
    """The connected pieces of a mask, from top to bottom as OpenCV numbers them."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    found = stats[1:].astype(np.int64)
    return Letters(*(found[:, i] for i in range(5)))


def em_of(letters: Letters, tallest: float) -> float:
    """The letter size of most of the print, 0.0 without any: letters without ascender are half an em high, others 0.72.

    tallest: what is higher is no letter.
    """
    likely = (letters.height >= 4) & (letters.height < tallest) & (letters.width < 3 * letters.height)
    heights, weights = letters.height[likely], (letters.width * letters.height)[likely]
    if not len(heights):
        return 0.0
    order = np.argsort(heights, kind="stable")
    middle = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
    return float(heights[order][middle]) * 1.6


def find_ink(rgb: RGB) -> Ink:
    """What is on a page (uint8 (H, W, 3)) that stands upright."""
    grey, scale = reduced(rgb)
    mask, light = standing_out(grey)
    em = em_of(letters_of(mask), min(mask.shape) / 4)
    panels = find_panels(grey, max(em, 8.0))
    if panels:
        mask, light = _on_panels(grey, panels, em)
        em = em_of(letters_of(mask), min(mask.shape) / 4)
    mask, across, down = without_rules(mask, max(em, 8.0))
    pictures = tuple(panel.box for panel in panels if panel.kind == "picture")
    return Ink(mask, light, across, down, pictures, scale, em)


def _on_panels(grey: Grey, panels: list[Panel], em: float) -> tuple[Mask, Mask]:
    """What stands out of the paper, and of each panel's own ground; nothing does in pictures and dark margins."""
    plain, paper = grey.copy(), paper_of(grey)
    for panel in panels:  # the ground around a panel is that of the paper, or print beside it would be lost
        left, top, right, bottom = panel.box
        edge = max(EDGE_PX, round(0.3 * em)) if panel.kind == "picture" else EDGE_PX
        covered = slice(max(0, top - edge), bottom + edge), slice(max(0, left - edge), right + edge)
        if panel.margin is not None:
            covered = slice(top, bottom), slice(left, right)
            np.copyto(plain[covered], paper[covered], where=panel.margin > 0)
        else:
            plain[covered] = paper[covered]
    mask, light = standing_out(plain)
    for panel in panels:
        if panel.kind == "panel":
            left, top, right, bottom = panel.box
            part = slice(top + EDGE_PX, bottom - EDGE_PX), slice(left + EDGE_PX, right - EDGE_PX)
            mask[part], light[part] = standing_out(grey[part], PANEL_REACH)
    return mask, light


def without_rules(mask: Mask, em: float) -> tuple[Mask, Mask, Mask]:
    """The mask without its rules, and the level and the upright ones: long, and thinner than a letter's stem."""
    length, thick = max(13, round(3.2 * em)) | 1, max(3, round(0.28 * em)) | 1  # odd: an even one moves what it leaves
    left, rules = mask, []
    for across in (True, False):
        long = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _bar(length, across))
        solid = cv2.morphologyEx(long, cv2.MORPH_OPEN, np.ones((thick + 2,) * 2, np.uint8))
        thin = cv2.subtract(long, cv2.dilate(solid, np.ones((3, 3), np.uint8)))
        # what goes on through a rule for longer than the rule is thick is a letter that stands on it
        through = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _bar(thick + 2, not across))
        left = cv2.subtract(left, cv2.subtract(cv2.dilate(thin, _bar(3, not across)), through))
        rules.append(np.asarray(thin, np.uint8))
    return np.asarray(left, np.uint8), rules[0], rules[1]


def _bar(length: int, across: bool) -> Mask:
    return np.ones((1, length) if across else (length, 1), np.uint8)
