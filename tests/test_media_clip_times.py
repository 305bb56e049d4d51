"""Clips by time: varying rates, edit lists, pauses and sound beside them, in the containers that people have."""

from __future__ import annotations

from pathlib import Path

import pytest
from clips import ffmpeg, needs_ffmpeg, recode
from drawing import clip_number
from hypothesis import given
from hypothesis import strategies as st

from smolcli.media import MediaOptions, capture, open_media
from smolcli.media.timing import FrameTimes, measured
from smolcli.media.video import sample_moments

pytestmark = needs_ffmpeg

# two seconds of typing, then a picture a second, a pause of nine seconds, and a last burst
TYPED = ("-vf", "select='lt(n,60)+lt(n,300)*not(mod(n,30))+gte(n,570)*lt(n,600)+gte(n,898)'", "-fps_mode", "vfr")
SHOWN = [n for n in range(900) if n < 60 or (n < 300 and n % 30 == 0) or 570 <= n < 600 or n >= 898]
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
KINDS = {
    "b_frames.mp4": (*X264, "-bf", 2, "-b_strategy", 0),
    "pieces.mp4": (*X264, "-movflags", "frag_keyframe+empty_moov"),
    "a.mov": ("-c:v", "prores_ks"),
    "a.mkv": (*X264, "-bf", 2),
    "a.webm": ("-c:v", "libvpx", "-deadline", "realtime", "-auto-alt-ref", 0),
    "a.ts": ("-c:v", "mpeg2video", "-bf", 2, "-q:v", 3),
    "a.flv": X264,
    "a.avi": ("-c:v", "mpeg4", "-q:v", 3),
    "a.wmv": ("-c:v", "wmv2", "-q:v", 3),
}


def read(path, **options):
    """(frames, facts, warnings)."""
    with open_media(str(path), MediaOptions(**options)) as media:
        return list(media.frames()), media.video, media.warnings


def shown_at(time_s: float, shown: list[int], fps: float = 30.0) -> int:
    """Which of the numbered frames is on the screen."""
    return max((number for number in shown if number / fps <= time_s + 0.02), default=shown[0])


@pytest.mark.parametrize("name", KINDS)
def test_a_varying_rate_is_looked_at_once_a_second_of_its_own_time(tmp_path, name):
    path = recode(tmp_path / name, *TYPED, *KINDS[name])
    frames, facts, warnings = read(path)
    assert warnings == []
    assert facts.duration_s == pytest.approx(30, abs=0.15)
    assert [frame.place.time_s for frame in frames] == list(range(30))
    assert [clip_number(frame.rgb) for frame in frames] == [shown_at(second, SHOWN) for second in range(30)]
    assert all(frame.place.stream_time_s <= frame.place.time_s + 0.02 for frame in frames)


def test_any_moments_of_a_varying_clip_are_found_in_any_order(tmp_path):
    path = recode(tmp_path / "a.mkv", *TYPED, *X264, "-bf", 2, "-g", 20)
    with open_media(path, MediaOptions(fps=4.0, max_frames=100)) as media:
        for outline in [*media.outlines[::-7], *media.outlines[::11]]:
            assert clip_number(media.frame(outline.place).rgb) == shown_at(outline.place.time_s, SHOWN)


def test_a_far_moment_of_a_varying_clip_is_sought(tmp_path, monkeypatch):
    path = recode(tmp_path / "a.mkv", "-vf", "select='not(mod(n,2))+lt(n,300)'", "-fps_mode", "vfr", *X264, "-g", 10)
    with open_media(path, MediaOptions(max_frames=3)) as media:
        grabs, grab = [], capture.Capture.grab
        monkeypatch.setattr(capture.Capture, "grab", lambda clip: grabs.append(1) or grab(clip))
        frames = list(media.frames())
    shown = [n for n in range(900) if n < 300 or n % 2 == 0]
    assert [clip_number(frame.rgb) for frame in frames] == [shown_at(frame.place.time_s, shown) for frame in frames]
    assert len(grabs) < 80, "of 450 frames before the last one"


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mkv", X264), ("a.ts", ("-c:v", "mpeg2video", "-q:v", 3)), ("a.mp4", X264)]
)
def test_sound_that_goes_on_is_no_part_of_the_clip(tmp_path, name, codec):
    ffmpeg(
        "-i", recode(tmp_path / "b.mkv", *codec, total=150), "-f", "lavfi", "-i", "sine=duration=20",
        "-c:v", "copy", "-c:a", "mp2", tmp_path / name,
    )  # fmt: skip
    frames, facts, warnings = read(tmp_path / name)
    assert warnings == []
    assert facts.duration_s == pytest.approx(5, abs=0.05)
    assert [frame.place.index for frame in frames] == [0, 37, 74, 111, 149]
    assert [clip_number(frame.rgb) for frame in frames] == [0, 37, 74, 111, 149]


