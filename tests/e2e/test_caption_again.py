"""smol caption, typed again: what is there already is left, added to or done again; what fails is written down."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from drawing import draw_text

ROOT = Path(__file__).resolve().parents[2]
SHORT = ("--max-tokens", "3")


@pytest.fixture
def photos(tmp_path):
    """Three pictures, of which two have the same stem, and one with an own file beside it."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        draw_text(folder / name, Path(name).stem.upper(), (64, 64), 40)
    shutil.copy(folder / "a.png", folder / "a.jpg")
    return folder


def names(done):
    return [Path(line.split("\t")[0]).name for line in done.out.splitlines()]


def texts(folder):
    return {path.name: path.read_text() for path in folder.glob("*.txt")}


# ---- what lies beside


def test_a_picture_whose_file_is_there_is_not_read_again_unless_told(smol, photos):
    (photos / "b.txt").write_text("mine")
    words = ("caption", photos, "--sidecar", "txt", *SHORT)
    done = smol(*words)
    first = texts(photos)
    assert done.code == 0 and sorted(first) == ["a.png.txt", "a.txt", "b.txt", "c.txt"] and first["b.txt"] == "mine"
    assert "there already, and stay: 1" in done.err
    done = smol(*words, "--stats")
    assert done.code == 0 and "stay: 4" in done.err and "stats:" not in done.err and texts(photos) == first
    done = smol(*words, "--overwrite")
    assert done.code == 0 and texts(photos) == {**first, "b.txt": texts(photos)["b.txt"]} != first


def test_the_name_of_a_file_does_not_hang_on_what_else_is_read(smol, photos):
    done = smol("caption", photos / "a.png", "--sidecar", "txt", *SHORT)
    assert done.code == 0 and list(texts(photos)) == ["a.png.txt"] and "shorter name" in done.err
    assert smol("caption", photos, "--sidecar", "txt", "--shuffle", "4", "--limit", "2", *SHORT).code == 0
    assert smol("caption", photos, "--sidecar", "txt", "--limit", "2", *SHORT).code == 0
    assert sorted(texts(photos)) == ["a.png.txt", "a.txt", "b.txt", "c.txt"]
    (photos / "c.jpg").symlink_to("nowhere")
    assert "stay: 1" in smol("caption", photos / "c.png", "--sidecar", "txt", *SHORT).err


def test_a_failed_picture_has_no_file_and_is_tried_again(smol, photos):
    data = (photos / "b.png").read_bytes()
    (photos / "b.png").write_bytes(data[:60])
    assert smol("caption", photos, "--sidecar", "txt", *SHORT).code == 1 and "b.txt" not in texts(photos)
    (photos / "b.png").write_bytes(data)
    assert smol("caption", photos, "--sidecar", "txt", *SHORT).code == 0 and "b.txt" in texts(photos)


def test_in_a_folder_of_its_own_nothing_is_known_by_its_name(smol, photos, tmp_path):
    words = ("--output-dir", tmp_path / "out", *SHORT)
    assert smol("caption", photos / "a.png", *words).code == 0
    (tmp_path / "other").mkdir()
    draw_text(tmp_path / "other" / "a.png", "42", (64, 64), 40)
    (tmp_path / "out" / "a.txt").write_text("of the other")
    assert smol("caption", tmp_path / "other" / "a.png", *words).code == 6
    assert smol("caption", tmp_path / "other" / "a.png", *words, "--overwrite").code == 0


# ---- --append


def test_lines_are_added_and_none_is_said_twice(smol, photos, tmp_path):
    out = tmp_path / "all.jsonl"
    words = ("-o", out, "--append", *SHORT)
    assert smol("caption", photos / "a.png", *words).code == 0
    done = smol("caption", photos, *words)
    lines = out.read_text().splitlines()
    assert done.code == 0 and "not said again: 1" in done.err
    assert [Path(json.loads(line)["media"][0]["source"]).name for line in lines] == ["a.png", "a.jpg", "b.png", "c.png"]
    assert smol("caption", photos, *words).code == 0 and out.read_text().splitlines() == lines
    draw_text(photos / "b.png", "42", (64, 64), 40)  # another picture under the same name
    assert smol("caption", photos, *words).code == 0 and len(out.read_text().splitlines()) == 5
    assert smol("caption", photos / "a.png", "-Q", "What?", *words).code == 0
    assert len(out.read_text().splitlines()) == 6


