"""The cache: what it holds, that it stays small, and that it never touches what is not its own."""

import hashlib
import os
import time
from contextlib import closing

import pytest

from smolcli import cache
from smolcli.store import KeptAnswers, KeptTiles, files, open_store


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def put(folder, room, name, size, used_s):
    path = cache.room(folder, room) / name
    path.write_bytes(bytes(size))
    os.utime(path, (used_s, used_s))
    return path


def test_info_counts_what_is_there(smol, folder):
    put(folder, "projectors", "a.gguf", 3000, 1)
    inner = cache.room(folder, "converted") / "model-1"
    inner.mkdir()
    (inner / "lm.gguf").write_bytes(bytes(500))
    found = smol("cache", "info", "--json").record
    assert found["bytes"] == 3500
    assert found["rooms"]["converted"] == {"items": 1, "bytes": 500}
    assert smol("cache", "path").out == f"{folder}\n"
    assert "3 kB" in smol("cache", "info").out


def test_an_empty_cache_is_no_error_and_is_not_made(smol, folder):
    assert smol("cache", "info", "--json").record["bytes"] == 0
    assert smol("cache", "clear").code == 0
    assert not folder.exists()


def test_clear_removes_only_the_rooms(smol, folder, tmp_path):
    put(folder, "projectors", "a.gguf", 10, 1)
    (folder / "holiday.jpg").write_bytes(b"mine")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "b.gguf").write_bytes(b"mine")
    (cache.room(folder, "converted") / "link").symlink_to(outside)
    assert smol("cache", "clear").code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["holiday.jpg"]
    assert (outside / "b.gguf").exists()


def test_a_folder_that_smol_did_not_make_is_neither_counted_trimmed_nor_cleared(smol, folder):
    own = folder / "converted" / "thesis.pdf"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")
    assert cache.trim(folder, 0) == []
    assert smol("cache", "info", "--json").record["bytes"] == 0
    assert smol("cache", "clear").code == 0
    assert own.exists()
    with pytest.raises(OSError, match="did not make"):
        cache.room(folder, "converted")


def test_what_was_not_used_for_longest_goes_first(folder):
    old, new = put(folder, "projectors", "old", 100, 1), put(folder, "converted", "new", 100, 3)
    newest = put(folder, "projectors", "newest", 100, 2)
    cache.used(newest)
    assert [item.path for item in cache.trim(folder, 250)] == [old]
    assert [item.path for item in cache.trim(folder, 150, keep=new)] == [newest]
    assert new.exists()


def test_what_is_being_written_is_neither_counted_nor_trimmed(folder):
    part, left = put(folder, "projectors", ".part", 1000, time.time()), put(folder, "projectors", ".left", 1000, 1)
    assert cache.trim(folder, 0) == []
    assert part.exists()
    assert not left.exists()  # by a run that was killed long ago


def test_a_cache_that_cannot_be_made_is_a_sentence(smol, tmp_path, monkeypatch, drawn):
    from checkpoints import Variant, write_checkpoint

    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path / "file" / "cache"))
    model = write_checkpoint(tmp_path / "hf", "SmolVLM-256M-Instruct", Variant(tiny_tokenizer=True))
    result = smol("plan", "-m", model, drawn / "exit.png", "What?")
    assert result.code == 6
    assert "SMOL_CACHE_DIR" in result.err


def test_the_cache_tells_tiles_and_answers_apart_forgets_both_and_clears_both(smol, folder, drawn):
    picture = drawn / "exit.png"
    source = hashlib.sha256(picture.read_bytes()).hexdigest()

    encoded = bytes(4096)

    def fill():
        with closing(open_store(folder / "store", 1 << 30, pytest.fail)) as store:
            for number in range(3):
                KeptAnswers(store).keep(bytes([number]), [source if number else "bb" * 32], b"record")
            KeptTiles(store, b"model").keep(b"x", source, encoded)

    fill()
    found = smol("cache", "info", "--json").record["store"]
    assert found["items"] == 4
    assert found["tiles"] == {"items": 1, "bytes": len(encoded)}
    assert found["answers"]["items"] == 3 and 0 < found["answers"]["bytes"] < len(encoded)
    rows = {line.split()[0]: line.split()[1] for line in smol("cache", "info").out.splitlines()}
    assert (rows["tiles"], rows["answers"]) == ("1", "3")
    assert "1 tile and 2 answers of" in smol("cache", "forget", picture).err
    after = smol("cache", "info", "--json").record["store"]
    assert (after["tiles"]["items"], after["answers"]["items"]) == (0, 1)
    fill()
    assert smol("cache", "clear").code == 0
    assert files(folder / "store") == []
