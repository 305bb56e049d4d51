"""smol bench: what it measures, shows, draws and writes; the others' tools beside it; and that it leaves nothing."""

import io
import stat
import sys
from contextlib import closing
from dataclasses import replace

import pytest
from test_measurements import RECORD
from test_peers import COMMAND, needs_scripts

from smolcli.checks import Against, Amount, find_peers, peers
from smolcli.checks.drawn_pictures import drawn_picture
from smolcli.console.measured import number, record_text
from smolcli.engine import EngineOptions
from smolcli.errors import UsageError
from smolcli.formats import chart_bytes, check_chart
from smolcli.measurements import from_json, measured, ratio
from smolcli.models import builtin

SMALLEST = ("bench", "-q", "--quick", "--widths", "1,2", "--runs", "1")
ROWS = (
    measured("load", "s", [0.031, 0.035, 0.029]),
    measured("encode", "ms a tile", [51.0]),
    *(measured("decode", "tokens/s", [30.0 * at, 33.0 * at], at) for at in (1, 4)),
    measured("one picture, cold", "s", [2.0], tool="llama-mtmd-cli"),
    measured("examples", "examples/s", [0.5], 4, "llama-server"),
    ratio("one picture, cold", "llama-mtmd-cli", [1.2, 1.1]),
    ratio("examples", "llama-server", [0.8], at=4),
)
SOME = replace(RECORD, rows=ROWS)


class Ascii(io.TextIOWrapper):
    def __init__(self):
        super().__init__(io.BytesIO(), "ascii")


@pytest.fixture
def tool(tmp_path):
    """A folder with a llama-mtmd-cli that does what is written."""

    def make(code):
        file = tmp_path / "tools" / "llama-mtmd-cli"
        file.parent.mkdir()
        file.write_text(f"#!{sys.executable}\n{code}")
        file.chmod(stat.S_IRWXU)
        return file.parent

    return make


def test_the_built_in_model_is_measured_and_nothing_is_kept_but_speeds(smol, tmp_path, monkeypatch):
    monkeypatch.setenv("SMOL_STORE", "on")
    for name in ("cache", "state"):
        monkeypatch.setenv(f"SMOL_{name.upper()}_DIR", str(tmp_path / name))
    done = smol(*SMALLEST, "--json")
    assert (done.code, done.err) == (0, "")
    record = from_json(done.out)
    labels = [row.label for row in record.rows]
    assert labels == [
        "load", "preprocess", "encode", "prefill", "decode, 1 at a time", "decode, 2 at a time",
        "examples, 1 at a time", "examples, 2 at a time", "one picture, cold",
        *(["peak memory"] if sys.platform == "linux" else []),
    ]  # fmt: skip
    assert all(row.median > 0 and row.runs == 1 for row in record.rows)
    assert record.model[0] == "smol-nano-q8_0.gguf (Q8_0)" and "5 tiles of 256 px" in record.settings[1]
    assert "--widths 1,2 --runs 1" in record.command and record.build.instructions
    assert not (tmp_path / "cache").exists()
    assert "smol-nano" in (tmp_path / "state" / "speeds.json").read_text()
    plan = smol("plan", "-q", "--json", "examples/sign.jpg", "What?").record
    assert plan["estimated_s"] > 0


def test_no_drawn_picture_is_like_another_and_each_is_the_same_every_time():
    assert drawn_picture(3) == drawn_picture(3) != drawn_picture(4)


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (0.01234, "0.0123"), (1, "1.00"), (99.96, "100"), (812.4, "812"), (12345, "12,345")]
)
def test_numbers_have_three_digits_that_count(value, shown):
    assert number(value) == shown


@pytest.mark.parametrize("width", [20, 80, 120])
def test_the_table_says_where_and_of_what_and_cuts_no_figure_off(width):
    text = record_text(SOME, io.StringIO(), width)
    for word in (
        "AMD EPYC",
        "2 cores",
        "AVX512_BF16",
        "ggml",
        "a.gguf (Q8_0)",
        "2 threads",
        "0.1.0",
        "0.0310",
        "120 – 132",
    ):
        assert word in text, word
    assert "\x1b" not in text and "…" not in text
    assert max(map(len, text.splitlines())) <= max(width, 72)


