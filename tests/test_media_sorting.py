"""Names beyond some are sorted on the disk: in the same order, in flat memory, and nothing of them stays there."""

import os
import subprocess
import sys
import tempfile
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smolcli.errors import MediaError
from smolcli.jobs import Expected
from smolcli.media import FolderError, find_pictures
from smolcli.media.sorting import MOST_FILES, SortedNames

ROOT = str(Path(__file__).resolve().parents[1])
NAMES = (
    st.binary(min_size=1, max_size=8).map(os.fsdecode) | st.text(min_size=1, max_size=8) | st.sampled_from("\n\r\x85")
)
counted = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="open files are counted in /proc")


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """A folder of its own for temporary files."""
    folder = tmp_path / "disk"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def through(names, most_held):
    with closing(SortedNames(most_held)) as found:
        for name in names:
            found.add(name)
        return list(found)


@given(st.lists(NAMES, max_size=40), st.integers(1, 9))
@settings(max_examples=50, deadline=None)
def test_they_come_out_as_sorted_gives_them(names, most_held):
    assert through(names, most_held) == sorted(names)


@counted
def test_many_files_of_names_become_one(disk):
    names = [f"{number * 7919 % 1000:04}" for number in range(1000)]
    with closing(SortedNames(2)) as found:
        for name in names:
            found.add(name)
            assert len(open_files(disk)) <= MOST_FILES + 1
        assert list(found) == sorted(names)


@counted
def test_nothing_is_left_on_the_disk_when_they_are_given_up_half_way(disk):
    found = SortedNames(2)
    for name in "gfedcba":
        found.add(name)
    assert next(iter(found)) == "a"
    assert len(open_files(disk)) == 3 and not os.listdir(disk)
    found.close()
    assert not open_files(disk)
    found.close()


def open_files(folder):
    """Those of this process that are in a folder, with a name or without."""
    links = (os.path.join("/proc/self/fd", number) for number in os.listdir("/proc/self/fd"))
    return [link for link in links if os.path.lexists(link) and os.readlink(link).startswith(str(folder))]


def test_memory_is_flat_beyond_what_is_held():
    def peak(count):
        tracemalloc.start()
        with closing(SortedNames(1000)) as found:
            for number in range(count):
                found.add(f"{number * 7919 % count:060}")
            assert sum(1 for _ in found) == count
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    few, many = peak(2000), peak(20_000)
    assert many - few < 1_000_000  # the buffers of 18 files more; 18,000 names would be 2 MB


# ---- folders


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("in", "in/b", "in/a", "in/a/c", "in/d\nd"):
        os.mkdir(folder)
        for name in ("z.png", "y\n.png", os.fsdecode(b"\xff.png"), "a.PNG", "b.txt", "é.jpg"):
            with open(f"{folder}/{name}", "wb"):
                pass
    return tmp_path


@pytest.mark.parametrize("recursive", [False, True])
def test_a_folder_that_is_sorted_on_the_disk_gives_what_a_small_one_gives(here, recursive):
    found = [list(find_pictures(["in/a", "in"], recursive, most_held)) for most_held in (1, 2, 200_000)]
    assert found[0] == found[1] == found[2]
    names = [name for name in found[0] if isinstance(name, str)]
    assert names[:5] == [f"in/a/{name}" for name in ("a.PNG", "y\n.png", "z.png", "é.jpg", "\udcff.png")]
    assert len(set(names)) == len(names) == (25 if recursive else 10)
    assert sum(one.answers for one in found[0] if isinstance(one, Expected)) == len(names)


@counted
def test_a_folder_that_is_given_up_half_way_leaves_no_file_open(here, disk):
    found = find_pictures(["in"], True, 1)
    names = [name for name in (next(found) for _ in range(9)) if isinstance(name, str)]
    assert names[-1].startswith("in/a/") and open_files(disk)
    found.close()
    assert not open_files(disk) and not os.listdir(disk)


FULL = """
import resource, sys
from smolcli.media import FolderError, find_pictures
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
first, second = [one for one in find_pictures(["in/a", "in/a/c/z.png"], False, 2) if not hasattr(one, "answers")]
assert isinstance(first, FolderError) and "TMPDIR" in first.hint and "too large" in first.message, first
assert second == "in/a/c/z.png" and first.folder == "in/a"
"""


def test_a_full_disk_of_temporary_files_is_the_failure_of_that_folder(here):
    subprocess.run([sys.executable, "-c", FULL], check=True, env={**os.environ, "PYTHONPATH": ROOT})


def test_a_folder_of_temporary_files_that_is_not_there_is_said(here, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(here / "nowhere"))
    [error] = [one for one in find_pictures(["in"], False, 2) if not isinstance(one, Expected)]
    assert isinstance(error, FolderError) and "No such file" in error.message and "TMPDIR" in error.hint
    with pytest.raises(MediaError):
        through("abc", 1)
