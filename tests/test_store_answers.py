"""Finished answers in the store: they come back as they were, go last, and go with their file."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smolcli.store import KeptAnswers, KeptTiles, files, open_store
from smolcli.store.database import NAME
from smolcli.store.migrations import STEPS

FILE_A, FILE_B = "aa" * 32, "bb" * 32
ROWS = bytes(range(256)) * 16


def quiet(note):
    raise AssertionError(f"the store complained: {note}")


@pytest.fixture
def store(tmp_path):
    opened = open_store(tmp_path / "store", 1 << 30, quiet)
    yield opened
    opened.close()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.binary(min_size=1, max_size=3), st.binary(max_size=2000)), max_size=20))
def test_what_was_kept_last_comes_back_and_nothing_else(tmp_path_factory, entries):
    store = open_store(tmp_path_factory.mktemp("store"), 1 << 30, quiet)
    answers, expected = KeptAnswers(store), {}
    for key, record in entries:
        answers.keep(key, [FILE_A], record)
        expected[key] = record
    assert {key: answers.get(key, [FILE_A]) for key in expected} == expected
    assert answers.get(b"another", []) is None and store.totals("answers").items == len(expected)
    assert all(KeptAnswers(store, fresh=True).get(key, []) is None for key in expected)
    store.close()


def test_a_damaged_record_is_dropped(store):
    answers = KeptAnswers(store)
    answers.keep(b"x", [FILE_A], b"record")
    store.change(("UPDATE answers SET rows = ?", (b"zzz",)))
    assert answers.get(b"x", [FILE_A]) is None and store.totals("answers").items == 0


def test_an_answer_about_two_files_goes_with_either(store):
    answers = KeptAnswers(store)
    answers.keep(b"both", [FILE_A, FILE_B], b"record")
    answers.keep(b"a", [FILE_A], b"record")
    assert store.forget(FILE_B) == {"tiles": 0, "answers": 1}
    assert answers.get(b"both", []) is None and answers.get(b"a", []) == b"record"
    assert store.forget(FILE_A)["answers"] == 1 and store.forget(FILE_A)["answers"] == 0


def test_tiles_go_first_and_answers_last(tmp_path):
    store = open_store(tmp_path / "store", 10 * len(ROWS), quiet)
    KeptAnswers(store).keep(b"old", [FILE_A], b"record")
    store.change(("UPDATE answers SET used_s = 1000", ()))
    for number in range(12):
        KeptTiles(store, b"model").keep(bytes([number]), FILE_A, ROWS)
    store.close()
    store = open_store(tmp_path / "store", 10 * len(ROWS), quiet)
    assert KeptAnswers(store).get(b"old", []) == b"record" and store.totals("tiles").items < 12
    store.close()
    small = open_store(tmp_path / "store", 1, quiet)
    small.close()
    store = open_store(tmp_path / "store", 1 << 30, quiet)
    assert store.totals("tiles").items == store.totals("answers").items == 0
    store.close()


def test_a_store_of_the_first_version_is_brought_up_with_its_tiles(tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    with sqlite3.connect(folder / NAME) as old:
        old.execute("PRAGMA auto_vacuum = INCREMENTAL")
        old.executescript(STEPS[0])
        old.execute("PRAGMA user_version = 1")
    old.close()
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: open_store(folder, 1 << 30, quiet), range(8)))
    KeptTiles(opened[0], b"model").keep(b"x", FILE_A, ROWS)
    KeptAnswers(opened[1]).keep(b"y", [FILE_A], b"record")
    assert (
        KeptTiles(opened[2], b"model").get(b"x", FILE_A) == ROWS and KeptAnswers(opened[3]).get(b"y", []) == b"record"
    )
    for each in opened:
        each.close()


def test_threads_share_it(store):
    answers = KeptAnswers(store)

    def work(number):
        answers.keep(bytes([number % 5]), [FILE_A], b"record" * 100)
        return answers.get(bytes([number % 5]), [FILE_A])

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(200))) == {b"record" * 100}


def test_a_killed_writer_leaves_whole_entries(tmp_path):
    code = f"""
import os
from pathlib import Path
from smolcli.store import KeptAnswers, open_store
answers = KeptAnswers(open_store(Path({str(tmp_path / "store")!r}), 1 << 30, print))
for number in range(200):
    answers.keep(number.to_bytes(4, "big"), [{FILE_A!r}], b"record" * number)
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    store = open_store(tmp_path / "store", 1 << 30, quiet)
    there = [KeptAnswers(store).get(number.to_bytes(4, "big"), []) for number in range(201)]
    assert there == [b"record" * number for number in range(200)] + [None]
    assert store.forget(FILE_A)["answers"] == 200
    store.close()
    assert sum(path.stat().st_size for path in files(tmp_path / "store")) < 200_000