def test_bars_are_as_long_as_what_they_show_beside_the_longest():
    lines = [line.strip() for line in record_text(SOME, io.StringIO(), 120).splitlines()]
    decode = lines.index("decode, tokens/s")
    assert [line.count("█") for line in lines[decode + 1 : decode + 3]] == [6, 24]
    assert all("█" not in line for line in lines if line.startswith(("load", "encode")))


def test_the_bar_of_a_ratio_below_one_is_not_full():
    lines = [line for line in record_text(SOME, io.StringIO(), 120).splitlines() if "examples, 4" in line]
    assert [0 < line.count("█") < 24 for line in lines] == [True]


def test_a_stream_without_bars_gets_none():
    stream = Ascii()
    assert "█" not in record_text(SOME, stream, 80)


@pytest.mark.parametrize(("kind", "begins"), [(".png", b"\x89PNG"), (".SVG", b"<?xml")])
def test_a_record_is_drawn(kind, begins):
    pytest.importorskip("matplotlib")
    assert chart_bytes(SOME, kind).startswith(begins)


def test_a_chart_of_few_figures_is_drawn_too():
    pytest.importorskip("matplotlib")
    assert len(chart_bytes(replace(RECORD, rows=ROWS[:1]), ".png")) > 5000


def test_what_cannot_be_drawn_is_said_before_anything_is_measured(smol, tmp_path, monkeypatch):
    done = smol(*SMALLEST, "--plot", tmp_path / "bench.bmp")
    assert done.code == 2 and ".png, .svg, .pdf" in done.sentence
    pytest.importorskip("matplotlib")
    there = tmp_path / "there.png"
    there.write_text("mine")
    assert "--force" in smol(*SMALLEST, "--plot", there).sentence and there.read_text() == "mine"
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError) as refused:
        check_chart(tmp_path / "bench.png")
    assert 'pip install "smolcli[plot]"' in refused.value.hint


@pytest.mark.parametrize("widths", ["", "0", "1,", "1,x", "-1", "1.5", "999999", "٣"])
def test_wrong_widths_are_refused(smol, widths):
    assert smol("bench", f"--widths={widths}").sentence.startswith("--widths is ")


def test_a_folder_without_tools_is_refused(smol, tmp_path):
    done = smol(*SMALLEST, "--against", tmp_path)
    assert done.code == 2 and "holds neither llama-mtmd-cli nor llama-server" in done.sentence


@needs_scripts
def test_a_tool_that_may_not_be_run_is_none(smol, tool):
    folder = tool("")
    (folder / "llama-mtmd-cli").chmod(stat.S_IRUSR)
    assert smol(*SMALLEST, "--against", folder).code == 2


@needs_scripts
def test_a_tool_that_fails_or_hangs_is_an_error_before_anything_is_measured(smol, tool, monkeypatch):
    folder = tool("raise SystemExit('cannot load the model')")
    done = smol(*SMALLEST, "--against", folder)
    assert done.code == 7 and "cannot load the model" in done.sentence
    monkeypatch.setattr(peers, "MOST_ANSWER_S", 0.2)
    (folder / "llama-mtmd-cli").write_text(f"#!{sys.executable}\nimport time; time.sleep(60)")
    done = smol(*SMALLEST, "--against", folder / "llama-mtmd-cli")
    assert done.code == 7 and "has not ended in 0.2 s" in done.sentence


@needs_scripts
def test_a_tool_is_measured_in_turns_and_ratios_say_how_much_better_smol_is(smol, tool):
    folder = tool(COMMAND.replace('"7"', '"16"'))
    amount = Amount((1,), runs=1, tokens=16, most_s=None)
    with closing(Against(builtin(), EngineOptions(), find_peers(folder), amount, lambda *_: None)) as against:
        against.warm()
        against.run([1])  # there is no server
    record = replace(RECORD, rows=tuple(against.rows), notes=tuple(against.notes))
    ratios = {name: row.median for (name, versus, _), row in record.ratios.items() if versus == "llama-mtmd-cli"}
    assert {"one picture, cold", "encode", "prefill", "decode"} <= set(ratios)
    found = {(row.name, row.tool): row.median for row in record.rows if not row.is_ratio}
    theirs, ours = found["one picture, cold", "llama-mtmd-cli"], found["one picture, cold", ""]
    assert ratios["one picture, cold"] == pytest.approx(theirs / ours)
    assert any("not as long" in note and "23" in note for note in record.notes)


def test_a_model_that_is_not_there_is_said(smol, tmp_path):
    assert smol("bench", "-m", tmp_path / "none.gguf").code == 4
