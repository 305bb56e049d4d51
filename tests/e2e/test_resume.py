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

import pymupdf
import pytest
from documents import draw_document, pdf_of
from drawing import draw_clip, draw_pdf, draw_text
from scores import differ_by_close_calls_at_most

import smolcli
from smolcli.prompt import render
from smolcli.run import Access, load, plan_job
from smolcli.store import files, open_store
from smolcli.verbs import ask, caption, docvqa

ROOT = Path(__file__).resolve().parents[2]
WORDS = ("STOP", "BANK", "TAXI", "MENU")
KILLS = int(os.environ.get("SMOL_TEST_KILLS", "2"))  # of each command; by hand more, and in more pictures and pages
SURE = 0.01  # how far the order of sums moves a probability
PICTURES, PAGES, CLIPS = (60, 40, 20) if KILLS > 2 else (16, 12, 6)


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
    for number in range(PICTURES):  # no two are alike
        draw_text(folder / "pictures" / f"{number:02}.png", WORDS[number % 4], (300 + number, 200), 70)
    pages = [{"size": (300 + n, 300), "text": WORDS[n % 4], "height": 60} for n in range(PAGES)]
    draw_pdf(folder / "pages.pdf", pages)
    for number in range(CLIPS):
        draw_clip(folder / f"{number}.mp4", 40 + 3 * number)
    return folder


def same(records, others, command):
    """Whether two runs said the same; texts may part where two tokens were all but equally likely.

    How sure the model was may differ by as much as the order of sums decides.
    """
    assert len(records) == len(others)
    for one, other in zip(map(plain, records), map(plain, others), strict=True):
        sure = [record.pop("confidence", 1.0) for record in (one, other)]
        assert one["text"] != other["text"] or sure[0] == pytest.approx(sure[1], abs=SURE)
        if one["text"] != other["text"]:
            assert is_close_call(command, one, other), (one["text"], other["text"])
            one["text"] = other["text"]
            one["counts"]["new_tokens"], one["stop_reason"] = other["counts"]["new_tokens"], other["stop_reason"]
            for record in (one, other):  # what hangs on the text
                record.pop("evidence", None)
                record.pop("warnings")
        assert one == other
    return True


def is_close_call(command, one, other):
    """Whether two answers about a place part at a margin that the order of sums decides."""
    with smolcli.open(store=False) as reader:
        look = smolcli.Look("low" if command == "caption" else "auto", frames=2)
        template = reader.template(command, [one["question"]], look)
        path, page = one["media"][0]["source"], one.get("page", 1)
        verb, access = {"docvqa": docvqa, "caption": caption, "video": ask}[command], Access(moving=command == "video")
        jobs = [job for job in verb(reader.files, [path], template, access) if isinstance(job, smolcli.Job)]
        job = jobs[page - 1]
        media = reader.files.take(job)
        loaded = load(reader.files, job, plan_job(reader.engine, media, job).media)
        ids = [tuple(reader.engine.tokenize(" " + each["text"])) for each in (one, other)]  # as it is written
        return differ_by_close_calls_at_most(reader.engine, render(job.question, loaded.media), *ids)


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


def test_what_is_said_of_this_run_s_options_is_not_kept_with_the_answer(smol, kept, drawn):
    words = ("ask", "-q", "--json", "--max-tokens", "2", drawn / "exit.png", "What?")
    first, again, plain = (smol(*words, *more).record for more in (("--password", "x"), ("--password", "x"), ()))
    assert [record["cached"] for record in (first, again, plain)] == [False, True, True]
    assert first["warnings"] == again["warnings"] and "no effect" in first["warnings"][0] and not plain["warnings"]


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


