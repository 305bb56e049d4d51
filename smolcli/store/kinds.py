"""The kinds of what is kept: the tables of one kind come in, the statements that count and remove its rows go out.

And how much there is of each.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A table of what is kept, and the table that says which files that was computed from."""

    table: str
    sources: str
    digest: str  # the column, in both tables, by which they know each other

    @property
    def totals(self) -> str:
        """Query: how many rows, and their bytes."""
        return f"SELECT count(*), total(bytes) FROM {self.table}"

    @property
    def of_file(self) -> str:
        """Condition: the rows that were computed from a file (its sha256)."""
        return f"{self.digest} IN (SELECT {self.digest} FROM {self.sources} WHERE source = ?)"

    @property
    def forget(self) -> str:
        """Statement: remove the rows that were computed from a file (its sha256)."""
        return f"DELETE FROM {self.table} WHERE {self.of_file}"

    @property
    def forget_source(self) -> str:
        """Statement: remove that anything was computed from a file (its sha256)."""
        return f"DELETE FROM {self.sources} WHERE source = ?"

    @property
    def drop_oldest(self) -> str:
        """Statement: remove what was not used for longest until all kinds together take so many bytes.

        It counts what is there when it runs: others may have made room while this process waited for its turn.
        """
        taken = " + ".join(f"(SELECT total(bytes) FROM {kind.table})" for kind in KINDS)
        return f"""DELETE FROM {self.table} WHERE id IN (SELECT id FROM (
            SELECT id, bytes, sum(bytes) OVER (ORDER BY used_s, id) AS so_far FROM {self.table})
            WHERE so_far - bytes < {taken} - ?)"""

    @property
    def drop_orphans(self) -> str:
        """Statement: remove the files of rows that are gone."""
        return f"DELETE FROM {self.sources} WHERE {self.digest} NOT IN (SELECT {self.digest} FROM {self.table})"


TILES = Kind("tiles", "sources", "digest")
ANSWERS = Kind("answers", "answer_sources", "key")
KINDS = (TILES, ANSWERS)  # in the order in which they make way: a tile is made again in less time than an answer


@dataclass(frozen=True, slots=True)
class Totals:
    """How much is kept of one kind."""

    items: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class StoreTotals:
    """How much is kept."""

    tiles: Totals = Totals()
    answers: Totals = Totals()

    @property
    def items(self) -> int:
        """How many entries, of all kinds."""
        return self.tiles.items + self.answers.items

    @property
    def bytes(self) -> int:
        """Their bytes; the file holds some more."""
        return self.tiles.bytes + self.answers.bytes
