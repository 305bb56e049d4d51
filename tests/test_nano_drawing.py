"""The recipe of the built-in model: what it draws, and the labels of where letters stand."""

import json
import random
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "examples"))

from train_nano import batches, geometry, labels, prompts, samples, vocabulary  # noqa: E402
from train_nano.config import SIZES  # noqa: E402
from train_nano.drawing import fonts, pages, words  # noqa: E402
from train_nano.drawing.canvas import Canvas, join  # noqa: E402
from train_nano.drawing.shapes import SHAPES  # noqa: E402
from train_nano.drawing.sheet import MIN_PX, SMALLEST_PX  # noqa: E402
from train_nano.geometry import GRIDS, UNSPLIT, Layout  # noqa: E402
from train_nano.samples import CLIP, PAINTERS, Options  # noqa: E402

EVERY = [(task, grid) for task in PAINTERS for grid in GRIDS] + [(CLIP, Layout(frames=n)) for n in (1, 2, 7, 16)]


# ---------------------------------------------------------------- geometry and labels


@settings(max_examples=40, deadline=None)
@given(st.integers(60, 900), st.integers(60, 900), st.integers(0, 99))
def test_tiles_are_those_that_smol_cuts(width, height, seed):
    tiles = pytest.importorskip("smolcli.tiles")
    rgb = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    geometry_ = tiles.Geometry(geometry.TILE_PX, geometry.TOKENS, geometry.LONGEST_EDGE_PX)
    expected = tiles.cut(rgb, tiles.plan((width, height), geometry_, tiles.parse_detail("high"))).rgb
    layout = geometry.layout_of(width, height)
    mine = geometry.cut(geometry.Image.fromarray(rgb), layout)
    assert np.array_equal(mine, expected)
    whole = tiles.cut(rgb, tiles.plan((width, height), geometry_, tiles.parse_detail("low"))).rgb
    assert np.array_equal(geometry.cut(geometry.Image.fromarray(rgb), UNSPLIT), whole)


@given(st.integers(0, 10**6), st.sampled_from(GRIDS[1:]), st.sampled_from((0.0, 1.0)))
def test_a_source_size_is_cut_into_the_layout_it_was_made_for(seed, layout, small):
    width, height = geometry.source_size(random.Random(seed), layout, small)
    assert geometry.layout_of(width, height) == layout
    assert not small or max(width, height) <= geometry.LONGEST_EDGE_PX / 2


