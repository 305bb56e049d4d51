"""Text in, a file that appears whole or not at all out."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from smolcli.errors import OutputError


def write_text(path: Path, text: str) -> None:
    """Replace a file, making its folder if need be; a reader sees the old one or the new one. Raises OutputError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from error
