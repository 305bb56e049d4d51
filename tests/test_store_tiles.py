"""What outlives a run: tiles are encoded once, on one machine, by many processes, whatever happens to the disk."""

import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smolcli.store import KeptTiles, files, open_store
from smolcli.store.database import NAME

ROWS = bytes(range(256)) * 16
FILE_A, FILE_B = "aa" * 32, "bb" * 32


def quiet(note):
    raise AssertionError(f"the store complained: {note}")


@pytest.fixture
def store(tmp_path):
    opened = open_store(tmp_path / "store", 1 << 30, quiet)
    yield opened
    opened.close()


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The store is on, in a folder of its own."""
    monkeypatch.setenv("SMOL_STORE", "on")
    monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "store"


def encodes(result):
    assert result.code == 0, result.err
    return sum(record["counts"]["encodes"] for record in result.records)


# ---- as a user sees it


def test_a_second_question_about_a_picture_encodes_nothing_and_says_the_same(smol, kept, drawn):
    first = smol("ask", "-q", "--json", drawn / "exit.png", "What does it say?")
    again = smol("ask", "-q", "--json", drawn / "exit.png", "What does it say?")
    other = smol("ask", "-q", "--json", drawn / "exit.png", "Read this.")
    assert encodes(first) > 0
    assert encodes(again) == encodes(other) == 0
    assert again.record["text"] == first.record["text"]
    assert again.record["mean_logprob"] == pytest.approx(first.record["mean_logprob"], abs=1e-6)


def test_pages_and_frames_are_known_again_too(smol, kept, drawn):
    for command in (("docvqa", drawn / "doc.pdf", "What?"), ("video", drawn / "clip.mp4", "What?")):
        words = (*command, "-q", "--json", "--max-tokens", "2")
        assert encodes(smol(*words)) > 0
        assert encodes(smol(*words)) == 0


def test_without_the_store_nothing_is_used_or_kept(smol, kept, drawn, monkeypatch):
    words = ("ask", "-q", "--json", "--max-tokens", "2", drawn / "exit.png", "What?")
    count = encodes(smol(*words, "--no-store"))
    assert count > 0 and not kept.exists()
    assert encodes(smol(*words)) == count
    assert encodes(smol(*words, "--no-store")) == count
    monkeypatch.setenv("SMOL_STORE", "off")
    assert encodes(smol(*words)) == count


def test_fresh_computes_anew_and_keeps_that(smol, kept, drawn):
    words = ("ask", "-q", "--json", "--max-tokens", "2", drawn / "exit.png", "What?")
    count = encodes(smol(*words))
    assert encodes(smol(*words, "--fresh")) == count
    assert encodes(smol(*words)) == 0


def test_a_file_is_forgotten_by_what_it_holds(smol, kept, drawn, tmp_path):
    ask = ("ask", "-q", "--json", "--max-tokens", "2")
    count = encodes(smol(*ask, drawn / "exit.png", "What?"))
    assert encodes(smol(*ask, drawn / "total.png", "What?")) > 0
    copy = tmp_path / "renamed.png"
    copy.write_bytes((drawn / "exit.png").read_bytes())
    assert f"{count} tile" in smol("cache", "forget", copy).err
    assert encodes(smol(*ask, drawn / "exit.png", "What?")) == count
    assert encodes(smol(*ask, drawn / "total.png", "What?")) == 0


def test_the_store_is_the_users_alone_and_names_nothing(smol, kept, drawn):
    smol("ask", "-q", drawn / "exit.png", "A question nobody else should read?")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    held = b"".join(path.read_bytes() for path in files(kept))
    assert b"exit" not in held and b"nobody else" not in held and str(drawn).encode() not in held


def test_cache_shows_and_clears_it(smol, kept, drawn):
    smol("ask", "-q", drawn / "exit.png", "What?")
    found = smol("cache", "info", "--json").record["store"]
    assert found["items"] > 0 and found["bytes"] > 0 and found["limit_bytes"] == 2_000_000_000
    assert "store" in smol("cache", "info").out
    assert smol("cache", "clear").code == 0
    assert files(kept) == []
    assert smol("cache", "info", "--json").record["store"]["items"] == 0
    assert files(kept) == []  # looking makes nothing


@pytest.mark.parametrize("damage", ["garbage", "cut", "empty", "folder"])
def test_a_damaged_store_costs_a_note_and_no_answer(smol, kept, drawn, damage):
    words = ("ask", "--json", "--max-tokens", "2", drawn / "exit.png", "What?")
    count = encodes(smol(*words))
    path = kept / NAME
    for extra in files(kept)[1:]:
        extra.unlink()
    if damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        data = path.read_bytes()
        path.write_bytes({"garbage": b"no database" * 1000, "cut": data[: len(data) // 2], "empty": b""}[damage])
    after = smol(*words)
    assert encodes(after) == count
    assert "Traceback" not in after.err
    assert after.err.count("the store in") <= 1
    if damage != "folder":
        smol(*words)
        assert encodes(smol(*words)) == 0


def test_a_store_that_cannot_be_written_costs_a_note_and_no_answer(smol, kept, drawn):
    kept.parent.mkdir(parents=True)
    kept.write_text("a file where the folder should be")
    done = smol("ask", "--json", "--max-tokens", "2", drawn / "exit.png", "What?")
    assert encodes(done) > 0
    assert "nothing is kept in this run" in done.err


def test_a_store_of_a_newer_version_is_left_alone(smol, kept, drawn):
    words = ("ask", "-q", "--json", "--max-tokens", "2", drawn / "exit.png", "What?")
    count = encodes(smol(*words))
    with sqlite3.connect(kept / NAME) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    assert encodes(smol(*words)) == count
    assert "reads" not in smol(*words).err
    with sqlite3.connect(kept / NAME) as newer:
        assert newer.execute("PRAGMA user_version").fetchone() == (99,)
    newer.close()


@pytest.mark.slow
def test_twelve_processes_share_it_from_the_first_moment(smol_process, smol, kept, drawn):
    words = ("ask", "--json", "--max-tokens", "2", "--threads", "1", drawn / "exit.png", "What?")
    with ThreadPoolExecutor(12) as pool:
        done = list(pool.map(lambda _: smol_process(*words), range(12)))
    assert [result.code for result in done] == [0] * 12
    assert not any("the store" in result.err for result in done)
    assert len({result.record["text"] for result in done}) == 1
    assert encodes(smol(*words, "-q")) == 0


# ---- the store itself


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["one", "two"]), st.binary(max_size=50)), max_size=30))
def test_what_was_kept_last_comes_back_and_nothing_else(tmp_path_factory, entries):
    store = open_store(tmp_path_factory.mktemp("store"), 1 << 30, quiet)
    expected = {}
    for number, model, rows in entries:
        KeptTiles(store, model.encode()).keep(bytes([number]), FILE_A, rows)
        expected[number, model] = rows
    for number in range(6):
        for model in ("one", "two"):
            assert KeptTiles(store, model.encode()).get(bytes([number]), FILE_A) == expected.get((number, model))
    assert store.totals().items == len(expected)
    assert store.totals().bytes == sum(map(len, expected.values()))
    store.close()


def test_an_entry_that_is_damaged_is_dropped_and_made_again(store, tmp_path):
    tiles = KeptTiles(store, b"model")
    tiles.keep(b"x", FILE_A, ROWS)
    store.change(("UPDATE tiles SET rows = ?", (ROWS[:-1] + b"\0",)))
    assert tiles.get(b"x", FILE_A) is None
    assert store.totals().items == 0
    tiles.keep(b"x", FILE_A, ROWS)
    assert tiles.get(b"x", FILE_A) == ROWS


def test_an_entry_whose_type_or_time_is_damaged_costs_at_most_itself(store):
    tiles = KeptTiles(store, b"model")
    tiles.keep(b"x", FILE_A, ROWS)
    store.change(("UPDATE tiles SET used_s = 'yesterday'", ()))
    assert tiles.get(b"x", FILE_A) == ROWS
    store.change(("UPDATE tiles SET rows = rows || x'ff'", ()))  # text now, and not UTF-8
    assert tiles.get(b"x", FILE_A) is None
    tiles.keep(b"x", FILE_A, ROWS)
    assert tiles.get(b"x", FILE_A) == ROWS


def test_what_was_not_used_for_longest_goes_first(tmp_path):
    store = open_store(tmp_path / "store", 10 * len(ROWS), quiet)
    tiles = KeptTiles(store, b"model")
    for number in range(10):
        tiles.keep(bytes([number]), FILE_A, ROWS)
        store.change(("UPDATE tiles SET used_s = ? WHERE digest = ?", (1000 + number, bytes([number]))))
    assert tiles.get(bytes([0]), FILE_A) == ROWS  # used now
    tiles.keep(b"new", FILE_B, ROWS)
    store.close()
    store = open_store(tmp_path / "store", 10 * len(ROWS), quiet)
    tiles = KeptTiles(store, b"model")
    there = [number for number in range(10) if tiles.get(bytes([number]), FILE_A)]
    assert there[0] == 0 and there[-1] == 9 and 1 not in there
    assert tiles.get(b"new", FILE_B) == ROWS
    assert store.totals().bytes <= 10 * len(ROWS)
    store.close()


def test_a_long_run_is_trimmed_on_its_way_and_the_file_shrinks_with_what_is_forgotten(tmp_path):
    store = open_store(tmp_path / "store", 50 * len(ROWS), quiet)
    tiles = KeptTiles(store, b"model")
    for number in range(400):
        tiles.keep(number.to_bytes(2, "big"), FILE_A, ROWS)
        assert store.totals().bytes <= 56 * len(ROWS)
    store.forget(FILE_A)
    assert store.totals().items == 0
    assert sum(path.stat().st_size for path in files(tmp_path / "store")) < 25 * len(ROWS)  # the empty tables take 21
    store.close()


def test_a_tile_of_two_files_goes_with_either(store):
    tiles = KeptTiles(store, b"model")
    tiles.keep(b"x", FILE_A, ROWS)
    assert tiles.get(b"x", FILE_B) == ROWS
    assert store.forget(FILE_B).tiles.items == 1
    assert tiles.get(b"x", FILE_A) is None


def test_a_model_file_is_hashed_again_only_when_it_changed(store, tmp_path, monkeypatch):
    path = tmp_path / "projector.gguf"
    path.write_bytes(b"weights")
    first = store.fingerprint(path)
    path.rename(tmp_path / "renamed.gguf")
    path = tmp_path / "renamed.gguf"
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.open", lambda *_, **__: quiet("the file was read again"))
        assert store.fingerprint(path) == first
    path.write_bytes(b"changed")
    assert store.fingerprint(path) != first


def test_a_killed_writer_leaves_whole_entries(tmp_path):
    code = f"""
import os
from pathlib import Path
from smolcli.store import KeptTiles, open_store
tiles = KeptTiles(open_store(Path({str(tmp_path / "store")!r}), 1 << 30, print), b"model")
for number in range(100_000):
    tiles.keep(number.to_bytes(4, "big"), "", {ROWS!r})
    if number == 300:
        os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    store = open_store(tmp_path / "store", 1 << 30, quiet)
    tiles = KeptTiles(store, b"model")
    there = [tiles.get(number.to_bytes(4, "big"), "") for number in range(302)]
    assert there == [ROWS] * 301 + [None]
    store.close()


def test_whether_some_tile_of_a_file_is_kept_is_known_for_each_projector(store):
    one, other = KeptTiles(store, b"one"), KeptTiles(store, b"other")
    one.keep(b"digest", FILE_A, ROWS)
    assert one.knows(FILE_A) and not one.knows(FILE_B) and not other.knows(FILE_A)
    assert not KeptTiles(store, b"one", fresh=True).knows(FILE_A)
