"""Files of conversations, and standard input: one or many, JSON or JSON Lines, requests and batches."""

import io
import json
import os
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from smolcli.errors import UsageError
from smolcli.jobs import Failure
from smolcli.prompt import load_prompt
from smolcli.verbs.cases import Unread, read_cases
from smolcli.verbs.conversations import parse, parse_cases

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
    cases = list(read_cases(tmp_path / "m.jsonl"))
    assert len(cases) == count
    assert all(parse(case, WORDS).question.messages[0].role == "user" for case in cases)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{x}", "line 1, column 2"),
        ("{x}\n{y}\n\n3", "line 1, column 2"),
        ("3\n{y}", "line 2, column 2"),
        ('{"messages": 3} {"messages": 3}', "line 1, column 17"),
        ('[\n{"messages": 3},\n{x}\n]', "line 3, column 2"),
        ("[[]]", "holds no conversation"),
        ("[" * 100_000, "cannot be read"),
        ("[" * 100_000 + "\n3", "cannot be read"),
        ('[{"role": "user"}, 3]', "holds no conversation"),
        ("{\n", "line 2, column 1"),
        ("x\n" * 100 + json.dumps(ONE), "line 1, column 1"),
    ],
)
def test_a_file_of_something_else_is_a_usage_error(tmp_path, text, words):
    (tmp_path / "m.jsonl").write_text(text)
    with pytest.raises(UsageError, match=words) as caught:
        read_cases(tmp_path / "m.jsonl")
    assert "m.jsonl" in caught.value.message


GOOD = json.dumps(ONE)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{x}", "column 2: Expecting property name"),
        (GOOD[:-3], "column"),
        ("", None),
        ("3", "no conversation"),
        ("[]", "no conversation"),
        ('{"body": {}}', "no conversation"),
        ("[" * 100_000, "recursion"),
        ("\udcff", "UTF-8"),
        ('{"messages": 3}', "must be a list"),
        (GOOD + GOOD, "column 49: Extra data"),
    ],
    ids=range(10),
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_line_that_is_no_conversation_is_a_failure_and_the_others_are_cases(tmp_path, line, reason, place):
    lines = [GOOD, GOOD]
    lines.insert(place, line)
    (tmp_path / "m.jsonl").write_text("\n".join(lines), encoding="utf-8", errors="surrogateescape")
    found = list(parse_cases(read_cases(tmp_path / "m.jsonl"), WORDS))
    bad = [one for one in found if isinstance(one, Failure)]
    assert [case.where for case in found if not isinstance(case, Failure)] == [
        f"line {n + 1}" for n in range(3) if n != place
    ]
    if reason is None:
        assert not bad
        return
    assert found[place] is bad[0] and len(bad) == 1
    assert (bad[0].source, bad[0].error, bad[0].exit_code) == (f"line {place + 1}", "UsageError", 2)
    assert f"'line {place + 1}'" in bad[0].message and reason in bad[0].message


def test_a_case_of_many_in_one_value_that_is_none_is_a_failure_too(tmp_path):
    (tmp_path / "m.json").write_text(json.dumps({"cases": [ONE, 3, {**ONE, "name": "third"}]}, indent=1))
    first, second, third = parse_cases(read_cases(tmp_path / "m.json"), WORDS)
    assert isinstance(second, Failure) and "holds no conversation" in second.message
    assert (first.where, third.where) == ("", "third")


def test_lines_are_read_as_they_are_needed(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor(1) as pool:
        opened = pool.submit(open, tmp_path / "pipe", "w", buffering=1)
        waiting = ThreadPoolExecutor(1).submit(read_cases, tmp_path / "pipe")
        with opened.result(5) as pipe:
            pipe.write("\n{x}\n" + GOOD + "\n")
            cases = waiting.result(5)
            assert next(cases) == Unread("line 2", "column 2: Expecting property name enclosed in double quotes")
            assert next(cases) == {"line": 3, **ONE}
            pipe.write(GOOD + "\n")
            assert next(cases)["line"] == 4
        assert list(cases) == []


def test_a_file_of_very_many_lines_is_not_held(tmp_path):
    line = json.dumps([{"role": "user", "content": "x" * 10_000}]) + "\n"
    (tmp_path / "m.jsonl").write_text(line * 500)
    tracemalloc.start()
    assert sum(1 for _ in parse_cases(read_cases(tmp_path / "m.jsonl"), WORDS)) == 500
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1_000_000


def test_a_conversation_without_a_name_is_told_by_its_line(tmp_path):
    (tmp_path / "m.jsonl").write_text(json.dumps(ONE) + '\n\n{"messages": []}\n')
    first, second = read_cases(tmp_path / "m.jsonl")
    assert parse(first, WORDS).name == ""
    with pytest.raises(UsageError, match="'line 3'"):
        parse(second, WORDS)


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
