"""Pages as they are met outside of scanners: a window on a screen, a photograph of a page, a JPEG of low quality."""

import io
import math

import cv2
import numpy as np
from PIL import Image

from .canvas import Canvas
from .colours import any_colour

JPEG_QUALITY = 40
MOST_DEGREES = 5.0  # by which a camera is tilted against a page, per axis
_CAMERA_DISTANCE = 1.6  # in widths of the page


def compressed(canvas: Canvas, rng) -> None:
    """Save the page as a JPEG of low quality, and load it."""
    data = io.BytesIO()
    canvas.image.save(data, "JPEG", quality=JPEG_QUALITY)
    canvas.image = Image.open(data).convert("RGB")


def window(canvas: Canvas, rng) -> tuple[float, float, float]:
    """A program's window on a desktop; returns where its text goes: x, y and width in px."""
    width, height = canvas.size
    text_ground = canvas.paper
    bar = tuple(int(value + (128 - value) * 0.35) for value in text_ground)
    canvas.pen.rectangle((0, 0, width, height), fill=any_colour(rng))
    left, top, right, bottom = width // 24, height // 20, width - width // 24, height + 8  # it goes on below
    title, side = height // 14, width // 7
    canvas.pen.rounded_rectangle((left, top, right, bottom), 8, fill=text_ground, outline=bar)
    canvas.pen.rounded_rectangle((left, top, right, top + title), 8, fill=bar)
    for i, colour in enumerate(((237, 106, 94), (245, 191, 79), (97, 197, 84))):
        x, y = left + 14 + 18 * i, top + title // 2
        canvas.pen.ellipse((x - 5, y - 5, x + 5, y + 5), fill=colour)
    canvas.pen.rectangle((left, top + title, left + side, bottom), fill=bar)
    canvas.pen.rectangle((right - 6, top + title + 8, right - 2, top + title + (bottom - top) // 3), fill=bar)
    return left + side + 10, top + title + 4, right - left - side - 24


def photographed(canvas: Canvas, rng) -> None:
    """A page on a table, seen by a camera that is tilted by up to 5° an axis, a little blurred, lit from one side."""
    width, height = canvas.size
    tilt, turn, roll = (math.radians(rng.uniform(-MOST_DEGREES, MOST_DEGREES)) for _ in range(3))
    corners = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]) * (1, height / width)
    seen = [_seen(x, y, tilt, turn, roll * 0.5) for x, y in corners]
    seen = (np.array(seen) * 0.94 * width + (width / 2, height / 2)).astype(np.float32)
    flat = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    view = cv2.getPerspectiveTransform(flat, seen)
    table = any_colour(rng)
    image = cv2.warpPerspective(
        np.asarray(canvas.image), view, (width, height), flags=cv2.INTER_AREA, borderValue=tuple(map(float, table))
    )
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.8)).astype(np.float32)
    light = np.linspace(rng.uniform(0.65, 1), rng.uniform(0.65, 1), width, dtype=np.float32)[:, None]
    grain = np.random.default_rng(rng.getrandbits(32)).normal(0, 4, (height, width, 1)).astype(np.float32)
    canvas.image = Image.fromarray(np.clip(image * light + grain, 0, 255).astype(np.uint8))
    canvas.letters[:] = [_moved(letter, view) for letter in canvas.letters]


def _seen(x: float, y: float, tilt: float, turn: float, roll: float) -> tuple[float, float]:
    """Where a camera sees the point (x, y) of a flat page around the origin; page widths, angles in radians."""
    x, y = x * math.cos(roll) - y * math.sin(roll), x * math.sin(roll) + y * math.cos(roll)
    depth = _CAMERA_DISTANCE + y * math.sin(tilt) + x * math.sin(turn)
    return x * math.cos(turn) * _CAMERA_DISTANCE / depth, y * math.cos(tilt) * _CAMERA_DISTANCE / depth


def _moved(letter, view: np.ndarray):
    x, y, w = view @ (letter.x, letter.y, 1.0)
    return letter._replace(x=float(x / w), y=float(y / w))