@pytest.mark.parametrize(("start_s", "duration_s"), [(6, 4), (9.5, 0.5)])
@pytest.mark.parametrize("kind", [(), ("-bf", 2)])
def test_a_cut_without_coding_anew_shows_what_its_edit_list_shows(tmp_path, start_s, duration_s, kind):
    whole = recode(tmp_path / "w.mp4", *X264, *kind, "-g", 300, total=300)
    ffmpeg("-ss", start_s, "-i", whole, "-c", "copy", tmp_path / "a.mp4")
    frames, facts, warnings = read(tmp_path / "a.mp4")
    assert warnings == []
    assert facts.duration_s == pytest.approx(duration_s, abs=0.04)
    assert len(frames) == max(1, round(duration_s))
    assert [clip_number(frame.rgb) for frame in frames] == [round(start_s * 30) + frame.place.index for frame in frames]


def test_a_cut_of_a_varying_clip_goes_by_its_own_time(tmp_path):
    whole = recode(tmp_path / "w.mp4", *TYPED, *X264, "-g", 300)
    ffmpeg("-ss", 5, "-i", whole, "-c", "copy", tmp_path / "a.mp4")
    frames, facts, warnings = read(tmp_path / "a.mp4")
    assert warnings == []
    assert facts.duration_s == pytest.approx(25, abs=0.15)
    assert [clip_number(frame.rgb) for frame in frames] == [shown_at(5 + second, SHOWN) for second in range(25)]


def test_a_clip_that_starts_late_counts_from_its_start(tmp_path):
    recode(tmp_path / "a.ts", *X264, "-output_ts_offset", 3600, total=150)
    frames, facts, warnings = read(tmp_path / "a.ts")
    assert (facts.duration_s, warnings) == (5, [])
    assert [frame.place.label for frame in frames] == ["0:00.0", "0:01.2", "0:02.5", "0:03.7", "0:05.0"]
    assert [clip_number(frame.rgb) for frame in frames] == [0, 37, 74, 111, 149]


def test_a_varying_recording_that_was_cut_off_says_so_and_shows_no_later_moment(tmp_path):
    data = Path(recode(tmp_path / "w.mkv", *TYPED, *X264, "-g", 10)).read_bytes()
    (tmp_path / "a.mkv").write_bytes(data[: len(data) // 2])
    frames, facts, (warning,) = read(tmp_path / "a.mkv")
    assert facts.duration_s == pytest.approx(30, abs=0.15)
    assert f"is damaged: {30 - len(frames)} of 30 frames are missing." in warning
    assert 0 < len(frames) < 20
    assert [clip_number(frame.rgb) for frame in frames] == [shown_at(frame.place.time_s, SHOWN) for frame in frames]


def test_a_hole_in_the_data_moves_no_label(tmp_path):
    path = Path(recode(tmp_path / "a.ts", "-c:v", "mpeg2video", "-q:v", 3, "-g", 15, total=600))
    data = bytearray(path.read_bytes())
    start, end = len(data) // 3 // 188 * 188, len(data) // 2 // 188 * 188
    path.write_bytes(data[:start] + data[end:])
    frames, _, _ = read(path)
    for frame in frames:
        assert clip_number(frame.rgb) == pytest.approx(30 * frame.place.stream_time_s, abs=1)
        assert frame.place.stream_time_s < frame.place.time_s + 0.3, "a frame of a later time"
    assert frames[-1].place.stream_time_s == pytest.approx(frames[-1].place.time_s, abs=0.3)
    assert len({frame.place.index for frame in frames}) > 12


@pytest.mark.parametrize("most", [64, 2])
def test_the_last_frames_of_an_avi_with_b_frames_have_no_time_and_are_no_damage(tmp_path, most):
    path = recode(tmp_path / "a.avi", "-c:v", "mpeg4", "-bf", 2, "-q:v", 3, total=300)
    frames, _, warnings = read(path, max_frames=most)
    assert warnings == []
    assert [clip_number(frame.rgb) for frame in frames] == [frame.place.index for frame in frames]
    assert len(frames) == min(10, most) and frames[-1].place.index > 260


def test_a_few_frames_that_were_dropped_leave_a_constant_rate(tmp_path):
    path = recode(tmp_path / "a.mp4", "-vf", "select='not(eq(n,100)+eq(n,200))'", "-fps_mode", "vfr", *X264, total=300)
    frames, facts, warnings = read(path)
    assert (facts.total_frames, len(frames), warnings) == (298, 10, [])
    assert [frame.place.index for frame in frames] == [0, 33, 66, 99, 132, 165, 198, 231, 264, 297]
    assert all(abs(frame.place.stream_time_s - frame.place.time_s) < 0.1 for frame in frames)


@given(st.lists(st.floats(0, 2), min_size=1, max_size=60), st.floats(0.1, 8), st.integers(1, 64))
def test_moments_are_rising_within_the_clip_and_show_what_is_on(gaps, rate, most):
    packets = [(sum(gaps[:number]), True) for number in range(len(gaps))]
    times = FrameTimes(packets, 0.0, False)
    timing = measured(times, 0.0, 0.0, None, True)
    chosen = sample_moments(times.index_at, timing.duration_s, rate, most)
    assert 1 <= len(chosen) <= most
    moments = [moment_s for _, moment_s in chosen]
    assert moments == sorted(set(moments))
    assert moments[-1] <= max(timing.duration_s, 1 / rate)
    for index, moment_s in chosen:
        assert times.times_s[index] <= moment_s + 0.021
        assert index + 1 == len(times) or times.times_s[index + 1] >= moment_s
