"""The name of a local pair in, the pair forgotten and its files gone out."""

from __future__ import annotations

from dataclasses import dataclass

from smolcli.errors import OutputError
from smolcli.models.hub import delete
from smolcli.models.installed import Store
from smolcli.models.records import is_default
from smolcli.settings import Settings, change


@dataclass(frozen=True, slots=True)
class Removed:
    """label: of the pair; freed_bytes: of the files that are gone; was_default: it was what is read with without -m."""

    label: str
    freed_bytes: int
    was_default: bool


def remove_pair(name: str, settings: Settings, keep_files: bool = False) -> Removed:
    """Forget a pair. Files that were pulled or made here go, unless another pair names them; the user's own stay.

    Where it was the default that was written to config.toml, the built-in model is the default again. Raises
    ModelError (no such pair), OutputError (a file cannot be removed; the pair is forgotten all the same).
    """
    store = Store(settings.data_dir)
    pair = store.require(name)
    ours = [file for file in store.remove(pair) if pair.downloaded or file == pair.own_projector]
    gone = [] if keep_files else ours
    stuck = [file.path for file in gone if not delete(file)]
    default = settings.values["model"]
    last = is_default(pair, default) and not any(is_default(other, default) for other in store.all())
    was_default = last and settings.origins["model"] == str(settings.config_file)
    if was_default:
        change("model", None)
    if stuck:
        raise OutputError(f"{pair.label} is forgotten, but {stuck[0]} cannot be removed.", "Remove it by hand.")
    return Removed(pair.label, sum(file.bytes for file in gone), was_default)
