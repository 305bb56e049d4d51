"""Pictures: every golden file decodes to the expected bytes, and what no golden covers."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import warnings
import zlib

import numpy as np
import pytest
from drawing import GOLDEN, golden, sha256, synth
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from test_media import refused
from test_tiles import assert_equals_reference

from smolcli.errors import SmolError, UsageError
from smolcli.media import MediaOptions, open_media
from smolcli.media.pixels import orientation, pixel_shape, to_rgb

ON_PURPOSE = {"file-gray16-png", "file-rgba-png-alpha-dropped"}  # we scale 16-bit greys and show alpha on white
FILES = [case for case in golden("preprocess.json") if "file" in case and case["name"] not in ON_PURPOSE]


def frames_of(path, **options):
    with open_media(str(path), MediaOptions(**options)) as media:
        frames = list(media.frames())
        assert [(f.rgb.shape[1], f.rgb.shape[0]) for f in frames] == [o.size_px for o in media.outlines]
        assert [f.place for f in frames] == [o.place for o in media.outlines]
        assert all(f.rgb.dtype == np.uint8 and f.rgb.shape[2] == 3 for f in frames)
        return frames


def saved(folder, picture, **how):
    path = folder / "picture"
    picture.save(path, **how)
    return path


@pytest.mark.parametrize("case", golden("decode.json"), ids=lambda case: case["file"])
def test_a_picture_decodes_as_the_reference_decodes_it(case):
    (frame,) = frames_of(GOLDEN / case["file"])
    assert [frame.rgb.shape[1], frame.rgb.shape[0]] == case["size"]
    assert sha256(frame.rgb.tobytes()) == case.get("rgb_sha256_scaled", case["rgb_sha256"])
    assert frame.place.page is None


@pytest.mark.parametrize("case", FILES, ids=lambda case: case["name"])
def test_a_file_s_tiles_equal_the_reference_bit_for_bit(case):
    (frame,) = frames_of(GOLDEN / case["file"])
    assert_equals_reference(frame.rgb, case)


def test_frames_can_be_read_again(tmp_path):
    with open_media(str(GOLDEN / "images/rgb.png"), MediaOptions()) as media:
        first, second = next(media.frames()).rgb, next(media.frames()).rgb
    assert np.array_equal(first, second)


def test_an_animation_gives_its_first_picture_or_all():
    assert [frame.place.index for frame in frames_of(GOLDEN / "images/anim.gif")] == [0]
    first, second = frames_of(GOLDEN / "images/anim.gif", all_frames=True)
    assert (second.place.index, second.place.page) == (1, None)
    assert not np.array_equal(first.rgb, second.rgb)


@pytest.mark.parametrize("container", ["PNG", "WEBP"])
def test_every_picture_of_a_lossless_animation_is_exact(tmp_path, container):
    drawn = [synth(40, 30, seed) for seed in range(4)]
    pictures = [Image.fromarray(rgb) for rgb in drawn]
    path = saved(tmp_path, pictures[0], format=container, save_all=True, append_images=pictures[1:], lossless=True)
    assert len(frames_of(path)) == 1
    for frame, rgb in zip(frames_of(path, all_frames=True), drawn, strict=True):
        assert np.array_equal(frame.rgb, rgb)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "jpeg"])
def test_a_tiff_of_many_pages_gives_pages(tmp_path, compression):
    pictures = [Image.fromarray(synth(40 + page, 30, page)) for page in range(3)]
    path = saved(
        tmp_path, pictures[0], format="TIFF", save_all=True, append_images=pictures[1:], compression=compression
    )
    pages = frames_of(path)
    assert [(f.place.page, f.place.label, f.place.source.kind) for f in pages] == [
        (1, "page 1", "page"),
        (2, "page 2", "page"),
        (3, "page 3", "page"),
    ]
    assert [f.rgb.shape[1] for f in pages] == [40, 41, 42]
    assert [f.place.page for f in frames_of(path, pages="3,1")] == [3, 1]
    assert "There are 3 pages" in refused(path, MediaOptions(pages="4"), UsageError).hint


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("container", "how"), [("TIFF", {}), ("PNG", {}), ("WEBP", {"lossless": True})])
def test_every_orientation_is_turned_upright_in_every_container(tmp_path, container, how, orientation):
    upright = synth(24, 16, 7)
    turns = {  # how the upright picture is stored under each orientation
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: np.rot90(a, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(turns[orientation](upright)))
    (frame,) = frames_of(saved(tmp_path, stored, format=container, exif=exif, **how))
    assert np.array_equal(frame.rgb, upright)


def test_a_broken_exif_block_does_not_hide_the_picture(tmp_path):
    path = saved(
        tmp_path, Image.fromarray(synth(20, 10, 1)), format="JPEG", exif=b"Exif\x00\x00MM\x00\x2a\xff\xff\xff\xff"
    )
    assert frames_of(path)[0].rgb.shape == (10, 20, 3)


def test_transparency_is_shown_on_white_in_every_mode(tmp_path):
    for mode in ("RGBA", "LA"):
        assert (frames_of(saved(tmp_path, Image.new(mode, (4, 4)), format="PNG"))[0].rgb == 255).all()
    black = Image.new("RGB", (4, 4))
    assert (frames_of(saved(tmp_path, black, format="PNG", transparency=(0, 0, 0)))[0].rgb == 255).all()
    assert (frames_of(saved(tmp_path, black, format="PNG"))[0].rgb == 0).all()


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I"])
def test_sixteen_bit_greys_keep_their_upper_byte(tmp_path, mode):
    values = np.array([[0, 255, 256, 32768, 65535]], np.uint16)
    if mode == "I":  # a 16-bit PGM comes from Pillow as 32-bit integers
        path = tmp_path / "picture"
        path.write_bytes(b"P5 5 1 65535\n" + values.astype(">u2").tobytes())
    else:
        dtype = ">u2" if mode.endswith("B") else "<u2"
        picture = Image.frombytes(mode, (5, 1), values.astype(dtype).tobytes())
        path = saved(tmp_path, picture, format="TIFF")
    assert frames_of(path)[0].rgb[0, :, 0].tolist() == [0, 0, 1, 128, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[-1.0, 0.0, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, np.nan, np.inf, 4.0]], np.float32), [0, 0, 0, 255]),
        (np.array([[-3.0e38, 3.0e38]], np.float32), [0, 255]),
        (np.array([[7.0, 7.0]], np.float32), [0, 0]),
        (np.array([[np.nan, np.nan]], np.float32), [0, 0]),
        (np.array([[-(2**31), 2**31 - 1]], np.int32), [0, 255]),
    ],
)
def test_integer_and_float_pictures_are_stretched_over_their_own_range(tmp_path, values, expected):
    path = saved(tmp_path, Image.fromarray(values), format="TIFF")
    assert frames_of(path)[0].rgb[0, :, 1].tolist() == expected


def test_a_decompression_bomb_is_refused_with_its_size_and_the_limit(tmp_path):
    path = saved(tmp_path, Image.new("1", (20000, 20000)), format="PNG")
    message = refused(path).message
    assert "20000 x 20000 pixels (400 megapixels)" in message
    assert "limit is 179 megapixels" in message


def test_the_pixel_limit_is_the_caller_s_and_leaves_pillow_as_it_was(tmp_path):
    before = Image.MAX_IMAGE_PIXELS
    path = saved(tmp_path, Image.new("1", (100, 100)), format="PNG")
    assert "10000 pixels); the limit is 9999 pixels" in refused(path, MediaOptions(max_pixels=9999)).message
    assert len(frames_of(path, max_pixels=10000)) == 1
    assert before == Image.MAX_IMAGE_PIXELS


def test_a_large_picture_hidden_in_an_icon_is_refused(tmp_path):
    inner = io.BytesIO()
    Image.new("1", (3000, 3000)).save(inner, "PNG")
    png = inner.getvalue()
    header = b"\0\0\1\0\1\0" + bytes([16, 16, 0, 0, 1, 0, 32, 0]) + len(png).to_bytes(4, "little") + b"\x16\0\0\0"
    (tmp_path / "a.ico").write_bytes(header + png)
    assert "limit" in refused(tmp_path / "a.ico", MediaOptions(max_pixels=1_000_000)).message


def test_a_picture_that_grows_in_an_animation_is_refused(tmp_path):
    colours = [Image.new("P", (20, 10), index) for index in (0, 1)]
    path = saved(tmp_path, colours[0], format="GIF", save_all=True, append_images=colours[1:], disposal=2)
    data = bytearray(path.read_bytes())
    second = data.rindex(b"\x2c\0\0\0\0")  # the image descriptor: left, top, width, height
    data[second + 5 : second + 9] = b"\xff" * 4
    path.write_bytes(data)
    assert "65535 x 65535 pixels" in refused(path, MediaOptions(all_frames=True)).message


def test_another_user_of_pillow_in_this_process_keeps_its_own_limit(tmp_path, monkeypatch):
    path = saved(tmp_path, Image.new("1", (100, 100)), format="PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert len(frames_of(path)) == 1
    with pytest.raises(Image.DecompressionBombError):
        Image.open(path)


def test_what_pillow_warns_of_is_neither_shown_nor_an_error_and_others_are_warned_as_before(tmp_path):
    path = saved(tmp_path, Image.new("L", (8, 8)), format="PNG")
    data = path.read_bytes()
    chunk = b"acTL" + bytes(8)  # an animation of no pictures
    path.write_bytes(data[:33] + b"\0\0\0\x08" + chunk + zlib.crc32(chunk).to_bytes(4, "big") + data[33:])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Image.open(path).load()
        assert [str(warning.message)[:12] for warning in caught] == ["Invalid APNG"]
    for action in ("always", "error"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter(action)
            assert len(frames_of(path)) == 1 and caught == []
            with pytest.raises(UserWarning) if action == "error" else contextlib.nullcontext():
                warnings.warn("mine", stacklevel=1)
            assert len(caught) == (action == "always")


@pytest.mark.parametrize("name", ["rgb420.jpg", "rgb.png", "rgb.webp", "anim.gif", "rgb.bmp", "rgb.tiff"])
def test_a_truncated_picture_is_refused(tmp_path, name):
    data = (GOLDEN / "images" / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) * 4 // 10])
    assert "damaged or unfinished" in refused(tmp_path / name).message


def test_a_picture_has_no_pages_to_choose_from():
    for pages in ("1-end", "2"):  # beside a document whose pages are chosen
        assert len(frames_of(GOLDEN / "images/rgb.png", pages=pages, several=True)) == 1
    assert len(frames_of(GOLDEN / "images/rgb.png", pages="1")) == 1
    assert "2" in refused(GOLDEN / "images/rgb.png", MediaOptions(pages="2"), UsageError).message


@pytest.mark.skipif(importlib.util.find_spec("pillow_heif") is not None, reason="the extra is installed")
def test_a_heic_picture_names_the_extra_that_reads_it(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(64))
    assert refused(tmp_path / "a.jpg").hint.endswith("-m pip install pillow-heif")


def test_an_avif_picture_is_read_where_pillow_can(tmp_path):
    rgb = np.full((16, 24, 3), 200, np.uint8)
    try:
        path = saved(tmp_path, Image.fromarray(rgb), format="AVIF", quality=100)
    except (KeyError, OSError):
        pytest.skip("this Pillow has no AVIF encoder")
    assert np.abs(frames_of(path)[0].rgb.astype(int) - 200).max() <= 3


def drawn_as(kind, mode):
    """A small picture of every shade in a format."""
    grey = np.add.outer(np.arange(40) * 3, np.arange(56) * 2).astype(np.uint8)
    picture = Image.fromarray(np.stack([grey, grey[::-1], 255 - grey], axis=2)).convert(mode)
    data = io.BytesIO()
    picture.save(data, kind)
    return data.getvalue()


FORMATS = [
    *(("PNG", mode) for mode in ("RGB", "L", "P", "1", "RGBA")),
    *(("JPEG", "RGB"), ("JPEG", "L"), ("GIF", "P"), ("WEBP", "RGB"), ("BMP", "RGB"), ("TIFF", "RGB"), ("TIFF", "1")),
    *(("PPM", "RGB"), ("ICO", "RGBA"), ("TGA", "RGB"), ("PCX", "L")),
]


@pytest.mark.parametrize(("kind", "mode"), FORMATS, ids=lambda value: value)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_picture_with_a_flipped_bit_is_read_as_pillow_reads_it_or_refused(tmp_path, kind, mode, where, bit):
    data = bytearray(drawn_as(kind, mode))
    data[int(where * len(data))] ^= 1 << bit
    path = tmp_path / "flipped"
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            whole = Image.open(io.BytesIO(data))
            whole.load()
        except Exception:
            whole = None
    try:
        [frame] = frames_of(path)
    except SmolError:
        return
    assert whole is not None, "Pillow refuses what was read"
    if pixel_shape(whole) == 1 and orientation(whole) == 1 and frame.warnings == ():
        assert np.array_equal(frame.rgb, to_rgb(whole, 0))


def test_the_size_of_a_png_is_known_without_its_pixels(tmp_path, monkeypatch):
    path = saved(tmp_path, Image.new("RGB", (50, 30)), format="PNG")
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", lambda *_: pytest.fail("the pixels were decoded"))
    with open_media(str(path), MediaOptions()) as media:
        assert [outline.size_px for outline in media.outlines] == [(50, 30)]
