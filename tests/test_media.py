"""The door of the media room: content decides, bad input ends in one sentence."""

from __future__ import annotations

import io
import os
import pty
import random
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from drawing import GOLDEN, draw_clip, draw_pdf, sha256, synth
from PIL import Image

from smolcli.errors import MediaError, SmolError, UsageError
from smolcli.media import MediaOptions, open_media
from smolcli.media.reading import quoted

PNG, JPEG = GOLDEN / "images/rgb.png", GOLDEN / "images/rgb420.jpg"


def refused(path, options=None, error=MediaError) -> SmolError:
    """Open and read everything; returns the error that must come."""
    with pytest.raises(error) as caught, open_media(str(path), options or MediaOptions()) as media:
        list(media.frames())
    assert caught.value.message.endswith((".", "!"))
    assert caught.value.hint, "an error shows a way out"
    return caught.value


def standard_input(monkeypatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(data))))


def test_the_kind_is_told_by_content_and_not_by_name(tmp_path):
    for source, name, kind in [
        (PNG, "photo.pdf", "image"),
        (draw_pdf(tmp_path / "a.pdf", [{}]), "page.jpg", "page"),
        (draw_clip(tmp_path / "a.mp4", 3), "clip.png", "video"),
    ]:
        (tmp_path / name).write_bytes(Path(source).read_bytes())
        with open_media(str(tmp_path / name), MediaOptions()) as media:
            assert media.source.kind == kind
            assert media.source.sha256 == sha256(Path(source).read_bytes())
            assert (media.video is not None) == (kind == "video")
            assert len(list(media.frames())) == len(media.outlines) == 1


def test_a_pdf_with_a_foreword_before_its_header_is_still_a_pdf(tmp_path):
    draw_pdf(tmp_path / "a.pdf", [{}])
    (tmp_path / "b.pdf").write_bytes(b"\r\n\r\nmail header\r\n" + (tmp_path / "a.pdf").read_bytes())
    with open_media(str(tmp_path / "b.pdf"), MediaOptions()) as media:
        assert media.source.kind == "page"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("notes.jpg", b"Dear diary, this is not a picture.\n", "it is text"),
        ("page.pdf", b"<!DOCTYPE html>\n<html><body>404</body></html>", "it is a web page"),
        ("drawing.png", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "it is an SVG drawing"),
        ("letter.pdf", b"PK\x03\x04" + bytes(100), "ZIP archive or an office document"),
        ("plot.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "it is PostScript"),
        ("model.png", b"GGUF\x03\x00\x00\x00", "it is a model file"),
        ("song.mp4", b"ID3\x04" + bytes(100), "it is sound"),
        ("noise.jpg", bytes(range(128, 256)) * 20, "no known format"),
        ("half.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF", "damaged or unfinished"),
    ],
)
def test_what_is_no_media_is_called_what_it_is(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    error = refused(tmp_path / name)
    assert says in error.message
    assert error.exit_code == 3


def test_an_empty_file_is_said_to_be_empty(tmp_path):
    (tmp_path / "a.jpg").touch()
    assert "is empty" in refused(tmp_path / "a.jpg").message


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    assert "does not exist" in refused(tmp_path / "a.jpg").message
    assert "not a file" in refused("https://example.org/a.jpg").message
    assert "null byte" in refused("a\0.jpg").message


def test_folders_pipes_sockets_and_devices_are_refused_by_name(tmp_path, monkeypatch):
    assert "is a folder" in refused(tmp_path).message
    os.mkfifo(tmp_path / "pipe")
    assert "is a named pipe" in refused(tmp_path / "pipe").message
    assert "is a device" in refused("/dev/null").message
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        assert "is a socket" in refused("socket").message


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_said_to_be_unreadable(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG.read_bytes())
    (tmp_path / "a.png").chmod(0)
    assert "may not be read" in refused(tmp_path / "a.png").message


def test_a_path_in_a_message_cannot_steer_the_terminal(tmp_path):
    name = "\x1b[2J\r\n\u202eevil\udcff.jpg"
    message = refused(tmp_path / name).message
    assert message.isprintable()
    assert r"\x1b[2J\r\n\u202eevil\udcff.jpg" in message
    assert quoted("Grüße 日本.png") == "'Grüße 日本.png'"


def test_a_reason_from_a_hostile_file_cannot_steer_the_terminal(tmp_path):
    (tmp_path / "a.jpg").write_bytes(JPEG.read_bytes()[:400])
    assert refused(tmp_path / "a.jpg").message.isprintable()


@pytest.mark.parametrize("make", [lambda folder: PNG, lambda folder: draw_pdf(folder / "a.pdf", [{}, {}])])
def test_standard_input_carries_images_and_documents(tmp_path, monkeypatch, make):
    data = Path(make(tmp_path)).read_bytes()
    standard_input(monkeypatch, data)
    with open_media("-", MediaOptions()) as media:
        assert (media.source.path, media.source.sha256) == ("-", sha256(data))
        assert len(list(media.frames())) == len(media.outlines)


def test_a_clip_on_standard_input_is_kept_in_a_file_while_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    (tmp_path / "t").mkdir()
    data = Path(draw_clip(tmp_path / "a.mp4", 60)).read_bytes()
    standard_input(monkeypatch, data)
    with open_media("-", MediaOptions()) as media:
        assert len(list(media.frames())) == 2
        assert [path.read_bytes() for path in (tmp_path / "t").iterdir()] == [data]
    assert list((tmp_path / "t").iterdir()) == []


def test_standard_input_refuses_emptiness_and_terminals(monkeypatch):
    standard_input(monkeypatch, b"")
    assert "Standard input is empty" in refused("-").message
    monkeypatch.setattr(sys, "stdin", None)
    assert "Standard input is closed" in refused("-").message
    _, terminal = pty.openpty()
    with open(terminal) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert "is a terminal" in refused("-", error=UsageError).message


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="no /dev/fd here")
def test_a_pipe_that_the_shell_opened_is_read():
    read_end, write_end = os.pipe()
    writer = threading.Thread(target=lambda: (os.write(write_end, PNG.read_bytes()), os.close(write_end)))
    writer.start()
    with open_media(f"/dev/fd/{read_end}", MediaOptions()) as media:
        assert media.outlines[0].size_px == (33, 57)
        assert next(media.frames()).rgb.shape == (57, 33, 3)
    writer.join()
    os.close(read_end)


