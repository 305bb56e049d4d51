"""What clips show: the contact sheet, and the frames that were read, as files."""

import io
import os

import numpy as np
import pytest
from clip_answers import CLIP, said
from drawing import clip_number, draw_clip
from PIL import Image

from smolcli.errors import MediaError, OutputError, UsageError
from smolcli.formats import PLAIN, Form, SavedFrames, find_format
from smolcli.formats.cues import tell
from smolcli.formats.pictures import data_uri, evenly, thinned
from smolcli.formats.scripts import drawn_text, without_glyphs
from smolcli.formats.sheet import COLUMNS, FRAME_PX, GAP_PX, MOST_FRAMES, SheetWriter
from smolcli.formats.table import Allowed

SHAPE = (135, FRAME_PX, 3)


class Memory:
    def __init__(self):
        self.data = b""

    def write_bytes(self, data):
        self.data += data


def shade(place, edge_px):
    """A picture that says by its red when it is: frame n (ten a second) is of level n."""
    return np.full(SHAPE, (place.index % 200, 0, 255), np.uint8)


def sheet(*answers, pictures=shade):
    target = Memory()
    writer = SheetWriter(target, Form(pictures=pictures))
    for each in answers:
        writer.answer(each)
    writer.finish()
    return np.asarray(Image.open(io.BytesIO(target.data)).convert("RGB"))


