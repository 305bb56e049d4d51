"""Clips that OpenCV cannot write: drawn frames, coded and packed by the ffmpeg program. Frame n says n."""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from drawing import draw_clip

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the ffmpeg program")


def ffmpeg(*arguments: object) -> None:
    """Run ffmpeg. Raises CalledProcessError with what it says."""
    command = ["ffmpeg", "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)


@functools.cache
def drawn(total: int = 900, fps: float = 30.0) -> str:
    """A lossless clip of numbered frames; the same file for all tests."""
    folder = tempfile.mkdtemp(prefix="smol-clips-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return draw_clip(Path(folder, f"{total}.mkv"), total, fps, "FFV1")


def recode(path: Path, *arguments: object, total: int = 900, fps: float = 30.0) -> str:
    """Write the numbered frames in another form."""
    ffmpeg("-i", drawn(total, fps), *arguments, path)
    return str(path)
