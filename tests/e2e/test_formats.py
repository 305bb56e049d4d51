"""-f and -o: one reading, the formats and files that were asked for; what cannot be is refused before it begins."""

import csv
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from drawing import draw_pdf, draw_text

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    for name in ("a", "b"):
        draw_text(folder / f"{name}.png", name.upper(), (64, 64), 40)
    return folder


def test_each_o_has_the_format_that_its_name_ends_in_and_dash_is_stdout(smol, media, tmp_path):
    names = ["out.txt", "out.tsv", "out.csv", "out.jsonl"]
    outputs = [word for name in names for word in ("-o", tmp_path / name)]
    done = smol("caption", media, *outputs, "-o", "-", "--max-tokens", "4")
    assert done.code == 0 and sorted(os.listdir(tmp_path)) == sorted(names)
    paths = [str(media / name) for name in ("a.png", "b.png")]
    lines = [line.split("\t") for line in done.out.splitlines()]
    assert [path for path, _ in lines] == paths and (tmp_path / "out.tsv").read_text() == done.out
    rows = list(csv.reader(io.StringIO((tmp_path / "out.csv").read_text())))
    assert rows[0] == ["place", "text"] and [row[0] for row in rows[1:]] == paths
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    texts = [record["text"] for record in records]
    assert [" ".join(text.split()) for text in texts] == [text for _, text in lines]
    assert (tmp_path / "out.txt").read_text() == "".join(
        f"[{path}]\n{text}\n" for path, text in zip(paths, texts, strict=True)
    )


def test_f_says_the_format_of_stdout_and_of_one_file_whatever_it_is_called(smol, media, tmp_path):
    done = smol("ask", media / "a.png", "What?", "-f", "csv")
    assert done.code == 0 and done.out.startswith("place,text\n")
    done = smol("ask", media / "a.png", "What?", "-f", "json", "-o", tmp_path / "out.txt")
    assert done.code == 0 and done.out == "" and json.loads((tmp_path / "out.txt").read_text())["schema"] == 1
    done = smol("ask", media / "a.png", "What?", "-f", "tsv", "-o", "-", "-o", tmp_path / "a.json")
    assert done.code == 0 and done.out.startswith(f"{media / 'a.png'}\t")
    assert json.loads((tmp_path / "a.json").read_text())["schema"] == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["-f", "pptx"], "Known are text, tsv, csv, jsonl"),
        (["-f", ""], "Known are text"),
        (["-o", "out.pptx"], "Known are .txt"),
        (["-o", "a.txt", "-o", "./a.txt"], "twice"),
        (["-o", "-", "-o", "/dev/stdout"], "twice"),
        (["-f", "tsv", "-o", "a.txt", "-o", "b.txt"], "-f is for one output"),
        (["--json", "-o", "a.txt", "-o", "b.txt"], "--json is for one output"),
        (["--json", "-f", "tsv"], "--json is -f jsonl"),
    ],
)
def test_formats_that_cannot_be_are_usage_errors_before_anything_is_read(smol, tmp_path, monkeypatch, options, says):
    monkeypatch.chdir(tmp_path)
    done = smol("ask", "nowhere.png", "What?", *options)
    assert done.code == 2 and says in done.sentence and os.listdir(tmp_path) == []


def test_of_two_outputs_of_which_one_cannot_be_made_neither_is(smol, media, tmp_path):
    done = smol("ask", media / "a.png", "What?", "-o", tmp_path / "a.txt", "-o", tmp_path / "nowhere" / "b.txt")
    assert done.code == 6 and os.listdir(tmp_path) == []


def test_a_plan_goes_into_one_file(smol, media, tmp_path):
    done = smol("plan", media / "a.png", "-o", tmp_path / "a.txt", "-o", tmp_path / "b.txt")
    assert done.code == 2 and os.listdir(tmp_path) == []


def test_bytes_are_refused_on_a_terminal_with_a_way_out(tmp_path):
    """The terminal is a real one, the format one of the table that is said to be binary."""
    code = (
        "import dataclasses, sys, smolcli.formats.table as t, smolcli.cli as cli\n"
        "t.FORMATS = tuple(dataclasses.replace(f, binary=True) for f in t.FORMATS)\n"
        "sys.exit(cli.main(['ask', 'nowhere.png', 'What?', '-f', 'csv']))"
    )
    parent, child = pty.openpty()
    argv, env = [sys.executable, "-c", code], os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(argv, cwd=tmp_path, stdout=child, stderr=subprocess.PIPE, text=True, env=env, check=False)
    os.close(parent)
    os.close(child)
    assert done.returncode == 2 and "terminal" in done.stderr and "-o NAME.csv" in done.stderr
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 3  # into a pipe they may go: now the picture is missed


def test_several_pages_as_text_have_their_page_above_them(smol, tmp_path):
    draw_pdf(tmp_path / "a.pdf", [{"size": (200, 200), "text": str(n), "height": 80} for n in range(2)])
    done = smol("docvqa", tmp_path / "a.pdf", "What is written?", "--per-page", "-f", "text", "--max-tokens", "4")
    headings = [line for line in done.out.splitlines() if line.startswith("[")]
    assert done.code == 0 and headings == ["[page 1]", "[page 2]"]
