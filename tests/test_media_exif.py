"""What a picture's EXIF says is told beside its answer; a hostile block costs the picture nothing."""

import io
import random
import struct

import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from smolcli.media import MediaOptions, open_media
from smolcli.printable import printable

BASE = ExifTags.Base


def block(orientation=6, **camera):
    exif = Image.Exif()
    exif[BASE.Make], exif[BASE.Model], exif[BASE.Orientation] = "Canon", "EOS\0 70D", orientation
    exif[BASE.ImageDescription], exif[BASE.Artist] = "two\nlines \x1b[31m", "  "
    exif.get_ifd(ExifTags.IFD.Exif).update({BASE[name]: value for name, value in camera.items()})
    exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    return exif


def saved(path, exif, **more):
    Image.new("RGB", (40, 20), "white").save(path, exif=exif, **more)
    return path


def facts(path):
    with open_media(str(path), MediaOptions()) as media:
        (place,) = media.places
        assert media.frame(place).rgb.shape == (*place.picture.size_px[::-1], 3)
        return place.picture.size_px, dict(place.picture.exif)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_camera_time_and_size_are_told_and_the_place_is_not(tmp_path, name):
    exif = block(DateTimeOriginal="2024:03:05 10:20:30", FNumber=IFDRational(28, 10), ISOSpeedRatings=400)
    size, found = facts(saved(tmp_path / name, exif))
    assert size == (20, 40)
    assert found.pop("ImageDescription").startswith("two lines")
    camera = {"DateTimeOriginal": "2024-03-05T10:20:30", "FNumber": 2.8, "ISO": 400}
    written = {} if name == "a.tif" else camera  # Pillow reads a TIFF's, and writes none
    assert found == {"Make": "Canon", "Model": "EOS", "Orientation": 6} | written


def test_a_picture_without_exif_has_a_size_alone(tmp_path):
    assert facts(saved(tmp_path / "a.png", Image.Exif())) == ((40, 20), {})


def test_values_that_cannot_be_are_left_out(tmp_path):
    exif = block(
        FNumber=IFDRational(1, 0), ExposureTime=IFDRational(0, 0), DateTimeOriginal="soon", LensModel="x" * 9999
    )
    _, found = facts(saved(tmp_path / "a.jpg", exif))
    assert not {"FNumber", "ExposureTime", "Artist"} & set(found)
    assert found["DateTimeOriginal"] == "soon" and len(found["LensModel"]) == 200


def test_hostile_blocks_end_in_an_answer_about_the_picture_all_the_same(tmp_path):
    whole = block(DateTimeOriginal="2024:03:05 10:20:30").tobytes()
    endless = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHII", 1, 0x8769, 4, 1, 8) + b"\0\0\0\x08"
    huge = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHII", 1, 0x010F, 2, 0xFFFFFFFF, 8) + b"\0\0\0\0"
    chance = random.Random(7)
    noisy = []
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(6):
            data[chance.randrange(6, len(data))] = chance.randrange(256)
        noisy.append(bytes(data))
    for number, data in enumerate([endless, huge, whole[:40], b"Exif\0\0", b"x" * 100, *noisy]):
        held = io.BytesIO()
        Image.new("RGB", (40, 20), "white").save(held, "JPEG", exif=data)
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(held.getvalue())
        size, found = facts(path)
        assert set(size) == {40, 20}
        for value in found.values():
            assert isinstance(value, int | float) or value == printable(value) == " ".join(value.split()), value


def test_an_answer_s_record_has_them(smol, tmp_path):
    saved(tmp_path / "a.jpg", block(), quality=90)
    record = smol("caption", tmp_path / "a.jpg", "--json", "-q", "--max-tokens", "2").record
    assert record["size"] == [20, 40] and record["exif"]["Make"] == "Canon"
