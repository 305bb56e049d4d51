"""The recipe of the built-in model: strips, in which documents are read, packs, and what the robustness table draws."""

import itertools
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "examples"))

from train_nano import batches, labels, prompts, robustness, samples, vocabulary  # noqa: E402
from train_nano.drawing import fonts, letters, sources, strips, unfit, words  # noqa: E402
from train_nano.evaluate import CLASSES, Row, line_of, met  # noqa: E402
from train_nano.geometry import GRIDS, UNSPLIT, Layout  # noqa: E402
from train_nano.samples import STRIPS, Options  # noqa: E402

PAINT = {"strip": strips.strip_page, "scan": strips.scan_page}


def drawn(task, count, **options):
    return [PAINT[task](random.Random(seed), UNSPLIT, **options) for seed in range(count)]


def contrast(canvas, x, y, reach):
    grey = np.asarray(canvas.image.convert("L"), np.int16)
    box = grey[max(0, round(y) - reach) : round(y) + reach + 1, max(0, round(x) - reach) : round(x) + reach + 1]
    return int(box.max() - box.min())


@pytest.mark.parametrize("task", STRIPS)
def test_a_strip_asks_for_the_text_of_one_to_five_pieces_on_one_unsplit_canvas(task):
    counts = set()
    for each in drawn(task, 80):
        (canvas,) = each.frames
        assert canvas.size == (256, 256) and each.question in prompts.READ
        lines = each.answer.text.split("\n")
        assert canvas.lines == len(lines) and all(line == line.strip() != "" for line in lines)
        counts.add(len(lines))
    assert counts == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("task", STRIPS)
def test_the_letters_of_a_strip_are_those_of_its_answer_at_24_to_28_px(task):
    sizes = []
    for each in drawn(task, 60):
        named = [each.frames[0].letters[i].character for i in dict.fromkeys(each.answer.letters) if i >= 0]
        assert "".join(named) == "".join(each.answer.text.split())
        sizes += [letter.size for letter in each.frames[0].letters]
    low, high = strips.HEADING_EM_PX
    assert low <= min(sizes) and max(sizes) <= high
    usual = [size for size in sizes if strips.EM_PX[0] <= size <= strips.EM_PX[1]]
    assert len(usual) > 0.85 * len(sizes)


@pytest.mark.parametrize("task", STRIPS)
def test_the_letters_of_a_strip_are_where_it_is_said_that_they_are(task):
    seen = []
    for each in drawn(task, 40):
        canvas = each.frames[0]
        seen += [contrast(canvas, at.x, at.y, 9) > 40 for at in canvas.letters if at.character not in ".,'`-_·~°"]
    assert np.mean(seen) > 0.985  # a threshold or a fold may take a thin letter away


def test_pieces_stay_on_the_canvas_and_under_each_other():
    for task in STRIPS:
        for each in drawn(task, 60):
            placed = each.frames[0].letters
            assert all(0 < letter.x < 256 and 0 < letter.y < 256 for letter in placed)
            rows = [np.mean([at.y for at in placed if at.line == n]) for n in range(each.frames[0].lines)]
            assert all(below - above > 24 for above, below in itertools.pairwise(rows))


def test_wear_changes_pixels_and_neither_text_nor_places(monkeypatch):
    differ = 0
    for seed in range(20):
        worn = strips.scan_page(random.Random(seed), UNSPLIT)
        with monkeypatch.context() as patched:
            patched.setattr(strips.scans, "scanned", lambda rng, raster, *rest: (consumed(rng, raster, *rest), 0.0))
            plain = strips.scan_page(random.Random(seed), UNSPLIT)
        assert worn.answer == plain.answer
        for one, other in zip(worn.frames[0].letters, plain.frames[0].letters, strict=True):
            assert one.character == other.character and abs(one.x - other.x) < 0.01 and abs(one.y - other.y) < 4
        differ += not np.array_equal(worn.frames[0].image, plain.frames[0].image)
    assert differ == 20


_scanned = strips.scans.scanned


def consumed(rng, raster, *rest):
    """The clean raster, after as many random numbers as wear takes."""
    _scanned(rng, raster, *rest)
    return raster


def test_a_sheared_line_is_labelled_along_its_slope():
    rng, found = random.Random(0), []
    raster = np.full((60, 400), 255, np.uint8)
    raster[28:32] = 0
    for _ in range(60):
        image, slope = strips.scans._printed(rng, raster.astype(np.float32), 30, 255, 0)
        if slope:
            middle = [np.average(np.arange(60), weights=255 - image[:, x]) for x in (20, 380)]
            found.append(((middle[1] - middle[0]) / 360, slope))
    assert len(found) > 5 and all(abs(seen - said) < 0.003 for seen, said in found)


