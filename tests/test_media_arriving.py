"""Folders that are watched: each file comes once, when it is complete, whoever puts it there and however."""

import os
import threading
from contextlib import contextmanager

import pytest
from drawing import GOLDEN

from smolcli.errors import UsageError
from smolcli.jobs import Expected
from smolcli.media import Arrivals, find_pictures, require_watching
from smolcli.media import arriving as door

pytest.importorskip("watchfiles")
PICTURE = (GOLDEN / "images" / "rgb.png").read_bytes()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(door, "QUIET_S", 0.3)
    monkeypatch.setattr(door, "LOOK_MS", 50)
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@contextmanager
def watched(*folders, recursive=False, **more):
    """The names that come, one at each call."""
    arrivals = Arrivals(list(folders), recursive, **more)
    given = arrivals.after(find_pictures(folders, recursive))
    timer = threading.Timer(20, arrivals.stop.set)  # a test that would wait for ever fails
    timer.start()

    def come(count=1):
        found = []
        while len(found) < count:
            each = next(given)
            found += [] if isinstance(each, Expected) else [each]
        return found

    try:
        yield come
    finally:
        timer.cancel()
        arrivals.stop.set()
        given.close()


def old(path, data=PICTURE):
    """A file that has been there for a while."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (1e9, 1e9))
    return path


def test_what_is_there_comes_first_and_then_what_arrives(folder):
    old(folder / "b.png")
    old(folder / "a.png")
    with watched("in") as come:
        assert come(2) == ["in/a.png", "in/b.png"]
        (folder / "c.png").write_bytes(PICTURE)
        (folder / "notes.txt").write_text("no picture")
        (folder / ".hidden.png").write_bytes(PICTURE)
        assert come() == ["in/c.png"]
        (folder / "d").write_bytes(PICTURE)  # a picture by its content
        assert come() == ["in/d"]


def test_an_empty_folder_is_no_failure_and_files_that_are_moved_in_are_heard_of(folder, tmp_path):
    for name in ("moved.png", "renamed.part"):
        old(tmp_path / name)
    with watched(str(folder)) as come:
        os.rename(tmp_path / "moved.png", folder / "moved.png")
        assert come() == [str(folder / "moved.png")]
        os.rename(tmp_path / "renamed.part", folder / "x.part")
        os.rename(folder / "x.part", folder / "x.png")  # as browsers do
        assert come() == [str(folder / "x.png")]


def test_new_folders_and_what_is_in_them_are_heard_of_only_where_folders_in_folders_are_wanted(folder, tmp_path):
    old(tmp_path / "new" / "deep" / "a.png")
    old(tmp_path / "new" / ".git" / "b.png")
    with watched("in", recursive=True) as come:
        os.rename(tmp_path / "new", folder / "new")
        assert come() == ["in/new/deep/a.png"]
        (folder / "new" / "z.png").write_bytes(PICTURE)
        assert come() == ["in/new/z.png"]
    with watched("in") as come:
        old(folder / "new" / "deep" / "c.png")
        (folder / "last.png").write_bytes(PICTURE)
        assert come() == ["in/last.png"]


def test_a_file_that_is_being_written_is_waited_for(folder):
    old(folder / "there.png", PICTURE[:50])
    (folder / "young.png").write_bytes(PICTURE)
    with watched("in") as come, open(folder / "there.png", "ab") as growing, open(folder / "slow.png", "wb") as slow:
        slow.write(PICTURE[:60])
        slow.flush()
        (folder / "empty.png").touch()
        (folder / "gone.png").write_bytes(PICTURE)
        (folder / "gone.png").unlink()
        if door.is_being_written(str(folder / "slow.png")):
            assert come(1) == ["in/young.png"]
            (folder / "other.png").write_bytes(PICTURE)
            assert come(1) == ["in/other.png"]
            expected = ["in/slow.png", "in/there.png"]
        else:
            expected = ["in/slow.png", "in/there.png", "in/young.png"]
        slow.write(PICTURE[60:])
        growing.write(PICTURE[50:])
        slow.close()
        growing.close()
        assert sorted(come(len(expected))) == expected
        assert (folder / "slow.png").read_bytes() == PICTURE == (folder / "there.png").read_bytes()
        (folder / "empty.png").write_bytes(PICTURE)
        assert come() == ["in/empty.png"]


def test_a_file_comes_again_when_it_has_changed_and_not_where_this_run_has_changed_it(folder):
    ours = set()
    old(folder / "a.png")
    with watched("in", is_ours=ours.__contains__) as come:
        assert come() == ["in/a.png"]
        (folder / "a.png").write_bytes(PICTURE + b"x")
        assert come() == ["in/a.png"]
        ours.add("in/a.png")
        (folder / "a.png").write_bytes(PICTURE + b"xy")
        (folder / "b.png").write_bytes(PICTURE)
        assert come() == ["in/b.png"]


def test_folders_that_lead_into_one_another_by_links_end(folder):
    (folder / "sub").mkdir()
    (folder / "sub" / "round").symlink_to(folder)
    with watched("in", recursive=True) as come:
        (folder / "sub" / "a.png").write_bytes(PICTURE)
        assert come() == ["in/sub/a.png"]
        (folder / "again").symlink_to(folder)
        (folder / "sub" / "b.png").write_bytes(PICTURE)
        assert come() == ["in/sub/b.png"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Linux tells who writes")
def test_who_opens_a_file_while_it_is_looked_at_ends_nobody(folder):
    path = old(folder / "a.png")
    for _ in range(200):
        assert not door.is_being_written(str(path))
    with open(path, "ab"):
        told = door.is_being_written(str(path))
    assert told in (True, False) and not door.is_being_written(str(path))


def test_only_folders_are_watched(folder, monkeypatch):
    with pytest.raises(UsageError, match="folders"):
        require_watching([str(old(folder / "a.png"))])
    monkeypatch.setitem(__import__("sys").modules, "watchfiles", None)
    with pytest.raises(UsageError, match="pip install watchfiles"):
        require_watching(["in"])
