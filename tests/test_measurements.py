"""Repeats become a median with its spread, records come back as they were written, and a ratio that fell is said."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from smolcli.checks import this_build, this_machine
from smolcli.measurements import Build, Machine, Record, as_json, fallen, from_json, measured, ratio

ROOT = Path(__file__).parent.parent
HERE = Machine("AMD EPYC", 2, 24 << 30, "Linux 6.1 x86_64")
BUILD = Build("0.1.0", "llama-cpp-python 0.3.36", "ggml 0.25.3", ("AVX2", "AVX512_BF16"), "3.11.7")
ROWS = (
    measured("decode", "tokens/s", [101.0, 99.0, 103.0], at=4),
    measured("tiles known already", "encodes", [0.0, 0.0]),
    ratio("one image, cold", "llama-mtmd-cli", [1.2, 1.0, 1.1], target=1.02),
)
RECORD = Record(
    "peers", "One image", "python x.py", "2026-05-04", HERE, BUILD, ("a.gguf (Q8_0)",), ("2 threads",), ROWS
)


def with_ratio(value):
    return replace(RECORD, rows=(ratio("one image, cold", "llama-mtmd-cli", [value]),))


def test_repeats_are_their_median_least_most_and_number():
    one = measured("decode", "tokens/s", [3.0, 1.0, 2.0, 10.0], at=2)
    assert (one.median, one.min, one.max, one.runs, one.at) == (2.5, 1.0, 10.0, 4, 2)
    assert one.label == "decode, 2 at a time" and not one.is_ratio and ROWS[2].is_ratio


@pytest.mark.parametrize("values", [[], [float("nan")], [1.0, float("inf")]])
def test_what_was_not_measured_is_no_measurement(values):
    with pytest.raises(ValueError, match="decode"):
        measured("decode", "tokens/s", values)


def test_a_record_comes_back_as_it_was_written():
    text = json.dumps(as_json(RECORD))
    assert from_json(text) == RECORD
    row = json.loads(text)["rows"][1]
    assert row == {"name": "tiles known already", "unit": "encodes", "median": 0.0, "min": 0.0, "max": 0.0, "runs": 2}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", '{"schema": 2}', "[" * 100_000,
     json.dumps({**as_json(RECORD), "colour": "red"}),
     json.dumps({**as_json(RECORD), "rows": [{"name": "x"}]}),
     json.dumps({name: value for name, value in as_json(RECORD).items() if name != "date"})],
)  # fmt: skip
def test_anything_else_is_no_record(text):
    with pytest.raises(ValueError):
        from_json(text)


@pytest.mark.parametrize(("now", "said"), [(1.1, False), (1.0, False), (0.9 * 1.1, False), (0.98, True), (0.5, True)])
def test_a_ratio_has_fallen_when_it_lost_more_than_a_tenth(now, said):
    sentences = fallen(with_ratio(1.1), with_ratio(now), 0.1)
    assert len(sentences) == said
    assert all("one image, cold, against llama-mtmd-cli: 1.10 ×" in sentence for sentence in sentences)


def test_a_ratio_that_is_measured_no_more_has_fallen_too_and_a_new_one_has_not():
    assert "no more" in fallen(RECORD, replace(RECORD, rows=ROWS[:2]), 0.1)[0]
    assert fallen(replace(RECORD, rows=ROWS[:2]), RECORD, 0.1) == []


def test_absolute_figures_are_only_shown():
    slower = replace(RECORD, rows=(measured("decode", "tokens/s", [1.0], at=4), *ROWS[1:]))
    assert fallen(RECORD, slower, 0.1) == []


def test_machine_and_build_are_told():
    machine, build = this_machine(), this_build()
    assert machine.processor and machine.cores >= 1 and machine.memory_bytes > 1 << 28 and machine.system
    assert build.binding.startswith("llama-cpp-python 0.3") and build.instructions and build.python


def test_a_benchmark_writes_its_record_where_it_is_told_to_and_nowhere_else(tmp_path):
    code = """
import argparse, sys
sys.path.insert(0, "tests/bench")
import records
parser = argparse.ArgumentParser()
records.add_option(parser)
parser.add_argument("--rounds")
given = parser.parse_args()
found = records.Found("nothing", "Nothing at all", settings=("one thread",))
turns = records.in_turns({"ours": lambda: 1.0, "theirs": lambda: 2.0}, 3)
found.add("ours", "s", turns["ours"])
found.ratio("ours", "theirs", records.paired(turns["theirs"], turns["ours"]))
found.write(given.record)
"""
    command = [sys.executable, "-c", code, "--rounds", "2"]
    subprocess.run(command, cwd=ROOT, check=True)
    subprocess.run([*command, "--record", str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    [file] = tmp_path.glob("nothing.*.json")
    record = from_json(file.read_text(encoding="utf-8"))
    assert record.command.endswith("--rounds 2") and record.machine == this_machine()
    assert [row.median for row in record.rows] == [1.0, 2.0] and record.rows[1].versus == "theirs"
