"""What --cluster says goes in; which cluster, and how its nodes are used, comes out."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from smolcli.errors import UsageError

LOCAL_ACTORS = 2
MOST_ACTORS = 512  # on a node
HERE = "local"
_LOCAL = re.compile(r"local(?::([0-9]{1,4}))?")
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+):([0-9]{1,5})", re.ASCII)
_WAY_OUT = "Write local:2, the HOST:PORT that `ray start` says, or auto; behind it ,actors=2 or ,gpus=0.5."


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where jobs are computed. address: HOST:PORT, "auto", or HERE for actors on this machine.

    actors: on each node, None for one, or one for each of its GPUs' shares; gpus: of each actor, None for what there is
    up to one.
    """

    address: str
    actors: int | None = None
    gpus: float | None = None

    @property
    def endpoint(self) -> tuple[str, int] | None:
        """Host and port that are to answer; None where they are looked for."""
        found = _ADDRESS.fullmatch(self.address)
        return None if found is None else (found[1].strip("[]"), int(found[2]))


def parse_cluster(text: str) -> Cluster:
    """ "local:2", "10.0.0.5:6379", "auto,actors=2,gpus=0.5". Raises UsageError."""
    address, *more = (part.strip() for part in text.split(","))
    given = dict.fromkeys(("actors", "gpus"), "")
    for part in more:
        name, _, value = part.partition("=")
        if name not in given or given[name] or not value:
            raise _wrong(text, f"{part!r} is not actors=N or gpus=X, each once")
        given[name] = value
    local = _LOCAL.fullmatch(address)
    if local is not None:
        if local[1] and given["actors"]:
            raise _wrong(text, "it says twice how many actors there are")
        given["actors"] = local[1] or given["actors"] or str(LOCAL_ACTORS)
        address = HERE
    elif address != "auto" and not _is_address(address):
        raise _wrong(text, f"{address!r} is no address")
    return Cluster(address, _actors(text, given["actors"]), _gpus(text, given["gpus"]))


def _is_address(address: str) -> bool:
    found = _ADDRESS.fullmatch(address)
    return found is not None and 0 < int(found[2]) < 65536


def _actors(text: str, value: str) -> int | None:
    if value and not (value.isascii() and value.isdigit() and 0 < int(value) <= MOST_ACTORS):
        raise _wrong(text, f"actors are a whole number, 1 to {MOST_ACTORS}")
    return int(value) if value else None


def _gpus(text: str, value: str) -> float | None:
    """Ray shares out parts of a GPU, and whole ones."""
    try:
        found = float(value) if value else None
    except ValueError:
        found = math.nan
    if found is not None and not (0 <= found <= 1 or (1 < found < math.inf and found.is_integer())):
        raise _wrong(text, "gpus are a part of one, such as 0.5, or a whole number")
    return found


def _wrong(text: str, why: str) -> UsageError:
    return UsageError(f"--cluster is {text!r}: {why}.", _WAY_OUT)
