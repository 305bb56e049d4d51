"""Media in many threads at once: what one thread gets, all get."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from drawing import draw_clip, draw_pdf, draw_text, synth
from PIL import Image

from smolcli.errors import SmolError
from smolcli.media import MediaOptions, open_media

OPTIONS = MediaOptions(longest_edge_px=256, max_frames=3, max_pixels=1_000_000)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Whole, odd, damaged and forbidden files of every kind."""
    folder = tmp_path_factory.mktemp("mixed")
    picture = Image.fromarray(synth(60, 40, 1))
    for name in ("a.png", "a.jpg", "a.tif", "a.webp", "a.bmp"):
        picture.save(folder / name)
    picture.save(folder / "pages.tif", save_all=True, append_images=[Image.fromarray(synth(60, 40, 2))])
    picture.save(folder / "a.gif", save_all=True, append_images=[picture.rotate(90)], duration=100)
    (folder / "cut.tif").write_bytes((folder / "a.tif").read_bytes()[:-2000])
    (folder / "cut.jpg").write_bytes((folder / "a.jpg").read_bytes()[:-300])
    Image.new("1", (1200, 1200)).save(folder / "bomb.png")
    Image.new("1", (1200, 1200)).save(folder / "bomb.tif")
    draw_text(folder / "t.png", "EXIT", (64, 64), 20)
    draw_pdf(folder / "a.pdf", [{"size": (200, 200), "text": str(n), "height": 80} for n in range(4)])
    broken = (folder / "a.pdf").read_bytes().replace(b"startxref", b"startxxxx")
    (folder / "repaired.pdf").write_bytes(broken)
    (folder / "empty.pdf").write_bytes(b"%PDF-1.4\n")
    draw_clip(folder / "a.mp4", 60)
    shutil.copy(folder / "a.png", folder / "none")
    return sorted(str(path) for path in folder.iterdir())


def look(path):
    """Everything that reading a file gives: pictures, warnings, or its error."""
    try:
        with open_media(path, OPTIONS) as media:
            frames = list(media.frames())
            return media.source, [(f.rgb.tobytes(), f.place, f.text, f.warnings) for f in frames], media.warnings
    except SmolError as error:
        return str(error)


def test_eight_threads_get_what_one_gets(mixed, capfd):
    alone = {path: look(path) for path in mixed}
    assert sum(isinstance(found, str) for found in alone.values()) >= 4
    with ThreadPoolExecutor(8) as pool:
        for path, found in zip(mixed * 12, pool.map(look, mixed * 12), strict=True):
            assert found == alone[path], path
    assert capfd.readouterr() == ("", ""), "a library has spoken, or a descriptor is lost"
    print("heard")
    assert capfd.readouterr().out == "heard\n"


def test_pages_of_one_document_are_drawn_by_any_thread(tmp_path):
    pdf = str(draw_pdf(tmp_path / "a.pdf", [{"size": (200, 200), "text": str(n), "height": 80} for n in range(12)]))
    with open_media(pdf, OPTIONS) as media, ThreadPoolExecutor(8) as pool:
        alone = [media.frame(place).rgb for place in media.places]
        found = list(pool.map(lambda place: media.frame(place).rgb, media.places))
    assert all(np.array_equal(one, other) for one, other in zip(alone, found, strict=True))


def test_a_file_is_hashed_once_in_a_process_until_it_changes(tmp_path, monkeypatch):
    import hashlib

    hashed, usual = [], hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda file, name: hashed.append(1) or usual(file, name))
    draw_text(tmp_path / "a.png", "EXIT", (64, 64), 20)
    (tmp_path / "b.png").hardlink_to(tmp_path / "a.png")
    first, again = (open_media(str(tmp_path / name), OPTIONS).source.sha256 for name in ("a.png", "b.png"))
    assert first == again and len(hashed) == 1
    draw_text(tmp_path / "c.png", "STOP", (64, 64), 20)
    (tmp_path / "a.png").write_bytes((tmp_path / "c.png").read_bytes())
    assert open_media(str(tmp_path / "a.png"), OPTIONS).source.sha256 != first and len(hashed) == 2
