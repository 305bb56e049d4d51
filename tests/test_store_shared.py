"""One store for many: versions, threads and processes meet in one file, and each finds whole entries or none."""

import hashlib
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from smolcli.store import KeptAnswers, KeptTiles, open_store
from smolcli.store.database import NAME
from smolcli.store.migrations import STEPS

KEY, FILE_A, FILE_B = b"k" * 16, "aa" * 32, "bb" * 32
ROWS = bytes(range(256)) * 16
PLENTY = 1 << 30


def quiet(note):
    raise AssertionError(f"the store complained: {note}")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


def count(store, table):
    return store.ask(f"SELECT count(*) FROM {table}")[0][0]


# ---- versions


def version_1(folder):
    """A store as the first version wrote it, with one tile."""
    folder.mkdir(mode=0o700, parents=True)
    with closing(sqlite3.connect(folder / NAME, isolation_level=None)) as old:
        old.execute("PRAGMA auto_vacuum = INCREMENTAL")
        old.execute("PRAGMA journal_mode = WAL")
        old.executescript(STEPS[0])
        model = hashlib.blake2b(b"tiles 1" + b"model", digest_size=16).digest()
        checksum = hashlib.blake2b(ROWS, digest_size=16).digest()
        old.execute("INSERT INTO tiles VALUES (1, ?, ?, ?, ?, ?, 1000)", (model, b"x", ROWS, checksum, len(ROWS)))
        old.execute("INSERT INTO sources VALUES (?, ?)", (bytes.fromhex(FILE_A), b"x"))
        old.execute("PRAGMA user_version = 1")


def test_the_steps_that_were_released_are_as_they_were():
    digest = hashlib.blake2b(STEPS[0].encode(), digest_size=16).hexdigest()
    assert digest == "50c5e8e49516c851099ac292b04ac496", (
        "a file of version 1 on a user's machine was made by the step as it was"
    )


def test_a_store_of_version_1_is_brought_up_with_its_tiles(folder):
    version_1(folder)
    with closing(open_store(folder, PLENTY, quiet)) as store:
        assert store.totals().tiles.items == 1
        assert KeptTiles(store, b"model").get(b"x", FILE_A) == ROWS
        KeptAnswers(store).keep(KEY, [FILE_A], b"record")
        assert KeptAnswers(store).get(KEY, [FILE_A]) == b"record"
        assert store.ask("PRAGMA user_version") == [(2,)]
        assert store.ask("PRAGMA integrity_check") == [(b"ok",)]
        gone = store.forget(FILE_A)
        assert (gone.tiles.items, gone.answers.items) == (1, 1)


def test_a_process_of_version_1_goes_on_beside_one_that_has_brought_the_store_up(folder):
    version_1(folder)
    with closing(sqlite3.connect(folder / NAME, isolation_level=None)) as old:
        assert old.execute("SELECT count(*) FROM tiles").fetchone() == (1,)
        with closing(open_store(folder, PLENTY, quiet)) as store:
            KeptAnswers(store).keep(KEY, [FILE_A], b"record")
            old.execute("UPDATE tiles SET used_s = 2000")
            assert store.ask("SELECT used_s FROM tiles") == [(2000,)]


def test_a_store_of_a_newer_version_is_left_alone(folder):
    with closing(open_store(folder, PLENTY, quiet)) as store:
        KeptAnswers(store).keep(KEY, [FILE_A], b"record")
    with closing(sqlite3.connect(folder / NAME, isolation_level=None)) as newer:
        newer.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    before = (folder / NAME).read_bytes()
    with closing(open_store(folder, 0, quiet)) as store:
        KeptAnswers(store).keep(b"other", [FILE_A], b"record")
        assert KeptAnswers(store).get(KEY, [FILE_A]) is None
        assert store.forget(FILE_A).items == store.totals().items == 0
    assert (folder / NAME).read_bytes() == before


# ---- threads and processes


