"""A file is hashed once in a process, by whoever asks first, and again when it has changed."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from drawing import draw_text, sha256

from smolcli.media import MediaOptions, hashing, open_media

LONG_AGO_S = 1_000_000_000.5


@pytest.fixture
def read(monkeypatch):
    """The names of the files that were read to be hashed."""
    names, digest = [], hashing._digest
    monkeypatch.setattr(hashing, "_digest", lambda file: (names.append(Path(file.name).name), digest(file))[1])
    return names


def written(path: Path, data: bytes, changed_s: float = LONG_AGO_S) -> Path:
    path.write_bytes(data)
    os.utime(path, (changed_s, changed_s))
    return path


def hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashing.sha256_of(file)


def test_a_file_is_hashed_once_under_all_of_its_names(tmp_path, read):
    path = written(tmp_path / "a", b"one")
    os.link(path, tmp_path / "b")
    (tmp_path / "c").symlink_to(path)
    assert {hash_of(tmp_path / name) for name in "aabc"} == {sha256(b"one")} and read == ["a"]


def test_media_that_are_opened_again_are_not_hashed_again(tmp_path, read):
    path = Path(draw_text(tmp_path / "a.png", "EXIT", (64, 64), 20))
    written(path, path.read_bytes())
    found = set()
    for _ in range(3):
        with open_media(str(path), MediaOptions()) as media:
            found.add(media.source.sha256)
    assert found == {sha256(path.read_bytes())} and read == ["a.png"]


def test_a_file_that_changed_is_hashed_again_even_if_its_size_and_time_are_as_before(tmp_path, read):
    path = tmp_path / "a"
    for data in (b"one", b"three", b"seven"):
        written(path, data)
        time.sleep(0.02)  # a tick of the clock by which inodes are stamped
        assert hash_of(path) == sha256(data)
    assert read == ["a"] * 3


def test_a_file_that_was_written_just_now_is_not_remembered(tmp_path, read, monkeypatch):
    """Its next change may come within the same tick, and not show."""
    path = written(tmp_path / "a", b"one", 1000.5)
    for since_s, is_read in ((0.02, True), (0.02, True), (0.06, True), (0.06, False)):
        monkeypatch.setattr("time.time_ns", lambda since_s=since_s: int((1000.5 + since_s) * 1e9))
        read.clear()
        assert hash_of(path) == sha256(b"one") and (read == ["a"]) == is_read
    written(path, b"two", 2000)  # a file system that keeps whole seconds, perhaps two
    for since_s, is_read in ((1.9, True), (1.9, True), (2.1, True), (2.1, False)):
        monkeypatch.setattr("time.time_ns", lambda since_s=since_s: int((2000 + since_s) * 1e9))
        read.clear()
        assert hash_of(path) == sha256(b"two") and (read == ["a"]) == is_read


def test_many_threads_that_ask_at_once_read_it_once(tmp_path, read, monkeypatch):
    path, digest = written(tmp_path / "a", b"one"), hashing._digest
    monkeypatch.setattr(hashing, "_digest", lambda file: (time.sleep(0.05), digest(file))[1])
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(hash_of, [path] * 32)) == {sha256(b"one")}
    assert read == ["a"]


def test_a_thread_that_cannot_read_it_leaves_it_to_the_others(tmp_path, monkeypatch):
    path, digest, tried = written(tmp_path / "a", b"one"), hashing._digest, []

    def failing_once(file):
        tried.append(file)
        time.sleep(0.05)
        if len(tried) == 1:
            raise OSError("the disk has a bad sector")
        return digest(file)

    monkeypatch.setattr(hashing, "_digest", failing_once)
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(hash_of, path) for _ in range(4)]
        found = [future.exception() or future.result() for future in futures]
    assert sorted(map(str, found)) == sorted(["the disk has a bad sector", *[sha256(b"one")] * 3])
    assert hash_of(path) == sha256(b"one")


def test_a_file_that_grows_while_it_is_hashed_is_not_remembered(tmp_path, monkeypatch):
    path, digest = written(tmp_path / "a", b"one"), hashing._digest
    monkeypatch.setattr(hashing, "_digest", lambda file: (digest(file), path.write_bytes(b"one more"))[0])
    assert hash_of(path) == sha256(b"one")
    monkeypatch.setattr(hashing, "_digest", digest)
    assert hash_of(path) == sha256(b"one more")


def test_so_many_files_are_remembered_and_no_more(tmp_path, read, monkeypatch):
    monkeypatch.setattr(hashing, "REMEMBERED", 3)
    paths = [written(tmp_path / name, name.encode()) for name in "abcd"]
    for name in "abcdbcda":
        assert hash_of(tmp_path / name) == sha256(name.encode())
    assert paths and read == ["a", "b", "c", "d", "a"] and len(hashing._hashes) <= 3
