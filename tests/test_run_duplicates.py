"""Frames that show the same are read as one, and nothing that changes is lost."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import cv2
import numpy as np
import pytest
from fakes.engine import FACTS, FakeEngine
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from smolcli.datatypes import ImagePart, Sampling, TextPart
from smolcli.jobs import Answer, Look, Question, Words
from smolcli.run import Access, OpenFiles, RunOptions, pictures_of, run
from smolcli.run.duplicates import MOST_OF_ALL, MOST_OF_BLOCK, Duplicates, block_means
from smolcli.tiles import Detail, Geometry, pack, plan
from smolcli.verbs import Template

TILE = 512
FILM_FACTS = replace(FACTS, tile_px=256, longest_edge_px=256, max_frames=64)


def tiles(rgb):
    return pack(rgb[None], plan((TILE, TILE), Geometry(TILE, 64, TILE), Detail("low")))


def page(words="Total 1234.50", height=26, at=(60, 200), grey=40):
    picture = Image.new("RGB", (TILE, TILE), (225, 230, 235))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, TILE, 90), (30, 60, 120))
    draw.text(at, words, (grey, grey, grey), ImageFont.load_default(height))
    return np.asarray(picture)


def kept(*pictures):
    """Which of some pictures each is read as."""
    seen, known = Duplicates(), []
    for picture in pictures:
        shown = seen.like(tiles(picture))
        if not any(shown is each for each in known):
            known.append(shown)
        yield next(number for number, each in enumerate(known) if shown is each)


def noisy(picture, seed, levels=3.0):
    noise = np.random.default_rng(seed).normal(0, levels, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def test_noise_of_a_camera_is_no_change():
    assert list(kept(*(noisy(page(), seed) for seed in range(6)))) == [0] * 6


@pytest.mark.parametrize("height", [10, 14, 26])
@pytest.mark.parametrize(
    ("before", "after"), [("Total 1234", "Total 1284"), ("Open", "Opens"), ("now", "not"), ("a", "e"), ("5", "-5")]
)
def test_a_letter_that_changes_is_another_frame(before, after, height):
    for grey in (40, 120):
        assert list(kept(page(before, height, grey=grey), page(after, height, grey=grey))) == [0, 1]


def test_a_small_thing_that_moves_is_another_frame_wherever_it_is():
    def dot(left):
        picture = page().copy()
        picture[301:304, left : left + 3] = (200, 30, 30)
        return picture

    assert list(kept(dot(100), dot(101), dot(103), dot(100))) == [0, 0, 1, 0], "less than a third of it is no change"


def test_a_slow_fade_is_seen_before_it_has_gone_far():
    steps = [np.full((TILE, TILE, 3), level, np.uint8) for level in range(100, 140)]
    numbers = list(kept(*steps))
    assert numbers == [level // 3 for level in range(40)]


def test_what_comes_back_is_not_read_again():
    one, other = page("one"), page("two")
    assert list(kept(one, other, one, other, noisy(one, 1))) == [0, 1, 0, 1, 0]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 16).map(lambda n: 4 * n), st.integers(0, 2**32 - 1), st.integers(0, 14))
def test_frames_are_one_exactly_where_no_block_and_not_the_whole_differs_by_more_than_is_stated(size, seed, apart):
    draw = np.random.default_rng(seed)
    one = draw.integers(20, 236, (size, size, 3), np.uint8)
    other = one + draw.integers(-apart, apart + 1, one.shape).astype(np.int8).astype(np.uint8)
    shape = plan((size, size), Geometry(size, 1, size), Detail("low"))
    seen = Duplicates()
    first, second = pack(one[None], shape), pack(other[None], shape)
    assert seen.like(first) is first
    means = [picture.reshape(size // 4, 4, size // 4, 4, 3).astype(np.float64).mean((1, 3)) for picture in (one, other)]
    differ = np.abs(means[0] - means[1])
    same = differ.max() <= MOST_OF_BLOCK + 1e-4 and differ.mean() <= MOST_OF_ALL + 1e-4
    assert (seen.like(second) is first) == same


def test_blocks_at_the_edges_of_a_tile_that_is_no_multiple_are_compared_too():
    assert block_means(np.zeros((30, 30, 3), np.uint8)).shape == (8, 8, 3)
    shape = plan((30, 30), Geometry(30, 1, 30), Detail("low"))
    one, other = np.zeros((1, 30, 30, 3), np.uint8), np.zeros((1, 30, 30, 3), np.uint8)
    other[0, 29, 29] = 90
    seen = Duplicates()
    assert seen.like(pack(one, shape)) is not seen.like(pack(other, shape))


# ---- in a run


def write(path, pictures, fps=2.0):
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"mp4v"), fps, (256, 256))
    for picture in pictures:
        writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    writer.release()
    return str(path)


def asked(path, look):
    """(answer, the pictures of its request, its words)."""
    engine = FakeEngine()
    engine.facts, engine.context_tokens = FILM_FACTS, 100_000
    words = Words(frame="[{timestamp}]", video_intro="{frame_number} frames")
    template = Template((Question(words, "What?"),), look, Sampling(max_tokens=5))
    with closing(OpenFiles(FILM_FACTS, 100_000)) as files:
        with files.hold(path, look, Access()) as media:
            [job] = template.jobs(pictures_of(media))
        [answer] = [event for event in run([job], engine, files, RunOptions()) if isinstance(event, Answer)]
    parts = engine.seen[0].turns[-1].parts
    pictures = [part for part in parts if isinstance(part, ImagePart)]
    return answer, pictures, "".join(part.text for part in parts if isinstance(part, TextPart))


def test_a_clip_that_stands_still_is_encoded_once_or_twice_and_every_frame_keeps_its_time(tmp_path):
    still = np.asarray(Image.fromarray(page()).resize((256, 256)))
    path = write(tmp_path / "a.mp4", [still] * 40)
    answer, pictures, words = asked(path, Look("low"))
    assert len(pictures) == len(answer.places) == 20
    assert len({part.tiles.digests for part in pictures}) <= 2
    assert "20 frames[00:00][00:01]" in words and words.count("[00:") == 20
    assert len({place.time_s for place in answer.places}) == 20


def test_a_word_that_changes_in_a_clip_is_encoded_anew_and_on_demand_every_frame_is(tmp_path):
    pictures = [np.asarray(Image.fromarray(page(f"Step {n // 8}", 40)).resize((256, 256))) for n in range(40)]
    path = write(tmp_path / "a.mp4", pictures)
    _, shown, _ = asked(path, Look("low"))
    assert 5 <= len({part.tiles.digests for part in shown}) <= 10
    _, every, _ = asked(path, Look("low", dedupe=False))
    own = {part.tiles.digests for part in every}
    assert len(own) >= len({part.tiles.digests for part in shown})
    assert {part.tiles.digests for part in shown} <= own, "a frame is never averaged: each is one that was decoded"
    assert replace(Look("low"), dedupe=False).opening == Look("low").opening