def test_threads_keep_and_get_at_the_same_time(folder):
    store = open_store(folder, PLENTY, quiet)
    answers = KeptAnswers(store)

    def work(thread):
        for number in range(30):
            key = bytes([thread, number])
            assert answers.get(key, [FILE_A]) is None
            answers.keep(key, [FILE_A], key * 600)
            answers.keep(b"of all", [FILE_A, FILE_B], b"the same")
            assert answers.get(key, [FILE_B]) == key * 600
            assert answers.get(b"of all", [FILE_A]) == b"the same"

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert store.totals().answers.items == 8 * 30 + 1
    store.close()


def child(folder, body):
    """A process of its own that has the store open as `store`, `answers` and `tiles` after a line came in."""
    code = f"""
import os, sys
from pathlib import Path
from smolcli.store import KeptAnswers, KeptTiles, open_store
print("ready", flush=True)
sys.stdin.readline()
store = open_store(Path({str(folder)!r}), {PLENTY}, lambda note: print("note:", note, flush=True))
answers, tiles = KeptAnswers(store), KeptTiles(store, b"model")
{body}
"""
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_twelve_processes_bring_up_one_store_at_once_and_share_it(folder):
    version_1(folder)
    body = f"""
assert tiles.get(b"x", {FILE_A!r}) == bytes(range(256)) * 16
for number in range(5):
    answers.keep(b"%d %s" % (number, sys.argv[0].encode()), [{FILE_A!r}], bytes(3000))
    answers.keep(b"%d %d" % (number, os.getpid()), [{FILE_A!r}], bytes(3000))
    answers.keep(b"same", [{FILE_A!r}], b"record")
    assert answers.get(b"same", [{FILE_B!r}]) == b"record"
store.close()
print("done", flush=True)
"""
    processes = [child(folder, body) for _ in range(12)]
    for process in processes:
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        process.stdin.write(b"\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[0] for process in processes] == [b"done\n"] * 12
    with closing(open_store(folder, PLENTY, quiet)) as store:
        assert (store.totals().tiles.items, store.totals().answers.items) == (1, 12 * 5 + 5 + 1)
        assert store.ask("PRAGMA integrity_check") == [(b"ok",)]


@pytest.mark.skipif(sys.platform == "win32", reason="a process is killed otherwise there")
@pytest.mark.parametrize("seen", [1, 17, 60])
def test_a_writer_that_is_killed_loses_nothing_that_it_had_kept(folder, seen):
    body = f"""
for number in range(1_000_000):
    answers.keep(number.to_bytes(4, "big"), [{FILE_A!r}], os.urandom(30_000)[: number % 30_000] + number.to_bytes(4))
    print(number, flush=True)
"""
    process = child(folder, body)
    process.stdout.readline()
    process.stdin.write(b"\n")
    process.stdin.flush()
    for _ in range(seen):
        process.stdout.readline()
    process.kill()
    finished = seen + len(process.stdout.read().splitlines())
    assert process.wait(60) == -signal.SIGKILL
    with closing(open_store(folder, PLENTY, quiet)) as store:
        answers = KeptAnswers(store)
        there = [answers.get(number.to_bytes(4, "big"), [FILE_A]) for number in range(finished)]
        assert [record[-4:] for record in there] == [number.to_bytes(4, "big") for number in range(finished)]
        assert store.totals().answers.items in (finished, finished + 1)
        assert count(store, "answer_sources") == store.totals().answers.items


@pytest.mark.skipif(sys.platform == "win32", reason="a process is killed otherwise there")
def test_a_writer_that_is_killed_between_a_row_and_its_end_leaves_nothing_half_written(folder):
    body = f"""
answers.keep(b"whole", [{FILE_A!r}], bytes(3000))
store._connection.create_function("die", 0, lambda: os.kill(os.getpid(), 9))
store.ask("CREATE TEMP TRIGGER dies AFTER INSERT ON answer_sources BEGIN SELECT die(); END")
answers.keep(b"half", [{FILE_A!r}], bytes(3000))
"""
    process = child(folder, body)
    assert process.communicate(b"\n", timeout=60)[0] == b"ready\n"
    assert process.returncode == -signal.SIGKILL
    with closing(open_store(folder, PLENTY, quiet)) as store:
        assert KeptAnswers(store).get(b"half", [FILE_A]) is None
        assert KeptAnswers(store).get(b"whole", [FILE_A]) == bytes(3000)
        assert count(store, "answers") == count(store, "answer_sources") == 1
        assert store.ask("PRAGMA integrity_check") == [(b"ok",)]


# ---- damage that shows while the store is in use


def fill(folder, count=200):
    """A store of so many answers and tiles, with nothing in its write-ahead log."""
    with closing(open_store(folder, PLENTY, quiet)) as store:
        for number in range(count):
            KeptAnswers(store).keep(number.to_bytes(16, "big"), [FILE_A], b"x" * 2000)
            KeptTiles(store, b"model").keep(number.to_bytes(16, "big"), FILE_A, ROWS)


def break_inside(folder):
    """Every page but those that opening reads is filled with what is none."""
    path = folder / NAME
    data = path.read_bytes()
    path.write_bytes(data[: 2 * 4096] + b"\xaa" * (len(data) - 2 * 4096))


def test_a_store_that_is_damaged_inside_is_made_anew_and_keeps_what_this_run_computes(folder):
    fill(folder)
    break_inside(folder)
    notes = []
    with closing(open_store(folder, PLENTY, notes.append)) as store:
        answers, tiles = KeptAnswers(store), KeptTiles(store, b"model")
        assert answers.get((3).to_bytes(16, "big"), [FILE_A]) is None
        answers.keep(KEY, [FILE_A], b"first")  # not lost, whichever statement met the damage
        tiles.keep(b"x", FILE_A, ROWS)
        assert answers.get(KEY, [FILE_A]) == b"first"
    assert len(notes) == 1 and "was damaged and is made anew" in notes[0]
    with closing(open_store(folder, PLENTY, quiet)) as store:
        assert (
            KeptAnswers(store).get(KEY, [FILE_A]) == b"first" and KeptTiles(store, b"model").get(b"x", FILE_A) == ROWS
        )


def test_the_statement_that_meets_the_damage_is_done_again(folder):
    fill(folder)
    break_inside(folder)
    notes = []
    with closing(open_store(folder, PLENTY, notes.append)) as store:
        KeptAnswers(store).keep(KEY, [FILE_A], b"first")
        assert len(notes) == 1 and KeptAnswers(store).get(KEY, [FILE_A]) == b"first"


def test_a_store_that_another_process_made_anew_is_not_thrown_away(folder):
    fill(folder)
    break_inside(folder)
    notes = []
    with (
        closing(open_store(folder, PLENTY, notes.append)) as first,
        closing(open_store(folder, PLENTY, notes.append)) as second,
    ):
        KeptAnswers(first).keep(KEY, [FILE_A], b"first")
        KeptAnswers(second).keep(b"l" * 16, [FILE_A], b"second")
        assert KeptAnswers(second).get(KEY, [FILE_A]) == b"first"
        assert KeptAnswers(first).get(b"l" * 16, [FILE_A]) == b"second"
    assert len(notes) == 2


def test_a_store_that_is_damaged_again_and_again_is_left_alone(folder):
    notes = []
    with closing(open_store(folder, PLENTY, notes.append)) as store:
        for _ in range(3):
            store.change(
                ("PRAGMA writable_schema = ON", ()),
                ("UPDATE sqlite_master SET rootpage = 9999 WHERE name = 'answers'", ()),
                ("PRAGMA schema_version = 1000", ()),
            )
            KeptAnswers(store).keep(KEY, [FILE_A], b"again")
    assert len(notes) == 2 and "is made anew" in notes[0] and "nothing is kept in this run" in notes[1]
    with closing(open_store(folder, PLENTY, quiet)) as store:
        KeptAnswers(store).keep(KEY, [FILE_A], b"another run")
