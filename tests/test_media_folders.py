"""Which files of the paths and folders named are read."""

import os

import pytest
from drawing import GOLDEN, draw_pdf

from smolcli.jobs import Expected
from smolcli.media import FolderError
from smolcli.media import find_pictures as find


def find_pictures(paths, recursive):
    return [found for found in find(paths, recursive) if not isinstance(found, Expected)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = (GOLDEN / "images" / "rgb.png").read_bytes()
    for name in ("in/b.png", "in/a.jpg", "in/plain", "in/.hidden.png", "in/sub/c.png", "in/.sub/d.png", "empty/x.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"text" if name.endswith(".txt") else data)
    draw_pdf(tmp_path / "in" / "doc.pdf", [{}])
    return tmp_path


def test_a_folder_gives_its_pictures_by_content_sorted(here):
    assert list(find_pictures(["in"], recursive=False)) == ["in/a.jpg", "in/b.png", "in/plain"]


def test_recursive_gives_those_of_its_folders_too(here):
    assert list(find_pictures(["in"], recursive=True)) == ["in/a.jpg", "in/b.png", "in/plain", "in/sub/c.png"]


def test_what_is_named_is_never_left_out(here):
    named = ["empty/x.txt", "nowhere.png", "in/doc.pdf", "in/.hidden.png", "-", "a\0b", "x" * 5000]
    assert list(find_pictures(named, recursive=False)) == named


def test_nothing_twice(here):
    assert list(find_pictures(["in/b.png", "./in/b.png", "in"], recursive=False)) == [
        "in/b.png",
        "in/a.jpg",
        "in/plain",
    ]


def test_what_a_folder_gave_is_not_given_again_and_what_it_did_not_give_is(here):
    (here / "in" / "link").symlink_to("sub")
    (here / "in" / "notes.txt").write_text("no picture")
    named = ["in/./a.jpg", "in/notes.txt", "in/missing.png", "in/.hidden.png", "in/sub/c.png", "in/link/c.png", "in"]
    assert list(find_pictures(["in", *named], recursive=True)) == [
        *("in/a.jpg", "in/b.png", "in/plain", "in/sub/c.png"),
        *("in/notes.txt", "in/missing.png", "in/.hidden.png", "in/link/c.png"),
    ]
    assert list(find_pictures(["in", "in/sub/c.png", "in/sub"], recursive=False))[3:] == ["in/sub/c.png"]
    assert list(find_pictures([".", "in/b.png", "./in", "../x.png"], recursive=True))[-1] == "../x.png"


def test_a_named_pipe_in_a_folder_is_no_picture_and_is_not_waited_for(here):
    os.mkfifo(here / "in" / "pipe")
    assert "in/pipe" not in list(find_pictures(["in"], recursive=False))


def test_a_folder_without_pictures_is_a_failure_and_the_rest_go_on(here):
    failure, path = find_pictures(["empty", "in/b.png"], recursive=False)
    assert isinstance(failure, FolderError) and failure.exit_code == 3 and "--recursive" in failure.hint
    assert path == "in/b.png"


def test_a_damaged_picture_is_found_by_its_name(here):
    (here / "in" / "broken.PNG").write_bytes(b"nonsense")
    assert "in/broken.PNG" in find_pictures(["in"], recursive=False)


def test_no_name_of_a_file_is_that_of_standard_input(here):
    os.rename(here / "in" / "plain", here / "-")
    assert list(find_pictures(["."], recursive=False)) == ["./-"]


def test_how_many_are_to_come_is_said_before_the_first_and_is_right_after_the_last(here):
    found = list(find(["in", "in/a.jpg", "in/doc.pdf"], recursive=True))
    assert isinstance(found[0], Expected) and found[0].answers >= 2
    names = [one for one in found if isinstance(one, str)]
    assert sum(one.answers for one in found if isinstance(one, Expected)) == len(names) == 5


def test_an_empty_name_is_no_folder():
    assert find_pictures([""], recursive=True) == [""]