@pytest.mark.parametrize("layout", GRIDS, ids=str)
def test_labels_name_a_letter_in_the_patch_and_the_cell_where_its_ink_is(layout):
    width, height = layout.size_px
    canvas = Canvas(width, height, (255, 255, 255))
    font = fonts.load("pillow:", 24)
    canvas.text(width * 0.7, height * 0.8, "H", font, (0, 0, 0))
    marks = labels.patch_labels(canvas.letters, canvas.size, layout)
    tiles = geometry.cut(canvas.image, layout)
    for tile, mark in zip(tiles, marks, strict=True):
        named = np.nonzero(mark[:, 0])[0]
        if tile.min() > 200:
            assert len(named) == 0
            continue
        if not len(named):
            assert layout.rows and np.array_equal(tile, tiles[-1]), "only the whole page may leave a letter out"
            continue
        assert mark[named[0], 0] == ord("H") - 32
        y, x = divmod(int(named[0]), 16)
        patch = tile[y * 16 : y * 16 + 16, x * 16 : x * 16 + 16]
        assert patch.min() < 100
    (cell,) = labels.letter_cells(canvas.letters, canvas.size, layout)
    tile, (y, x) = tiles[cell // 64], divmod(int(cell) % 64, 8)
    assert tile[y * 32 : y * 32 + 32, x * 32 : x * 32 + 32].min() < 100


def test_an_answer_about_a_shape_looks_at_the_shape():
    looked = 0
    for seed in range(60):
        sample = samples.draw(random.Random(seed), "shape", UNSPLIT, Options(level=0, varied=False))
        marked = {int(kind) - 96: int(patch) for patch, kind in enumerate(sample.labels[0, :, 0]) if kind > 95}
        assert marked and set(marked) <= set(range(len(SHAPES)))
        if sample.question.startswith("What color is the") and "background" not in sample.question:
            kind = SHAPES.index(sample.question.rstrip("?").split()[-1])
            (cell,) = set(sample.cells) - {-1}
            y, x = divmod(cell, 8)
            patches = sample.labels[0].reshape(8, 2, 8, 2, labels.SLOTS)[y, :, x]
            assert (patches == 96 + kind).any()
            looked += 1
    assert looked > 3


def test_what_happens_in_a_clip_is_seen_in_its_last_frame():
    found = 0
    for seed in range(60):
        sample = samples.draw(random.Random(seed), CLIP, Layout(frames=3), Options(level=0, varied=False))
        if sample.text.endswith((" grows.", " shrinks.")) and not sample.text.startswith("It"):
            assert 0 <= sample.cells[3] < 64 and 128 <= sample.cells[-4] < 192
            found += 1
    assert found > 2


def test_letters_turn_with_the_page():
    from train_nano.drawing import wear

    moved = 0.0
    for seed in range(8):
        canvas = Canvas(400, 400, (255, 255, 255))
        canvas.text(300, 330, "#", fonts.load("pillow:", 30), (0, 0, 0))
        before = canvas.letters[0]
        wear._turn(canvas, random.Random(seed), 1.0)
        after = canvas.letters[0]
        moved = max(moved, abs(after.y - before.y))
        dark = np.argwhere(np.asarray(canvas.image.convert("L")) < 128)
        assert np.abs(dark.mean(0) - (after.y, after.x)).max() < 3
    assert moved > 3


def test_a_patch_with_more_characters_than_slots_is_left_out_of_the_loss():
    canvas = Canvas(256, 256, (255, 255, 255))
    canvas.text(0, 14, "iiiiiiiiiiii", fonts.load("pillow:", 10), (0, 0, 0))
    marks = labels.patch_labels(canvas.letters, canvas.size, UNSPLIT)
    assert (marks[0, 0] == labels.IGNORE).all()


def test_a_character_without_ink_points_at_the_next_one_with_ink():
    canvas = Canvas(300, 100, (255, 255, 255))
    font = fonts.load("pillow:", 20)
    lines = [canvas.text(5, 30, "a b", font, (0, 0, 0)), canvas.text(5, 60, "c", font, (0, 0, 0))]
    joined = join(lines)
    assert joined.text == "a b\nc"
    assert joined.letters == [0, 1, 1, 2, 2]


# ---------------------------------------------------------------- samples


@pytest.mark.parametrize(("task", "layout"), EVERY, ids=str)
def test_a_sample_holds_together(task, layout):
    for seed in range(4):
        sample = samples.draw(random.Random(seed), task, layout)
        assert sample.tiles.shape == (layout.tiles, 256, 256, 3) and sample.tiles.dtype == np.uint8
        assert sample.labels.shape == (layout.tiles, 256, labels.SLOTS)
        assert sample.prompt.count(vocabulary.IMAGE) == 64 * layout.tiles
        assert vocabulary.decode(sample.answer) == " " + sample.text
        assert sample.answer[-1] == vocabulary.END
        assert len(sample.cells) == len(sample.answer)
        assert min(sample.cells) >= -1 and max(sample.cells) < 64 * layout.tiles
        assert len(sample.prompt) + len(sample.answer) <= SIZES["base"].context


@pytest.mark.parametrize(("task", "layout"), [("form", Layout(2, 2)), (CLIP, Layout(frames=3)), ("photo", UNSPLIT)])
def test_the_same_seed_draws_the_same_sample(task, layout):
    one, other = (samples.draw(random.Random(5), task, layout) for _ in range(2))
    assert np.array_equal(one.tiles, other.tiles) and one.prompt == other.prompt and one.answer == other.answer


@pytest.mark.parametrize("task", ["word", "line", "sign", "paragraph", "columns", "form", "receipt", "table"])
def test_no_letter_is_smaller_than_the_model_can_read(task):
    for seed in range(6):
        layout = GRIDS[seed % len(GRIDS)]
        for held, least in ((False, SMALLEST_PX), (True, MIN_PX)):
            canvas = PAINTERS[task](random.Random(seed), layout, held).frames[0]
            down = layout.size_px[1] / canvas.size[1]
            assert min(letter.size for letter in canvas.letters) * down > least - 1


PRINTED = {name.lower() for name in words.NAMES}  # names are not held out: there are few


def test_training_never_writes_a_held_out_word():
    rng = random.Random(1)
    drawn = [token for _ in range(3000) for token in words.phrase(rng, 8)]
    drawn = [token for token in drawn if not set(token) & set("0123456789@")]  # codes, and names glued to words
    parts = {part.lower() for token in drawn for part in re.findall("[A-Za-z]+", token)} - PRINTED
    assert len(parts) > 1000
    assert not [part for part in parts if words.is_held_out(part)]


def test_a_word_that_is_cut_to_fit_does_not_become_a_held_out_one():
    held_out = [word for word in words.corpus(held=True).words if len(word) > 5][:200]
    for word in held_out:
        text = word + "x"
        while text:
            text = "".join(pages._cut(text, held=False))
            assert not words.holds_held_out(text)
        assert pages._cut(word + "x", held=True) == [word]


def test_measuring_writes_only_held_out_words():
    known, rng = words.corpus(held=True), random.Random(2)
    assert not known.prose and len(known.words) > 100
    assert all(words.is_held_out(words.word(rng, held=True, plain=True)) for _ in range(300))


def test_a_family_is_drawn_either_in_training_or_in_measuring():
    seen, held = ({family.name for family in fonts.families(which)[0]} for which in (False, True))
    assert seen and not seen & held
    assert all(name.startswith(fonts.HELD_OUT) for name in held)
    assert not [name for name in seen if name.startswith(fonts.HELD_OUT)]


@pytest.mark.parametrize("source", ["pillow:", "base14:helv", "base14:cour", "hershey:0"])
def test_the_letters_of_drawing_libraries_are_as_wide_as_they_are_measured(source):
    font = fonts.load(source, 40)
    canvas = Canvas(600, 100, (255, 255, 255))
    canvas.text(20, 60, "Hamburg 42", font, (0, 0, 0))
    ink = np.nonzero((np.asarray(canvas.image.convert("L")) < 128).any(0))[0]
    assert abs((ink[-1] - ink[0]) - font.width("Hamburg 42")) < 12


def test_pictures_without_text_are_never_read():
    for seed in range(30):
        sample = samples.draw(random.Random(seed), "photo", UNSPLIT)
        assert (sample.labels == 0).all()
        if sample.question in prompts.READ:
            assert sample.text == "There is no text."


def test_a_missing_field_is_answered_by_not_found_and_stands_nowhere():
    missing = 0
    for seed in range(60):
        sample = samples.draw(random.Random(seed), "form", Layout(2, 2))
        if sample.text == "Not found.":
            assert set(sample.cells) == {-1}
            missing += 1
    assert missing > 2


def test_fields_as_json_are_json():
    found = 0
    for seed in range(150):
        sample = samples.draw(random.Random(seed), "form", Layout(2, 2))
        if sample.question in prompts.FIELDS:
            assert all(isinstance(value, str) for value in json.loads(sample.text).values())
            found += 1
    assert found


def test_a_batch_places_answers_where_the_model_predicts_them():
    drawn = [samples.draw(random.Random(seed), "line", UNSPLIT) for seed in range(3)]
    batch = batches.collate(drawn, "0x0")
    for i, sample in enumerate(drawn):
        row = batch.rows[i][: len(sample.answer)]
        assert batch.targets[i][: len(sample.answer)].tolist() == sample.answer
        assert batch.ids[i][row[0] + 1 : row[-1] + 1].tolist() == sample.answer[:-1]
        assert batch.ids[i][row[0]] == vocabulary.encode(":")[0]
        assert (batch.ids[i][batch.images[i]] == vocabulary.IMAGE).all()


@pytest.mark.parametrize("number", [0, len(batches.PHASES) - 1])
def test_pages_for_the_tower_alone_are_drawn_among_the_others_where_they_are_wanted(number):
    names = [[b.name for b in batches.lessons(random.Random(1), number, 4, dense)] for dense in (True, False)]
    assert names[0].count(batches.DENSE) == 1 and len(names[0]) == 4
    assert batches.DENSE not in names[1] and len(names[1]) == 3
    assert {b.name for b in batches.lessons(random.Random(1), -1, 4, False)} == {batches.DENSE}
