"""Names as they are typed: patterns, lists in files and on standard input; and which of what is found is read."""

import io
import os
import sys
from types import SimpleNamespace

import pytest
from drawing import GOLDEN

from smolcli.errors import UsageError
from smolcli.jobs import Expected
from smolcli.media import FolderError, Given, find_pictures, first, shuffled, without

PICTURE = (GOLDEN / "images" / "rgb.png").read_bytes()


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "in/b.png",
        "in/a.jpg",
        "in/.hidden.png",
        "in/sub/c.png",
        "in/sub/deep/d.png",
        "in/.sub/e.png",
        "f.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(PICTURE)
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    return tmp_path


@pytest.fixture
def stdin(monkeypatch):
    """Standard input holds some bytes."""

    def set_to(data, stream=io.BytesIO):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream(data)))

    return set_to


def names(*paths, **more):
    return list(Given(paths, **more).names())


def messages(found):
    return [each.message for each in found if isinstance(each, FolderError)]


# ---- patterns


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("in/*", ["in/a.jpg", "in/b.png", "in/sub"]),
        ("in/*.png", ["in/b.png"]),
        ("in/[ab].*", ["in/a.jpg", "in/b.png"]),
        ("in/?.jpg", ["in/a.jpg"]),
        ("*/sub/*.png", ["in/sub/c.png"]),
        ("in/**/*.png", ["in/b.png", "in/sub/c.png", "in/sub/deep/d.png"]),
        ("in/**", ["in/a.jpg", "in/b.png", "in/sub/c.png", "in/sub/deep/d.png"]),
        ("**/d*", ["in/sub/deep/d.png"]),
        ("**/sub/**/*.png", ["in/sub/c.png", "in/sub/deep/d.png"]),
        ("in/.h*", ["in/.hidden.png"]),
        ("in/./*.jpg", ["in/./a.jpg"]),
    ],
)
def test_a_pattern_that_the_shell_left_gives_what_it_would_and_only_pictures(here, pattern, found):
    assert names(pattern) == found
    assert names(f"{here}/{pattern}") == [f"{here}/{name}" for name in found]


def test_a_pattern_that_fits_nothing_is_a_failure_and_the_rest_go_on(here):
    found = names("in/*.gif", "f.png", "nowhere/**/x*")
    assert "in/*.gif" in messages(found)[0] and len(messages(found)) == 2 and found[1] == "f.png"


def test_a_file_of_that_very_name_is_no_pattern_and_no_list(here):
    for name in ("a[1].png", "who?.png", "@list"):
        (here / name).write_bytes(PICTURE)
    assert names("a[1].png", "who?.png", "@list") == ["a[1].png", "who?.png", "@list"]


def test_folders_that_lead_into_one_another_by_links_end(here):
    (here / "in" / "sub" / "round").symlink_to(here / "in")
    (here / "in" / "sub" / "round2").symlink_to(here / "in")
    assert names("in/**/*.jpg") == ["in/a.jpg"]
    found = [each for each in find_pictures(["in"], recursive=True) if isinstance(each, str)]
    assert found == ["in/a.jpg", "in/b.png", "in/sub/c.png", "in/sub/deep/d.png"]


# ---- lists


def test_a_list_in_a_file_has_a_name_a_line(here):
    (here / "list").write_bytes(b"\xef\xbb\xbfin/a.jpg\r\n\n spaced .png\n@x\n*.png\n-\nin\nlast.png")
    wanted = ["in/a.jpg", " spaced .png", "@x", "*.png", "./-", "in", "last.png"]
    assert names("@list") == wanted == names(files_from="list")


def test_names_that_are_no_utf8_come_as_they_are(here, stdin):
    stdin(b"caf\xe9.png\0new\nline.png\0\0")
    assert names("-", null=True) == [os.fsdecode(b"caf\xe9.png"), "new\nline.png"]


def test_a_name_that_ends_with_a_carriage_return_is_found_where_there_is_such_a_file(here):
    (here / "odd.png\r").write_bytes(PICTURE)
    (here / "list").write_bytes(b"odd.png\r\nf.png\r\n")
    assert names("@list") == ["odd.png\r", "f.png"]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\r\n"])
