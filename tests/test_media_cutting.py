"""Parts of clips are copied: they show what the clip shows there, and nothing is coded anew."""

from __future__ import annotations

import shutil
import sys

import pytest
from clips import ffmpeg, needs_ffmpeg, recode
from drawing import clip_number, draw_clip, rotate_clip

from smolcli.errors import MediaError, UsageError
from smolcli.media import MediaOptions, cut_clip, open_media

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


@pytest.fixture
def av():
    return pytest.importorskip("av")


def cut(path, parts_s, into):
    """(numbers that the frames of the piece say, its parts)."""
    with cut_clip(str(path), parts_s, into.suffix) as piece, into.open("wb") as file:
        shutil.copyfileobj(piece.file, file)
        parts = piece.parts_s
    with open_media(str(into), MediaOptions(fps=100.0, max_frames=10_000)) as media:
        assert media.warnings == []
        return [clip_number(frame.rgb) for frame in media.frames()], parts


@needs_ffmpeg
@pytest.mark.parametrize("kind", [(), ("-bf", 2, "-b_strategy", 0)])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_a_part_is_copied_from_the_key_frame_before_it(av, tmp_path, name, kind):
    path = recode(tmp_path / name, *X264, *kind, "-g", 30, "-keyint_min", 30, "-sc_threshold", 0, total=300)
    numbers, [(start, end)] = cut(path, [(4.5, 6.0)], tmp_path / "cut.mp4")
    assert start == pytest.approx(4.0, abs=0.08) and 5.9 < end < 6.2
    assert numbers[:3] == [120, 121, 122] and set(range(120, 178)) <= set(numbers) and numbers[-1] < 184


@needs_ffmpeg
def test_several_parts_become_one_clip_and_those_that_touch_are_one_part(av, tmp_path):
    path = recode(tmp_path / "a.mp4", *X264, "-g", 15, "-keyint_min", 15, "-sc_threshold", 0, total=300)
    numbers, parts = cut(path, [(6.0, 7.0), (1.0, 1.5), (1.5, 2.0), (90, 95)], tmp_path / "cut.mkv")
    assert numbers == [*range(30, 60), *range(180, 210)]
    assert parts == (pytest.approx((1.0, 2.0), abs=0.01), pytest.approx((6.0, 7.0), abs=0.01))


@needs_ffmpeg
def test_sound_comes_along_and_a_turn_is_kept(av, tmp_path):
    pictures = recode(tmp_path / "p.mp4", *X264, "-g", 30, total=150)
    rotate_clip(pictures, 90)
    ffmpeg("-i", pictures, "-f", "lavfi", "-i", "sine=duration=5", "-c:v", "copy", "-c:a", "aac", tmp_path / "a.mp4")
    with cut_clip(str(tmp_path / "a.mp4"), [(2.0, 4.0)]) as piece:
        (tmp_path / "cut.mp4").write_bytes(piece.file.read())
    with av.open(str(tmp_path / "cut.mp4")) as made:
        assert [stream.type for stream in made.streams] == ["video", "audio"]
        assert made.duration / 1e6 == pytest.approx(2.0, abs=0.1)
    with open_media(str(tmp_path / "cut.mp4"), MediaOptions()) as media:
        assert media.video.size_px == (64, 96)


@needs_ffmpeg
def test_a_clip_whose_time_begins_late_is_cut_where_it_shows_the_moment(av, tmp_path):
    path = recode(tmp_path / "a.ts", *X264, "-g", 30, "-output_ts_offset", 3600, total=150)
    numbers, _ = cut(path, [(2.0, 3.0)], tmp_path / "cut.mp4")
    assert numbers[0] == 60 and len(numbers) in (30, 31)


def test_what_cannot_be_cut_is_said(av, tmp_path):
    path = draw_clip(tmp_path / "a.mp4", 60)
    for wanted, suffix, words in (
        ([(5.0, 6.0)], ".mp4", "nothing from 0:05"),
        ([(0.0, 1.0)], ".xyz", "no kind of clip"),
        ([(0.0, 1.0)], ".webm", "cannot be copied into .webm"),
    ):
        with pytest.raises((MediaError, UsageError)) as error, cut_clip(path, wanted, suffix):
            pass
        assert words in error.value.message and error.value.hint
    (tmp_path / "b.mp4").write_bytes(b"no clip" * 100)
    for name in ("b.mp4", "none.mp4"):
        with pytest.raises(MediaError) as error, cut_clip(str(tmp_path / name), [(0, 1)]):
            pass
        assert error.value.hint


def test_without_pyav_it_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UsageError) as error, cut_clip(str(tmp_path / "a.mp4"), [(0, 1)]):
        pass
    assert 'pip install "smolcli[video]"' in error.value.hint
