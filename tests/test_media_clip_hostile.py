"""Clips that are damaged, lie or are odd: their windows and scenes are those of what there is, and it is said."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import ffmpeg, needs_ffmpeg, recode
from drawing import clip_number, draw_clip, forget_clip_length

from smolcli.errors import MediaError
from smolcli.media import MediaOptions, WindowOptions, open_media, open_media_briefly, scenes_of, windows_of

pytestmark = needs_ffmpeg
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", 30)


def watched(path, every_s=2.0, opener=open_media):
    """(windows, the numbers that the frames of each say, warnings)."""
    with opener(str(path), MediaOptions()) as media:
        found = windows_of(media, WindowOptions(every_s=every_s))
        spans = [place.window_s or (0.0, media.video.duration_s) for place in found]
        frames = [[clip_number(f.rgb) for f in media.frames(media.sampled(64, span))] for span in spans]
        return spans, frames, media.warnings


@pytest.mark.parametrize("opener", [open_media, open_media_briefly])
@pytest.mark.parametrize("kind", ["front.mp4", "a.mkv", "varying.mkv", "a.avi"])
def test_windows_of_a_clip_that_was_cut_off_are_those_of_what_is_there_and_it_is_said_once(tmp_path, kind, opener):
    index = ("-movflags", "+faststart") if kind == "front.mp4" else ()
    uneven = ("-vf", "select='not(mod(n,7))+lt(n,100)'", "-fps_mode", "vfr") if kind == "varying.mkv" else ()
    codec = ("-c:v", "mpeg4", "-q:v", 3) if kind == "a.avi" else X264
    whole = Path(recode(tmp_path / f"whole.{kind}", *uneven, *codec, *index, total=600))
    data = whole.read_bytes()
    path = tmp_path / kind
    path.write_bytes(data[: len(data) * 6 // 10])
    spans, frames, warnings = watched(path, opener=opener)
    assert 4 <= spans[-1][1] <= 17, "of twenty seconds"
    assert all(frames), "no window beyond what can be read"
    assert [w for w in warnings if "is cut off: it holds" in w] == warnings and len(warnings) == 1
    assert "of its 0:20," in warnings[0].replace("0:19.9", "0:20")
    with open_media(str(path), MediaOptions()) as media:
        assert list(scenes_of(media, WindowOptions()))[-1].window_s[1] == pytest.approx(spans[-1][1])


@pytest.mark.parametrize("part", [0.68, 0.74, 0.8, 0.92])
def test_frames_in_pieces_where_a_clip_was_cut_off_are_not_told_of_in_a_second_sentence(tmp_path, part):
    reordered = ("-c:v", "libx264", "-preset", "medium", "-pix_fmt", "yuv420p", "-g", 60, "-bf", 8)
    data = Path(recode(tmp_path / "w.mp4", *reordered, "-movflags", "+faststart", total=600)).read_bytes()
    (tmp_path / "a.mp4").write_bytes(data[: int(len(data) * part)])
    _spans, frames, warnings = watched(tmp_path / "a.mp4")
    assert all(frames) and len(warnings) == 1 and "is cut off: it holds" in warnings[0]


def test_a_whole_clip_is_not_called_cut_off(tmp_path):
    for name in ("a.mp4", "a.mkv", "a.ts"):
        spans, frames, warnings = watched(recode(tmp_path / name, *X264, total=150))
        assert warnings == [] and spans[-1][1] == pytest.approx(5, abs=0.05)
        assert frames == [[0, 59], [60, 119], [120]] or name != "a.mp4"


def test_a_header_that_counts_too_many_frames_leaves_no_window_empty(tmp_path):
    path = Path(draw_clip(tmp_path / "a.avi", 100, 10.0, "MJPG"))
    data = bytearray(path.read_bytes())
    for tag, at in ((b"avih", 4 + 4 + 16), (b"strh", 4 + 4 + 32)):  # dwTotalFrames, dwLength
        place = data.find(tag) + at
        data[place : place + 4] = (104).to_bytes(4, "little")
    path.write_bytes(data)
    spans, frames, _ = watched(path)
    assert 10 <= spans[-1][1] <= 10.5 and all(frames)


def test_a_recording_without_length_has_the_windows_of_what_comes(tmp_path):
    path = recode(tmp_path / "a.mkv", *X264, total=150)
    forget_clip_length(path)
    spans, frames, warnings = watched(path)
    assert [start for start, _ in spans] == [0, 2, 4] and all(frames) and warnings == []


def test_one_frame_is_one_window_and_one_scene(tmp_path):
    for name in ("a.mp4", "a.avi"):
        fourcc = "mp4v" if name == "a.mp4" else "MJPG"
        with open_media(draw_clip(tmp_path / name, 1, 30.0, fourcc), MediaOptions()) as media:
            assert [place.window_s for place in windows_of(media, WindowOptions())] == [None]
            assert [place.window_s for place in scenes_of(media, WindowOptions())] == [None]


def test_a_rate_of_nothing_leaves_no_window_empty(tmp_path):
    path = Path(draw_clip(tmp_path / "a.avi", 100, 10.0, "MJPG"))
    data = bytearray(path.read_bytes())
    for tag, at in ((b"avih", 4 + 4), (b"strh", 4 + 4 + 24)):  # dwMicroSecPerFrame, dwRate
        place = data.find(tag) + at
        data[place : place + 4] = bytes(4)
    path.write_bytes(data)
    with open_media(str(path), MediaOptions()) as media:
        assert media.video.fps > 0 and media.video.duration_s > 0 and media.video.total_frames == 100
    spans, frames, _ = watched(path)
    assert len(spans) >= 1 and all(frames)


@pytest.mark.parametrize("name", ["a.m4a", "a.mka", "a.mp3"])
def test_sound_alone_has_no_windows(tmp_path, name):
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", tmp_path / name)
    with pytest.raises(MediaError) as error:
        watched(tmp_path / name)
    assert "sound" in error.value.message and error.value.hint


ODD = {
    "ten bits, HDR": ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params",
                      "log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"),
    "every colour": ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p"),
    "grey": ("-c:v", "ffv1", "-pix_fmt", "gray"),
    "sixteen bits": ("-c:v", "ffv1", "-pix_fmt", "rgb48le"),
    "with alpha": ("-c:v", "ffv1", "-pix_fmt", "bgra"),
    "a palette": ("-c:v", "qtrle", "-pix_fmt", "rgb24"),
    "four to one": ("-c:v", "ffv1", "-pix_fmt", "yuv410p"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ODD)
def test_frames_of_odd_pixels_say_what_they_said(tmp_path, kind):
    name = "a.mov" if kind == "a palette" else "a.mkv"
    spans, frames, warnings = watched(recode(tmp_path / name, *ODD[kind], total=150), every_s=5.0)
    assert (frames, warnings) == ([[0, 37, 74, 111, 149]], []) and len(spans) == 1


def test_frames_of_8k_are_halved_as_they_are_decoded(tmp_path):
    path = tmp_path / "a.mp4"
    ffmpeg(
        "-i", draw_clip(tmp_path / "s.mp4", 2), "-vf", "scale=7680:4320:flags=neighbor,setsar=1", "-c:v", "mpeg4", path
    )
    with open_media(str(path), MediaOptions()) as media:
        assert media.video.size_px == media.outlines[0].size_px == (3840, 2160)
        frame = next(media.frames())
        assert frame.rgb.shape == (2160, 3840, 3) and frame.rgb[100, 100].min() > 220


def test_a_clip_that_grows_while_it_is_read_is_read_as_it_was(tmp_path):
    data = Path(recode(tmp_path / "whole.ts", "-c:v", "mpeg2video", "-q:v", 3, "-g", 15, total=600)).read_bytes()
    path = tmp_path / "a.ts"
    half = len(data) // 2 // 188 * 188
    path.write_bytes(data[:half])
    with open_media(str(path), MediaOptions()) as media:
        windows = windows_of(media, WindowOptions(every_s=3.0))
        scanned = scenes_of(media, WindowOptions())
        ends_s = windows[-1].window_s[1]
        assert 5 < ends_s < 15
        with path.open("ab") as file:
            file.write(data[half:])
        frames = [frame for window in windows for frame in media.frames(media.sampled(64, window.window_s))]
        assert all(frame.place.time_s < ends_s for frame in frames) and len(frames) >= int(ends_s)
        assert (list(scanned)[-1].window_s or (0, ends_s))[1] == ends_s


def test_a_picture_that_changes_its_size_has_windows(tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"MJPG"), 10, (96, 64))
    for _ in range(40):
        writer.write(np.full((64, 96, 3), 120, np.uint8))
    writer.release()
    spans, frames, _ = watched(tmp_path / "a.avi")
    assert spans == [(0, 2), (2, 4)] and all(frames)