def test_other_options_and_another_prefix_are_other_answers_and_it_is_said(smol, photos, tmp_path):
    out = tmp_path / "all.jsonl"
    words = ("caption", photos / "b.png", photos / "c.png", "-o", out, "--append", *SHORT)
    assert smol(*words).code == 0
    for more in (("--detail", "high"), ("--prompt", "caption-short"), ("--prefix", "photo, "), ("--max-tokens", "2")):
        before = len(out.read_text().splitlines())
        done = smol(*words, *more)
        assert done.code == 0 and "with other options or words, and has anew: 2" in done.err
        assert "not said again" not in done.err and len(out.read_text().splitlines()) == before + 2
        counted = smol(*words, *more, "--dry-run")
        assert "(2 in the output)" in counted.out
        again = smol(*words, *more)
        assert "not said again: 2" in again.err and len(out.read_text().splitlines()) == before + 2
    assert sum("prefix" in json.loads(line) for line in out.read_text().splitlines()) == 2


def test_lines_of_earlier_versions_without_a_key_are_known_by_what_they_say(smol, photos, tmp_path):
    out = tmp_path / "all.jsonl"
    words = ("caption", photos / "b.png", "-o", out, "--append", *SHORT)
    assert smol(*words).code == 0
    record = json.loads(out.read_text())
    del record["key"]
    out.write_text(json.dumps(record) + "\n")
    assert "not said again: 1" in smol(*words).err and len(out.read_text().splitlines()) == 1


@pytest.mark.parametrize("cut", [1, 30])
def test_half_a_last_line_is_repaired(smol, photos, tmp_path, cut):
    out = tmp_path / "all.jsonl"
    words = ("caption", photos, "-o", out, "--append", *SHORT)
    smol(*words)
    whole = out.read_text()
    out.write_text(whole[:-cut])
    done = smol(*words)
    again = out.read_text()
    assert done.code == 0 and ("half a line" in done.err) == (cut > 1)
    assert [json.loads(line)["text"] for line in again.splitlines()] == [
        json.loads(line)["text"] for line in whole.splitlines()
    ]


def test_a_failure_is_a_line_once_however_often_it_fails(smol, photos, tmp_path):
    (photos / "b.png").write_bytes(b"")
    for _ in range(2):
        assert smol("caption", photos, "-o", tmp_path / "all.jsonl", "--append", *SHORT).code == 1
    assert (tmp_path / "all.jsonl").read_text().count('"failure"') == 1


@pytest.mark.parametrize("text", ["my notes\n", '{"a": 1}\n[1]\n', "a,b\n1,2\n"])
def test_what_is_no_list_of_objects_is_not_added_to(smol, photos, tmp_path, text):
    (tmp_path / "all.jsonl").write_text(text)
    done = smol("caption", photos, "-o", tmp_path / "all.jsonl", "--append", *SHORT)
    assert done.code == 6 and "JSON Lines" in done.sentence and (tmp_path / "all.jsonl").read_text() == text


def test_objects_of_others_stay_and_an_empty_run_leaves_no_file(smol, photos, tmp_path):
    (tmp_path / "all.jsonl").write_text('{"media": 3}\n{"failure": []}')
    assert smol("caption", photos / "a.png", "-o", tmp_path / "all.jsonl", "--append", *SHORT).code == 0
    assert (tmp_path / "all.jsonl").read_text().startswith('{"media": 3}\n{"failure": []}\n{"schema"')
    assert smol("caption", "@nothing", "-o", tmp_path / "new.jsonl", "--append").code == 2
    assert not (tmp_path / "new.jsonl").exists()