@pytest.mark.parametrize("task", STRIPS)
def test_the_same_seed_draws_the_same_strip(task):
    one, other = (samples.draw(random.Random(7), task, UNSPLIT) for _ in range(2))
    assert np.array_equal(one.tiles, other.tiles) and one.answer == other.answer and one.cells == other.cells


def test_words_get_every_latin_letter_and_mark_that_ascii_has_not():
    rng = random.Random(1)
    written = {letter for _ in range(4000) for letter in letters.beyond_ascii(rng, rng.choice(("word", "WORD", "12")))}
    assert written >= set(letters.LATIN + letters.MARKS) and set("–—‘’“”„•…€£§°±×") <= written
    assert all(letter.isupper() for letter in letters.beyond_ascii(random.Random(2), "WORD") if letter.isalpha())


def test_an_answer_beyond_ascii_looks_at_each_of_its_letters():
    sample = next(s for s in strips_of("strip", 60) if not s.text.isascii() and "\n" in s.text)
    assert vocabulary.decode(sample.answer) == " " + sample.text
    assert len(sample.cells) == len(sample.answer) and min(sample.cells[:-1]) >= 0
    at = next(i for i, character in enumerate(sample.text) if not character.isascii())
    first = 1 + len(sample.text[:at].encode())
    ids = range(first, first + len(sample.text[at].encode()))
    assert len({sample.cells[i] for i in ids}) == 1
    row, col = divmod(sample.cells[first], 8)
    patches = sample.labels[0].reshape(8, 2, 8, 2, labels.SLOTS)[row, :, col]
    assert ((patches == labels.OTHER) | (patches == labels.IGNORE)).any()  # the tower names ASCII alone


def strips_of(task, count):
    return (samples.draw(random.Random(seed), task, UNSPLIT, Options(varied=False)) for seed in range(count))


@pytest.mark.parametrize("code", ["helv", "tiro", "cour", "hebo", "tiit"])
def test_the_fonts_of_every_pdf_reader_have_every_letter_that_strips_write(code):
    import pymupdf

    font = pymupdf.Font(code)
    assert [letter for letter in letters.EVERY if letter != " " and not font.has_glyph(ord(letter))] == []


def test_words_longer_than_a_canvas_are_cut_where_it_ends():
    own = strips.Print("base14:hebo", 40, 28.0, 255, 0)
    supply = ["W" * 30, "next"]
    text = strips._piece(random.Random(1), supply, own)
    assert set(text) == {"W"} and own.font.width(text) * own.scale <= strips.WIDEST_PX and supply == ["next"]


def test_measured_strips_hold_no_word_and_no_font_of_training():
    held = {source for family in fonts.families(held=True)[0] for source in family.sources.values()}
    if held:
        assert {strips._source(random.Random(seed), held=True, extended=True) for seed in range(40)} <= held
        text = " ".join(each.answer.text for task in STRIPS for each in drawn(task, 30, held=True))
        plain = [token for token in text.split() if token.isascii() and token.isalpha() and len(token) > 6]
        trained = set(words.corpus(held=False).words)
        assert len(plain) > 20 and not [token for token in plain if token.lower() in trained]


@pytest.mark.parametrize("number", [len(batches.PHASES) - 1, len(batches.PHASES) - 2])
def test_strips_are_trained_on_unsplit_and_never_on_a_grid(number):
    assert set(STRIPS) <= set(batches.PHASES[number].tasks)
    assert all(samples.grids_of(task) == (UNSPLIT,) for task in STRIPS) and samples.grids_of("sign") == GRIDS
    only = batches.Phase({Layout(2, 2): 1}, {"strip": 1, "word": 1e-6})
    assert all(batch.name == "2x2" for batch in batches.batches(random.Random(1), only, 5, 1))


def test_a_strip_s_row_is_met_only_with_the_right_number_of_lines():
    (clean,) = (kind for kind in CLASSES if kind.name == "strip")
    rows = [Row("strip", 200, cer, 0.9, 0.0, right) for cer, right in ((0.004, 1.0), (0.006, 1.0), (0.004, 0.99))]
    assert [met(clean, row) for row in rows] == [True, False, False]
    assert "CER ≤ 0.5%, lines ≥ 99.5% | met" in line_of(clean, rows[0])


# ---------------------------------------------------------------- words, packs


