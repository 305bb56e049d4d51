"""Finished answers outlive a run: each comes back as it was kept or not at all, whatever the disk does."""

import hashlib
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smolcli.store import KeptAnswers, KeptTiles, files, open_store
from smolcli.store.database import NAME
from smolcli.store.migrations import STEPS

KEY, FILE_A, FILE_B = b"k" * 16, "aa" * 32, "bb" * 32
RECORDS = {"short": b"\0" * 100, "at the border": b"b" * 512, "long": b'{"text": "an answer"}' * 200}
ROWS = bytes(range(256)) * 16
PLENTY = 1 << 30
HOUR_S = 3600


def quiet(note):
    raise AssertionError(f"the store complained: {note}")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def store(folder):
    with closing(open_store(folder, PLENTY, quiet)) as opened:
        yield opened


@pytest.fixture
def answers(store):
    return KeptAnswers(store)


def age(store, table, seconds):
    """As if everything in a table had been used so long ago."""
    store.change((f"UPDATE {table} SET used_s = ?", (int(time.time()) - seconds,)))


def used_s(store):
    [(used,)] = store.ask("SELECT used_s FROM answers")
    return used


def count(store, table):
    return store.ask(f"SELECT count(*) FROM {table}")[0][0]


# ---- in and out


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.binary(max_size=3), st.binary(max_size=1500) | st.integers(0, 20_000).map(lambda size: b"a" * size)
        ),
        max_size=8,
    )
)
def test_what_was_kept_last_under_a_key_comes_back_in_the_next_run_and_nothing_else(tmp_path_factory, entries):
    folder = tmp_path_factory.mktemp("store")
    with closing(open_store(folder, PLENTY, quiet)) as store:
        for key, record in entries:
            KeptAnswers(store).keep(key, [FILE_A], record)
    with closing(open_store(folder, PLENTY, quiet)) as store:
        for key, record in dict(entries).items():
            assert KeptAnswers(store).get(key, [FILE_A]) == record
        assert KeptAnswers(store).get(b"never kept", [FILE_A]) is None
        assert store.totals().answers.items == len(dict(entries))
        assert store.totals().tiles.items == 0


def test_a_long_record_takes_less_than_it_is_long(answers, store):
    answers.keep(KEY, [FILE_A], RECORDS["long"])
    assert store.totals().answers.bytes < len(RECORDS["long"]) // 4


def test_the_bytes_of_many_small_answers_are_about_those_of_the_file(answers, store, folder):
    for number in range(3000):
        digest = hashlib.sha256(number.to_bytes(4, "big"))
        answers.keep(digest.digest()[:16], [digest.hexdigest(), FILE_A], digest.digest() * 3)
    told = store.totals().answers.bytes
    store.close()
    assert sum(path.stat().st_size for path in files(folder)) == pytest.approx(told, rel=0.35)


def test_fresh_takes_none_and_replaces_what_is_there(answers, store):
    answers.keep(KEY, [FILE_A], b"old")
    fresh = KeptAnswers(store, fresh=True)
    assert fresh.get(KEY, [FILE_A]) is None
    assert answers.get(KEY, [FILE_A]) == b"old"
    fresh.keep(KEY, [FILE_A], b"new")
    assert answers.get(KEY, [FILE_A]) == b"new"
    assert store.totals().answers.items == 1


def test_a_use_is_noted_once_an_hour_and_where_the_clock_was_set_back(answers, store):
    answers.keep(KEY, [FILE_A], b"record")
    age(store, "answers", HOUR_S // 2)
    before = used_s(store)
    answers.get(KEY, [FILE_A])
    assert used_s(store) == before
    for seconds in (2 * HOUR_S, -2 * HOUR_S):
        age(store, "answers", seconds)
        assert answers.get(KEY, [FILE_A]) == b"record"
        assert abs(used_s(store) - time.time()) < HOUR_S


def test_reading_what_was_just_kept_writes_nothing(answers, store):
    answers.keep(KEY, [FILE_A, FILE_B], b"record")
    changes = store.ask("SELECT total_changes()")
    assert answers.get(KEY, [FILE_B, FILE_A]) == answers.get(KEY, [FILE_A]) == b"record"
    assert store.ask("SELECT total_changes()") == changes


def test_an_answer_without_a_file_is_kept_and_no_files_name_forgets_it(answers, store):
    answers.keep(KEY, [""], b"record")
    assert answers.get(KEY, []) == answers.get(KEY, [""]) == b"record"
    assert store.forget(FILE_A).items == 0
    assert answers.get(KEY, []) == b"record"


# ---- damage


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(RECORDS)), st.sampled_from(["record", "checksum"]), st.integers(0, 7), st.data())
def test_a_bit_that_has_turned_anywhere_drops_the_entry_and_it_is_made_again(tmp_path_factory, name, column, bit, data):
    with closing(open_store(tmp_path_factory.mktemp("store"), PLENTY, quiet)) as store:
        answers = KeptAnswers(store)
        answers.keep(KEY, [FILE_A], RECORDS[name])
        [(stored,)] = store.ask(f"SELECT {column} FROM answers")
        damaged = bytearray(stored)
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << bit
        store.change((f"UPDATE answers SET {column} = ?", (bytes(damaged),)))
        assert answers.get(KEY, [FILE_A]) is None
        assert (store.totals().items, count(store, "answer_sources")) == (0, 0)
        answers.keep(KEY, [FILE_A], RECORDS[name])
        assert answers.get(KEY, [FILE_A]) == RECORDS[name]


