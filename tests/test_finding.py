"""What is looked for in clips, pictures and pages; with an engine that sees greys: the darker, the likelier."""

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from drawing import draw_pdf
from fakes.engine import FACTS, FakeEngine
from hypothesis import given, settings
from hypothesis import strategies as st

from smolcli.datatypes import ImagePart, Sampling
from smolcli.errors import DoesNotFitError
from smolcli.generation import Generation, Refused
from smolcli.jobs import Answer, Failure, Look, Question, Words
from smolcli.media import find_media
from smolcli.run import Access, OpenFiles, RunOptions, run
from smolcli.verbs import Finding, Looking, Template

FPS = 10


class Eyes(FakeEngine):
    """Says yes of what is dark. fails: refuses what is grey."""

    def __init__(self, fails=False):
        super().__init__(parallel=4)
        self.fails = fails

    def step(self):
        return [self._seen(event) if isinstance(event, Generation) else event for event in super().step()]

    def _seen(self, event):
        parts = [part for turn in self.seen[event.key].turns for part in turn.parts if isinstance(part, ImagePart)]
        assert len(parts) == 1, "one picture in a request"
        grey = parts[0].tiles.rgb.mean()
        if self.fails and 100 < grey < 150:
            return Refused(event.key, DoesNotFitError("It does not fit."))
        return replace(event, choice_logprobs=(-0.01, -4.6) if grey < 100 else (-4.6, -0.01))


def draw(path, seconds, dark, grey=()):
    """A white clip that is dark in some stretches (seconds)."""
    import cv2

    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"FFV1"), FPS, (64, 48))
    for number in range(round(seconds * FPS)):
        time_s = number / FPS
        level = 10 if any(a <= time_s < b for a, b in dark) else 125 if any(a <= time_s < b for a, b in grey) else 250
        writer.write(np.full((48, 64, 3), level, np.uint8))
    writer.release()
    return str(path)


def find(paths, engine=None, fps=1.0, **looking):
    engine = engine or Eyes()
    template = Template((Question(Words(), "Is there a dog?"),), Look("low", fps=fps), Sampling(0.0))
    with closing(OpenFiles(FACTS, 1000)) as files:
        finding = Finding(files, find_media(paths, False), template, Access(), Looking(**looking))
        events = list(finding.answers(run(finding.jobs(4), engine, files, RunOptions())))
        assert not files._opened
    return [event for event in events if isinstance(event, Answer | Failure)]


def windows(found):
    return [each.job.places[0].window_s for each in found]


def test_stretches_of_a_clip_are_found_to_a_quarter_of_a_second(tmp_path):
    path = draw(tmp_path / "a.avi", 30, [(4.2, 9.1), (20, 30)])
    (one, other) = find([path])
    assert windows([one, other]) == [
        (pytest.approx(4.2, abs=0.26), pytest.approx(9.1, abs=0.26)),
        (pytest.approx(20, abs=0.26), 30.0),
    ]
    assert (one.text, one.confidence) == ("0.99", pytest.approx(0.99, abs=0.01))
    assert one.job.places[0].uri.startswith(f"{path}#t=4")


@settings(max_examples=12, deadline=None)
@given(st.lists(st.floats(2.0, 5.0), min_size=1, max_size=5), st.booleans())
def test_whatever_lasts_longer_than_the_step_is_found_where_it_is(tmp_path_factory, lengths, first_dark):
    edges = np.cumsum([0.0, *lengths])
    dark = [(edges[n], edges[n + 1]) for n in range(len(lengths)) if (n % 2 == 0) == first_dark]
    path = draw(tmp_path_factory.mktemp("clip") / "a.avi", edges[-1], dark)
    found = windows(find([path]))
    assert len(found) == len(dark)
    for (start, end), (known_start, known_end) in zip(found, dark, strict=True):
        assert abs(start - known_start) < 0.4 and abs(end - known_end) < 0.4


def test_a_long_clip_is_looked_at_in_sixty_four_places_first_and_that_is_said(tmp_path):
    path = draw(tmp_path / "a.avi", 200, [(50, 90)])
    (found,) = find([path])
    assert windows([found]) == [(pytest.approx(50, abs=0.3), pytest.approx(90, abs=0.3))]
    assert "a frame every 3.1 s" in found.warnings[0]
    assert find([path], often=True)[0].warnings == ()


def test_only_a_part_of_a_clip_is_looked_at(tmp_path):
    path = draw(tmp_path / "a.avi", 30, [(0, 5), (20, 25)])
    assert windows(find([path], start_s=10.0, end_s=22.0)) == [(pytest.approx(20, abs=0.26), 22.0)]


def test_frames_that_cannot_be_looked_at_are_said_and_the_others_searched(tmp_path):
    path = draw(tmp_path / "a.avi", 12, [(2, 5)], grey=[(8, 10)])
    (found,) = find([path], Eyes(fails=True))
    assert windows([found]) == [(pytest.approx(2, abs=0.3), pytest.approx(5, abs=0.3))]
    assert any("could not be read" in warning for warning in found.warnings)


def test_a_clip_of_which_nothing_can_be_looked_at_is_a_failure(tmp_path):
    (failed,) = find([draw(tmp_path / "a.avi", 4, [], grey=[(0, 4)])], Eyes(fails=True))
    assert isinstance(failed, Failure)


def test_pictures_pages_and_clips_of_a_folder_are_looked_through_in_order(tmp_path):
    from PIL import Image

    draw(tmp_path / "a.avi", 3, [(0, 3)])
    Image.new("RGB", (40, 40), "black").save(tmp_path / "b.png")
    Image.new("RGB", (40, 40), "white").save(tmp_path / "c.png")
    draw_pdf(tmp_path / "d.pdf", [{"size": (100, 100), "fill": [((0, 0, 100, 100), (shade,) * 3)]} for shade in (1, 0)])
    (tmp_path / "e.mp4").write_bytes(b"none")
    *found, failed = find([str(tmp_path)])
    assert [each.job.places[0].uri.rpartition("/")[2] for each in found] == ["a.avi#t=0,3", "b.png", "d.pdf#page=2"]
    assert isinstance(failed, Failure) and failed.source.endswith("e.mp4")


def test_least_decides_what_counts(tmp_path):
    assert find([draw(tmp_path / "a.avi", 3, [(0, 3)])], least=0.995) == []
