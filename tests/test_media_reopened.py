"""Media that are closed between looks: what comes out is what an open file gives, and a changed file is refused."""

import os
from pathlib import Path

import numpy as np
import pytest
from drawing import draw_clip, draw_pdf, draw_text

from smolcli.errors import MediaError
from smolcli.formats.json import media_records
from smolcli.media import MediaOptions, open_media, open_media_briefly

OPTIONS = MediaOptions(longest_edge_px=256, max_frames=3)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    draw_text(folder / "a.png", "EXIT", (64, 64), 20)
    draw_pdf(folder / "a.pdf", [{"size": (300, 300), "text": word, "height": 80} for word in ("1", "2")])
    draw_clip(folder / "a.mp4", 90)
    return folder


@pytest.mark.parametrize("name", ["a.png", "a.pdf", "a.mp4"])
def test_frames_are_those_of_a_file_that_stays_open(files, name):
    with open_media(str(files / name), OPTIONS) as usual, open_media_briefly(str(files / name), OPTIONS) as brief:
        assert (brief.outlines, brief.video, brief.source) == (tuple(usual.outlines), usual.video, usual.source)
        expected, found = list(usual.frames()), list(brief.frames())
        assert all(np.array_equal(one.rgb, other.rgb) for one, other in zip(expected, found, strict=True))
        last = brief.frame(brief.outlines[-1].place)
        assert np.array_equal(last.rgb, expected[-1].rgb)
        assert brief.warnings == usual.warnings
        places = [frame.place for frame in (*found, last)]
        assert list(media_records(tuple(places[:-1]))) == list(media_records(tuple(f.place for f in expected)))
        assert all(place.source is brief.source for place in places)  # one file, however often it was opened


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="Linux tells which files are open")
def test_nothing_is_open_between_looks(files):
    before = os.listdir("/proc/self/fd")
    held = [open_media_briefly(str(files / "a.png"), OPTIONS) for _ in range(20)]
    assert [len(media.outlines) for media in held] == [1] * 20 and len(os.listdir("/proc/self/fd")) == len(before)


def test_a_file_that_changed_meanwhile_is_refused(tmp_path):
    draw_text(tmp_path / "a.png", "EXIT", (64, 64), 20)
    media = open_media_briefly(str(tmp_path / "a.png"), OPTIONS)
    draw_text(tmp_path / "a.png", "STOP", (64, 64), 20)
    with pytest.raises(MediaError, match="changed"):
        media.frame(media.outlines[0].place)
    with pytest.raises(MediaError, match="changed"):
        list(media.frames())
