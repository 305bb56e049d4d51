"""What this machine was measured to do, kept from run to run: named entries in a JSON file of the state folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

_MOST = 512  # entries; the oldest go first


def entries(file: Path) -> dict[str, Any]:
    """Every entry; none where the file is not there, damaged or a stranger's."""
    try:
        table = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return table if isinstance(table, dict) else {}


def keep(file: Path, key: str, entry: Mapping[str, Any]) -> bool:
    """Write an entry beside the others, or in place of the one of its name; whether it could be written.

    A state folder that cannot be written is no error: what is in it can be measured again.
    """
    table = entries(file)
    table.pop(key, None)
    table[key] = entry
    while len(table) > _MOST:
        table.pop(next(iter(table)))
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(table), encoding="utf-8")
        temporary.replace(file)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        return False
    return True