def test_two_runs_do_not_add_to_one_file_at_once(smol, photos, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    with open(tmp_path / "all.jsonl", "w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        done = smol("caption", photos, "-o", tmp_path / "all.jsonl", "--append")
    assert done.code == 6 and "another run" in done.sentence


@pytest.mark.parametrize(
    "words", [("--append",), ("-o", "a.csv", "--append"), ("-o", "a.jsonl", "-o", "b.jsonl", "--append")]
)
def test_only_one_file_of_json_lines_is_added_to(smol, photos, words):
    done = smol("caption", photos, *words)
    assert done.code == 2 and "--append" in done.sentence


# ---- --errors


def test_failures_are_records_in_a_file_and_all_else_is_done(smol, photos, tmp_path):
    (photos / "b.png").write_bytes(b"")
    failed = tmp_path / "failed.jsonl"
    words = ("caption", photos, tmp_path / "nowhere.png", "--errors", failed, *SHORT)
    done = smol(*words)
    assert done.code == 1 and names(done) == ["a.jpg", "a.png", "c.png"]
    records = [json.loads(line)["failure"] for line in failed.read_text().splitlines()]
    assert [Path(each["source"]).name for each in records] == ["b.png", "nowhere.png"]
    assert {each["exit_code"] for each in records} == {3} and "empty" in records[0]["message"]
    draw_text(photos / "b.png", "B", (64, 64), 40)
    again = smol("caption", "--files-from", tmp_path / "names", "--errors", failed, *SHORT)
    assert again.code == 2  # there is no such list: the failures of before stay
    (tmp_path / "names").write_text("\n".join(each["source"] for each in records))
    assert names(smol("caption", "--files-from", tmp_path / "names", "--errors", failed, *SHORT)) == ["b.png"]
    assert failed.read_text().count("\n") == 1
    assert smol("caption", photos, "--errors", failed, *SHORT).code == 0 and failed.read_text() == ""


def test_a_file_that_cannot_be_written_beside_is_a_record_too(smol, photos, tmp_path):
    os.mkdir(photos / "b.txt")
    done = smol("caption", photos, "--sidecar", "txt", "--overwrite", "--errors", tmp_path / "failed.jsonl", *SHORT)
    [line] = (tmp_path / "failed.jsonl").read_text().splitlines()
    assert done.code == 1 and json.loads(line)["failure"]["exit_code"] == 6


def test_a_file_of_something_else_is_not_replaced_by_failures(smol, photos, tmp_path):
    (tmp_path / "notes").write_text("precious\n")
    for target, says in ((tmp_path / "notes", "something else"), (photos / "a.png", "itself"), ("-", "--errors")):
        assert says in smol("caption", photos, "--errors", target).sentence
    assert (tmp_path / "notes").read_text() == "precious\n"


# ---- --dry-run


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The store is on, and the measurements are this test's own."""
    monkeypatch.setenv("SMOL_STORE", "on")
    monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SMOL_STATE_DIR", str(tmp_path / "state"))


def counts(done):
    found = done.record["dry_run"]
    return {name: found[name] for name in found if name != "estimated_s" and found[name]}


def test_a_dry_run_counts_and_touches_nothing(smol, photos, kept, tmp_path):
    (photos / "bad.png").write_bytes(b"")
    out = tmp_path / "all.jsonl"
    words = ("caption", photos, "--json", "--dry-run", *SHORT)
    done = smol(*words)
    assert counts(done) == {"pictures": 4, "duplicates": 1, "failed": 1, "left": 3} and "bad.png" in done.err
    assert done.code == 0 and done.record["dry_run"]["estimated_s"] is None
    smol("caption", photos / "b.png", *SHORT)
    assert counts(smol(*words)) == {"pictures": 4, "duplicates": 1, "failed": 1, "left": 2, "in_store": 1}
    smol("caption", photos / "a.png", "-o", out, "--append", "--no-store", *SHORT)
    before = out.read_text()
    out.write_text(before + '{"half')
    done = smol(*words[:2], "-o", out, "--append", "--dry-run", *SHORT)
    assert "finished: 2 (1 in the output, 1 in the store)" in done.out and out.read_text() == before + '{"half'
    (photos / "c.txt").write_text("mine")
    assert counts(smol(*words, "--sidecar", "txt"))["beside"] == 1
    assert sorted(texts(photos)) == ["c.txt"]


def test_a_dry_run_says_how_long_it_would_take_once_that_was_measured(smol, photos, kept):
    draw_text(photos / "d.png", "D", (64, 64), 40)
    assert "not known yet" in smol("caption", photos, "--dry-run", *SHORT).out
    smol("ask", photos / "b.png", "What is it?", "--no-store", "--max-tokens", "9")  # measures what any command needs
    assert " s a picture, as measured here" in smol("caption", photos, "--dry-run", *SHORT).out
    assert smol("caption", photos, *SHORT).code == 0  # four of its five are computed
    for name in ("e", "f"):
        draw_text(photos / f"{name}.png", name, (64, 64), 40)
    done = smol("caption", photos, "--dry-run", *SHORT)
    assert "to be captioned: 2" in done.out and " s a picture, as measured here" in done.out
    record = smol("caption", photos, "--dry-run", "--json", *SHORT).record["dry_run"]
    assert 0 < record["estimated_s"] < 60


# ---- the bar


def test_the_bar_counts_images_a_second_and_failures_on_a_terminal_only(photos, tmp_path):
    pty = pytest.importorskip("pty")
    (photos / "b.png").write_bytes(b"")
    screen, terminal = pty.openpty()
    words = [sys.executable, "-m", "smolcli", "caption", str(photos), "--sidecar", "txt", "-r", *SHORT]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(words, cwd=ROOT, stderr=terminal, stdout=subprocess.PIPE, env=environment)
    os.close(terminal)
    shown = b""
    while True:
        try:
            data = os.read(screen, 65536)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        shown += data
    assert process.wait(60) == 1 and process.stdout.read() == b""
    assert b"images/s" in shown and b"1 failed" in shown and b"4/4" in shown
    piped = subprocess.run([*words, "--overwrite"], cwd=ROOT, capture_output=True, env=environment, check=False)
    assert b"images/s" not in piped.stderr and b"\x1b" not in piped.stderr