@pytest.mark.parametrize("what", ["substr(record, 1, length(record) - 1)", "x''", "'words'", "7", "record || x'00'"])
@pytest.mark.parametrize("name", RECORDS)
def test_a_record_that_is_cut_or_of_another_type_is_dropped(answers, store, name, what):
    answers.keep(KEY, [FILE_A], RECORDS[name])
    store.change((f"UPDATE answers SET record = {what}", ()))
    assert answers.get(KEY, [FILE_A]) is None
    assert store.totals().items == 0


def test_an_answer_that_came_under_anothers_key_is_dropped(answers, store):
    answers.keep(KEY, [FILE_A], b"the answer to another question")
    store.change(("UPDATE answers SET key = ?", (b"other",)))
    assert answers.get(b"other", [FILE_A]) is None


@pytest.mark.parametrize("stored", [b"", b"y packed in a way that is not known", b"z no zlib"])
def test_what_another_version_packed_is_dropped_though_its_checksum_is_right(answers, store, stored, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("smolcli.store.answers._pack", lambda _: stored)
        answers.keep(KEY, [FILE_A], b"record")
    assert answers.get(KEY, [FILE_A]) is None
    assert store.totals().items == 0


def test_a_time_that_is_damaged_costs_no_answer(answers, store):
    answers.keep(KEY, [FILE_A], b"record")
    store.change(("UPDATE answers SET used_s = 'yesterday'", ()))
    assert answers.get(KEY, [FILE_A]) == b"record"
    assert isinstance(used_s(store), int)


@pytest.mark.parametrize("pragma", ["max_page_count = 1", "query_only = ON"])
def test_a_disk_that_is_full_or_read_only_costs_one_note_and_no_error(folder, pragma):
    notes = []
    with closing(open_store(folder, PLENTY, notes.append)) as store:
        answers = KeptAnswers(store)
        answers.keep(KEY, [FILE_A], b"before")
        store.ask(f"PRAGMA {pragma}")
        with ThreadPoolExecutor(4) as pool:
            for number in range(40):
                record = hashlib.shake_256(bytes([number])).digest(20_000)
                pool.submit(answers.keep, bytes([number]), [FILE_A], record)
        assert answers.get(KEY, [FILE_A]) is None
        assert answers.get(bytes([39]), [FILE_A]) is None
    assert len(notes) == 1 and "nothing is kept in this run" in notes[0]
    with closing(open_store(folder, PLENTY, quiet)) as store:
        assert KeptAnswers(store).get(KEY, [FILE_A]) == b"before"


# ---- forgetting


def test_forgetting_a_file_removes_its_answers_and_tiles_and_counts_each(answers, store, folder):
    answers.keep(b"both", [FILE_A, FILE_B], b"secret of both")
    answers.keep(b"a", [FILE_A], b"secret of one")
    answers.keep(b"b", [FILE_B], b"of another")
    KeptTiles(store, b"model").keep(b"x", FILE_A, ROWS)
    gone = store.forget(FILE_A)
    assert (gone.answers.items, gone.tiles.items, gone.tiles.bytes) == (2, 1, len(ROWS))
    assert [answers.get(key, []) for key in (b"both", b"a", b"b")] == [None, None, b"of another"]
    assert count(store, "answer_sources") == 1 and count(store, "sources") == 0
    assert store.forget(FILE_A).items == 0
    assert b"secret of" not in b"".join(path.read_bytes() for path in files(folder))


def test_an_answer_goes_with_every_file_it_was_read_for(answers, store):
    answers.keep(KEY, [FILE_A], b"record")
    assert answers.get(KEY, [FILE_A, FILE_B]) == b"record"
    assert store.forget(FILE_B).answers.items == 1
    assert answers.get(KEY, [FILE_A]) is None


def test_an_answer_that_is_forgotten_while_it_is_read_leaves_no_trace_of_its_file(answers, store, monkeypatch):
    answers.keep(KEY, [FILE_A], b"record")
    known = KeptAnswers._known_sources

    def forgotten_meanwhile(self, key, sources):
        found = known(self, key, sources)
        store.forget(FILE_A)
        return found

    monkeypatch.setattr(KeptAnswers, "_known_sources", forgotten_meanwhile)
    answers.get(KEY, [FILE_B])
    assert count(store, "answer_sources") == 0


# ---- trimming


def test_tiles_make_way_for_answers_that_were_not_used_for_longer(folder):
    with closing(open_store(folder, PLENTY, quiet)) as store:
        answers = KeptAnswers(store)
        for number in range(20):
            answers.keep(bytes([number]), [FILE_A], b"answer")
        age(store, "answers", 30 * 24 * HOUR_S)
        for number in range(20):
            KeptTiles(store, b"model").keep(bytes([number]), FILE_A, ROWS)
    with closing(open_store(folder, 10 * len(ROWS), quiet)):
        pass
    with closing(open_store(folder, PLENTY, quiet)) as store:
        assert store.totals().answers.items == 20
        assert 5 <= store.totals().tiles.items <= 9
        assert store.totals().bytes <= 10 * len(ROWS)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5000)), max_size=12),
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5000)), max_size=12),
    st.integers(0, 60_000),
)
def test_what_is_left_fits_and_no_answer_goes_while_a_tile_is_there(tmp_path_factory, tiles, answers, limit_bytes):
    folder = tmp_path_factory.mktemp("store")
    with closing(open_store(folder, PLENTY, quiet)) as store:
        for table, rows in (("tiles", tiles), ("answers", answers)):
            for number, (used, size) in enumerate(rows):
                record = hashlib.shake_256(bytes([number])).digest(size)
                if table == "tiles":
                    KeptTiles(store, b"model").keep(bytes([number]), FILE_A, record)
                else:
                    KeptAnswers(store).keep(bytes([number]), [FILE_A], record)
                store.change((f"UPDATE {table} SET used_s = ? WHERE id = ?", (used, number + 1)))
        before = store.totals()
    with closing(open_store(folder, limit_bytes, quiet)):
        pass
    with closing(open_store(folder, PLENTY, quiet)) as store:
        after = store.totals()
        assert after.bytes <= limit_bytes
        if before.bytes <= limit_bytes:
            assert after == before
        if after.answers != before.answers:
            assert after.tiles.items == 0
        for table, rows in (("tiles", tiles), ("answers", answers)):
            left = {row for (row,) in store.ask(f"SELECT id - 1 FROM {table}")}
            oldest_first = sorted(range(len(rows)), key=lambda number: (rows[number][0], number))
            assert left == set(oldest_first[len(rows) - len(left) :])
            source = {"tiles": "sources", "answers": "answer_sources"}[table]
            assert count(store, source) == len(left)


