"""Clips of many kinds: interlaced, with long pixels, with covers, without pictures, as animations."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import ffmpeg, needs_ffmpeg, recode
from drawing import CLIP_SIZE, clip_number, draw_clip, rotate_clip
from PIL import Image
from test_media import refused

from smolcli.media import MediaOptions, capture, open_media

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-flags", "+ildct+ilme", "-pix_fmt", "yuv420p")
INTERLACED = {
    "a.mts": H264,
    "a.mp4": H264,
    "a.mpg": ("-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-q:v", 3),
    "a.mov": ("-c:v", "prores_ks", "-flags", "+ildct", "-pix_fmt", "yuv422p10le"),
}


def read(path, **options):
    """(frames, facts, warnings)."""
    with open_media(str(path), MediaOptions(**options)) as media:
        return list(media.frames()), media.video, media.warnings


# ---- what OpenCV says


@needs_ffmpeg
@pytest.mark.parametrize("name", INTERLACED)
def test_interlaced_frames_are_the_ones_that_were_drawn(tmp_path, name):
    path = recode(tmp_path / name, "-vf", "tinterlace=mode=interlacex2,setfield=tff", *INTERLACED[name], total=60)
    frames, facts, warnings = read(path, fps=4.0)
    assert (len(frames), warnings) == (8, [])
    assert facts.size_px == CLIP_SIZE
    for frame in frames:
        assert np.abs(frame.rgb[30, 60].astype(int) - (200, 60, 20)).max() < 20
        assert frame.rgb[4, 4].min() > 230


class Unfilled:
    """An OpenCV capture that says "ok" and hands out memory that it never wrote to, as 4.13 does where a frame is
    interlaced: one buffer for as long as it is open.
    """

    open = cv2.VideoCapture

    def __init__(self, *arguments):
        self._real = Unfilled.open(*arguments)
        self._buffer = np.empty((CLIP_SIZE[1], CLIP_SIZE[0], 3), np.uint8)

    def __getattr__(self, name):
        return getattr(self._real, name)

    def retrieve(self):
        return True, self._buffer


class Zeros(Unfilled):
    """The same, where the memory is new."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._buffer = np.zeros_like(self._buffer)


@pytest.mark.parametrize("frames", [1, 8])
@pytest.mark.parametrize(("kind", "version"), [(Unfilled, "4.11.0"), (Zeros, "4.13.0"), (Zeros, "5.0.0")])
def test_pictures_that_nobody_filled_are_refused_though_opencv_says_ok(tmp_path, monkeypatch, kind, version, frames):
    path = draw_clip(tmp_path / "a.mp4", 240)
    monkeypatch.setattr(cv2, "VideoCapture", kind)
    monkeypatch.setattr(cv2, "__version__", version)
    before = np.full((CLIP_SIZE[1], CLIP_SIZE[0], 3), 77, np.uint8)  # what the memory held
    del before
    error = refused(path, MediaOptions(max_frames=frames))
    assert "did not fill" in error.message
    assert "opencv-python-headless>=4.10,<4.12" in error.hint


@pytest.mark.parametrize("grey", [0, 128])
def test_a_clip_that_stands_still_is_read_be_it_black(tmp_path, grey):
    writer = cv2.VideoWriter(str(tmp_path / "a.mp4"), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"mp4v"), 10, CLIP_SIZE)
    for _ in range(40):
        writer.write(np.full((CLIP_SIZE[1], CLIP_SIZE[0], 3), grey, np.uint8))
    writer.release()
    frames, _, warnings = read(tmp_path / "a.mp4")
    assert (len(frames), warnings) == (4, [])
    assert all(abs(float(frame.rgb.mean()) - grey) < 4 for frame in frames)


# ---- shapes


@needs_ffmpeg
@pytest.mark.parametrize(
    ("ratio", "size"),
    [("2", (192, 64)), ("1/2", (96, 128)), ("64/45", (137, 64)), ("201/200", (96, 64)), ("100", (96, 64))],
)
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_pixels_are_made_square_where_they_differ_by_more_than_a_hundredth(tmp_path, name, ratio, size):
    path = recode(tmp_path / name, "-vf", f"setsar={ratio}", *X264, total=60)
    with open_media(path, MediaOptions()) as media:
        frame = next(media.frames())
        assert media.video.size_px == media.outlines[0].size_px == (frame.rgb.shape[1], frame.rgb.shape[0]) == size


@needs_ffmpeg
def test_long_pixels_are_squared_before_the_picture_is_turned(tmp_path):
    path = recode(tmp_path / "a.mp4", "-vf", "setsar=2", *X264, total=60)
    rotate_clip(path, 90)
    (frame, *_), facts, _ = read(path)
    assert facts.size_px == (frame.rgb.shape[1], frame.rgb.shape[0]) == (64, 192)
    assert frame.rgb[4, -4].min() > 230


@needs_ffmpeg
def test_a_clip_that_would_be_too_large_with_square_pixels_is_refused(tmp_path):
    path = recode(tmp_path / "a.mp4", "-vf", "setsar=2", *X264, total=30)
    assert "192 x 64 pixels" in refused(path, MediaOptions(max_pixels=8000)).message


# ---- covers and sound


@pytest.fixture
def cover(tmp_path):
    Image.new("RGB", (80, 80), (250, 205, 40)).save(tmp_path / "cover.jpg")
    return tmp_path / "cover.jpg"


def tags_first(path: Path) -> None:
    """Put the box with the tags, and the cover in it, before the tracks of an MP4."""
    data = path.read_bytes()
    moov = data.rfind(b"moov") - 4
    box, end = data[moov : moov + int.from_bytes(data[moov : moov + 4], "big")], len(data)
    tags = box.rfind(b"udta") - 4
    assert moov + len(box) == end and tags + int.from_bytes(box[tags : tags + 4], "big") == len(box)
    first = box.find(b"trak") - 4
    path.write_bytes(data[:moov] + box[:first] + box[tags:] + box[first:tags])


