"""The pairs of this machine in, the name of the one that reads whole pages best out."""

from __future__ import annotations

from smolcli.models.catalog import catalog
from smolcli.models.installed import LocalPair, Store
from smolcli.settings import Settings


def installed_doctags(settings: Settings) -> str | None:
    """What -m calls an installed model that writes DocTags, the newest of them; None where there is none.

    It is told by what it was pulled from, or by its name, so that no file is read. Raises ModelError (records).
    """
    pairs = [pair for pair in Store(settings.data_dir).all() if pair.language.intact and pair.projector.intact]
    known = [entry for entry in catalog() if entry.doctags]
    found = [pair for entry in reversed(known) for pair in pairs if _is_of(pair, entry.repository, entry.checkpoint)]
    found += [pair for pair in pairs if "docling" in f"{pair.name} {pair.title}".lower()]
    if not found:
        return None
    best = found[0]
    return best.name if sum(pair.name == best.name for pair in pairs) == 1 else best.label


def _is_of(pair: LocalPair, *repositories: str) -> bool:
    return bool(pair.repository) and pair.repository.lower() in map(str.lower, repositories)
