"""A caption in a picture's own description: nothing else in the file changes, and no pixel."""

import hashlib
import json
import os
import random
import shutil
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from drawing import synth
from PIL import Image

from smolcli.errors import OutputError
from smolcli.formats import describe_file
from smolcli.formats.containers import parts_of
from smolcli.media import same_pictures

RATED = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
exiftool = pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")


def exif():
    found = Image.Exif()
    found[0x010F] = "Canon"
    return found


KINDS = {
    "plain.jpg": {"quality": 90},
    "exif.jpg": {"exif": exif()},
    "rated.jpg": {"exif": exif(), "xmp": RATED, "progressive": True},
    "plain.png": {},
    "plain.webp": {"quality": 80},
    "lossless.webp": {"lossless": True},
    "rated.webp": {"exif": exif(), "xmp": RATED, "lossless": True},
    "clear.webp": {"lossless": True},
}


@pytest.fixture(params=KINDS)
def picture(request, tmp_path):
    return drawn(tmp_path, request.param)


def drawn(folder, name):
    rgb = synth(61, 47, 5)
    if name.startswith("clear"):
        rgb = np.dstack([rgb, rgb[:, :, :1]])
    Image.fromarray(rgb).save(folder / name, **KINDS[name])
    return folder / name


def described(path, text="A red fox."):
    return describe_file(str(path), hashlib.sha256(path.read_bytes()).hexdigest(), text, same_pictures)


def tags(path):
    words = ["exiftool", "-j", "-G1", "-all", "-validate", "-a", str(path)]
    return json.loads(subprocess.run(words, capture_output=True, check=True).stdout)[0]


@exiftool
def test_exiftool_reads_it_and_finds_all_else_as_it_was(picture):
    before, pixels = tags(picture), np.asarray(Image.open(picture).convert("RGBA"))
    sha256 = described(picture)
    assert hashlib.sha256(picture.read_bytes()).hexdigest() == sha256
    after = tags(picture)
    assert after.pop("XMP-dc:Description") == "A red fox."
    assert (np.asarray(Image.open(picture).convert("RGBA")) == pixels).all()
    mine = ("System:", "File:FileSize", "ExifTool:", "XMP-x:", "RIFF:WebP_Flags", "SourceFile", "File:FileType")
    assert {k: v for k, v in before.items() if not k.startswith(mine)}.items() <= after.items()
    assert after.get("ExifTool:Validate", "OK") == before.get("ExifTool:Validate", "OK")
    assert ("XMP-xmp:Rating" in after) == ("rated" in picture.name)


def test_what_is_there_is_kept_and_a_second_time_changes_nothing(picture):
    picture.chmod(0o640)
    assert described(picture, "A red fox.") and described(picture, "In snow & <ice>.")
    data, status = picture.read_bytes(), picture.stat()
    assert described(picture, "A red fox.") is None and described(picture, " ") is None
    assert picture.read_bytes() == data and picture.stat().st_ino == status.st_ino and status.st_mode & 0o777 == 0o640
    assert b"A red fox.\nIn snow &amp; &lt;ice&gt;." in data
    assert b'xmp:Rating="5"' in data or "rated" not in picture.name
    assert os.listdir(picture.parent) == [picture.name]


def test_a_compressed_packet_of_a_png_is_added_to(tmp_path):
    path = drawn(tmp_path, "plain.png")
    data = path.read_bytes()
    body = b"iTXtXML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(RATED)
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    path.write_bytes(data[:33] + chunk + data[33:])
    assert described(path)
    assert b'xmp:Rating="5"' in path.read_bytes() and b"A red fox." in path.read_bytes()


def test_bytes_behind_a_picture_stay(picture):
    with picture.open("ab") as file:
        file.write(b"a clip of a motion photo")
    assert described(picture) and picture.read_bytes().endswith(b"a clip of a motion photo")


def test_an_animation_keeps_its_pictures(tmp_path):
    first, *rest = [Image.fromarray(synth(40, 30, seed)) for seed in range(3)]
    for name in ("a.webp", "a.png"):
        first.save(tmp_path / name, save_all=True, append_images=rest, lossless=True)
        before = (tmp_path / name).read_bytes()
        assert described(tmp_path / name) and same_pictures(before, (tmp_path / name).read_bytes())
        assert Image.open(tmp_path / name).n_frames == 3


