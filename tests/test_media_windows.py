"""Windows of a clip: which parts are asked about, how times are typed, and which frames each part has."""

from __future__ import annotations

from itertools import pairwise

import pytest
from clips import ffmpeg, needs_ffmpeg, recode
from drawing import clip_number, draw_clip
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from smolcli.datatypes import VideoFacts
from smolcli.errors import UsageError
from smolcli.media import MediaOptions, WindowOptions, moment, open_media, parse_length, parse_moment, windows_of
from smolcli.media.video import sample_indices, sample_part
from smolcli.media.windows import LONGEST_S, windows

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
lengths = st.floats(0.2, 20000)


# ---- which parts


def test_a_clip_of_three_and_a_half_minutes_is_one_window_and_a_longer_one_is_equal_ones():
    assert windows(210.0, WindowOptions()) == [(0.0, 210.0)]
    assert windows(211.0, WindowOptions()) == [(0.0, 105.5), (105.5, 211.0)]
    assert windows(4 * 3600.0, WindowOptions())[:2] == [(0.0, 208.696), (208.696, 417.391)]
    assert windows(4 * 3600.0, WindowOptions(most_s=None)) == [(0.0, 14400.0)]


def test_every_so_many_seconds_is_a_window_and_a_rest_too_short_to_ask_about_belongs_to_the_last_one():
    assert windows(17.0, WindowOptions(every_s=5)) == [(0, 5), (5, 10), (10, 15), (15, 17)]
    assert windows(15.4, WindowOptions(every_s=5)) == [(0, 5), (5, 10), (10, 15.4)]
    assert windows(3.0, WindowOptions(every_s=5)) == [(0, 3)]
    assert windows(900.0, WindowOptions(every_s=600)) == [(0, 600), (600, 900)]


def test_a_part_is_cut_into_windows_from_its_own_start():
    assert windows(1000.0, WindowOptions(100, 700)) == [(100, 300), (300, 500), (500, 700)]
    assert windows(1000.0, WindowOptions(990)) == [(990, 1000)]
    assert windows(10.0, WindowOptions(0, 500)) == [(0, 10)], "an end that is beyond is the clip's"


@settings(deadline=None)
@given(lengths, st.floats(0, 1), st.none() | st.floats(0.01, 1.5), st.none() | st.floats(0.1, 5000))
def test_windows_cover_the_part_without_gap_or_overlap_and_none_is_longer_than_allowed(length_s, start, share, every_s):
    start_s = start * length_s * 0.9
    end_s = None if share is None else start_s + share * length_s
    options = WindowOptions(start_s, end_s, every_s)
    found = windows(length_s, options) if every_s is None or length_s / every_s < 1e4 else [(start_s, length_s)]
    if len(found) == 1 and every_s is not None and length_s / every_s >= 1e4:
        return
    assert found[0][0] == start_s
    assert found[-1][1] == (length_s if end_s is None else min(length_s, end_s))
    assert all(before[1] == after[0] for before, after in pairwise(found))
    longest_s = LONGEST_S if every_s is None else 1.1 * every_s
    assert all(0 < end - begin <= longest_s + 0.0011 for begin, end in found)
    if every_s is None:
        assert max(e - b for b, e in found) - min(e - b for b, e in found) < 0.003, "all of one length"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (WindowOptions(20, 10), "--start 0:20 is not before --end 0:10."),
        (WindowOptions(5, 5), "--start 0:05 is not before --end 0:05."),
        (WindowOptions(90), "The clip is 1:00 long: it has nothing from 1:30 on."),
        (WindowOptions(60), "nothing from 1:00 on."),
    ],
)
def test_a_part_that_the_clip_does_not_have_is_refused(options, words):
    with pytest.raises(UsageError) as error:
        windows(60.0, options)
    assert words in error.value.message and error.value.hint


# ---- times as they are typed


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1:23", 83), ("83s", 83), ("83", 83), ("1:02:03.5", 3723.5), ("0:00", 0), (" 1:23 ", 83), ("1m23s", 83),
        ("2h", 7200), ("90:00", 5400), ("83.25", 83.25), (".5", 0.5), ("1.5m", 90), ("2min", 120),
        ("100:00:00", 360000),
    ],
)  # fmt: skip
def test_a_time_is_read_however_people_write_it(text, seconds):
    assert parse_moment(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "abc",
        "-5",
        "1:75",
        "1:60:00",
        "1:2:3:4",
        "5x",
        "nan",
        "inf",
        "1e9",
        "1:23s",
        "٣",
        "1,5",
        "9" * 400,
        "s",
    ],
)
def test_a_time_that_is_none_is_refused_with_a_way_to_write_it(text):
    with pytest.raises(UsageError) as error:
        parse_moment(text, "--end")
    assert error.value.message.startswith("--end ") and "1:23" in error.value.hint


@given(st.integers(0, 10**6))
def test_a_time_that_is_shown_can_be_typed(tenths):
    assert parse_moment(moment(tenths / 10)) == pytest.approx(tenths / 10)