def frames_on(picture):
    """The red levels of the frames on a sheet, row by row."""
    found = []
    inner = [GAP_PX + column * (FRAME_PX + GAP_PX) + FRAME_PX // 2 for column in range(COLUMNS)]
    blue = picture[:, :, 2].astype(int) - picture[:, :, 1] > 200
    y = 0
    while y < len(picture):
        if blue[y, inner[0]]:
            found += [int(picture[y + 60, x, 0]) for x in inner if x < picture.shape[1] and blue[y + 60, x]]
            y += SHAPE[0]
        y += 1
    return found


def test_a_sheet_shows_every_frame_that_was_read_in_the_order_of_time():
    times = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    shown = sheet(said("Then that.", (7.0, 9.0), [7.0, 8.0]), said("This.", (0.0, 7.0), times), said("All of it."))
    assert frames_on(shown) == [0, 10, 20, 30, 40, 50, 60, 70, 80]
    assert shown.shape[1] == COLUMNS * (FRAME_PX + GAP_PX) + GAP_PX


def test_a_sheet_of_a_long_clip_shows_some_frames_of_every_part():
    parts = [said(f"Part {n}", (64.0 * n, 64.0 * n + 64), [64.0 * n + at for at in range(64)]) for n in range(70)]
    seen = []
    shown = sheet(*parts, pictures=lambda place, edge_px: seen.append(place) or shade(place, edge_px))
    assert 70 <= len(set(seen)) <= MOST_FRAMES and {int(place.time_s // 64) for place in seen} == set(range(70))
    assert shown.shape[0] < 65_000


def test_thinning_keeps_the_first_frame_of_each_part_and_counts_all():
    assert evenly(list(range(10)), 4) == [0, 2, 5, 7] and evenly([1, 2], 4) == [1, 2]
    parts = [said("x", (float(n), n + 1.0), [n + 0.1]) for n in range(1000)]
    cues, total = thinned(tell(parts, PLAIN).cues, 100)
    assert total == 1000 and len(cues) == 100 and all(len(cue.shown) == 1 for cue in cues)


def test_captions_of_any_script_and_length_are_drawn_within_the_sheet():
    texts = ["广场上的狗在跑" * 30, "собака бежит", "word " * 100, "x" * 900, "<b>&\x1b[1m"]
    shown = sheet(*(said(text, (float(n), n + 1.0), [float(n)]) for n, text in enumerate(texts)))
    assert (shown[:, -GAP_PX // 2 :] == 255).all()


@pytest.mark.parametrize("letters", ["éüßœ", "אבגד", "كتبم", "广场上", "कखगघ", "กขคง", "абвг", "가나다"])
def test_letters_of_any_script_are_drawn_and_are_no_boxes(letters):
    assert without_glyphs(letters) == []
    pictures = [drawn_text(letter, 20, 100, "#000000") for letter in letters]
    assert all(picture.min() < 100 for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == len(letters), "each looks like itself"


def test_lines_of_a_script_from_the_right_stand_on_the_right_in_their_own_order():
    left, right = (drawn_text(text, 20, 300, "#000000") for text in ("где собака", "איפה הכלב"))
    assert left[:, 150:].min() == 255 and right[:, :150].min() == 255
    numbered = drawn_text("א 77", 20, 300, "#000000")
    alone = drawn_text("א", 20, 300, "#000000")
    assert (numbered[:26, 285:] == alone[:26, 285:]).all(), "what is read first is rightmost"


def test_a_word_that_is_longer_than_the_sheet_is_broken():
    lines = drawn_text("ж" * 90, 20, 300, "#000000")
    assert len(lines) > 5 * 20 and (lines[:, -2:] == 255).all()


def test_letters_that_no_font_has_are_named_on_the_sheet():
    assert without_glyphs("a،\ue000б\ue001\ue000 \u200d") == ["\ue000", "\ue001"]
    plain, lost = (len(sheet(said(text, (0.0, 1.0), [0.0]))) for text in ("где", "где \ue000"))
    assert lost > plain


def test_a_sheet_without_pictures_is_refused():
    with pytest.raises(UsageError, match="shows pictures"):
        sheet(said("x", (0.0, 1.0), [0.0]), pictures=None)


def test_a_data_uri_is_a_small_jpeg():
    uri = data_uri(shade(said("x", None, [1.0]).places[0], 256))
    assert uri.startswith("data:image/jpeg;base64,") and len(uri) < 4000


# ---- frames as files


def saved(folder, answer, picture, force=False, notes=None):
    into = SavedFrames(folder, [CLIP.path], force, (notes if notes is not None else []).append)
    into.take(answer, picture)
    into.take(answer, picture)
    return sorted(os.listdir(folder)) if folder.is_dir() else []


def test_frames_are_named_by_their_times_and_saved_once(tmp_path):
    answer = said("x", (0.0, 20.0), [0.0, 12.5, 3600.25])
    names = saved(tmp_path / "new" / "frames", answer, lambda place: shade(place, 0))
    assert names == ["clip.t=00000.00.png", "clip.t=00012.50.png", "clip.t=03600.25.png"]
    rgb = np.asarray(Image.open(tmp_path / "new" / "frames" / names[1]))
    assert rgb.shape == SHAPE and rgb[0, 0, 0] == 125


def test_a_frame_that_is_there_may_stay_and_another_file_is_not_replaced(tmp_path):
    answer = said("x", None, [1.0])
    saved(tmp_path, answer, lambda place: shade(place, 0))
    saved(tmp_path, answer, lambda place: shade(place, 0))
    (tmp_path / "clip.t=00001.00.png").write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists"):
        saved(tmp_path, answer, lambda place: shade(place, 0))
    assert (tmp_path / "clip.t=00001.00.png").read_bytes() == b"mine"
    saved(tmp_path, answer, lambda place: shade(place, 0), force=True)
    assert (tmp_path / "clip.t=00001.00.png").read_bytes() != b"mine"
    assert os.listdir(tmp_path) == ["clip.t=00001.00.png"]


def test_a_frame_that_cannot_be_had_any_more_is_said_and_the_others_are_saved(tmp_path):
    def picture(place):
        if place.time_s == 1.0:
            raise MediaError("'clip.mp4' has changed.")
        return shade(place, 0)

    notes = []
    assert saved(tmp_path, said("x", None, [0.0, 1.0, 2.0]), picture, notes=notes) == [
        "clip.t=00000.00.png",
        "clip.t=00002.00.png",
    ]
    assert len(notes) == 1 and "has changed" in notes[0]


def test_a_sheet_and_the_frames_of_a_clip_are_those_that_were_read(smol, tmp_path):
    draw_clip(tmp_path / "a.mp4", 90)
    flags = ("--sheet", tmp_path / "a.png", "--save-frames", tmp_path / "frames", "--json")
    done = smol("video", "-q", tmp_path / "a.mp4", "What is this?", *flags)
    assert done.code == 0
    frames = done.record["media"][0]["frames"]
    names = sorted(os.listdir(tmp_path / "frames"))
    assert names == [f"a.t={frame['time_s']:08.2f}.png" for frame in frames]
    numbers = [clip_number(np.asarray(Image.open(tmp_path / "frames" / name))) for name in names]
    assert numbers == [frame["index"] for frame in frames]
    assert Image.open(tmp_path / "a.png").size[0] > 3 * 96


def test_a_sheet_is_of_one_clip_and_not_for_a_terminal():
    found = find_format("sheet", Allowed(clips=True))
    assert found.binary and found.single


def test_a_folder_for_frames_that_is_a_file_is_refused(smol, drawn, tmp_path):
    (tmp_path / "x").write_text("x")
    done = smol("video", drawn / "clip.mp4", "--save-frames", tmp_path / "x")
    assert done.code == 6 and "not a folder" in done.sentence
