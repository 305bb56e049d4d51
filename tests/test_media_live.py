"""What goes on by itself: windows come in time, in bounded memory, and after a pause they go on."""

from __future__ import annotations

import http.server
import os
import threading
import time
from contextlib import closing, contextmanager

import cv2
import numpy as np
import pytest
from drawing import clip_number, draw_clip
from fakes.engine import FACTS, FakeEngine

from smolcli.datatypes import Sampling
from smolcli.errors import MediaError
from smolcli.jobs import Answer, Look, Question, Words
from smolcli.media import LiveOptions, camera, live, watch
from smolcli.run import OpenFiles, RunOptions, run
from smolcli.verbs import Template


def drawn(number):
    """A picture that says a number, as JPEG."""
    bgr = np.full((64, 96, 3), (20, 60, 200), np.uint8)
    bgr[:12, :12] = 255
    for bit in range(12):
        bgr[40:60, bit * 8 : bit * 8 + 8] = 255 if number >> bit & 1 else 0
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


class Pictures(http.server.BaseHTTPRequestHandler):
    """An MJPEG stream as cameras in a network send it: `fps` pictures a second, `breaks` of them a connection."""

    fps, breaks, number = 20.0, 10**9, 0

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
        self.end_headers()
        try:
            for _ in range(self.server.breaks):
                data = drawn(self.server.number)
                self.server.number += 1
                self.wfile.write(
                    b"--next\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(data) + data + b"\r\n"
                )
                time.sleep(1 / self.server.fps)
        except OSError:  # nobody listens any more
            pass

    def log_message(self, *arguments):
        pass


@contextmanager
def serving(fps=20.0, breaks=10**9):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    server.fps, server.breaks, server.number = fps, breaks, 0
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/camera.mjpg"
    finally:
        server.shutdown()
        server.server_close()


def numbers(window):
    return [clip_number(window.frame(outline.place).rgb) for outline in window.outlines]


# ---- a clip that is played by its address


@pytest.mark.parametrize("form", ["file://{}", "file:{}", "{}"])
def test_a_clip_by_its_address_is_seen_whole_window_by_window_however_slowly_it_is_read(tmp_path, form):
    path = draw_clip(tmp_path / "a.mp4", 250, 20.0)
    found = []
    for window in watch(form.format(path), LiveOptions(every_s=5.0)).windows():
        found.append((window.place.window_s, numbers(window)))
        time.sleep(0.05)
    assert [numbers for _, numbers in found] == [[0, 20, 40, 60, 80], [100, 120, 140, 160, 180], [200, 220, 240]]
    assert [window_s for window_s, _ in found[:2]] == [(0, 5), (5, 10)]
    assert found[2][0][0] == 10 and 12 <= found[2][0][1] <= 12.6


def test_a_window_may_look_back_further_than_the_one_before_it(tmp_path):
    path = draw_clip(tmp_path / "a.mp4", 160, 20.0)
    windows = list(watch(path, LiveOptions(every_s=2.0, window_s=4.0)).windows())
    assert [numbers(window) for window in windows[:3]] == [[0, 20], [0, 20, 40, 60], [40, 60, 80, 100]]
    assert windows[2].place.window_s == (2, 6)
    assert windows[2].place.uri == f"{path}#t=2,6"


def test_no_more_pictures_are_held_than_a_window_has_however_long_it_is(tmp_path):
    path = draw_clip(tmp_path / "a.mp4", 600, 20.0)
    [window] = watch(path, LiveOptions(every_s=30.0, fps=20.0, most=8)).windows()
    assert len(window.outlines) == 8 and numbers(window) == [0, 75, 150, 225, 300, 375, 450, 525]
    assert len(window.sampled(3)) == 3


def test_large_pictures_are_scaled_down_as_they_come(tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"MJPG"), 2, (3840, 2160))
    writer.write(np.full((2160, 3840, 3), 90, np.uint8))
    writer.release()
    [window] = watch(str(tmp_path / "a.avi"), LiveOptions()).windows()
    assert window.outlines[0].size_px == window.video.size_px == (1024, 576)


def test_a_picture_is_turned_as_it_is_asked_for(tmp_path):
    path = draw_clip(tmp_path / "a.mp4", 20, 20.0)
    [window] = watch(path, LiveOptions(rotate=90)).windows()
    assert window.video.size_px == (64, 96)
    assert window.frame(window.outlines[0].place).rgb[4, -4].min() > 200


# ---- what goes on by itself


