"""Addresses as chat clients write them: paths, file: and data: URIs; nothing is fetched, nothing is believed."""

import base64
import os
import struct
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest
from drawing import GOLDEN, draw_clip, draw_pdf, sha256
from hypothesis import given, settings
from hypothesis import strategies as st

from smolcli.errors import MediaError, SmolError
from smolcli.media import MediaOptions, open_media, open_media_at, uris

PNG = GOLDEN / "images/rgb.png"
BYTES = PNG.read_bytes()
BASE64 = base64.b64encode(BYTES).decode()


def read(uri):
    with open_media_at(uri, MediaOptions()) as media:
        [frame] = media.frames()
        return media.source, frame.rgb.tobytes()


def refused(uri) -> MediaError:
    with pytest.raises(MediaError) as caught, open_media_at(uri, MediaOptions()) as media:
        list(media.frames())
    assert caught.value.message.endswith(".") and caught.value.hint, "a sentence with a way out"
    assert len(caught.value.message) < 300
    return caught.value


def pixels() -> bytes:
    with open_media(str(PNG), MediaOptions()) as media:
        return next(media.frames()).rgb.tobytes()


@pytest.mark.parametrize(
    "uri",
    [
        f"data:image/png;base64,{BASE64}",
        f"DATA:IMAGE/PNG;BASE64,{BASE64}",
        f"data:image/jpeg;base64,{BASE64}",  # a wrong type
        f"data:image/png;charset=utf-8; base64 ,{BASE64}",
        f"data:;base64,{BASE64}",
        f"data:image/png;base64,{BASE64.rstrip('=')}",
        "data:image/png;base64," + "\r\n ".join(BASE64[at : at + 76] for at in range(0, len(BASE64), 76)),
        f"data:image/png;base64,{quote(BASE64, safe='')}",
        f"data:image/png,{quote(BYTES, safe='')}",
    ],
    ids=range(9),
)
def test_a_data_uri_is_the_file_that_it_holds(uri):
    source, rgb = read(uri)
    assert rgb == pixels() and source.sha256 == sha256(BYTES) and source.kind == "image"


def test_a_data_uri_has_a_short_name_that_cannot_be_forged():
    assert read(f"data:image/png;base64,{BASE64}")[0].path == f"data:image/png ({len(BYTES) / 1000:.0f} kB)"
    for declared in ("", "image", "image/png\x1b[2J", "a/b" + "c" * 500, "…/…"):
        assert read(f"data:{declared};base64,{BASE64}")[0].path == f"data: ({len(BYTES) / 1000:.0f} kB)"


def test_escapes_are_decoded_wherever_a_chunk_ends(monkeypatch):
    text = b"%41%42c%zz%4" * 7 + b"%"
    whole = uris._percent_decoded(text)
    for size in range(3, 40):
        monkeypatch.setattr(uris, "_CHUNK", size)
        assert uris._percent_decoded(text) == whole == b"ABc%zz%4" * 7 + b"%"


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("data:", "no comma"),
        ("data:image/png;base64", "no comma"),
        ("data:image/png;base64,", "empty"),
        ("data:,", "empty"),
        ("data:image/png;base64,A", "not base64"),
        ("data:image/png;base64,A=A=", "not base64"),
        ("data:image/png;base64,%%%", "not base64"),
        ("data:image/png;base64,-_-_", "not base64"),
        ("data:image/png;base64,\ud83d", "letters"),
        ("data:image/png;base64,ünï", "letters"),
        (f"data:image/png,{BASE64}", "it is text"),
        (f"data:image/png;base64,{BASE64[:200]}", "damaged"),
        ("data:image/png;base64," + base64.b64encode(b"<html><script>").decode(), "a web page"),
        ("data:application/octet-stream;base64," + base64.b64encode(b"GGUF\3\0\0\0").decode(), "a model file"),
    ],
)
def test_a_data_uri_that_holds_no_picture_is_refused_in_a_sentence(uri, words):
    assert words in refused(uri).message


def test_a_data_uri_larger_than_the_limit_is_refused(monkeypatch):
    monkeypatch.setattr(uris, "DATA_BYTES", len(BYTES) - 1)
    assert "holds more than" in refused(f"data:image/png;base64,{BASE64}").message
    assert "holds more than" in refused("data:image/png;base64," + "A" * (3 * len(BYTES))).message
    monkeypatch.setattr(uris, "DATA_BYTES", len(BYTES))
    assert read(f"data:image/png;base64,{BASE64}")[1] == pixels()
    monkeypatch.setattr(uris, "MOST_ESCAPES", 10)
    assert "escapes" in refused("data:image/png," + "%41" * 11).message


