"""kill -9, and the same typed again: in every format the end is that of a run that nobody disturbed."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from drawing import draw_text
from PIL import Image

import smolcli
from smolcli.datatypes import Sampling
from smolcli.run import Access
from smolcli.verbs import caption

ROOT = Path(__file__).resolve().parents[2]
SHORT = ("-q", "--max-tokens", "4", "--parallel", "1")
COUNT = 8
DESCRIPTION = ".//{http://purl.org/dc/elements/1.1/}description//{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 here")]


@pytest.fixture(scope="module")
def drawn_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    for number in range(COUNT):  # no two are alike
        draw_text(folder / f"{number:02}.png", str(number), (64 + number, 64), 40)
    return folder


@pytest.fixture
def photos(drawn_once, tmp_path, monkeypatch):
    monkeypatch.setenv("SMOL_STORE", "on")
    monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path / "cache"))
    return Path(shutil.copytree(drawn_once, tmp_path / "photos"))


@pytest.fixture(scope="module")
def whole(drawn_once):
    """What a run says that nobody disturbs, by the names of pictures."""
    with smolcli.open(store=False) as reader:
        template = replace(reader.template("caption"), sampling=Sampling(max_tokens=4))
        answers = list(reader.read(caption(reader.files, [str(drawn_once)], template, Access())))
    return {Path(answer.job.places[0].source.path).name: answer.text for answer in answers}


def killed(words, when):
    """Start a command and kill it when something is there, or when it is over."""
    process = subprocess.Popen([sys.executable, "-m", "smolcli", *map(str, words)], cwd=ROOT)
    while process.poll() is None and not when():
        time.sleep(0.005)
    process.kill()
    process.wait()


def lines_of(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def left_behind(folder):
    return [name for name in os.listdir(folder) if name.startswith(".")]


def test_files_of_all_answers_are_there_whole_or_not_at_all(smol, photos, whole, tmp_path):
    names = [tmp_path / name for name in ("all.tsv", "all.csv", "all.jsonl")]
    words = ("caption", photos, *(word for name in names for word in ("-o", name)), *SHORT)
    killed(words, lambda: any(lines_of(path) >= 3 for path in tmp_path.glob(".all.tsv*")))
    assert not any(name.exists() for name in names)
    assert smol(*words).code == 0 and left_behind(tmp_path) == []
    records = [json.loads(line) for line in names[2].read_text().splitlines()]
    assert sum(record["cached"] for record in records) >= 3
    assert {Path(record["media"][0]["source"]).name: record["text"] for record in records} == whole
    with names[1].open(newline="") as file:
        assert {Path(row["place"]).name: row["text"] for row in csv.DictReader(file)} == whole
    rows = [line.split("\t") for line in names[0].read_text().splitlines()]
    assert {Path(name).name: text for name, text in rows} == {n: " ".join(text.split()) for n, text in whole.items()}


def test_a_file_that_is_added_to_has_every_answer_once(smol, photos, whole, tmp_path):
    out = tmp_path / "all.jsonl"
    words = ("caption", photos, "-o", out, "--append", *SHORT)
    killed(words, lambda: lines_of(out) >= 3)
    said = lines_of(out)
    with out.open("ab") as file:
        file.write(b'{"schema": 1, "model": "smol-na')  # as a kill in the middle of a line leaves it
    assert said >= 3 and smol(*words).code == 0
    records = [json.loads(line) for line in out.read_text().splitlines()]
    found = {Path(record["media"][0]["source"]).name: record["text"] for record in records}
    assert len(records) == COUNT and found == whole


def test_a_run_that_is_interrupted_leaves_the_lines_that_it_added_and_says_so(photos, tmp_path):
    out = tmp_path / "all.jsonl"
    argv = [sys.executable, "-m", "smolcli", "caption", str(photos), "-o", str(out), "--append", *SHORT]
    process = subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and lines_of(out) < 2:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "the lines that were added stay; what was finished is kept" in err
    assert 2 <= lines_of(out) < COUNT and all(json.loads(line) for line in out.read_text().splitlines())


def test_files_beside_pictures_are_whole_and_pictures_are_the_same_pictures(smol, photos, whole, drawn_once):
    words = ("caption", photos, "--sidecar", "txt,json,xmp", "--write-xmp", *SHORT)
    killed(words, lambda: len(list(photos.glob("*.xmp"))) >= 3)
    for path in photos.glob("*.txt"):
        assert path.read_text().endswith("\n")
    assert smol(*words).code == 0 and left_behind(photos) == []
    assert len(os.listdir(photos)) == 4 * COUNT
    for name, text in whole.items():
        path = photos / name
        said = [" ".join(line.split()) for line in text.splitlines()]
        assert path.with_suffix(".txt").read_text() == text + "\n"
        assert json.loads(path.with_suffix(".json").read_text())["text"] == text
        for xmp in (ElementTree.parse(f"{path}.xmp").getroot(), ElementTree.fromstring(_packet(path))):
            [found] = xmp.findall(DESCRIPTION)
            assert [" ".join(line.split()) for line in found.text.splitlines()] == said  # once
        with Image.open(path) as image, Image.open(drawn_once / name) as before:
            assert image.tobytes() == before.tobytes()


def _packet(path):
    with Image.open(path) as image:
        image.load()
        return image.info["XML:com.adobe.xmp"].split("?>", 1)[1].rsplit("<?", 1)[0]
