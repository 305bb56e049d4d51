"""Local pairs in, their JSON objects and table rows out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from smolcli.cli._table import megabytes
from smolcli.models import BUILTIN, builtin
from smolcli.models.naming import file_type
from smolcli.models.store import LocalPair

HEADER = ("NAME", "TYPE", "DISK", "RAM", "DEFAULT", "WHERE")


def pair_record(pair: LocalPair, default: str | None) -> dict[str, Any]:
    """One pair as JSON data."""
    record = asdict(pair)
    return {
        **record,
        "disk_bytes": pair.disk_bytes,
        "default": is_default(pair, default),
        "whole": pair.language.intact and pair.projector.intact,
    }


def pair_row(pair: LocalPair, default: str | None) -> Sequence[str]:
    """One line of the table."""
    whole = pair.language.intact and pair.projector.intact
    where = pair.repository or str(Path(pair.language.path).parent)
    return (
        pair.name,
        pair.quant,
        megabytes(pair.disk_bytes),
        megabytes(pair.ram_bytes),
        "default" if is_default(pair, default) else "",
        where if whole else f"files are gone. {pair.way_out}",
    )


def is_default(pair: LocalPair, default: str | None) -> bool:
    """Whether the setting `model` names this pair."""
    return default is not None and default.lower() in (pair.name.lower(), pair.label.lower())


def builtin_record(default: str | None) -> dict[str, Any]:
    """The model of the package as JSON data."""
    pair = builtin()
    return {
        "name": BUILTIN,
        "title": pair.name,
        "quant": file_type(pair.language.name),
        "disk_bytes": _builtin_bytes(),
        "default": default in (None, BUILTIN, pair.name),
        "whole": True,
        "note": pair.note,
        "language": {"path": str(pair.language)},
        "projector": {"path": str(pair.projector)},
    }


def builtin_row(default: str | None) -> Sequence[str]:
    """The model of the package as a line of the table."""
    pair = builtin()
    chosen = "default" if default in (None, BUILTIN, pair.name) else ""
    size = _builtin_bytes()
    return (
        BUILTIN,
        file_type(pair.language.name),
        megabytes(size),
        megabytes(size + (60 << 20)),
        chosen,
        "the package",
    )


def _builtin_bytes() -> int:
    pair = builtin()
    return pair.language.stat().st_size + pair.projector.stat().st_size
