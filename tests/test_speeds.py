"""What this machine was measured to do, kept from run to run."""

import json
import stat

import pytest

from smolcli.generation import Counts, Generation, Seconds
from smolcli.speeds import Speeds, Took, measured, remember, speed_key

KEY = speed_key("nano", 1000, 0, "cpu")


def answer(encode=2.0, encodes=4, prefill=1.0, read=100, decode=0.5, new=10):
    return Generation(0, "", "end", Counts(read, 0, new, 0, encodes), Seconds(0.0, encode, prefill, decode), None)


def took(*answers):
    found = Took()
    for made in answers:
        found.add(made)
    return found


def test_a_run_is_remembered_per_unit_of_work(tmp_path):
    remember(tmp_path, KEY, 0.25, took(answer(), answer(encode=0.0, encodes=0)))
    assert measured(tmp_path, KEY) == Speeds(0.25, 0.5, 0.01, 0.05, 10.0)
    assert measured(tmp_path, speed_key("nano", 1000, 4, "cpu")) is None


def test_an_estimate_adds_up(tmp_path):
    assert Speeds(1.0, 0.5, 0.01, 0.05, 10.0).estimate_s(4, 100) == pytest.approx(1 + 2 + 1 + 0.5)


def test_runs_are_mixed_with_the_newest_weighing_most_of_its_share(tmp_path):
    remember(tmp_path, KEY, 1.0, took(answer()))
    remember(tmp_path, KEY, 2.0, took(answer(encode=4.0)))
    assert measured(tmp_path, KEY).load_s == pytest.approx(1.3) and measured(tmp_path, KEY).encode_s == pytest.approx(
        0.65
    )


@pytest.mark.parametrize("nothing", [{"encodes": 0}, {"new": 0}, {"read": 0}])
def test_a_run_that_measured_nothing_is_not_remembered(tmp_path, nothing):
    remember(tmp_path, KEY, 1.0, took(answer(**nothing)))
    remember(tmp_path, KEY, 1.0, took())
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"KEY": 3}',
        '{"KEY": {"load_s": 1.0}}',
        '{"KEY": {"load_s": "x", "encode_s": 1.0, "prefill_s": 1.0, "decode_s": 1.0, "answer_tokens": 1.0}}',
        '{"KEY": {"load_s": NaN, "encode_s": 1.0, "prefill_s": 1.0, "decode_s": 1.0, "answer_tokens": 1.0}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_memory_is_none_and_is_written_anew(tmp_path, text):
    (tmp_path / "speeds.json").write_text(text.replace("KEY", KEY))
    assert measured(tmp_path, KEY) is None
    remember(tmp_path, KEY, 0.25, took(answer()))
    assert measured(tmp_path, KEY).load_s == 0.25


def test_a_folder_that_cannot_be_written_costs_only_the_estimate(tmp_path):
    (tmp_path / "file").write_text("")
    remember(tmp_path / "file" / "state", KEY, 1.0, took(answer()))
    assert measured(tmp_path / "file" / "state", KEY) is None


def test_the_oldest_is_forgotten_first_and_the_file_is_plain_json(tmp_path):
    for number in range(520):
        remember(tmp_path, str(number), 1.0, took(answer()))
    table = json.loads((tmp_path / "speeds.json").read_text())
    assert len(table) == 512 and "7" not in table and "519" in table
    assert [path.name for path in tmp_path.iterdir()] == ["speeds.json"]
    assert stat.S_ISREG((tmp_path / "speeds.json").stat().st_mode)