@pytest.mark.parametrize(
    "words", [("caption", "exit.png", "none.png", "total.png"), ("docvqa", "doc.pdf", "--per-page")]
)
def test_threads_that_decode_ahead_and_their_memory_change_nothing(smol, drawn, monkeypatch, words):
    given = [drawn / word if "." in word else word for word in words] + ["-Q", "What?"]
    found = []
    for threads, size in (("0", "256 MB"), ("1", "256 MB"), ("8", "256 MB"), ("8", "1 MB")):
        monkeypatch.setenv("SMOL_AHEAD_THREADS", threads)
        monkeypatch.setenv("SMOL_AHEAD_SIZE", size)
        done = smol(*given, "-q", "--json", "--max-tokens", "3", "--parallel", "1", "--detail", "low")
        found.append([record if "failure" in record else plain(record) for record in done.records])
    assert len(found[0]) == 3 and found == found[:1] * 4


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 here")
@pytest.mark.parametrize("command", ["caption", "docvqa", "video"])
def test_a_run_that_was_killed_is_gone_on_with(smol, media, tmp_path, monkeypatch, command):
    words = {
        "caption": ("caption", media / "pictures", "--max-tokens", "4"),
        "docvqa": ("docvqa", media / "pages.pdf", "What does it say?", "--per-page", "--max-tokens", "4"),
        "video": ("video", *sorted(media.glob("*.mp4")), "What?", "--frames", "2", "--max-tokens", "4"),
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
        kept_tiles = tiles_in(tmp_path / str(number) / "store")
        after = smol(*words)
        assert same(after.records, whole.records, command)
        assert all(record["cached"] for record in after.records[: len(said)])
        assert sum(record["counts"]["encodes"] for record in after.records) == tiles - kept_tiles
        assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """Two scanned pages of few large words."""
    file = tmp_path_factory.mktemp("scan") / "scan.pdf"
    file.write_bytes(pdf_of([draw_document("large", seed, 72) for seed in (2, 3)], "scanned"))
    return file


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 here")
def test_a_document_whose_reading_was_killed_is_gone_on_with_in_every_format(smol, scan, tmp_path, monkeypatch):
    """Nothing is encoded twice, and text, JSON and PDF are those of a run that nobody disturbed."""
    monkeypatch.setenv("SMOL_STORE", "on")
    monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path / "whole"))
    start = time.monotonic()
    whole = smol("ocr", scan, "-q", "--json")
    took_s = time.monotonic() - start
    text = smol("ocr", scan, "-q").out
    chance = random.Random("ocr")
    for number in range(KILLS):
        folder = tmp_path / str(number)
        monkeypatch.setenv("SMOL_CACHE_DIR", str(folder / "cache"))
        folder.mkdir()
        words = ("ocr", scan, "-q", "-o", folder / "out.pdf", "-o", folder / "out.json", "-o", folder / "out.txt")
        killed_after(chance.uniform(0.3, 0.3 + took_s), words, folder / "stdout")
        kept_tiles = tiles_in(folder / "cache" / "store")
        after = smol(*words, "--force")
        assert after.code == 0, after.err
        [*records] = map(json.loads, (folder / "out.json").read_text().splitlines())
        spent = sum(record["counts"]["encodes"] for record in records)
        assert spent == sum(record["counts"]["encodes"] for record in whole.records) - kept_tiles
        assert same_pages(records, whole.records) and (folder / "out.txt").read_text() == text
        with pymupdf.open(folder / "out.pdf") as pdf:
            found = [page.get_text().split() for page in pdf]
        assert found == [record["text"].split() for record in whole.records]
        assert not [path for path in folder.rglob("*") if path.name.startswith(".")]


def same_pages(records, others):
    """Whether two runs read the same of every page: text, places, confidence."""
    kept = ("text", "text_from", "rotation", "skew", "warnings")
    assert [[one[name] for name in kept] for one in records] == [[one[name] for name in kept] for one in others]
    return [places(one["regions"]) for one in records] == [places(one["regions"]) for one in others]


def places(regions):
    return [(each["kind"], each["text"], each["box"], places(each.get("children", ()))) for each in regions]


def tiles_in(store):
    """How many tiles are kept."""
    if not files(store):
        return 0
    with closing(open_store(store, 1 << 30, print)) as opened:
        return opened.totals().tiles.items


def killed_after(seconds, words, out):
    """Start a command, kill it, and return the whole lines that it wrote."""
    with out.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-m", "smolcli", *map(str, words)], cwd=ROOT, stdout=file)
        time.sleep(seconds)
        process.kill()
        process.wait()
    return [json.loads(line) for line in out.read_text().split("\n")[:-1]]
