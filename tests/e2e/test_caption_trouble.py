"""Folders as they are: what cannot be read is a failure with a sentence, and all else has its caption."""

import json
import os
import struct
import zlib
from pathlib import Path

import pytest
from drawing import draw_text
from PIL import Image

from smolcli.session import folders

SHORT = ("--max-tokens", "3")


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.png", "b.png", "z.png"):
        draw_text(folder / name, name[0].upper(), (64, 64), 40)
    return folder


def bomb(path):
    """A PNG of a few bytes that says it has ten billion pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    path.write_bytes(data + b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT")))


def captioned(done):
    return [Path(line.split("\t")[0]).name for line in done.out.splitlines()]


def test_each_kind_of_trouble_is_a_record_of_its_own_and_the_rest_is_done(smol, photos, tmp_path):
    (photos / "empty.jpg").touch()
    (photos / "damaged.png").write_bytes((photos / "a.png").read_bytes()[:60])
    (photos / "text.jpg").write_text("no picture")
    (photos / "round.png").symlink_to("round.png")
    (photos / "nowhere.png").symlink_to("../gone.png")
    bomb(photos / "huge.png")
    (photos / "sub").mkdir()
    (photos / "sub" / "up").symlink_to(photos)
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    frames[0].save(photos / "moving.gif", save_all=True, append_images=frames[1:])
    os.rename(photos / "b.png", photos / "sub" / "b.png")
    done = smol("caption", photos, "-r", "--errors", tmp_path / "failed.jsonl", *SHORT)
    assert done.code == 1 and captioned(done) == ["a.png", "moving.gif", "z.png", "b.png"]
    assert "moving.gif' is animated" in done.err and "6 of 10 inputs failed" in done.err
    failed = [json.loads(line)["failure"] for line in (tmp_path / "failed.jsonl").read_text().splitlines()]
    said = {Path(each["source"]).name: each["message"] for each in failed}
    for name, word in {
        "empty.jpg": "is empty",
        "damaged.png": "damaged",
        "text.jpg": "text",
        "round.png": "symbolic links",
        "nowhere.png": "does not exist",
        "huge.png": "10000 megapixels",
    }.items():
        assert word in said.pop(name), name
    assert not said and {each["exit_code"] for each in failed} == {3} and all(each["hint"] for each in failed)


def test_a_file_that_may_not_be_read_says_so(smol, photos, monkeypatch):
    (photos / "b.png").chmod(0)
    if os.access(photos / "b.png", os.R_OK):  # root may read everything: the system's answer is given for it
        real = Path.open

        def refuse(path, *words, **more):
            if path.name == "b.png":
                raise PermissionError(13, "Permission denied", str(path))
            return real(path, *words, **more)

        monkeypatch.setattr(Path, "open", refuse)
    done = smol("caption", photos, *SHORT)
    assert done.code == 1 and captioned(done) == ["a.png", "z.png"]
    assert "b.png' may not be read. Check its permissions." in done.err


def test_a_file_that_vanishes_while_the_run_is_under_way_is_a_failure(smol, photos, monkeypatch):
    real = folders.find_pictures

    def vanishing(*words):
        for found in real(*words):
            if isinstance(found, str) and found.endswith("b.png"):
                os.unlink(found)
            yield found

    monkeypatch.setattr(folders, "find_pictures", vanishing)
    done = smol("caption", photos, *SHORT)
    assert done.code == 1 and captioned(done) == ["a.png", "z.png"] and "b.png' does not exist" in done.err


def test_choices_and_fields_are_given_for_each_picture(smol, photos):
    records = smol("caption", photos, "-Q", "Which letter?", "--choices", "A,B,Z", "--json", "-q").records
    assert [sorted(record["choices"]) for record in records] == [["A", "B", "Z"]] * 3
    assert all(record["text"] in record["choices"] for record in records)
    records = smol("caption", photos, "--fields", "letter", "--json", "-q", "--limit", "1").records
    assert list(records[0]["data"]) == ["letter"]


def test_names_come_through_a_pipe_and_out_as_csv_that_other_tools_read(smol_process, photos):
    import csv

    os.rename(photos / "b.png", photos / 'b, "odd"\nname.png')
    listed = b"\0".join(os.fsencode(path) for path in sorted(photos.iterdir()))
    done = smol_process("caption", "-0", "-", "-f", "csv", "-q", *SHORT, stdin=listed)
    assert done.code == 0
    rows = list(csv.DictReader(done.out.splitlines(keepends=True)))
    assert [Path(row["place"]).name for row in rows] == ["a.png", 'b, "odd"\\nname.png', "z.png"]
    again = smol_process("caption", "-", "-q", *SHORT, stdin=str(photos / "a.png").encode())
    assert again.out.startswith(f"{photos}/a.png\t")
    nothing = smol_process("caption", "-0", "-", "-q", stdin=b"")
    assert nothing.code == 3 and "holds no names" in nothing.err
