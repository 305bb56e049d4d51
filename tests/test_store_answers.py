"""Finished answers outlive a run: each comes back as it was kept or not at all, whatever the disk does."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smolcli.store import KeptAnswers, KeptTiles, files, open_store

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
    store.change(("UPDATE answers SET key = ?", (b"o" * 16,)))
    assert answers.get(b"o" * 16, [FILE_A]) is None


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