def test_a_picture_that_claims_three_gigabytes_is_refused_before_it_is_decoded():
    header = struct.pack(">IIBBBBB", 32768, 32768, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000)))]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    assert "1074 megapixels" in refused("data:image/png;base64," + base64.b64encode(png).decode()).message


def test_a_clip_and_a_page_can_stand_in_a_data_uri_and_leave_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    clip = Path(draw_clip(tmp_path / "clip.mp4", 30)).read_bytes()
    pdf = Path(draw_pdf(tmp_path / "a.pdf", [{}])).read_bytes()
    there = set(tmp_path.iterdir())
    with open_media_at("data:video/mp4;base64," + base64.b64encode(clip).decode(), MediaOptions()) as media:
        assert media.video is not None and len(list(media.frames())) == 1
    with open_media_at("data:application/pdf;base64," + base64.b64encode(pdf).decode(), MediaOptions()) as media:
        assert [outline.place.page for outline in media.outlines] == [1]
        assert set(tmp_path.iterdir()) == there, "only a clip needs a file"
    assert set(tmp_path.iterdir()) == there


@pytest.mark.parametrize(
    "name", ["photo.png", "with space.png", "100%41.png", "ünï 日本.png", "a#b?c.png", "\udcff.png"]
)
def test_a_file_uri_is_its_path(tmp_path, name):
    path = tmp_path / name
    try:
        path.write_bytes(BYTES)
    except (OSError, UnicodeError):
        pytest.skip("this system has no such names")
    escaped = quote(os.fsencode(path))
    for uri in (f"file://{escaped}", f"file:{escaped}", f"FILE://localhost{escaped}", f"file://127.0.0.1{escaped}"):
        source, rgb = read(uri)
        assert rgb == pixels() and source.path == str(path)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("file://nas/photo.png", "another machine"),
        ("file://user:pw@localhost/photo.png", "'file://localhost/photo.png' is on another machine"),
        ("file:photo.png", "not absolute"),
        ("file://", "not absolute"),
        ("file:-", "not absolute"),
        ("file:///nowhere/photo.png", "does not exist"),
        ("file:///%00", "cannot be read"),
        ("file:///\ud83d.png", "no name of a file"),
        ("file:///dev/zero", "a device"),
        ("file:///", "a folder"),
        ("file:///" + "a" * 5000, "characters"),
        ("file:///" + "%41" * 50_000, "characters"),
    ],
)
def test_a_file_uri_that_names_no_file_here_is_refused(uri, words):
    assert words in refused(uri).message


@pytest.mark.skipif(os.name == "nt", reason="as Windows reads them, tried elsewhere")
def test_a_drive_of_windows_loses_the_slash_before_it_on_windows_alone(monkeypatch):
    assert uris.local_path("file:///C:/photo%20one.png") == "/C:/photo one.png"
    monkeypatch.setattr(uris.os, "name", "nt")
    assert uris.local_path("file:///C:/photo%20one.png") == "C:/photo one.png"
    assert uris.local_path("file:///c|/photo.png") == "c:/photo.png"
    assert uris.local_path("file:///Cd:/photo.png") == "/Cd:/photo.png"


@pytest.mark.parametrize("scheme", ["http", "https", "HTTPS", "ftp", "s3", "gs"])
def test_nothing_is_fetched_and_no_token_is_repeated(scheme):
    error = refused(f"{scheme}://user:secret@example.com/photo.png?sig=secret")
    assert "example.com/photo.png" in error.message and "an address" in error.message
    assert "Download it first" in error.hint and "secret" not in str(error)


def test_base64_without_its_scheme_is_not_taken_for_a_path():
    error = refused(BASE64 * 10)
    assert "is no path" in error.message and "data:" in error.hint


def test_a_path_is_a_path(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    (tmp_path / "my%20photo.png").write_bytes(BYTES)
    monkeypatch.chdir(tmp_path / "in")
    assert read("../my%20photo.png")[1] == pixels()
    assert "does not exist" in refused("../my photo.png").message
    assert "does not exist" in refused("C:/photo.png").message


@given(
    st.sampled_from(["data:", "file:", "file://", "data:image/png;base64,", "data:,", "x://", "ab://", ""]),
    st.text(max_size=40),
)
@settings(max_examples=300, deadline=None)
def test_nothing_but_our_own_errors_come_of_any_address(start, rest):
    if start + rest == "-":
        return
    with pytest.raises(SmolError), open_media_at(start + rest, MediaOptions()) as media:
        list(media.frames())
