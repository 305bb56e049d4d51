"""A page as it was given goes in, the page turned and made level comes out; boxes go the way back."""

from __future__ import annotations

import math

import cv2
import numpy as np

from smolcli.datatypes import RGB, Box, Size
from smolcli.errors import UsageError

TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
SHRINK = 32  # the paper's colour is taken from a page so many times smaller


def straightened(rgb: RGB, turn: int, skew_deg: float) -> RGB:
    """The page (uint8 (H, W, 3)) turned clockwise by `turn` (0, 90, 180, 270), then by skew_deg; nothing is enlarged.

    What comes in at the corners has the colour of the paper beside it. Raises UsageError for another turn.
    """
    if turn not in (0, *TURNS):
        raise UsageError(f"A page is turned by 0, 90, 180 or 270 degrees, not by {turn}.")
    page = np.ascontiguousarray(cv2.rotate(rgb, TURNS[turn]) if turn else rgb)
    if not skew_deg:
        return page
    height, width = page.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -skew_deg, 1.0)  # OpenCV's is anti-clockwise
    level = paper_of(page)
    cv2.warpAffine(page, matrix, (width, height), dst=level, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)
    return level


def paper_of(rgb: RGB) -> RGB:
    """The paper of a page without what is on it, a page of the same size: shaded as the page is."""
    height, width = rgb.shape[:2]
    small = cv2.resize(rgb, (max(1, width // SHRINK), max(1, height // SHRINK)), interpolation=cv2.INTER_AREA)
    span = min(255, max(3, min(small.shape[:2]) // 3) | 1)
    paper = cv2.resize(cv2.medianBlur(small, span), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(paper, np.uint8)


def straight_to_page(box: Box, turn: int, skew_deg: float, size_px: Size) -> Box:
    """The upright box, in shares of the page as given, around a box in shares of the straightened page.

    size_px: width and height of the page as given. What reaches beyond the page is cut off.
    """
    left, top, wide, high = box
    width, height = size_px if turn % 180 == 0 else size_px[::-1]
    x = (np.array([left, left + wide, left, left + wide]) - 0.5) * width
    y = (np.array([top, top, top + high, top + high]) - 0.5) * height
    angle = math.radians(-skew_deg)
    x, y = x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)
    for _ in range(turn // 90 % 4):  # back by a quarter, anti-clockwise
        x, y, width, height = y, -x, height, width
    across, down = np.clip(x / width + 0.5, 0.0, 1.0), np.clip(y / height + 0.5, 0.0, 1.0)
    least_x, least_y = float(across.min()), float(down.min())
    return least_x, least_y, float(across.max()) - least_x, float(down.max()) - least_y
