"""What tiles were encoded to, kept for when they come again; a prompt's rows, slice by slice."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress

import numpy as np

from smolcli.datatypes import Floats, Source
from smolcli.engine import TileStore
from smolcli.engine.batching import PICTURE, Ids
from smolcli.errors import MediaError

MEMO_BYTES = 128 << 20  # a page asked twice, blank tiles, still frames
MEMO_PROMPTS = 4  # as many contexts full of pictures, where that is less


class TileMemo:
    """Embeddings float32 (tokens per tile, width) by the digest of their tile; those used least go first.

    kept: where they outlive this process, from when it is known which file a tile is of: that of a large file, which is
    being hashed, waits.
    """

    def __init__(self, shape: tuple[int, int], kept: TileStore | None = None, most_bytes: int = MEMO_BYTES) -> None:
        self._shape, self._kept = shape, kept
        self._rows: OrderedDict[bytes, Floats] = OrderedDict()
        self._bytes, self._most_bytes = 0, most_bytes
        self._late: list[tuple[bytes, Source | None, Floats | None]] = []  # whose file is being hashed; None: is kept

    def get(self, digest: bytes, source: Source | None = None) -> Floats | None:
        """What the tile was encoded to, if that is still known. source: the file that it was cut from."""
        rows = self._rows.get(digest)
        if rows is not None:
            self._rows.move_to_end(digest)
            return rows
        data = self._kept.get(digest, _hash_of(source)) if self._kept is not None else None
        if data is None or len(data) != 4 * self._shape[0] * self._shape[1]:
            return None
        rows = np.frombuffer(data, np.float32).reshape(self._shape)
        self._remember(digest, rows)
        if source and not source.is_hashed:
            self._late.append((digest, source, None))
        return rows

    def may_know(self, source: Source) -> bool:
        """Whether tiles of a file may outlive an earlier process; nobody waits for its hash to say so."""
        return self._kept is not None and (not source.is_hashed or self._kept.knows(_hash_of(source)))

    def keep(self, digest: bytes, source: Source | None, rows: Floats) -> None:
        """Keep rows that are not kept yet. Rows that are no numbers do not outlive the process."""
        if np.isfinite(rows).all():
            self._late.append((digest, source, rows))
            self.settle()
        self._remember(digest, rows)

    def settle(self) -> None:
        """Keep the tiles of large files whose hashes have come; those of a file that cannot be hashed are nobody's."""
        late, self._late = self._late, []
        if self._kept is None:
            return
        for digest, source, rows in late:
            if source and not source.is_hashed:
                self._late.append((digest, source, rows))
                continue
            with suppress(MediaError):
                sha256 = source.sha256 if source else ""
                if rows is None:
                    self._kept.get(digest, sha256)
                else:
                    self._kept.keep(digest, sha256, rows.tobytes())

    def _remember(self, digest: bytes, rows: Floats) -> None:
        self._rows[digest] = rows
        self._bytes += rows.nbytes
        while self._bytes > self._most_bytes:
            self._bytes -= self._rows.popitem(last=False)[1].nbytes


def _hash_of(source: Source | None) -> str:
    """The sha256 (hex) of a file, "" where there is none, or none yet. Nobody waits for it."""
    with suppress(MediaError):
        return source.sha256 if source and source.is_hashed else ""
    return ""


class PromptRows:
    """A prompt's rows, slice by slice: ids of its text, and what the tower made of its pictures."""

    def __init__(self, ids: Ids, image_token: int, images: Floats) -> None:
        self._images, is_image = images, ids == image_token
        self._ids = np.where(is_image, np.int32(PICTURE), ids)
        self._before = np.concatenate([[0], np.cumsum(is_image)])  # image rows before each row, and in all

    def __call__(self, start: int, end: int) -> tuple[Ids, Floats]:
        """int32 (end - start,), PICTURE where a row is a picture's; and those rows, float32 (pictures' rows, width)."""
        return self._ids[start:end], self._images[self._before[start] : self._before[end]]


def identity(
    ids: Ids, image_token: int, digests: list[bytes], tokens_per_tile: int
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """What each row of a prompt is of, int64 (n,): equal where rows are.

    The id of a text row; for an image row a negative number that its tile's pixels and its place in the tile decide.
    """
    found = ids.astype(np.int64)
    rows = np.repeat(np.array([int.from_bytes(digest[:7]) for digest in digests], np.int64), tokens_per_tile)
    places = np.tile(np.arange(tokens_per_tile), len(digests))
    found[ids == image_token] = -1 - rows - places
    return found
