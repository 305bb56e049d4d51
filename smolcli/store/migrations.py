"""The store's tables, as numbered steps: a file of an older version is brought up, one of a newer is left alone.

A step that has been released is never changed; the next one is added below it.
"""

from __future__ import annotations

STEPS = (
    """
    CREATE TABLE tiles (          -- embeddings of tiles
        id INTEGER PRIMARY KEY,
        model BLOB NOT NULL,      -- digest of projector and engine
        digest BLOB NOT NULL,     -- of the tile's pixels
        rows BLOB NOT NULL,       -- float32 (tokens per tile, width)
        checksum BLOB NOT NULL,   -- blake2b-16 of rows
        bytes INTEGER NOT NULL,
        used_s INTEGER NOT NULL   -- seconds since 1970
    );
    CREATE UNIQUE INDEX tiles_key ON tiles (model, digest);
    CREATE INDEX tiles_age ON tiles (used_s, bytes);
    CREATE TABLE sources (        -- which files a tile was cut from: digests of both
        source BLOB NOT NULL,
        digest BLOB NOT NULL,
        PRIMARY KEY (source, digest)
    ) WITHOUT ROWID;
    CREATE INDEX sources_digest ON sources (digest);
    CREATE TABLE files (          -- digests of model files that were hashed, by what stat() says of them
        device INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        digest BLOB NOT NULL,
        PRIMARY KEY (device, inode)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE answers (        -- finished answers
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL UNIQUE, -- digest of what decides the answer
        record BLOB NOT NULL,     -- how it is packed (1 byte), and the answer
        checksum BLOB NOT NULL,   -- blake2b-16 of key and record
        bytes INTEGER NOT NULL,   -- of this row and its sources, with their indexes
        used_s INTEGER NOT NULL   -- seconds since 1970
    );
    CREATE INDEX answers_age ON answers (used_s, bytes);
    CREATE TABLE answer_sources ( -- which files an answer is of: digest of the file, key of the answer
        source BLOB NOT NULL,
        key BLOB NOT NULL,
        PRIMARY KEY (source, key)
    ) WITHOUT ROWID;
    CREATE INDEX answer_sources_key ON answer_sources (key);
    """,
)