def test_a_list_without_names_is_a_failure(here, data):
    (here / "list").write_bytes(data)
    assert "holds no names" in messages(names("@list"))[0]


@pytest.mark.parametrize("data", [b"a.png\0b.png\0", b"x" * 200_000])
def test_what_is_no_list_is_a_failure_that_says_what_to_type(here, data):
    (here / "list").write_bytes(data)
    assert "-0" in names("@list")[-1].hint


@pytest.mark.parametrize(
    ("data", "is_list"),
    [
        (b"in/a.jpg\nin/b.png\n", True),
        (b"caf\xe9.png", True),
        ("ü.png\n".encode(), True),
        (b"P3.png\n", True),
        (PICTURE, False),
        (b"%PDF-1.7\n1 0 obj\n", False),
        (b"P3\n1 1\n255\n1 2 3\n", False),
        (b"<svg xmlns='x'>", False),
        (b"\xff\xd8\xff\xe0 broken", False),
        (b"\x01\x02", False),
        (b"", False),
    ],
)
def test_what_comes_through_standard_input_is_a_picture_or_names(here, stdin, data, is_list):
    for stream in (io.BytesIO, lambda data: io.BufferedReader(io.BytesIO(data))):
        stdin(data, stream)
        assert Given(("-",)).lists_names == is_list
        assert sys.stdin.buffer.read() == data  # nothing of it is taken
    stdin(data)
    assert is_list or names("-") == ["-"]


def test_names_are_read_as_they_come_and_not_all_at_once(here, stdin):
    read, write = os.pipe()
    with open(read, "rb") as reader, open(write, "wb", buffering=0) as writer:
        sys.stdin = SimpleNamespace(buffer=reader)
        writer.write(b"first.png\nsec")
        found = Given(("-",)).names()
        assert next(found) == "first.png"
        writer.write(b"ond.png\n")
        assert next(found) == "second.png"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (Given(()), "No pictures"),
        (Given(("a.png",), null=True), "-0"),
        (Given(("-",), files_from="-"), "once"),
        (Given(("-", "-")), "once"),
        (Given(("@nowhere",)), "'nowhere' does not exist"),
        (Given((), files_from="in"), "is a folder"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_read(here, given, says):
    with pytest.raises(UsageError, match=says):
        given.check()


def test_names_between_nul_bytes_want_to_be_told_so(here, stdin):
    stdin(b"a.png\0b.png\0")
    with pytest.raises(UsageError, match="Add -0"):
        names("-")


def test_folders_that_are_looked_into_are_known_before_anything_is_read(here, stdin):
    (here / "list").write_text("x.png\n")
    assert Given(("in/*.png", "f.png", "*.png")).inputs == ["in", "f.png", ""]
    assert Given(("f.png", "@list")).inputs == ["f.png", ""]
    stdin(PICTURE)
    assert Given(("-",)).inputs == ["-"]


# ---- which of them


def found(*items):
    return list(items)


def test_the_first_few_are_read_and_no_more_expected():
    error = FolderError("x", "No.")
    items = [Expected(3), "a", "b", Expected(-1), error, "c", Expected(4), "d"]
    for most, wanted in ((1, ["a"]), (2, ["a", "b"]), (3, ["a", "b", error]), (9, ["a", "b", error, "c", "d"])):
        given = list(first(items, most))
        assert [each for each in given if not isinstance(each, Expected)] == wanted
        assert sum(each.answers for each in given if isinstance(each, Expected)) <= most


def test_a_mixed_order_hangs_on_names_and_seed_alone():
    items = [f"{number}.png" for number in range(50)]
    one, same, other = (list(shuffled(order, seed)) for order, seed in ((items, 1), (items[::-1], 1), (items, 2)))
    assert one == same != items and one != other and sorted(one) == sorted(items)


def test_names_that_are_known_are_expected_no_more():
    assert list(without([Expected(2), "a", "b"], "a".__eq__)) == [Expected(2), Expected(-1), "b"]
