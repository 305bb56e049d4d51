"""Clips: which frames, in which order, at which times, and clips that lie."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from drawing import clip_number, draw_clip, forget_clip_length, golden, rotate_clip, slow_down_clip
from hypothesis import given
from hypothesis import strategies as st
from test_media import refused

from smolcli.errors import UsageError
from smolcli.media import MediaOptions, capture, open_media
from smolcli.media.video import sample_indices


def read(path, **options):
    """(frames, facts, warnings); every frame is checked to be the one that it says it is."""
    with open_media(str(path), MediaOptions(**options)) as media:
        frames = list(media.frames())
        promised = {outline.place.index: outline for outline in media.outlines}
        for frame in frames:
            assert clip_number(frame.rgb) == frame.place.index
            assert frame.place.time_s == promised[frame.place.index].place.time_s == frame.place.index / media.video.fps
            assert (frame.rgb.shape[1], frame.rgb.shape[0]) == media.video.size_px
        return frames, media.video, media.warnings


@pytest.mark.parametrize("case", golden("frames.json"), ids=lambda case: case["name"])
def test_the_sampled_frames_are_the_reference_s(case):
    indices = sample_indices(
        case["total_frames"], case["native_fps"], case["duration"], case["fps"], case["max_frames"]
    )
    assert indices == case["expected"]["indices"]
    assert [index / case["native_fps"] for index in indices] == case["expected"]["timestamps"]


@given(st.integers(1, 10**7), st.floats(0.1, 300), st.floats(0, 10**6), st.floats(0.01, 60), st.integers(1, 128))
def test_any_sample_is_within_the_clip_and_the_limit(total, fps, duration_s, rate, most):
    indices = sample_indices(total, fps, duration_s, rate, most)
    assert 1 <= len(indices) <= most
    assert indices == sorted(set(indices))
    assert indices[0] >= 0
    assert indices[-1] < total


CONTAINERS = [
    ("a.mp4", "mp4v"),
    ("a.avi", "MJPG"),
    ("a.mkv", "FFV1"),
    ("a.webm", "VP80"),
    ("a.mpg", "mpg1"),
    ("a.ts", "mp4v"),
]


@pytest.mark.parametrize(("name", "fourcc"), CONTAINERS)
def test_every_frame_is_the_one_that_its_label_says_in_every_container(tmp_path, name, fourcc):
    frames, facts, warnings = read(draw_clip(tmp_path / name, 450, fourcc=fourcc), max_frames=6)
    assert len(frames) == 6
    assert facts.fps == 30
    assert facts.duration_s == facts.total_frames / 30
    assert warnings == []
    for frame in frames:
        assert frame.place.stream_time_s == pytest.approx(frame.place.time_s, abs=0.002)


def test_a_second_of_clip_is_a_frame_by_default(tmp_path):
    frames, _, _ = read(draw_clip(tmp_path / "a.mp4", 300))
    assert [frame.place.index for frame in frames] == [0, 33, 66, 99, 132, 166, 199, 232, 265, 299]
    assert frames[1].place.label == "0:01.1"


def test_colours_are_red_green_blue_and_the_picture_is_upright(tmp_path):
    (frame,), facts, _ = read(draw_clip(tmp_path / "a.mp4", 10))
    assert facts.size_px == (96, 64)
    assert np.abs(frame.rgb[30, 60].astype(int) - (200, 60, 20)).max() < 12
    assert frame.rgb[4, 4].min() > 230


@pytest.mark.parametrize(
    ("degrees", "white_at", "size"), [(90, (4, -4), (64, 96)), (180, (-4, -4), (96, 64)), (270, (-4, 4), (64, 96))]
)
def test_a_clip_held_sideways_is_turned_upright(tmp_path, degrees, white_at, size):
    path = draw_clip(tmp_path / "a.mp4", 10)
    rotate_clip(path, degrees)
    with open_media(path, MediaOptions()) as media:
        frame = next(media.frames())
        assert media.video.size_px == media.outlines[0].size_px == size
    assert (frame.rgb.shape[1], frame.rgb.shape[0]) == size
    assert frame.rgb[white_at].min() > 230


def test_a_long_clip_is_not_decoded_from_end_to_end(tmp_path, monkeypatch):
    grabs = []
    grab = capture.Capture.grab
    monkeypatch.setattr(capture.Capture, "grab", lambda clip: grabs.append(1) or grab(clip))
    frames, _, _ = read(draw_clip(tmp_path / "a.mp4", 3000), max_frames=5)
    assert len(frames) == 5
    assert len(grabs) < 100


def test_frames_can_be_read_again(tmp_path):
    with open_media(draw_clip(tmp_path / "a.mp4", 300), MediaOptions(max_frames=3)) as media:
        first = [clip_number(frame.rgb) for frame in media.frames()]
        assert first == [clip_number(frame.rgb) for frame in media.frames()] == [30, 150, 270]


def test_where_the_frame_rate_varies_frames_and_labels_go_by_the_stream_s_own_time(tmp_path):
    path = draw_clip(tmp_path / "a.mp4", 1000)
    slow_down_clip(path, 500, 500, 4)
    with open_media(path, MediaOptions(max_frames=5)) as media:
        frames = list(media.frames())
        assert (media.video.total_frames, media.video.fps, media.warnings) == (1000, 12, [])
        assert media.video.duration_s == pytest.approx(500 / 30 + 500 * 4 / 30)
    assert [clip_number(frame.rgb) for frame in frames] == [frame.place.index for frame in frames]
    assert [frame.place.time_s for frame in frames] == pytest.approx([0, 16.667, 33.333, 50, 66.667], abs=0.001)
    assert [frame.place.index for frame in frames] == [0, 500, 625, 750, 875]
    assert [frame.place.stream_time_s for frame in frames] == pytest.approx([0, 16.667, 33.333, 50, 66.667], abs=0.01)


def test_a_recording_without_length_or_rate_is_counted(tmp_path):
    path = draw_clip(tmp_path / "a.mkv", 300, fourcc="FFV1")
    forget_clip_length(path)
    frames, facts, _ = read(path, max_frames=5)
    assert facts.total_frames == 300
    assert facts.fps == pytest.approx(30, rel=1e-3)
    assert [frame.place.index for frame in frames] == [29, 89, 149, 209, 270]


@pytest.mark.parametrize(("name", "fourcc"), [("a.mkv", "FFV1"), ("a.avi", "MJPG")])
def test_a_truncated_clip_gives_the_frames_that_it_holds_and_says_so(tmp_path, name, fourcc):
    data = Path(draw_clip(tmp_path / name, 300, fourcc=fourcc)).read_bytes()
    (tmp_path / "b").write_bytes(data[: len(data) // 2])
    frames, facts, warnings = read(tmp_path / "b", max_frames=10)
    assert facts.total_frames == 300, "the header still states the whole length"
    assert [frame.place.index for frame in frames] == [0, 33, 66, 99, 132]
    assert warnings == [f"{str(tmp_path / 'b')!r} is damaged: 5 of 10 frames are missing."]


def test_a_clip_cut_before_its_index_is_refused(tmp_path):
    data = Path(draw_clip(tmp_path / "a.mp4", 60)).read_bytes()
    (tmp_path / "b.mp4").write_bytes(data[: len(data) // 2])
    error = refused(tmp_path / "b.mp4")
    assert "is an unfinished clip" in error.message and "again" in error.hint


def test_a_clip_without_frames_is_refused(tmp_path):
    assert "no" in refused(draw_clip(tmp_path / "a.mp4", 0)).message
    data = Path(draw_clip(tmp_path / "b.mkv", 30, fourcc="FFV1")).read_bytes()
    (tmp_path / "c.mkv").write_bytes(data[:600])
    assert "decoded" in refused(tmp_path / "c.mkv").message


def test_a_clip_larger_than_the_limit_is_refused_before_it_is_decoded(tmp_path):
    path = draw_clip(tmp_path / "a.mp4", 2)
    assert "96 x 64 pixels" in refused(path, MediaOptions(max_pixels=6000)).message


@pytest.mark.parametrize("options", [{"fps": 0.0}, {"fps": -1.0}, {"fps": float("nan")}, {"max_frames": 0}])
def test_a_rate_or_number_of_nothing_is_refused(tmp_path, options):
    assert "--f" in refused(draw_clip(tmp_path / "a.mp4", 2), MediaOptions(**options), UsageError).hint


@pytest.mark.parametrize("name", ["frame_%03d.mp4", "concat:a|b.mp4", "http:x.mp4", "Grüße 日本.mp4"])
def test_a_clip_s_name_is_only_a_name(tmp_path, monkeypatch, name):
    data = Path(draw_clip(tmp_path / "plain.mp4", 10)).read_bytes()
    (tmp_path / name).write_bytes(data)
    monkeypatch.chdir(tmp_path)
    frames, _, _ = read(name)
    assert len(frames) == 1


def test_opencv_is_held_to_the_versions_that_fill_their_pictures():
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
    [pin] = [each for each in project["dependencies"] if each.startswith("opencv-python-headless")]
    low, high = (".".join(map(str, version)) for version in capture.TESTED)
    assert pin == f"opencv-python-headless>={low},<{high}" == "opencv-python-headless>=4.10,<4.12"