def test_a_long_run_of_answers_is_trimmed_on_its_way(folder):
    limit_bytes = 200_000
    with closing(open_store(folder, limit_bytes, quiet)) as store:
        for number in range(300):
            KeptAnswers(store).keep(
                number.to_bytes(2, "big"), [FILE_A], hashlib.shake_256(bytes([number % 256])).digest(3000)
            )
            assert store.totals().bytes <= 1.1 * limit_bytes


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


def test_threads_keep_and_get_at_the_same_time(answers, store):
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


# ---- as a user sees it


def test_the_cache_tells_tiles_and_answers_apart_forgets_both_and_clears_both(smol, tmp_path, monkeypatch, drawn):
    monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path / "cache"))
    picture = drawn / "exit.png"
    source = hashlib.sha256(picture.read_bytes()).hexdigest()

    def fill():
        with closing(open_store(tmp_path / "cache" / "store", PLENTY, quiet)) as store:
            for number in range(3):
                KeptAnswers(store).keep(bytes([number]), [source if number else FILE_B], b"record")
            KeptTiles(store, b"model").keep(b"x", source, ROWS)

    fill()
    found = smol("cache", "info", "--json").record["store"]
    assert found["items"] == 4
    assert found["tiles"] == {"items": 1, "bytes": len(ROWS)}
    assert found["answers"]["items"] == 3 and 0 < found["answers"]["bytes"] < len(ROWS)
    rows = {line.split()[0]: line.split()[1] for line in smol("cache", "info").out.splitlines()}
    assert (rows["tiles"], rows["answers"]) == ("1", "3")
    assert "1 tile and 2 answers of" in smol("cache", "forget", picture).err
    after = smol("cache", "info", "--json").record["store"]
    assert (after["tiles"]["items"], after["answers"]["items"]) == (0, 1)
    fill()
    assert smol("cache", "clear").code == 0
    assert files(tmp_path / "cache" / "store") == []
