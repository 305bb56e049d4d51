"""Which arguments are media and which is the question."""

import pytest

from smolcli.cli._inputs import split_arguments, split_optional_question
from smolcli.errors import UsageError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "What is this?").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)


QUESTIONS = [
    "What is this",
    "why",
    "yes/no",
    "Is it 3.5 or 4.5?",
    "U.S.?",
    "Read photo.jpg",
    "é.",
    "Stop.Now!",
    "a" * 5000,
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_last_argument_is_the_question(question):
    assert split_arguments(["a.png", "b.png", question], []) == (["a.png", "b.png"], [question])


@pytest.mark.parametrize("last", ["a.png", "What is this?", "mistyped.pgn", "clip.mp4", "-", "."])
def test_what_is_or_is_named_like_a_file_is_no_question(last):
    with pytest.raises(UsageError, match="question"):
        split_arguments(["a.png", last], [])
    assert split_optional_question(["a.png", last], []) == (["a.png", last], [""])


def test_a_question_before_its_media_is_told_where_it_belongs(tmp_path, monkeypatch):
    (tmp_path / "my photo.png").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as raised:
        split_arguments(["What is this?", "my photo.png"], [])
    assert "smol ask 'my photo.png' \"What is this?\"" in raised.value.hint


def test_with_q_every_argument_is_media():
    assert split_arguments(["a.png", "What is this?"], ["Why?"]) == (["a.png", "What is this?"], ["Why?"])


def test_a_plan_needs_no_question():
    assert split_optional_question(["a.png"], []) == (["a.png"], [""])
    assert split_optional_question(["a.png", "Why is it?"], []) == (["a.png"], ["Why is it?"])
    with pytest.raises(UsageError, match="No media"):
        split_optional_question([], [])
