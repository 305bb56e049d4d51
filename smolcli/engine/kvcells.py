"""Who holds which rows of the KV cache: sequences, the prefixes they share, and the budget.

Rows that two sequences share are stored once. The books are kept by ownership: each row belongs to one sequence, and
when that one goes, its shared rows pass to the heir that shares most of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

RETAINED = 2  # finished sequences that stay for the next question about the same media
MOST_SEQUENCES = 256  # that llama.cpp keeps apart (LLAMA_MAX_SEQ)
SHORTEST_SHARED = 32  # rows; below this, sharing saves less than it costs

Identity = npt.NDArray[np.int64]


class KVStore(Protocol):
    """The part of a language model that keeps keys and values."""

    def copy_sequence(self, source: int, target: int, rows: int) -> None:
        """Share the first rows of one sequence with another."""

    def forget(self, sequence: int, from_row: int = 0) -> None:
        """Drop a sequence from a row on."""


@dataclass(slots=True, eq=False)
class Sequence:
    """One KV sequence.

    identity int64 (n,): what each row is of; shared: leading rows that `parent` owns; owned: cells reserved.
    """

    id: int
    identity: Identity
    shared: int
    owned: int
    parent: Sequence | None


class KVCells:
    """A budget of `cells` rows for up to `parallel` living and a few retained sequences."""

    def __init__(self, store: KVStore, cells: int, parallel: int) -> None:
        self._store, self._cells = store, cells
        self._free_ids = list(range(self.sequences(parallel)))[::-1]
        self._most_retained = len(self._free_ids) - parallel
        self._living: list[Sequence] = []
        self._retained: list[Sequence] = []  # oldest first

    @staticmethod
    def sequences(parallel: int) -> int:
        """How many sequence ids a cache for `parallel` answers needs."""
        return min(parallel + RETAINED, MOST_SEQUENCES)

    def best_prefix(self, identity: Identity) -> tuple[Sequence | None, int]:
        """The sequence that begins most like `identity`, and how many rows they have in common (None, 0 if too few)."""
        best, length = None, SHORTEST_SHARED - 1
        for sequence in self._retained + self._living:
            common = _common_prefix(sequence.identity, identity)
            if common > length:
                best, length = sequence, common
        return best, length if best else 0

    def claim(self, identity: Identity, new_tokens: int, source: Sequence | None, shared: int) -> Sequence | None:
        """A sequence with room for the prompt and its answer, or None while others must end first."""
        needed = len(identity) - shared + new_tokens
        while self._used() + needed > self._cells or not self._free_ids:
            victim = next((sequence for sequence in self._retained if sequence is not source), None)
            if victim is None and source in self._retained and not self._living:
                # Even the prefix's own tail is in the way: start afresh.
                self.drop(source)
                return self.claim(identity, new_tokens, None, 0)
            if victim is None:
                return None
            self.drop(victim)
        sequence = Sequence(self._free_ids.pop(), identity, shared, needed, source)
        if source is not None:
            self._store.copy_sequence(source.id, sequence.id, shared)
        self._living.append(sequence)
        return sequence

    def retire(self, sequence: Sequence) -> None:
        """The answer is finished; keep its prompt's rows for a while."""
        self._living.remove(sequence)
        self._store.forget(sequence.id, len(sequence.identity))
        sequence.owned = len(sequence.identity) - sequence.shared
        self._retained.append(sequence)
        if len(self._retained) > self._most_retained:
            self.drop(self._retained[0])

    def drop(self, sequence: Sequence) -> None:
        """Free a sequence; rows that others share pass to the one that shares most."""
        for group in (self._living, self._retained):
            if sequence in group:
                group.remove(sequence)
        children = [other for other in self._living + self._retained if other.parent is sequence]
        if children:
            heir = max(children, key=lambda child: child.shared)
            own = max(heir.shared - sequence.shared, 0)
            heir.owned += own
            heir.parent, heir.shared = sequence.parent, min(heir.shared, sequence.shared)
            for child in children:
                if child is not heir:
                    child.parent = heir if child.shared > heir.shared else heir.parent
        self._store.forget(sequence.id)
        self._free_ids.append(sequence.id)

    def _used(self) -> int:
        return sum(sequence.owned for sequence in self._living + self._retained)


def _common_prefix(one: Identity, other: Identity) -> int:
    length = min(len(one), len(other))
    differ = np.nonzero(one[:length] != other[:length])[0]
    return int(differ[0]) if len(differ) else length
