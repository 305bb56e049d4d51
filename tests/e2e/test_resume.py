"""Kill anything, type it again: what was finished is known, and the output is that of a run that nobody disturbed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from drawing import draw_pdf, draw_text

from smolcli.store import files, open_store

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("SMOL_TEST_KILLS", "2"))  # of each command; more by hand


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The store is on, in a folder of its own."""
    monkeypatch.setenv("SMOL_STORE", "on")
    monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "store"


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    (folder / "pictures").mkdir()
    for number in range(60):
        draw_text(folder / "pictures" / f"{number:02}.png", str(number), (64, 64), 30)
    draw_pdf(folder / "pages.pdf", [{"size": (300, 300), "text": str(n), "height": 80} for n in range(40)])
    return folder


def plain(record):
    """What has to be the same in every run."""
    counts = {key: value for key, value in record["counts"].items() if key not in ("encodes", "cached_tokens")}
    return {key: value for key, value in record.items() if key not in ("cached", "seconds", "mean_logprob")} | {
        "counts": counts
    }


def test_the_same_again_is_known_and_says_so(smol, kept, drawn):
    for words in (
        ("ask", drawn / "exit.png", "What does it say?"),
        ("docvqa", drawn / "doc.pdf", "What does it say?", "-Q", "Read this."),
        ("video", drawn / "clip.mp4", "What moves?", "--frames", "2"),
        ("caption", drawn / "exit.png", drawn / "total.png"),
    ):
        first, again = (smol(*words, "-q", "--json", "--max-tokens", "4") for _ in range(2))
        assert [record["cached"] for record in first.records + again.records] == [False] * len(first.records) + [
            True
        ] * len(again.records)
        assert list(map(plain, again.records)) == list(map(plain, first.records))
        assert all(record["counts"]["encodes"] == 0 for record in again.records)
        text = smol(*words, "-q", "--max-tokens", "4", "--no-store")
        assert smol(*words, "-q", "--max-tokens", "4").out == text.out
        assert (
            f"{len(again.records)} of {len(again.records)} answers were known"
            in smol(*words, "-q", "--max-tokens", "4", "--stats").err
        )


def test_a_file_under_another_name_is_known_and_warnings_bear_the_new_name(smol, kept, tmp_path, drawn):
    draw_pdf(tmp_path / "first.pdf", [{"size": (300, 300), "text": "EXIT", "height": 80}])
    data = (tmp_path / "first.pdf").read_bytes()
    (tmp_path / "first.pdf").write_bytes(data.replace(b"startxref", b"startxxxx"))
    words = ("-q", "--json", "--max-tokens", "2", "What?")
    first = smol("docvqa", tmp_path / "first.pdf", *words).record
    assert "repaired" in first["warnings"][0] and "first.pdf" in first["warnings"][0]
    (tmp_path / "first.pdf").rename(tmp_path / "second.pdf")
    again = smol("docvqa", tmp_path / "second.pdf", *words).record
    assert again["cached"] and again["warnings"] == [first["warnings"][0].replace("first.pdf", "second.pdf")]
    assert again["media"][0]["source"].endswith("second.pdf")
    assert b"first.pdf" not in b"".join(path.read_bytes() for path in files(kept))


def test_another_question_prompt_look_or_model_is_not_known(smol, kept, drawn):
    words = ("ask", "-q", "--json", "--max-tokens", "3", drawn / "exit.png")
    smol(*words, "What?")
    changed = [
        ("Which?",),
        ("What?", "--detail", "low"),
        ("What?", "--system", "Be brief."),
        ("What?", "--rotate", "90"),
    ]
    changed += [("What?", "--context", "1024"), ("What?", "--max-tokens", "2"), ("What?", "--hint", "brief")]
    assert [smol(*words, *more).record["cached"] for more in changed] == [False] * len(changed)
    same = [("What?", "--threads", "1"), ("What?", "--parallel", "3"), ("What?", "--seed", "9"), ("What?",)]
    assert [smol(*words, *more).record["cached"] for more in same] == [True] * len(same)


def test_what_is_drawn_with_a_fresh_seed_is_not_kept_and_its_seed_is_said(smol, kept, drawn):
    words = ("ask", "-q", "--json", "--max-tokens", "6", drawn / "exit.png", "What?", "--temp", "2")
    first, second = smol(*words).record, smol(*words).record
    assert not second["cached"] and first["seed"] != second["seed"]
    told = smol(*words, "--seed", first["seed"]).record
    assert (told["text"], told["seed"], told["cached"]) == (first["text"], first["seed"], False)
    assert smol(*words, "--seed", first["seed"]).record["cached"]


def test_a_file_that_is_forgotten_is_computed_anew(smol, kept, drawn):
    words = ("ask", "-q", "--json", "--max-tokens", "2", drawn / "exit.png", "What?")
    smol(*words)
    assert "and 1 answer of" in smol("cache", "forget", drawn / "exit.png").err
    again = smol(*words).record
    assert not again["cached"] and again["counts"]["encodes"] > 0
    assert not smol(*words, "--fresh").record["cached"] and smol(*words).record["cached"]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 here")
@pytest.mark.parametrize("command", ["caption", "docvqa"])
def test_a_run_that_was_killed_is_gone_on_with(smol, media, tmp_path, monkeypatch, command):
    words = {
        "caption": ("caption", media / "pictures", "--max-tokens", "4"),
        "docvqa": ("docvqa", media / "pages.pdf", "What does it say?", "--max-tokens", "4"),
    }[command] + ("-q", "--json")
    monkeypatch.setenv("SMOL_STORE", "on")
    monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path / "whole"))
    start = time.monotonic()
    whole = smol(*words)
    took_s = time.monotonic() - start
    tiles = sum(record["counts"]["encodes"] for record in whole.records)
    chance = random.Random(command)
    for number in range(KILLS):
        monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path / str(number)))
        said = killed_after(chance.uniform(0.3, 0.3 + took_s), words, tmp_path / f"{number}.out")
        store = tmp_path / str(number) / "store"
        kept_tiles = 0
        if files(store):
            with closing(open_store(store, 1 << 30, print)) as opened:
                kept_tiles = opened.totals().tiles.items
        after = smol(*words)
        assert list(map(plain, after.records)) == list(map(plain, whole.records))
        assert all(record["cached"] for record in after.records[: len(said)])
        assert sum(record["counts"]["encodes"] for record in after.records) == tiles - kept_tiles
        assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]


def killed_after(seconds, words, out):
    """Start a command, kill it, and return the whole lines that it wrote."""
    with out.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-m", "smolcli", *map(str, words)], cwd=ROOT, stdout=file)
        time.sleep(seconds)
        process.kill()
        process.wait()
    return [json.loads(line) for line in out.read_text().split("\n")[:-1]]
