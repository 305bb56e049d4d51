"""File names in, what they say out: the model's name, its type, and whether it is a projector."""

from __future__ import annotations

import re
from pathlib import Path

_TYPE = re.compile(r"[-.](f32|f16|bf16|q\d[_a-z0-9]*|iq\d[_a-z0-9]*)$", re.IGNORECASE)


def stem(path: Path) -> str:
    """A file's name without "mmproj-", ".gguf" and its type: both files of a pair have it in common."""
    name = path.name.removesuffix(".gguf").removeprefix("mmproj-")
    return _TYPE.sub("", name)


def file_type(name: str) -> str:
    """The type in a file's name, in small letters ("q8_0"); "" where there is none."""
    match = _TYPE.search(Path(name).name.removesuffix(".gguf"))
    return match[1].lower() if match else ""


def is_projector(name: str) -> bool:
    """Whether a file is named as a vision projector."""
    return "mmproj" in Path(name).name.lower()