def refused(path, says, **more):
    before = path.read_bytes()
    with pytest.raises(OutputError, match=says) as caught:
        described(path, **more)
    assert path.read_bytes() == before and caught.value.hint and path.name in caught.value.message
    assert [name for name in os.listdir(path.parent) if name.startswith(".")] == []


def test_what_cannot_be_written_is_said_with_a_way_out(tmp_path):
    for name, says in (("a.gif", "Only JPEG"), ("a.tif", "Only JPEG"), ("a.bmp", "Only JPEG")):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
        refused(tmp_path / name, says)
    path = drawn(tmp_path, "plain.jpg")
    path.chmod(0o444)
    refused(path, "read-only")
    path.chmod(0o644)
    refused(path, "64 kB", text="x" * 70_000)
    hostile = RATED.replace(b"<x:xmpmeta", b'<!DOCTYPE x [<!ENTITY a "b">]><x:xmpmeta')
    Image.new("RGB", (8, 8)).save(tmp_path / "b.jpg", xmp=hostile)
    refused(tmp_path / "b.jpg", "The XMP that is in it has a document type")
    with pytest.raises(OutputError, match="changed since"):
        describe_file(str(path), "0" * 64, "A red fox.", same_pictures)
    with pytest.raises(OutputError, match="would not be the same"):
        describe_file(str(path), hashlib.sha256(path.read_bytes()).hexdigest(), "A fox.", lambda one, other: False)


def test_pictures_that_are_found_from_behind_the_description_are_not_moved(tmp_path):
    data = drawn(tmp_path, "rated.jpg").read_bytes()
    parts = parts_of(data)
    index = b"\xff\xe2" + (10).to_bytes(2, "big") + b"MPF\0" + bytes(4)
    ahead = b"".join((*parts.pieces[: parts.at], index, *parts.pieces[parts.at :]))
    behind = b"".join((*parts.pieces[: parts.at + 1], index, *parts.pieces[parts.at + 1 :]))
    (tmp_path / "ahead.jpg").write_bytes(ahead)
    (tmp_path / "behind.jpg").write_bytes(behind)
    refused(tmp_path / "ahead.jpg", "safely")
    assert described(tmp_path / "behind.jpg")


def test_damaged_files_are_refused_or_come_out_the_same(picture):
    data, chance = picture.read_bytes(), random.Random(3)
    for _ in range(120):
        bad = bytearray(data[: chance.randrange(12, len(data) + 1)])
        for _ in range(chance.randrange(4)):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        try:
            parts = parts_of(bytes(bad))
            again = parts_of(parts.with_xmp(RATED))
        except OutputError:
            continue
        assert again.others == parts.others and again.xmp == RATED


# ---- as a user types it


@exiftool
def test_captions_are_written_into_pictures_and_the_new_files_are_known(smol, tmp_path, monkeypatch):
    monkeypatch.setenv("SMOL_STORE", "on")
    monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path / "cache"))
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("plain.jpg", "plain.png", "plain.webp"):
        drawn(photos, name)
    Image.fromarray(synth(30, 30, 1)).save(photos / "z.gif")
    words = ("caption", photos, "--write-xmp", "--errors", tmp_path / "failed.jsonl", "--max-tokens", "4")
    done = smol(*words)
    assert (done.code, done.out) == (1, "") and "z.gif" in done.err and "--sidecar xmp" in done.err
    assert json.loads((tmp_path / "failed.jsonl").read_text())["failure"]["error"] == "OutputError"
    (photos / "z.gif").unlink()
    files = {path: path.read_bytes() for path in photos.iterdir()}
    records = smol("caption", photos, "--json", "--max-tokens", "4").records
    assert [record["cached"] for record in records] == [True] * 3
    assert {Path(r["media"][0]["source"]).name: " ".join(r["text"].split()) for r in records} == {
        path.name: " ".join(tags(path)["XMP-dc:Description"].split()) for path in files
    }
    assert smol(*words).code == 0 and {path: path.read_bytes() for path in photos.iterdir()} == files


def test_standard_input_and_every_picture_of_an_animation_have_no_description_of_their_own(
    smol_process, smol, tmp_path
):
    path = drawn(tmp_path, "plain.png")
    done = smol_process("caption", "-", "--write-xmp", stdin=path.read_bytes())
    assert done.code == 2 and "standard input" in done.err
    assert "--all-frames" in smol("caption", path, "--write-xmp", "--all-frames").sentence