@needs_ffmpeg
@pytest.mark.parametrize("name", ["track.mkv", "track.mov", "tags.mp4", "tags_first.mp4", "attached.mkv"])
def test_the_cover_of_a_film_is_not_taken_for_the_film(tmp_path, cover, name):
    film = recode(tmp_path / "film.mp4", *X264, total=150)
    path = tmp_path / name
    picture = ("-disposition:v:0", "attached_pic") if name.startswith("tags") else ()
    if name.startswith("attached"):
        ffmpeg("-i", film, "-attach", cover, "-metadata:s:t", "mimetype=image/jpeg", "-c", "copy", path)
    else:
        ffmpeg("-i", cover, "-i", film, "-map", 0, "-map", 1, "-c", "copy", *picture, path)
    if name == "tags_first.mp4":
        tags_first(path)
    frames, facts, warnings = read(path)
    assert (facts.size_px, facts.total_frames, warnings) == (CLIP_SIZE, 150, [])
    assert [clip_number(frame.rgb) for frame in frames] == [0, 37, 74, 111, 149]


@pytest.mark.parametrize("head", [b"FORM\0\0\0\0AIFF", b"\xff\xf1\x50\x80", b"#!AMR\n", b"caff\0\1\0\0", b"ID3\4\0"])
def test_sound_without_a_container_is_called_sound(tmp_path, head):
    (tmp_path / "a").write_bytes(head + bytes(100))
    assert "it is sound" in refused(tmp_path / "a").message


SOUND = {"a.m4a": "aac", "a.mp4": "aac", "a.mka": "flac", "a.webm": "libopus", "a.ogg": "libvorbis", "a.wma": "wmav2"}


@needs_ffmpeg
@pytest.mark.parametrize("name", SOUND)
def test_sound_is_called_sound(tmp_path, name):
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-c:a", SOUND[name], tmp_path / name)
    error = refused(tmp_path / name)
    assert "is sound, without pictures" in error.message
    assert "ffmpeg" not in error.hint


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.m4a", "a.mka"])
def test_a_song_with_a_cover_is_no_clip(tmp_path, cover, name):
    sound = ("-f", "lavfi", "-i", "sine=duration=1")
    if name == "a.m4a":
        ffmpeg(
            *sound,
            "-i",
            cover,
            "-map",
            0,
            "-map",
            1,
            "-c:v",
            "copy",
            "-disposition:v:0",
            "attached_pic",
            tmp_path / name,
        )
    else:
        ffmpeg(*sound, "-attach", cover, "-metadata:s:t", "mimetype=image/jpeg", tmp_path / name)
    assert "is sound with a cover picture, not a clip" in refused(tmp_path / name).message


@needs_ffmpeg
def test_one_picture_with_sound_is_a_clip_of_one_frame(tmp_path):
    picture = recode(tmp_path / "p.mkv", *X264, "-frames:v", 1, total=60)
    ffmpeg("-i", picture, "-f", "lavfi", "-i", "sine=duration=6", "-c:v", "copy", tmp_path / "a.mkv")
    frames, facts, warnings = read(tmp_path / "a.mkv")
    assert (len(frames), facts.total_frames, warnings) == (1, 1, [])


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
def test_av1_is_named_where_it_cannot_be_decoded(tmp_path, name):
    encoders = subprocess.run(
        ["ffmpeg", "-hide_banner", "-encoders"], capture_output=True, text=True, check=True
    ).stdout
    found = [encoder for encoder in ("libsvtav1", "libaom-av1") if encoder in encoders]
    if not found:
        pytest.skip("this ffmpeg writes no AV1")
    path = recode(tmp_path / name, "-c:v", found[0], "-pix_fmt", "yuv420p", total=30)
    try:
        frames, _, _ = read(path)
    except capture.MediaError as error:
        assert "AV1" in error.message and "libx264" in error.hint
    else:
        assert len(frames) == 1


# ---- animations


ANIMATED = {"a.gif": {"disposal": 2}, "a.webp": {"lossless": True}, "a.png": {}}


@pytest.mark.parametrize("name", ANIMATED)
def test_an_animation_meant_as_a_clip_has_its_pictures_own_times(tmp_path, name):
    pictures = [Image.new("RGB", (60, 40), (40 * number, 0, 0)) for number in range(6)]
    lasting_ms = [200, 300, 2500, 1000, 500, 1500]
    pictures[0].save(tmp_path / name, save_all=True, append_images=pictures[1:], duration=lasting_ms, **ANIMATED[name])
    frames, facts, warnings = read(tmp_path / name, moving=True)
    assert (facts.duration_s, facts.total_frames, warnings) == (pytest.approx(6), 6, [])
    assert [frame.place.time_s for frame in frames] == [0, 1, 2, 3, 4, 5]
    assert [frame.place.index for frame in frames] == [0, 2, 2, 3, 4, 5]
    assert [round(float(frame.rgb[..., 0].mean()) / 40) for frame in frames] == [0, 2, 2, 3, 4, 5]
    assert [frame.place.stream_time_s for frame in frames] == pytest.approx([0, 0.5, 0.5, 3, 4, 4.5])


def test_a_picture_that_stands_still_is_no_clip_though_one_is_meant(tmp_path):
    Image.new("RGB", (60, 40)).save(tmp_path / "a.gif")
    with open_media(str(tmp_path / "a.gif"), MediaOptions(moving=True)) as media:
        assert media.video is None
