"""Local pairs in, their JSON objects and table rows out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from smolcli.errors import ModelError, UsageError
from smolcli.models import BUILTIN, builtin, find_local, is_builtin
from smolcli.models.adopt import gpu_bytes, survey
from smolcli.models.catalog import find
from smolcli.models.installed import LocalFile, LocalPair, Store, record_file
from smolcli.models.naming import file_type
from smolcli.printable import megabytes
from smolcli.settings import Settings

HEADER = ("NAME", "TYPE", "DISK", "RAM", "GPU", "DEFAULT", "WHERE", "GOOD AND BAD AT")


def local_records(settings: Settings) -> Iterator[dict[str, Any]]:
    """The models of this machine as JSON data, that of the package first. Raises ModelError."""
    default = default_name(settings)
    yield builtin_record(default)
    yield from (pair_record(pair, default) for pair in Store(settings.data_dir).all())


def local_rows(settings: Settings) -> Iterator[Sequence[str]]:
    """The same as lines of a table, its header first. Raises ModelError."""
    default = default_name(settings)
    yield HEADER
    yield builtin_row(default)
    yield from (pair_row(pair, default) for pair in Store(settings.data_dir).all())


def pair_record(pair: LocalPair, default: str | None) -> dict[str, Any]:
    """One pair as JSON data."""
    record = asdict(pair)
    return {
        **record,
        "disk_bytes": pair.disk_bytes,
        "gpu_bytes": gpu_bytes(pair.ram_bytes),
        "default": is_default(pair, default),
        "whole": pair.language.intact and pair.projector.intact,
        "note": _note(pair),
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
        megabytes(gpu_bytes(pair.ram_bytes)),
        "default" if is_default(pair, default) else "",
        where if whole else f"files are gone. {pair.way_out}",
        _note(pair),
    )


def _note(pair: LocalPair) -> str:
    """What the catalog says that it is good and bad at ("" of a model that is not in it)."""
    known = find(pair.name)
    return known.note if known else ""


def default_name(settings: Settings) -> str | None:
    """The setting `model`; where it names a pair of this machine, with the type that would be read with."""
    model: str | None = settings.values["model"]
    try:
        found = None if model is None else find_local(model, settings)
    except UsageError:  # several types, and none is preferred
        return model
    return model if found is None else found.label


def is_default(pair: LocalPair, default: str | None) -> bool:
    """Whether the setting `model` names this pair, or several of which it is one."""
    names = (pair.name, pair.label, pair.repository, f"{pair.repository}:{pair.quant}")
    return bool(default) and str(default).lower() in map(str.lower, names)


@dataclass(frozen=True, slots=True)
class FileState:
    """A file of a local pair, read from end to end."""

    pair: str
    path: str
    state: Literal["ok", "CHANGED", "GONE"]
    way_out: str = ""


def file_states(settings: Settings, name: str | None) -> Iterator[FileState]:
    """The files of one pair, or of all, one after another. Raises ModelError (no such pair)."""
    store = Store(settings.data_dir)
    for pair in list(store.all()) if name is None else [store.require(name)]:
        for file in pair.files:
            state = file_state(file)
            yield FileState(pair.label, file.path, state, "" if state == "ok" else pair.way_out)


def file_state(file: LocalFile) -> Literal["ok", "CHANGED", "GONE"]:
    """A recorded file, read from end to end."""
    try:
        return "ok" if record_file(Path(file.path)).sha256 == file.sha256 else "CHANGED"
    except ModelError:
        return "GONE"


def builtin_record(default: str | None) -> dict[str, Any]:
    """The model of the package as JSON data."""
    pair = builtin()
    return {
        "name": BUILTIN,
        "title": pair.name,
        "quant": file_type(pair.language.name),
        "disk_bytes": _builtin_bytes(),
        "ram_bytes": _builtin_ram_bytes(),
        "gpu_bytes": gpu_bytes(_builtin_ram_bytes()),
        "default": default is None or is_builtin(default),
        "whole": True,
        "note": pair.note,
        "language": {"path": str(pair.language)},
        "projector": {"path": str(pair.projector)},
    }


def builtin_row(default: str | None) -> Sequence[str]:
    """The model of the package as a line of the table."""
    pair = builtin()
    chosen = "default" if default is None or is_builtin(default) else ""
    return (
        BUILTIN,
        file_type(pair.language.name),
        megabytes(_builtin_bytes()),
        megabytes(_builtin_ram_bytes()),
        megabytes(gpu_bytes(_builtin_ram_bytes())),
        chosen,
        "the package",
        pair.note,
    )


def _builtin_ram_bytes() -> int:
    pair = builtin()
    return survey(pair.language, pair.projector).ram_bytes


def _builtin_bytes() -> int:
    pair = builtin()
    return pair.language.stat().st_size + pair.projector.stat().st_size
