"""Pictures of places for people to look at: opened again, small, and grey where there are none."""

import shutil
from contextlib import closing

import numpy as np
import pytest
from drawing import clip_number, draw_clip, draw_pdf, draw_text, synth
from fakes.engine import FACTS
from PIL import Image

from smolcli.datatypes import Place, Source
from smolcli.errors import MediaError
from smolcli.jobs import Look
from smolcli.media import MediaOptions, open_media, shrunk
from smolcli.run import Access, OpenFiles, Thumbnails
from smolcli.run.thumbnails import GREY


@pytest.fixture
def notes():
    return []


@pytest.fixture
def thumbnails(notes):
    with closing(OpenFiles(FACTS, 1000)) as files, Thumbnails(files, Look(), Access(), notes.append) as shown:
        yield shown


def places(path, **options):
    with open_media(str(path), MediaOptions(**options)) as media:
        return list(media.places)


def test_a_picture_keeps_its_proportions_and_is_never_enlarged(tmp_path, thumbnails):
    Image.fromarray(synth(400, 100, 1)).save(tmp_path / "a.png")
    [place] = places(tmp_path / "a.png")
    assert thumbnails.shown(place, 80).shape == (20, 80, 3)
    assert thumbnails.shown(place, 4000).shape == (100, 400, 3)
    assert np.array_equal(thumbnails.picture(place), synth(400, 100, 1))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_large_photograph_is_small_without_being_decoded_whole_and_upright(tmp_path, thumbnails, mode):
    picture = Image.fromarray(synth(1600, 1200, 1)).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "a.jpg", exif=exif, quality=95)
    [place] = places(tmp_path / "a.jpg")
    small = thumbnails.shown(place, 128)
    assert small.shape == (128, 96, 3)
    whole = shrunk(thumbnails.picture(place), 128)
    assert np.abs(small.astype(int) - whole).mean() < 8


def test_frames_of_a_clip_are_those_that_their_places_name_in_any_order(tmp_path, thumbnails):
    draw_clip(tmp_path / "a.mp4", 90)
    found = places(tmp_path / "a.mp4")
    shown = [clip_number(thumbnails.picture(place)) for place in [*found, found[0]]]
    assert shown == [place.index for place in [*found, found[0]]]
    assert thumbnails.duration_s(found[0]) == pytest.approx(3.0)


def test_pages_and_pictures_of_animations_are_found_by_their_numbers(tmp_path, thumbnails, notes):
    draw_pdf(tmp_path / "a.pdf", [{"fill": [((0, 0, 595, 842), (n, 0, 0))]} for n in (0, 1)])
    reds = [thumbnails.shown(place, 50)[30, 20, 0] for place in places(tmp_path / "a.pdf")]
    assert reds[0] < 10 and reds[1] > 245
    frames = [Image.new("RGB", (20, 20), (n, 0, 0)) for n in (10, 200)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True, duration=500)
    second = places(tmp_path / "a.webp", all_frames=True)[1]
    assert thumbnails.picture(second)[0, 0, 0] == 200
    assert thumbnails.duration_s(second) is None and notes == []


def test_the_box_of_a_place_is_cut_out(tmp_path, thumbnails):
    Image.fromarray(synth(200, 100, 1)).save(tmp_path / "a.png")
    [place] = places(tmp_path / "a.png")
    boxed = Place(place.source, box=(0.5, 0.0, 0.5, 1.0))
    assert np.array_equal(thumbnails.picture(boxed), synth(200, 100, 1)[:, 100:])


def test_what_cannot_be_shown_is_a_grey_box_and_said_once(tmp_path, thumbnails, notes):
    gone = Place(Source(str(tmp_path / "gone.png"), "image", "0" * 64))
    for _ in range(2):
        grey = thumbnails.shown(gone, 100)
        assert grey.shape == (75, 100, 3) and (grey == GREY).all()
    assert len(notes) == 1 and "does not exist" in notes[0] and "grey box" in notes[0]
    with pytest.raises(MediaError, match="does not exist"):
        thumbnails.picture(gone)
    assert thumbnails.duration_s(gone) is None


def test_a_file_that_has_changed_is_not_shown_as_what_was_read(tmp_path, thumbnails, notes):
    draw_text(tmp_path / "a.png", "A")
    draw_text(tmp_path / "b.png", "B")
    [place] = places(tmp_path / "a.png")
    shutil.copy(tmp_path / "b.png", tmp_path / "a.png")
    assert (thumbnails.shown(place, 100) == GREY).all()
    assert "has changed" in notes[0]


def test_a_damaged_frame_is_grey_and_the_others_are_shown(tmp_path, thumbnails, notes):
    draw_clip(tmp_path / "a.mp4", 60)
    found = places(tmp_path / "a.mp4")
    beyond = Place(found[0].source, 5000, time_s=166.0)
    assert (thumbnails.shown(beyond, 64) == GREY).all() and len(notes) == 1
    assert clip_number(thumbnails.picture(found[1])) == found[1].index


def test_shrinking_rounds_a_sliver_to_one_pixel():
    assert shrunk(synth(500, 2, 1), 50).shape == (1, 50, 3)