def test_importing_the_room_loads_no_decoder():
    code = "import sys, smolcli.media; print({'PIL', 'pymupdf', 'cv2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def damaged_tiff(path: Path) -> str:
    """A picture about which libtiff complains."""
    data = io.BytesIO()
    Image.fromarray(synth(90, 60, 1)).save(data, "TIFF", compression="tiff_lzw")
    whole = data.getvalue()
    path.write_bytes(whole[:400] + bytes(1000) + whole[1400:])
    return str(path)


def test_decoders_write_nothing_to_stdout_or_stderr(tmp_path):
    damaged_pdf = Path(draw_pdf(tmp_path / "a.pdf", [{"text": "hello"}])).read_bytes()[:-300]
    (tmp_path / "b.pdf").write_bytes(damaged_pdf)
    clip = Path(draw_clip(tmp_path / "a.mp4", 60)).read_bytes()
    (tmp_path / "b.mp4").write_bytes(clip[:3000] + bytes(3000) + clip[6000:])
    (tmp_path / "c.mp4").write_bytes(clip[: len(clip) // 2])
    damaged_tiff(tmp_path / "d.tiff")
    recording = Path(draw_clip(tmp_path / "a.mkv", 60, fourcc="FFV1")).read_bytes()
    (tmp_path / "e.mkv").write_bytes(recording[: len(recording) // 2])
    code = (
        "import sys\nfrom smolcli.errors import SmolError\nfrom smolcli.media import *\nfor path in sys.argv[1:]:\n"
        "    try: list(open_media(path, MediaOptions()).frames())\n    except SmolError: pass"
    )
    paths = [str(tmp_path / name) for name in ("b.pdf", "b.mp4", "c.mp4", "d.tiff", "e.mkv")]
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


READ_TIFF = """
import os, sys, threading
from smolcli.media import MediaOptions, open_media, pillow
def read():
    try: list(open_media(sys.argv[1], MediaOptions()).frames())
    except Exception as error: return str(error)
"""


@pytest.mark.parametrize("told", ["pillow._silence_libtiff = lambda: False", "pass"])
def test_a_libtiff_that_cannot_be_told_to_be_quiet_is_quiet_too(tmp_path, told):
    """A control: one that nobody told is heard."""
    path = damaged_tiff(tmp_path / "a.tiff")
    for code, heard in ((told, False), ("pillow._silence_libtiff = lambda: True", True)):
        code = f"{READ_TIFF}\n{code}\nprint(read())"
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
        assert "damaged" in done.stdout and bool(done.stderr) == heard


def test_what_is_said_while_a_tiff_is_read_is_not_lost(tmp_path):
    code = READ_TIFF + (
        "if not pillow._silence_libtiff(): sys.exit('this libtiff cannot be told')\n"
        "reader = threading.Thread(target=lambda: [read() for _ in range(100)])\nreader.start()\nwritten = 0\n"
        "while reader.is_alive(): written += os.write(2, b'.')\nprint(written)"
    )
    run = [sys.executable, "-c", code, damaged_tiff(tmp_path / "a.tiff")]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    if "cannot be told" in done.stderr:
        pytest.skip("Pillow's libtiff is inside Pillow's own file")
    assert done.stderr == "." * int(done.stdout)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """A hostile relative of a sound file: cut short, some bytes flipped, or a stretch of zeros."""
    how, at = rng.randrange(3), rng.randrange(len(data))
    if how == 0:
        return data[:at]
    if how == 1:
        return data[:at] + bytes(rng.randrange(1, 200)) + data[at + 1 :]
    flipped = bytearray(data)
    for _ in range(rng.randrange(1, 20)):
        flipped[rng.randrange(min(len(data), 2000) if rng.random() < 0.5 else len(data))] = rng.randrange(256)
    return bytes(flipped)


def read_or_refuse(path: Path) -> None:
    """Whatever the bytes, frames come out or a SmolError does."""
    options = MediaOptions(all_frames=True, longest_edge_px=64, max_pixels=4_000_000, max_frames=4)
    try:
        with open_media(str(path), options) as media:
            sizes = [outline.size_px for outline in media.outlines]
            for frame, (width, height) in zip(media.frames(), sizes, strict=False):
                assert frame.rgb.shape == (height, width, 3)
    except SmolError as error:
        assert error.message.isprintable()


@pytest.mark.parametrize("source", sorted((GOLDEN / "images").iterdir()), ids=lambda path: path.name)
def test_no_damaged_image_gets_past_the_errors(tmp_path, source):
    rng = random.Random(source.name)
    for _ in range(12):
        (tmp_path / "a").write_bytes(mutated(source.read_bytes(), rng))
        read_or_refuse(tmp_path / "a")


def test_no_damaged_document_gets_past_the_errors(tmp_path):
    pages = [{"size": (200, 100), "text": f"page {number}", "rotate": 90} for number in range(3)]
    plain = Path(draw_pdf(tmp_path / "a.pdf", pages)).read_bytes()
    locked = Path(draw_pdf(tmp_path / "b.pdf", pages, password="secret")).read_bytes()
    rng = random.Random(1)
    for number in range(60):
        (tmp_path / "c").write_bytes(mutated(locked if number % 3 == 0 else plain, rng))
        read_or_refuse(tmp_path / "c")


@pytest.mark.parametrize(("name", "fourcc"), [("a.mp4", "mp4v"), ("a.avi", "MJPG"), ("a.mkv", "FFV1")])
def test_no_damaged_clip_gets_past_the_errors(tmp_path, name, fourcc):
    clip = Path(draw_clip(tmp_path / name, 40, fourcc=fourcc)).read_bytes()
    rng = random.Random(name)
    for _ in range(15):
        (tmp_path / "b").write_bytes(mutated(clip, rng))
        read_or_refuse(tmp_path / "b")