def test_words_that_nobody_wants_to_see_are_not_drawn():
    for word in ("cocaine", "PORN", "shit", "Hitler", "rape", "whore's"):
        assert unfit.is_unfit(word)
    for word in ("document", "something", "grape", "Essay", "class", "assistant", "basement", "Virginia", "peacock"):
        assert not unfit.is_unfit(word)
    for held in (True, False):
        known = words.corpus(held)
        assert not [word for word in {*known.words, *known.frequent, *known.prose} if unfit.is_unfit(word)]


def test_a_pack_draws_what_the_machine_that_made_it_draws(tmp_path):
    pytest.importorskip("fontTools")
    from train_nano import pack

    families = [
        fonts.Family("pillow:", 1, {"Regular": "pillow:"}),
        fonts.Family("base14:helv", 1, {"R": "base14:helv"}),
    ]
    system = next((f for f in fonts.families(held=False)[0] if Path(next(iter(f.sources.values()))).is_file()), None)
    families += [system] if system else []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pack.fonts, "families", lambda held: (families, [1] * len(families)))
        count = pack.pack(tmp_path / "packed")
    assert count == (len(system.sources) if system else 0)
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'examples')!r})\n"
        "from train_nano.drawing import fonts, words\n"
        "print(fonts.load('base14:helv', 30).width('Ünï'), len(words.corpus(False).words))\n"
        "print(len(fonts.families(False)[0]))"
    )
    env = os.environ | {sources.VARIABLE: str(tmp_path / "packed")}
    told = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    ).stdout.split()
    assert float(told[0]) == fonts.load("base14:helv", 30).width("Ünï")
    assert int(told[1]) == len(words.corpus(held=False).words)
    assert int(told[2]) >= 14


def test_a_folder_that_is_no_pack_is_told_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.setenv(sources.VARIABLE, str(tmp_path))
    with pytest.raises(SystemExit, match="train_nano pack"):
        sources.folder()


# ---------------------------------------------------------------- robustness


@pytest.mark.parametrize("condition", robustness.CONDITIONS, ids=lambda condition: condition.name)
def test_a_condition_draws_the_same_readable_page_at_every_call(condition):
    held = bool(fonts.families(held=True)[0])
    one, other = (list(robustness.samples_of(condition, 2, held)) for _ in range(2))
    for sample, again in zip(one, other, strict=True):
        assert np.array_equal(sample.tiles, again.tiles) and sample.text == again.text != ""
        assert sample.pictures[0].size == condition.size
        picture = np.asarray(sample.pictures[0].convert("L"), np.int16)
        assert picture.max() - picture.min() > 40
        assert sample.question in prompts.READ and min(sample.cells[:-1]) >= 0


def test_letters_move_with_a_photographed_page():
    from train_nano.drawing import hard
    from train_nano.drawing.canvas import Canvas

    moved = 0.0
    for seed in range(6):
        canvas = Canvas(512, 384, (255, 255, 255))
        canvas.text(120, 120, "#", fonts.load("pillow:", 40), (0, 0, 0))
        before = canvas.letters[0]
        hard.photographed(canvas, random.Random(seed))
        at = canvas.letters[0]
        grey = np.asarray(canvas.image.convert("L"), np.float32)
        box = grey[round(at.y) - 30 : round(at.y) + 31, round(at.x) - 30 : round(at.x) + 31]
        dark = np.argwhere(box < 0.5 * np.median(box)) - 30
        assert np.abs(dark.mean(0)).max() < 4
        moved = max(moved, abs(at.x - before.x) + abs(at.y - before.y))
    assert moved > 5


def robustness_of(*line):
    command = [sys.executable, ROOT / "examples/train_nano", "robustness", *map(str, line)]
    return subprocess.run(command, capture_output=True, text=True)


def test_what_the_table_leaves_out_is_measured_through_the_pair_that_ships(tmp_path):
    pair = [ROOT / "smolcli/models/builtin" / name for name in ("smol-nano-q8_0.gguf", "mmproj-smol-nano-q8_0.gguf")]
    done = robustness_of(*pair, "--seen", "--cases", "2", "--row", "64-px pictures, enlarged")
    assert done.returncode == 0, done.stderr
    (row,) = done.stdout.splitlines()[2:]
    assert row.startswith("| 64-px pictures, enlarged | 2 | ") and row.count("%") == 3
    few = robustness_of(*pair, "--cases", "2", "--report", tmp_path)
    assert few.returncode == 2 and "100 cases or more of each" in few.stderr
    unmarked = robustness_of(*pair, "--report", tmp_path)
    assert unmarked.returncode == 1 and "put them in" in unmarked.stderr