def test_a_length_of_nothing_is_refused():
    assert parse_length("5s") == 5
    with pytest.raises(UsageError, match="too short"):
        parse_length("0s")
    with pytest.raises(UsageError, match="--every"):
        parse_length("often")


# ---- which frames


@settings(deadline=None)
@given(st.integers(1, 200_000), st.floats(0.5, 120), st.floats(0.1, 10), st.integers(1, 64), st.floats(0.2, 300))
def test_the_frames_of_a_window_are_the_reference_s_of_a_clip_of_its_length(total, fps, rate, most, every_s):
    facts = VideoFacts((64, 64), fps, total / fps, total)
    seen = -1
    found = windows(facts.duration_s, WindowOptions(every_s=max(every_s, facts.duration_s / 500)))
    for start, end in found:
        indices = sample_part(facts, (start, end), rate, most)
        assert 1 <= len(indices) <= most and indices == sorted(set(indices))
        if len(indices) > 1 or end - start > 2 / fps:
            assert all(start - 0.06 / fps <= index / fps < end for index in indices)
            assert indices[0] > seen, "in one window only"
        seen = indices[-1]
    assert sample_part(facts, (0.0, facts.duration_s), rate, most) == sample_indices(
        total, fps, facts.duration_s, rate, most
    )


def test_a_window_shows_the_frames_that_a_clip_cut_out_there_would(tmp_path):
    path = draw_clip(tmp_path / "a.mp4", 1200, 5.0)
    with open_media(path, MediaOptions()) as media:
        first, second = windows_of(media, WindowOptions())
        assert (first.uri, second.uri) == (f"{path}#t=0,120", f"{path}#t=120,240")
        whole = [outline.place.index for outline in media.sampled(64, second.window_s)]
        assert whole == [600 + index for index in sample_indices(600, 5.0, 120.0, 1.0, 64)]
        frames = list(media.frames(media.sampled(64, (20.0, 24.0))))
        assert [clip_number(frame.rgb) for frame in frames] == [100, 106, 112, 119]
        assert [frame.place.label for frame in frames] == ["0:20.0", "0:21.2", "0:22.4", "0:23.8"]


def test_a_short_clip_is_itself_and_a_chosen_part_of_it_a_window(tmp_path):
    path = draw_clip(tmp_path / "a.mp4", 300)
    with open_media(path, MediaOptions()) as media:
        assert [place.window_s for place in windows_of(media, WindowOptions())] == [None]
        assert [place.uri for place in windows_of(media, WindowOptions(4, 7))] == [f"{path}#t=4,7"]
        assert [place.window_s for place in windows_of(media, WindowOptions(0, 99))] == [None]


def test_a_window_shorter_than_a_frame_shows_the_frame_of_that_moment(tmp_path):
    with open_media(draw_clip(tmp_path / "a.mp4", 8, 0.5), MediaOptions()) as media:
        frames = list(media.frames(media.sampled(64, (5.0, 5.5))))
        assert [clip_number(frame.rgb) for frame in frames] == [2]


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_a_window_of_a_varying_rate_shows_what_is_on_at_its_moments(tmp_path, name):
    typed = ("-vf", "select='lt(n,60)+lt(n,300)*not(mod(n,30))+gte(n,570)'", "-fps_mode", "vfr")
    shown = [n for n in range(900) if n < 60 or (n < 300 and n % 30 == 0) or n >= 570]
    path = recode(tmp_path / name, *typed, *X264)
    with open_media(path, MediaOptions()) as media:
        frames = list(media.frames(media.sampled(64, (8.0, 22.0))))
        assert [frame.place.time_s for frame in frames] == [8.0 + second for second in range(14)]
        for frame in frames:
            assert clip_number(frame.rgb) == max(n for n in shown if n / 30 <= frame.place.time_s + 0.02)


@needs_ffmpeg
def test_windows_of_a_clip_that_starts_late_or_hides_its_beginning_count_from_what_is_shown(tmp_path):
    late = recode(tmp_path / "late.ts", *X264, "-output_ts_offset", 3600, total=150)
    whole = recode(tmp_path / "whole.mp4", *X264, "-g", 300, total=300)
    ffmpeg("-ss", 6, "-i", whole, "-c", "copy", tmp_path / "cut.mp4")  # an edit list hides six seconds
    for path, first in ((late, 0), (str(tmp_path / "cut.mp4"), 180)):
        with open_media(path, MediaOptions()) as media:
            frames = list(media.frames(media.sampled(64, (1.0, 3.0))))
            assert [clip_number(frame.rgb) - first for frame in frames] == [30, 89]
            assert [frame.place.label for frame in frames] == ["0:01.0", "0:03.0"]


def test_an_animation_has_windows_too(tmp_path):
    pictures = [Image.new("RGB", (60, 40), (20 * number, 0, 0)) for number in range(10)]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=1000)
    with open_media(str(tmp_path / "a.gif"), MediaOptions(moving=True)) as media:
        found = windows_of(media, WindowOptions(every_s=4))
        assert [place.window_s for place in found] == [(0, 4), (4, 8), (8, 10)]
        assert [outline.place.index for outline in media.sampled(64, found[1].window_s)] == [4, 5, 6, 7]
