"""Inputs that failed elsewhere (tests/cases/draw_cases.py), and what is right for each: read, warned of, or refused."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "cases"))
import draw_cases

from smolcli.errors import SmolError
from smolcli.media import MediaOptions, open_media

FFMPEG = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the ffmpeg program")
CLIPS = (".mp4", ".mkv", ".webm", ".mov", ".mts", ".mpg", ".ts", ".m4a")


@dataclass(frozen=True)
class Right:
    """What is right: words of the one error; or words of a warning ("" for none), sizes (w, h), and where it is bright.

    seconds: a clip's length; times: labels of its frames, rounded down; mean: brightness 0 … 255 of the first picture.
    """

    error: str = ""
    warning: str = ""
    sizes: tuple[tuple[int, int], ...] = ()
    ratio: float = 0.0
    seconds: float = 0.0
    times: tuple[int, ...] = ()
    mean: float = 0.0


WINTER = 242.6
CASES = {
    "scan_good.pdf": Right(ratio=2),
    "scan_jpx_unreadable.pdf": Right(error="could not be drawn"),
    "scan_jpx_cut.pdf": Right(error="could not be drawn"),
    "scan_jbig2_unreadable.pdf": Right(error="could not be drawn"),
    "scan_dct_unreadable.pdf": Right(error="could not be drawn"),
    "scan_dct_cut.pdf": Right(warning="A part of page 1"),
    "scan_unknown_filter.pdf": Right(error="could not be drawn"),
    "scan_object_missing.pdf": Right(error="could not be drawn"),
    "text_flate_damaged.pdf": Right(error="could not be drawn"),
    "three_pages_second_unreadable.pdf": Right(error="Page 2"),
    "xref_wrong_for_contents.pdf": Right(warning="repaired"),
    "xfa_please_wait.pdf": Right(warning="XFA form"),
    "portfolio.pdf": Right(warning="1 embedded file is not read"),
    "form_without_appearance.pdf": Right(),
    "layers.pdf": Right(),
    "rotated_cropped_userunit.pdf": Right(ratio=0.25),
    "head_after_1024.pdf": Right(),
    "two_scans_in_a.zip": Right(error="ZIP archive"),
    "about_pdf.txt": Right(error="it is text"),
    "camera.dng": Right(error="camera raw"),
    "tiff_with_thumbnail.tif": Right(sizes=((1600, 1200),)),
    "tiff_pyramid.tif": Right(sizes=((1600, 1200),)),
    "tiff_thumbnail_first.tif": Right(sizes=((1600, 1200),)),
    "fax_204x98.tif": Right(ratio=0.755),
    "png_phys_1x2.png": Right(ratio=1),
    "jpg_density_1x2.jpg": Right(ratio=1),
    "white_on_transparent.png": Right(warning="shown on black"),
    "black_on_transparent.png": Right(mean=252),
    "animation.gif": Right(warning="the first of its 3 pictures"),
    "animation.webp": Right(warning="the first of its 3 pictures"),
    "animation.png": Right(warning="the first of its 3 pictures"),
    "grey_12_in_16_bits.png": Right(warning="shown brighter", mean=252),
    "tiff_mixed_orientation.tif": Right(sizes=((640, 320), (640, 320))),
    "rgb16_planar.tif": Right(error="16 bits in separate planes"),
    "rgb_float32.tif": Right(error="a TIFF of a kind that is not read"),
    "photo.jxl": Right(error="JPEG XL"),
    "twelve_bit_header.jpg": Right(error="a JPEG of a kind that is not read"),
    "vfr.mp4": Right(times=tuple(range(10))),
    "vfr.webm": Right(times=tuple(range(10))),
    "sar_2x1.mp4": Right(ratio=1.333),
    "rotated.mp4": Right(sizes=((240, 320),)),
    "cover_first.mp4": Right(mean=WINTER),
    "cover_first.mkv": Right(mean=WINTER),
    "song_with_cover.m4a": Right(error="sound"),
    "song.m4a": Right(error="sound"),
    "cut_with_edit_list.mp4": Right(seconds=4),
    "cut_last_half_second.mp4": Right(seconds=0.5),
    "cut_short.mp4": Right(warning="damaged"),
    "no_moov.mp4": Right(error="unfinished"),
    "starts_at_one_hour.ts": Right(seconds=10),
    "alpha.webm": Right(mean=WINTER),
    "prores.mov": Right(mean=WINTER),
    "interlaced_h264.mts": Right(mean=243),
    "interlaced_dvd.mpg": Right(mean=243),
    "interlaced_prores.mov": Right(mean=243),
    os.fsdecode(b"names/caf\xe9.mp4"): Right(mean=WINTER),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("cases")
    draw_cases.main(made)
    return made


def pictures_of(path):
    """(sizes, first picture's mean, label times, warnings, clip's facts) of everything in a file."""
    with open_media(str(path), MediaOptions(longest_edge_px=512)) as media:
        frames = list(media.frames())
        sizes = tuple((frame.rgb.shape[1], frame.rgb.shape[0]) for frame in frames)
        times = tuple(int(frame.place.time_s or 0) for frame in frames)
        said = [*media.warnings, *(warning for frame in frames for warning in frame.warnings)]
        return sizes, float(frames[0].rgb.mean()), times, said, media.video


@pytest.mark.parametrize("name", [pytest.param(n, marks=[FFMPEG] * n.endswith(CLIPS), id=ascii(n)) for n in CASES])
def test_a_case_is_read_warned_about_or_refused_as_is_right(folder, name):
    right = CASES[name]
    if not (folder / name).exists():
        pytest.skip("this ffmpeg, or this file system, cannot make it")
    if right.error:
        with pytest.raises(SmolError) as refused:
            pictures_of(folder / name)
        assert right.error in str(refused.value)
        return
    sizes, mean, times, said, facts = pictures_of(folder / name)
    assert [sentence for sentence in said if right.warning and right.warning in sentence] == said
    assert bool(said) == bool(right.warning)
    assert not right.sizes or set(sizes) == set(right.sizes)
    assert not right.sizes or facts or len(sizes) == len(right.sizes)
    assert not right.ratio or sizes[0][0] / sizes[0][1] == pytest.approx(right.ratio, rel=0.01)
    assert not right.mean or mean == pytest.approx(right.mean, abs=2)
    assert not right.times or times == right.times
    assert not right.seconds or facts.duration_s == pytest.approx(right.seconds, abs=0.11)


@FFMPEG
def test_a_coded_clip_that_cannot_be_decoded_is_named(folder):
    if not (folder / "av1.mp4").exists():
        pytest.skip("this ffmpeg has no AV1 encoder")
    try:
        assert pictures_of(folder / "av1.mp4")[1] == pytest.approx(WINTER, abs=2)
    except SmolError as error:
        assert "AV1" in str(error)


def test_one_unreadable_page_does_not_end_a_document(smol, folder):
    done = smol("docvqa", folder / "three_pages_second_unreadable.pdf", "--max-tokens", "4", "-q")
    assert done.code == 1 and "Page 2" in done.err
    assert [line for line in done.out.splitlines() if line.startswith("[")] == ["[page 1]", "[page 3]"]


def test_a_page_that_was_not_read_is_never_answered_about(smol, folder):
    done = smol("ask", folder / "scan_jpx_cut.pdf", "What does it say?", "-q")
    assert done.code == 3 and done.out == ""


def test_a_screenshot_too_long_to_be_read_is_said(smol, folder):
    assert "letters of 28 px become" in smol("plan", folder / "tall_screenshot.png", "What?").err


def test_a_scan_that_stands_on_its_head_is_turned_when_asked(smol, folder):
    turned = smol("docvqa", "-q", folder / "scan_upside_down.pdf", "--rotate", "180").out
    assert turned == smol("docvqa", "-q", folder / "scan_good.pdf").out
    assert smol("ask", folder / "scan_good.pdf", "What?", "--rotate", "45").code == 2


def test_an_animation_is_a_clip_for_video(smol, folder):
    plan = smol("video", folder / "animation.gif", "--json", "--max-tokens", "3", "-q").record
    assert plan["media"][0]["kind"] == "video"


def test_formats_that_are_not_read_are_listed_not_left_out(smol, folder, tmp_path):
    shutil.copy(folder / "photo.jxl", tmp_path / "photo.jxl")
    done = smol("caption", tmp_path, "-q")
    assert done.code == 3 and "JPEG XL" in done.err


def test_a_document_that_does_not_fit_one_prompt_is_asked_page_by_page(smol, tmp_path):
    from drawing import draw_pdf

    path = draw_pdf(tmp_path / "long.pdf", [{"size": (300, 300), "text": "EXIT", "height": 80}] * 40)
    done = smol("ask", path, "What does it say?", "-q")
    assert done.code == 5 and f"smol docvqa {path}" in done.sentence
