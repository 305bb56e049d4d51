"""A folder in, what its prompt.txt asks of the pictures in it out."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from smolcli.errors import UsageError

NAME = "prompt.txt"
MOST_BYTES = 16_384


@lru_cache(maxsize=1024)
def folder_prompt(folder: str) -> str | None:
    """What is asked of the pictures of a folder; None where it has no prompt.txt, or an empty one.

    Raises UsageError for one that cannot be read.
    """
    path = Path(folder, NAME)
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"The prompt {str(path)!r} cannot be read: {error.strerror}.", "Mend or remove it.") from error
    if len(data) > MOST_BYTES:
        raise UsageError(f"The prompt {str(path)!r} has more than {MOST_BYTES} bytes.", "Shorten or remove it.")
    try:
        return data.decode("utf-8-sig").strip() or None
    except UnicodeDecodeError as error:
        raise UsageError(f"The prompt {str(path)!r} is no UTF-8 text.", "Save it as UTF-8, or remove it.") from error
