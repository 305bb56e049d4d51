"""Files of conversations, and standard input: one or many, JSON or JSON Lines, requests and batches."""

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from smolcli.errors import UsageError
from smolcli.prompt import load_prompt
from smolcli.verbs.cases import read_cases
from smolcli.verbs.conversations import parse

WORDS = load_prompt("video", "reference").words
ONE = {"messages": [{"role": "user", "content": "x"}]}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (json.dumps(ONE["messages"]), 1),
        (json.dumps([ONE, ONE]), 2),
        (json.dumps(ONE) + "\n" + json.dumps(ONE) + "\n", 2),
        ("\n" + json.dumps(ONE) + "\r\n\n" + json.dumps(ONE), 2),
        (json.dumps({"custom_id": "a", "body": ONE}), 1),
        (json.dumps({"custom_id": "a", "body": ONE}) + "\n" + json.dumps({"body": ONE}), 2),
        (json.dumps(ONE["messages"]) + "\n" + json.dumps({"cases": [ONE, ONE]}), 3),
        ("\ufeff" + json.dumps(ONE, indent=2), 1),
        ('{"messages": [{"role": "user", "content": "a\u2028b"}]}\n' * 2, 2),
    ],
    ids=range(9),
)
def test_a_file_holds_one_conversation_or_many(tmp_path, text, count):
    (tmp_path / "m.jsonl").write_text(text, encoding="utf-8", newline="")
    cases = read_cases(tmp_path / "m.jsonl")
    assert len(cases) == count
    assert all(parse(case, WORDS).question.messages[0].role == "user" for case in cases)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"messages": 3}\n{x}', "line 2, column 2"),
        ('{"messages": 3}\n\n3', "holds no conversation"),
        ('{"messages": 3}\n{"body": {}}', "holds no conversation"),
        ('{"messages": 3} {"messages": 3}', "line 1, column 17"),
        ("[[]]", "holds no conversation"),
        ('{"messages": 3}\n' + "[" * 100_000, "cannot be read"),
        ('[{"role": "user"}, 3]', "holds no conversation"),
    ],
)
def test_a_line_that_is_no_conversation_is_a_usage_error(tmp_path, text, words):
    (tmp_path / "m.jsonl").write_text(text)
    with pytest.raises(UsageError, match=words) as caught:
        read_cases(tmp_path / "m.jsonl")
    assert "m.jsonl" in caught.value.message


def test_a_conversation_without_a_name_is_told_by_its_line(tmp_path):
    (tmp_path / "m.jsonl").write_text(json.dumps(ONE) + '\n\n{"messages": []}\n')
    cases = read_cases(tmp_path / "m.jsonl")
    assert parse(cases[0], WORDS).name == ""
    with pytest.raises(UsageError, match="'line 3'"):
        parse(cases[1], WORDS)


def test_a_file_without_end_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr("smolcli.verbs.cases.MOST_BYTES", 100)
    (tmp_path / "m.json").write_text(" " * 101)
    with pytest.raises(UsageError, match="larger"):
        read_cases(tmp_path / "m.json")


def standard_input(monkeypatch, data=b"", terminal=False):
    stream = io.BytesIO(data)
    stream.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))
    return stream


def test_conversations_come_from_standard_input(monkeypatch):
    standard_input(monkeypatch, json.dumps({"custom_id": "a", "body": ONE}).encode() + b"\n" + json.dumps(ONE).encode())
    assert [case.get("name") for case in read_cases(Path("-"))] == ["a", None]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xff\xfe", b"{", b"[]"])
def test_what_comes_from_standard_input_and_is_no_conversation_is_said_so(monkeypatch, data):
    standard_input(monkeypatch, data)
    with pytest.raises(UsageError, match=r"Standard input (cannot be read|holds no conversation)"):
        read_cases(Path("-"))


def test_a_standard_input_that_nothing_can_come_from_is_said_so(monkeypatch):
    standard_input(monkeypatch, terminal=True)
    with pytest.raises(UsageError, match="a terminal"):
        read_cases(Path("-"))
    standard_input(monkeypatch).close()
    with pytest.raises(UsageError, match="closed"):
        read_cases(Path("-"))
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UsageError, match="closed"):
        read_cases(Path("-"))
