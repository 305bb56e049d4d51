"""Media drawn for tests: pictures, PDFs and clips, small and the same everywhere."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).parent / "golden"


def sha256(data) -> str:
    return hashlib.sha256(data).hexdigest()


def golden(name: str):
    """The cases of a golden file."""
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))["cases"]


def synth(width: int, height: int, seed: int) -> np.ndarray:
    """The picture that the goldens were made from, uint8 (height, width, 3): gradients, checks and hash noise.

    Unsigned 64-bit integer arithmetic only, so that it is the same on every machine.
    """
    x = np.arange(width, dtype=np.uint64)[None, :]
    y = np.arange(height, dtype=np.uint64)[:, None]
    s = np.uint64(seed)
    n = x * np.uint64(73856093) ^ y * np.uint64(19349663) ^ s * np.uint64(83492791)
    n = n & np.uint64(0xFFFFFFFF)
    n = ((n ^ (n >> np.uint64(13))) * np.uint64(1274126177)) & np.uint64(0xFFFFFFFF)
    n = n ^ (n >> np.uint64(16))
    gx = x * np.uint64(191) // np.uint64(max(width - 1, 1))
    gy = y * np.uint64(191) // np.uint64(max(height - 1, 1))
    check = ((x // np.uint64(17) + y // np.uint64(23) + s) % np.uint64(2)) * np.uint64(96)
    r = gx + (n & np.uint64(63))
    g = gy + ((n >> np.uint64(8)) & np.uint64(63))
    b = check + (gx + gy) // np.uint64(4) + ((n >> np.uint64(16)) & np.uint64(63))
    return np.stack([np.broadcast_to(c, (height, width)) for c in (r, g, b)], -1).astype(np.uint8)
