"""smol caption --watch: what comes into a folder is captioned until somebody ends it, which is no failure."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from drawing import draw_text

pytest.importorskip("watchfiles")
ROOT = Path(__file__).resolve().parents[2]
SHORT = ("--max-tokens", "3")


def until(condition, most_s=30):
    end = time.monotonic() + most_s
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "apart").mkdir()
    for name in ("a.png", "b.png", "c.png"):
        draw_text(tmp_path / "apart" / name, name[0].upper(), (64, 64), 40)
    return tmp_path / "photos"


@pytest.fixture
def watching(photos):
    """Start a watch of the folder; it is ended if the test fails."""
    started = []

    def start(*words):
        argv = [sys.executable, "-m", "smolcli", "caption", str(photos), "--watch", *map(str, words), *SHORT]
        started.append(subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_files_that_come_have_their_captions_beside_them_at_once_and_ctrl_c_ends_it(photos, watching, tmp_path):
    os.rename(tmp_path / "apart" / "a.png", photos / "a.png")
    process = watching("--sidecar", "txt,json", "-r")
    until((photos / "a.txt").exists)
    (photos / "new").mkdir()
    os.rename(tmp_path / "apart" / "b.png", photos / "new" / "b.png")
    until((photos / "new" / "b.json").exists)
    os.utime(photos / "a.png")  # it has its files
    os.rename(tmp_path / "apart" / "c.png", photos / "c.png")
    until((photos / "c.json").exists)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "") and "watching" in err and "Traceback" not in err
    made = sorted(str(path.relative_to(photos)) for path in photos.rglob("*.*"))
    assert made == sorted(f"{stem}.{end}" for stem in ("a", "new/b", "c") for end in ("png", "txt", "json"))


@pytest.mark.slow
def test_lines_are_added_as_pictures_come_a_bad_one_is_a_failure_at_the_end_and_what_is_written_is_no_news(
    photos, watching, tmp_path
):
    out = tmp_path / "all.jsonl"
    process = watching("-o", out, "--append", "--write-xmp", "--errors", tmp_path / "failed.jsonl")

    def lines():
        return out.read_text().splitlines() if out.exists() else []

    os.rename(tmp_path / "apart" / "a.png", photos / "a.png")
    until(lambda: len(lines()) == 1)
    (photos / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    until(lambda: len(lines()) == 2)
    os.rename(tmp_path / "apart" / "b.png", photos / "b.png")
    until(lambda: len(lines()) == 3)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    records = [json.loads(line) for line in lines()]
    assert process.returncode == 1 and ["failure" in record for record in records] == [False, True, False]
    assert b"dc:description" in (photos / "a.png").read_bytes()
    assert "bad.png" in (tmp_path / "failed.jsonl").read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--shuffle", "1"), "--shuffle"),
        (("--dry-run",), "--dry-run"),
        (("-o", "all.tsv"), "--append"),
    ],
)
def test_what_would_never_end_is_refused(smol, photos, words, says):
    done = smol("caption", photos, "--watch", *words)
    assert done.code == 2 and says in done.sentence


def test_only_a_folder_is_watched(smol, tmp_path, photos):
    done = smol("caption", tmp_path / "apart" / "a.png", "--watch")
    assert done.code == 2 and "folders" in done.sentence
