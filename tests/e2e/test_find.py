"""smol find and smol video --camera, as they are typed."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Twelve seconds: a blue square, but for a red circle from 4 to 8 s."""
    import cv2

    path = tmp_path_factory.mktemp("find") / "shapes.mp4"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"mp4v"), 10, (512, 384))
    for number in range(120):
        frame = np.full((384, 512, 3), 255, np.uint8)
        if 40 <= number < 80:
            cv2.circle(frame, (256, 190), 90, (40, 40, 220), -1)
        else:
            cv2.rectangle(frame, (180, 110), (330, 260), (220, 80, 30), -1)
        writer.write(frame)
    writer.release()
    return path


def test_a_thing_is_found_where_it_is_and_the_line_says_when(smol, clip):
    done = smol("find", clip, "a red circle")
    place, likely = done.out.strip().split("\t")
    start, end = map(float, place.rpartition("#t=")[2].split(","))
    assert done.code == 0 and abs(start - 4) < 0.4 and abs(end - 8) < 0.4 and float(likely) > 0.5


def test_what_is_nowhere_is_code_1_without_a_word(smol, clip):
    done = smol("find", clip, "a green triangle", "-q")
    assert (done.code, done.out, done.err) == (1, "", "")


def test_an_error_is_code_2_or_more_even_where_something_was_found(smol, clip, tmp_path):
    done = smol("find", clip, tmp_path / "none.png", "a red circle")
    assert done.code >= 2 and done.out.count("\n") == 1 and "none.png" in done.err


def test_json_has_the_stretch_and_the_probabilities_and_top_sorts(smol, clip):
    records = smol("find", clip, "a blue square", "--json", "--top", "1").records
    assert len(records) == 1 and records[0]["choices"]["yes"] > 0.5
    assert 0 <= records[0]["start_s"] < records[0]["end_s"] <= 12


def test_what_was_found_is_cut_out(smol, clip, tmp_path):
    pytest.importorskip("av")
    done = smol("find", clip, "a red circle", "--cut", tmp_path / "cut.mp4")
    assert done.code == 0
    import cv2

    cut = cv2.VideoCapture(str(tmp_path / "cut.mp4"))
    assert 0 < cut.get(cv2.CAP_PROP_FRAME_COUNT) < 120
    again = smol("find", clip, "a red circle", "--cut", tmp_path / "cut.mp4")
    assert again.code == 6 and "--force" in again.err


@pytest.mark.parametrize("argv", [("a red circle",), ("--cut", "a.mp4", "one.mp4", "two.mp4", "a dog")])
def test_what_cannot_be_is_code_2(smol, argv):
    done = smol("find", *argv)
    assert done.code == 2 and done.out == ""


def test_a_file_as_a_camera_is_watched_window_by_window_to_its_end(smol, clip):
    done = smol("video", "--camera", clip, "What is there?", "--every", "4s", "--json")
    assert done.code == 0 and all(record["text"] for record in done.records)
    assert [round(record["start_s"]) for record in done.records] == [0, 4, 8]


@pytest.mark.parametrize("argv", [("--start", "3s"), ("--scenes",), ("--cluster", "local:1")])
def test_what_says_nothing_to_a_camera_is_refused(smol, clip, argv):
    assert smol("video", "--camera", clip, *argv).code == 2


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_ends_a_camera_with_what_it_has(clip, tmp_path):
    command = [sys.executable, "-m", "smolcli", "video", "--camera", str(clip), "--every", "2s", "--no-store"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        first = running.stdout.readline()
        running.send_signal(signal.SIGINT)
        started = time.monotonic()
        out, err = running.communicate(timeout=60)
    assert first and running.returncode == 0 and "Traceback" not in err and time.monotonic() - started < 60
    assert all("\t" in line or "  " in line for line in out.splitlines())