def test_a_stream_is_given_in_windows_of_the_clock_until_it_is_stopped_with_what_there_is():
    with serving() as address:
        stream = watch(address, LiveOptions(every_s=0.5, fps=10.0))
        windows = []
        for window in stream.windows():
            windows.append(window)
            if len(windows) == 3:
                time.sleep(0.2)
                stream.stop()
        stream.stop()
    assert len(windows) == 4, "what was seen of the last window comes too"
    assert all(len(window.outlines) <= 6 for window in windows)
    seen = [number for window in windows for number in numbers(window)]
    assert seen == sorted(seen) and len(seen) >= 12
    for window in windows:
        start, end = window.place.window_s
        assert all(start <= outline.place.time_s <= end + 0.01 for outline in window.outlines)


def test_who_reads_too_slowly_gets_the_newest_window_and_is_told():
    said = []
    with serving() as address:
        stream = watch(address, LiveOptions(every_s=0.3, fps=20.0, say=said.append))
        windows = stream.windows()
        next(windows)
        time.sleep(1.4)
        late = next(windows)
        stream.stop()
        list(windows)
    assert late.place.window_s[0] >= 0.9
    assert any("passed over" in sentence and "--every" in sentence for sentence in said)


def test_a_source_that_stops_is_tried_again_and_goes_on(monkeypatch):
    monkeypatch.setattr(live, "WAITS_S", (0.05, 0.1))
    said = []
    with serving(breaks=12) as address:
        stream = watch(address, LiveOptions(every_s=0.4, fps=20.0, say=said.append))
        seen = []
        for window in stream.windows():
            seen += numbers(window)
            if max(seen) > 30:
                stream.stop()
    assert seen == sorted(seen) and max(seen) > 30, "more than two connections' pictures"
    assert any("tried again" in sentence for sentence in said) and any("is back" in sentence for sentence in said)


def test_a_source_that_stays_away_is_given_up(monkeypatch):
    monkeypatch.setattr(live, "WAITS_S", (0.02,))
    monkeypatch.setattr(live, "GIVE_UP_S", 0.2)
    said, windows = [], []
    with serving(breaks=8) as address:
        stream = watch(address, LiveOptions(every_s=0.2, fps=20.0, say=said.append)).windows()
        windows.append(next(stream))
    with pytest.raises(MediaError) as error:
        windows += stream
    assert "sends nothing" in error.value.message and error.value.hint
    assert windows and len(said) >= 2


def test_a_stopped_source_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(live, "WAITS_S", (60.0,))
    with serving(breaks=8) as address:
        stream = watch(address, LiveOptions(every_s=0.2, fps=20.0))
        windows = stream.windows()
        next(windows)
        time.sleep(0.6)
        began_s = time.monotonic()
        stream.stop()
        list(windows)
    assert time.monotonic() - began_s < 5


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_read_as_it_is_written(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write():
        with open(pipe, "wb") as file:
            for number in range(30):
                file.write(drawn(number))
                file.flush()
                time.sleep(0.02)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    stream = watch(str(pipe), LiveOptions(every_s=0.2, fps=50.0))
    first = next(stream.windows())
    stream.stop()
    assert numbers(first)[0] <= 1, "a decoder may take all of a short one at once"


@pytest.mark.parametrize(
    "address", ["99", "http://127.0.0.1:9/none", "file:///none.mp4", "rtsp://me:secret@127.0.0.1:9/x"]
)
def test_what_is_not_there_is_said_without_its_password(address):
    with pytest.raises(MediaError) as error:
        watch(address, LiveOptions())
    assert error.value.hint and "secret" not in str(error.value)
    assert camera.shown_address("rtsp://me:secret@host/1") == "rtsp://host/1"
    assert camera.shown_address("/dev/video2") == camera.shown_address("2") == "camera 2"


# ---- asked about


def test_every_window_is_a_request_with_its_own_times(tmp_path):
    path = draw_clip(tmp_path / "a.mp4", 180, 20.0)
    words = Words(frame="[{timestamp}]", video_intro="{frame_number} frames of {video_duration}")
    template, engine = Template((Question(words, "What?"),), Look("low"), Sampling(max_tokens=5)), FakeEngine()
    with closing(OpenFiles(FACTS, 1000)) as files:

        def jobs():
            for window in watch(path, LiveOptions(every_s=4.0)).windows():
                with files.holding(window, template.look):
                    yield from template.jobs([window.place])

        answers = [event for event in run(jobs(), engine, files, RunOptions()) if isinstance(event, Answer)]
        assert not files._opened, "a window is let go once it is answered"
    assert [answer.job.places[0].window_s for answer in answers] == [(0, 4), (4, 8), (8, pytest.approx(9, abs=0.2))]
    assert [[place.time_s for place in answer.places] for answer in answers[:2]] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    texts = ["".join(part.text for part in engine.seen[n].turns[-1].parts if hasattr(part, "text")) for n in range(2)]
    assert "4 frames of 0:00:04[00:04][00:05]" in texts[1]
    assert all(not answer.warnings for answer in answers)
    assert len({answer.job.places[0].source.sha256 for answer in answers}) == 3
