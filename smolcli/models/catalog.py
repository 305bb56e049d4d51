"""catalog.toml in, what can be pulled out. Cheap: completion reads it on every press of Tab."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from smolcli.printable import megabytes

_FILE = Path(__file__).with_name("catalog.toml")
COLUMNS = ("Name", "Model", "Types", "Download", "RAM", "Tokens per tile", "Context", "Licence", "Good and bad at")


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file of a repository. bytes None and sha256 "" are not known; `sha256` may be only its first digits."""

    quant: str
    file: str
    bytes: int | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of the family. The first file of `language` and of `mmproj` is what is pulled by default.

    repository: where its GGUF files are, "" where only the `checkpoint` is published. revision: the commit that bytes
    and hashes were taken from (its first digits). ram_mb: with the whole context. longest_edge_px: None if unknown.
    doctags: it was made for one thing, to write pages in that markup.
    """

    name: str
    title: str
    checkpoint: str
    licence: str
    ram_mb: int
    tokens_per_tile: int
    context_tokens: int
    note: str
    repository: str = ""
    revision: str = ""
    checkpoint_revision: str = ""
    longest_edge_px: int | None = None
    max_frames: int = 64
    doctags: bool = False
    language: tuple[PublishedFile, ...] = ()
    mmproj: tuple[PublishedFile, ...] = ()

    @property
    def smallest_bytes(self) -> int | None:
        """What its smallest pair takes, of the files whose size is known; None where that is no pair."""
        known = [[file.bytes for file in files if file.bytes] for files in (self.language, self.mmproj)]
        return sum(min(sizes) for sizes in known) if all(known) else None


@cache
def catalog() -> tuple[Entry, ...]:
    """Every entry, smallest first within a generation."""
    tables = tomllib.loads(_FILE.read_text(encoding="utf-8"))["model"]
    return tuple(_entry(table) for table in tables)


def _entry(table: dict[str, Any]) -> Entry:
    files = {part: tuple(PublishedFile(**file) for file in table.get(part, ())) for part in ("language", "mmproj")}
    return Entry(**{**table, **files})


def find(name: str) -> Entry | None:
    """The entry of a short name, in any case."""
    return next((entry for entry in catalog() if entry.name == name.lower()), None)


def markdown_table() -> str:
    """The catalog as the README shows it."""
    rows = [COLUMNS, tuple("---" for _ in COLUMNS), *map(_cells, catalog())]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def catalog_rows() -> Iterator[Sequence[str]]:
    """The catalog as `smol models --available` shows it, its header first."""
    yield ("NAME", "TYPES", "RAM", "TOKENS/TILE", "CONTEXT", "LICENCE", "GOOD AND BAD AT")
    for entry in catalog():
        types = ",".join(file.quant for file in entry.language) or "-"
        sizes = (megabytes(entry.ram_mb * 10**6), str(entry.tokens_per_tile), str(entry.context_tokens))
        yield (entry.name, types, *sizes, entry.licence, entry.note)


def _cells(entry: Entry) -> Sequence[str]:
    size = entry.smallest_bytes
    return (
        f"`{entry.name}`",
        entry.title,
        ", ".join(file.quant for file in entry.language) or "converted here",
        f"from {size / 1e9:.1f} GB" if size else "",
        f"{entry.ram_mb / 1000:.1f} GB",
        str(entry.tokens_per_tile),
        f"{entry.context_tokens:,}",
        entry.licence,
        entry.note,
    )


def names() -> Iterator[str]:
    """Every short name."""
    return (entry.name for entry in catalog())
