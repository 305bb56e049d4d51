"""What a search gives in (names, failures, how many are expected), some of it out: those left over, mixed, or a few."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

from smolcli.jobs import Expected
from smolcli.media.folders import FolderError
from smolcli.media.sorting import SortedNames

Found = str | FolderError | Expected


def without(found: Iterable[Found], known: Callable[[str], bool]) -> Iterator[Found]:
    """All but the names that are known."""
    for each in found:
        yield Expected(-1) if isinstance(each, str) and known(each) else each


def shuffled(found: Iterable[Found], seed: int) -> Iterator[Found]:
    """All names in an order that hangs on them and a seed alone; failures first. A million of them wait on the disk.

    Raises MediaError where they cannot be written there.
    """
    with closing(SortedNames()) as names:
        for each in found:
            if isinstance(each, str):
                mixed = hashlib.blake2b(f"{seed} {each}".encode("utf-8", "surrogateescape"), digest_size=8)
                names.add(mixed.hexdigest() + each)
            else:
                yield each
        for name in names:
            yield name[16:]


def first(found: Iterable[Found], most: int) -> Iterator[Found]:
    """The first names, and failures among them; no more are expected than so many."""
    given = expected = 0  # names and failures; what was said to be expected
    for each in found:
        if isinstance(each, Expected):
            now = expected + each.answers
            change = min(now, most) - min(expected, most)
            expected = now
            if change:
                yield Expected(change)
            continue
        yield each
        given += 1
        if given == most:
            return
