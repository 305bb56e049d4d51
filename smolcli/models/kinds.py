"""A GGUF file of this machine in, what it is out: a projector or not, a whole model or a part. Its keys decide."""

from __future__ import annotations

from pathlib import Path

from smolcli.errors import ModelError
from smolcli.models.naming import is_projector


def holds_projector(path: Path) -> bool:
    """Whether a file holds a vision projector, whatever it is named; by its name where it cannot be read."""
    from gguf_convert.errors import ConvertError
    from gguf_convert.header import architecture
    from gguf_convert.names import Clip

    try:
        found = architecture(path)
    except ConvertError:
        found = ""
    return found == Clip.ARCHITECTURE if found else is_projector(path.name)


def require_whole(path: Path) -> None:
    """Raise ModelError, with the command that merges, for a file that is named as one part of several."""
    from gguf_convert.errors import ConvertError
    from gguf_convert.parts import NAME
    from gguf_convert.read import read_gguf

    if NAME.fullmatch(path.name) is None:
        return
    try:
        read_gguf(path)
    except ConvertError as error:
        raise ModelError(error.message, error.hint) from error


def without_later_parts(paths: list[Path]) -> list[Path]:
    """Of a split model only its first part."""
    from gguf_convert.parts import NAME

    found = [(path, NAME.fullmatch(path.name)) for path in paths]
    return [path for path, named in found if named is None or int(named["number"]) == 1]
