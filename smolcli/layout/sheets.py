"""Pieces of a page in, one picture out: the form in which a model that knows short lines best reads a page."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from smolcli.datatypes import RGB
from smolcli.jobs import Sheet

LEFT_PX, TOP_PX = 10, 8  # where the first piece begins, as on the pages that the built-in model learnt from
MARGIN_PX = 24  # of a sheet's width that no piece takes
_DARK = 110  # a piece whose ground is darker has light letters


def put_together(rgb: RGB, boxes_px: Sequence[tuple[int, int, int, int]], sheet: Sheet) -> RGB:
    """Boxes (left, top, right, bottom) of a page uint8 (H, W, 3) → a white square uint8 (side, side, 3) of them.

    Each is scaled as the sheet says and stands in the middle of its row, or where the sheet says; what is beyond its
    edges is cut off.
    """
    side = sheet.side_px
    whole = np.full((side, side, 3), 255, np.uint8)
    pitch = (side - 2 * TOP_PX) / sheet.rows
    for row, (left, top, right, bottom) in enumerate(boxes_px):
        piece = _scaled(rgb[top:bottom, left:right], sheet.scale)
        x, y = sheet.at[row] if sheet.at else (LEFT_PX, round(TOP_PX + row * pitch + (pitch - piece.shape[0]) / 2))
        x, y = min(max(0, x), side - 1), min(max(0, y), side - 1)
        piece = piece[: side - y, : side - x]
        whole[y : y + piece.shape[0], x : x + piece.shape[1]] = piece
    return whole


def _scaled(piece: RGB, scale: float) -> RGB:
    """The piece at the sheet's size, dark letters on a light ground."""
    if int(np.median(piece)) < _DARK:
        piece = 255 - piece
    width, height = (max(1, round(side * scale)) for side in (piece.shape[1], piece.shape[0]))
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.ascontiguousarray(piece), (width, height), interpolation=kind), np.uint8)
