"""docs/benchmarks.md is what the records say, and a check fails where a ratio has fallen or nothing can be compared."""

import importlib.util
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from test_measurements import RECORD, with_ratio

from smolcli.checks import this_machine
from smolcli.measurements import as_json, measured, ratio

ROOT = Path(__file__).parent.parent
_spec = importlib.util.spec_from_file_location("make_benchmarks", ROOT / "docs" / "make_benchmarks.py")
make_benchmarks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make_benchmarks)

_spec = importlib.util.spec_from_file_location("bench_main", ROOT / "tests" / "bench" / "__main__.py")
bench_main = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bench_main)

SCRIPT = """
import sys
from pathlib import Path
now, option, folder = sys.argv[1:]
if option != "--record" or not Path(now).exists():
    sys.exit("broken")
(Path(folder) / "peers.here.json").write_text(Path(now).read_text(encoding="utf-8"), encoding="utf-8")
"""


@pytest.fixture
def recorded(tmp_path):
    """A folder with a record of this machine, of a benchmark that will find what it is told to."""

    def record(before, now, **changes):
        script, found, folder = tmp_path / "fake.py", tmp_path / "now.json", tmp_path / "records"
        script.write_text(SCRIPT)
        made = replace(with_ratio(before), command=f"python {script} {found}", **{"machine": this_machine(), **changes})
        if now is not None:
            found.write_text(json.dumps(as_json(replace(with_ratio(now), machine=made.machine))), encoding="utf-8")
        folder.mkdir()
        (folder / "peers.here.json").write_text(json.dumps(as_json(made)), encoding="utf-8")
        return folder

    return record


def test_docs_benchmarks_is_what_the_records_say():
    text = make_benchmarks.page(make_benchmarks.committed())
    assert make_benchmarks.PAGE.read_text(encoding="utf-8") == text, "run: python docs/make_benchmarks.py"


@pytest.mark.parametrize("record", make_benchmarks.committed(), ids=lambda record: record.benchmark)
def test_a_ratio_that_is_committed_is_of_five_pairs_of_runs(record):
    assert all(row.runs >= 5 for row in record.ratios.values())


def test_the_page_has_every_figure_with_its_date_machine_build_and_spread():
    rows = (measured("decode", "tokens/s", [101.0, 99.0, 103.0], 4), ratio("cold", "llama-mtmd-cli", [1.2, 1.1], 1.02))
    newer = replace(RECORD, date="2026-06-01", machine=replace(RECORD.machine, processor="Apple M9"), rows=rows)
    page = make_benchmarks.page([newer, RECORD])
    assert page.count("## One image") == 1 and page.index("2026-05-04") < page.index("2026-06-01, Apple M9")
    assert "| decode, 4 at a time |  | 101 tokens/s | 99.0 to 103 | 3 |" in page
    assert "| cold | to llama-mtmd-cli | **1.15 ×** (aim: 1.02) | 1.10 to 1.20 | 2 |" in page
    for word in ("AMD EPYC, 2 cores", "AVX512_BF16", "a.gguf (Q8_0)", "2 threads", "python x.py", "fewer than 5 runs"):
        assert word in page


def test_a_check_passes_while_ratios_hold(recorded, capsys):
    assert bench_main.check([], recorded(1.1, now=1.0)) == 0
    assert "None of 1 ratios has fallen" in capsys.readouterr().out


def test_a_check_fails_where_a_ratio_has_fallen_by_more_than_a_tenth(recorded, capsys):
    assert bench_main.check(["peers"], recorded(1.1, now=0.9)) == 1
    said = "peers: one image, cold, against llama-mtmd-cli: 1.10 × has become 0.90 × (18% less), since 2026-05-04"
    assert said in capsys.readouterr().out


def test_a_check_fails_where_the_measurement_does(recorded, capsys):
    assert bench_main.check([], recorded(1.1, now=None)) == 1
    out = capsys.readouterr().out
    assert "failed" in out and "peers wrote no record" in out


def test_a_check_that_has_nothing_to_compare_does_not_pass(recorded, capsys, tmp_path):
    elsewhere = recorded(1.1, now=1.1, machine=replace(this_machine(), processor="another one"))
    for names, folder in (([], elsewhere), ([], tmp_path / "none")):
        assert bench_main.check(names, folder) == 2
        assert "make bench" in capsys.readouterr().out


def test_what_is_measured_has_a_script_that_writes_a_record():
    assert {"ask", "decode", "models"} <= set(bench_main.scripts())
    with pytest.raises(SystemExit, match=r"There is no nothing\. Known: ask"):
        bench_main.measure(["nothing"], ROOT)


def test_a_measurement_that_would_take_hours_is_recorded_in_minutes():
    found = {name: bench_main.amount(script) for name, script in bench_main.scripts().items()}
    assert found["memory"] == ["--pictures", "1000"] and found["decode"] == []


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("--rounds", "--rounds"),
        ("5", "5"),
        ("f16,bf16", "f16,bf16"),
        ("docs/benchmarks", "docs/benchmarks"),
        ("{there}", "FOLDER"),
        ("{there}/x.gguf", "FILE"),
        ("/no/such/folder", "FOLDER"),
        ("--checkpoint={there}", "--checkpoint=FOLDER"),
    ],
)
def test_a_record_does_not_say_where_on_this_machine_its_files_lay(word, shown, tmp_path):
    (tmp_path / "x.gguf").touch()
    assert bench_main.records.without_place(word.format(there=tmp_path)) == shown


def test_what_lay_elsewhere_is_given_again_or_made_when_it_is_measured_again():
    recorded = ["tests/bench/bench_decode.py", "--checkpoint", "FOLDER", "--rounds", "5"]
    assert bench_main.placed(recorded, None) == [recorded[0], "--rounds", "5"]
    assert bench_main.placed(recorded, Path("m")) == [recorded[0], "--rounds", "5", "--checkpoint", "m"]
    assert bench_main.placed(["tests/bench/bench_step.py", "--x=FOLDER"], Path("m")) == ["tests/bench/bench_step.py"]


@pytest.mark.parametrize("file", sorted(make_benchmarks.RECORDS.glob("*.json")), ids=lambda file: file.name)
def test_no_committed_record_names_a_place_of_the_machine_it_was_made_on(file):
    assert not re.search(r"""(?:^|[\s'"=])/\w+/""", file.read_text(encoding="utf-8"), re.MULTILINE)
