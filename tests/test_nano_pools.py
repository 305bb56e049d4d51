"""The recipe's pools: blocks in shared memory → tiles on the device → steps; shown on the CPU device."""

import contextlib
import io
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

torch = pytest.importorskip("torch")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "examples"))

from train_nano import batches, geometry, lessons, runs, samples, verdict, vocabulary  # noqa: E402
from train_nano.asked import parse  # noqa: E402
from train_nano.config import SIZES  # noqa: E402
from train_nano.drawing.canvas import Canvas, Line  # noqa: E402
from train_nano.drawing.sheet import Drawn  # noqa: E402
from train_nano.geometry import UNSPLIT, Layout, fit  # noqa: E402
from train_nano.log import Log  # noqa: E402
from train_nano.losses import LETTERS, Losses, Weights  # noqa: E402
from train_nano.model import TRAINING_ONLY, Nano  # noqa: E402
from train_nano.pools import ageing, blocks, drawers, kinds, pool, resize, upload  # noqa: E402
from train_nano.reading import answers  # noqa: E402
from train_nano.schedule import POOLS, STAGES, Plan, Progress, left_to_train, rate_at  # noqa: E402

CPU = torch.device("cpu")
SIZES_OF_BLOCKS = [2] * len(kinds.KINDS)


def tiles_on_the_device(pictures, layout):
    """Pictures of one layout through the device's path."""
    edge = geometry.TILE_PX if layout.frames else geometry.LONGEST_EDGE_PX
    grid = layout._replace(frames=0)
    sizes = np.array([(*p.size, *fit(*p.size, edge)) for p in pictures], np.int32)
    arrays = [np.asarray(p).reshape(-1) for p in pictures]
    starts = torch.from_numpy(np.cumsum([0, *map(len, arrays[:-1])]))
    on = torch.from_numpy(sizes)
    width, height = sizes[:, :2].max(0).tolist()
    canvases = resize.padded(torch.from_numpy(np.concatenate(arrays)), on, starts, height, width)
    scale = max((sizes[:, :2] / sizes[:, 2:]).max(), (sizes[:, 2:] / grid.size_px).max())
    pages = resize.stretched(canvases, on, grid, int(sizes[:, 2:].max()), resize.taps_for(scale))
    return resize.cut(pages.to(torch.uint8), grid).numpy()


# ---------------------------------------------------------------- resize, wear


@settings(max_examples=6, deadline=None)
@given(st.lists(st.tuples(st.integers(40, 840), st.integers(40, 840)), min_size=2, max_size=2), st.integers(0, 99))
def test_tiles_of_the_device_are_within_two_of_those_of_pillow_and_of_smol(shapes, seed):
    smol = pytest.importorskip("smolcli.tiles")
    rng = np.random.default_rng(seed)
    layout = geometry.layout_of(*shapes[0])
    shapes = [shape for shape in shapes if geometry.layout_of(*shape) == layout]
    pictures = [Image.fromarray(rng.integers(0, 256, (h, w, 3), np.uint8)) for w, h in shapes]
    found = tiles_on_the_device(pictures, layout).astype(int)
    shape = smol.Geometry(geometry.TILE_PX, geometry.TOKENS, geometry.LONGEST_EDGE_PX)
    for picture, tiles in zip(pictures, found, strict=True):
        assert np.abs(tiles - geometry.cut(picture, layout)).max() <= 2
        expected = smol.cut(np.asarray(picture), smol.plan(picture.size, shape, smol.parse_detail("high"))).rgb
        assert np.abs(tiles - expected).max() <= 2


@pytest.mark.parametrize("layout", [UNSPLIT, Layout(frames=1)], ids=["unsplit", "frame"])
def test_one_tile_of_the_device_is_within_two_of_pillow_s(layout):
    rng = np.random.default_rng(5)
    pictures = [Image.fromarray(rng.integers(0, 256, (h, w, 3), np.uint8)) for h, w in ((480, 640), (90, 71))]
    found = tiles_on_the_device(pictures, layout).astype(int)
    for picture, tiles in zip(pictures, found, strict=True):
        assert np.abs(tiles - geometry.cut(picture, layout)).max() <= 2


def worn_by(effect, pages, sizes=None, **numbers):
    """Pages (n, 3, h, w), the first of them worn by one effect."""
    on = {name: torch.zeros(0, dtype=torch.int64) for name in blocks.EFFECTS} | {effect: torch.tensor([0])}
    wear = dict.fromkeys(blocks.WEAR, 0.0) | {"cos": 1.0} | numbers
    on["wear"] = torch.tensor([[wear[name] for name in blocks.WEAR]] * len(pages))
    on["papers"] = torch.full((len(pages), 3), 250.0)
    on["sizes"] = torch.tensor([sizes or (pages.shape[3], pages.shape[2])] * len(pages))
    torch.manual_seed(0)
    return ageing.aged(pages.clone(), on)


WORN = {"turn": {"sin": 0.05, "cos": 0.9987}, "fade": {"fade": 0.5}, "shade": {"shade": 0.3, "side": 1}}
WORN |= {"blur": {"blur": 0.8}, "grain": {"grain": 20.0}, "compress": {"quality": 40.0}}


@pytest.mark.parametrize("effect", blocks.EFFECTS)
def test_wear_changes_the_pages_it_is_for_and_no_other(effect):
    pages = torch.full((2, 3, 256, 512), 240.0)
    pages[:, :, 100:140, 80:300] = 20.0
    worn = worn_by(effect, pages, **WORN[effect])
    assert worn.dtype == torch.uint8 and (worn[0].float() - pages[0]).abs().mean() > 0.1
    assert torch.equal(worn[1].float(), pages[1])


def test_letters_are_where_the_turned_page_shows_them():
    canvas = Canvas(300, 200, (250, 250, 250))
    canvas.pen.rectangle((228, 28, 232, 32), fill=(0, 0, 0))
    canvas.place("dot", 230, 30, 5)
    wear = {"sin": float(np.sin(0.06)), "cos": float(np.cos(0.06))}
    [at] = blocks.turned(canvas.letters, canvas.size, wear)
    page = torch.from_numpy(np.array(canvas.image.resize((512, 256)))).permute(2, 0, 1)[None].float()
    worn = worn_by("turn", page, sizes=canvas.size, **wear)
    y, x = (float(places.float().mean()) for places in (worn[0, 0] < 125).nonzero(as_tuple=True))
    assert abs(x - at.x * 512 / 300) < 1.5 and abs(y - at.y * 256 / 200) < 1.5
    assert abs(at.x - 230) + abs(at.y - 30) > 3


@pytest.mark.parametrize("quality", [30, 75])
def test_a_compressed_grey_page_is_pillow_s(quality):
    noise = np.random.default_rng(1).integers(0, 256, (32, 32), np.uint8)
    picture = Image.fromarray(noise).resize((256, 256), Image.Resampling.BICUBIC).convert("RGB")
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=quality)
    expected = np.array(Image.open(data)).astype(int)
    page = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float()
    found = worn_by("compress", page, quality=float(quality))[0].permute(1, 2, 0).numpy().astype(int)
    lost = np.abs(np.array(picture).astype(int) - expected).mean()
    assert lost > 0.8 and np.abs(found - expected).mean() < 0.3


# ---------------------------------------------------------------- blocks, pools, lessons


def drawn_block(name, stage="joint", count=2, seed=1):
    """A block and its header and arrays, as they come out of a slot."""
    block = blocks.draw_block(random.Random(seed), kinds.KINDS[kinds.NUMBER[name]], stage, count)
    memory = memoryview(bytearray(blocks.SLOT))
    header = block.write(memory)
    data = torch.frombuffer(memory, dtype=torch.uint8)
    return block, header, {name: upload._array(data, *place) for name, place in header.places.items()}


def test_the_largest_block_fits_into_a_slot():
    sample = 16 * 640 * 480 * 3  # a clip's largest frames, at its most
    assert blocks.FULL + sample + (1 << 20) < blocks.SLOT


@pytest.mark.parametrize("name", ["1", "2x2", "clip3"])
def test_a_sample_in_a_pool_teaches_what_the_same_sample_in_a_batch_teaches(name, monkeypatch):
    kind = kinds.KINDS[kinds.NUMBER[name]]
    layout = kind.layout
    monkeypatch.setattr(pool, "slipped", lambda ids, *_: ids)
    drawn = [
        samples.draw(random.Random(seed), samples.CLIP if layout.frames else "line", layout, samples.Options(level=0))
        for seed in range(2)
    ]
    block = blocks.Block(kind, 2)
    for sample, seed in zip(drawn, range(2), strict=True):
        rng = random.Random(seed)
        task = samples.CLIP if layout.frames else "line"
        page = samples.clips.clip(rng, 3) if layout.frames else samples.PAINTERS["line"](rng, layout)
        assert page.answer.text == sample.text
        monkeypatch.setattr(blocks, "ids_of", lambda *_, own=sample, **__: (own.prompt, own.answer))
        block.add(rng, task, page, 0.0)
    header = block.write(memoryview(memory := bytearray(blocks.SLOT)))
    data = torch.frombuffer(memory, dtype=torch.uint8)
    kept = pool.Pool(kind, CPU, 1e6)
    kept.add(header, {name: upload._array(data, *place) for name, place in header.places.items()})
    lesson, batch = kept.lesson(name, np.arange(2), 0), batches.collate(drawn, name)
    assert np.abs(kept.tiles[:2].flatten(0, 1).numpy().astype(int) - batch.tiles).max() <= 2
    assert np.array_equal(kept.labels[:2].flatten(0, 1), batch.labels)
    longest, most = batch.ids.shape[1], batch.targets.shape[1]
    real = batch.ids != vocabulary.PADDING
    assert np.array_equal(lesson.ids[:, :longest].numpy()[real], batch.ids[real])
    for field in ("targets", "cells"):
        assert np.array_equal(getattr(lesson, field)[:, :most], getattr(batch, field))
        assert (getattr(lesson, field)[:, most:] == batches.IGNORE).all()
    real = batch.targets != batches.IGNORE
    assert np.array_equal(lesson.rows[:, :most].numpy()[real], batch.rows[real])
    assert np.array_equal(lesson.images, batch.images) and np.array_equal(lesson.tasks, batch.tasks)


def test_a_prompt_that_is_too_long_for_its_kind_is_left_out():
    block = blocks.Block(kinds.KINDS[kinds.NUMBER["1"]], 4)
    long = Drawn([Canvas(256, 256, (255, 255, 255))], "What does it say?", Line("x" * 300, [-1] * 300))
    block.add(random.Random(1), "line", long, 0.0)
    assert not len(block) and not block.canvases


def test_a_pool_gives_what_was_used_least_and_writes_over_the_oldest():
    kept = pool.Pool(kinds.KINDS[kinds.NUMBER["1"]], CPU, 1e7)
    _, header, on = drawn_block("1")
    while kept.drawn < kept.capacity:
        kept.add(header, on)
    rng = np.random.default_rng(0)
    picked = np.concatenate([kept.pick(rng, 2) for _ in range(kept.filled * 4)])
    uses = np.bincount(picked, minlength=kept.filled)
    assert np.array_equal(uses, kept.uses[: kept.filled]) and uses.min() >= uses.max() - 5 and uses.min() > 2
    filled, oldest = kept.filled, slice(kept.at, kept.at + 2)
    kept.add(header, on)
    assert kept.filled == filled and (kept.uses[oldest] == 0).all()
    assert np.delete(kept.uses[:filled], oldest).min() > 2
    few = pool.Pool(kinds.KINDS[kinds.NUMBER["1"]], CPU, 1e7)
    few.add(header, on)
    assert len(few.pick(rng, 7)) == 7


def test_slips_change_what_was_written_and_never_what_is_right():
    drawn = [samples.draw(random.Random(seed), "paragraph", Layout(2, 2)) for seed in range(4)]
    batch = batches.collate(drawn, "2x2")
    ids, rows, targets = (torch.from_numpy(getattr(batch, name)) for name in ("ids", "rows", "targets"))
    wrong = 0
    for seed in range(40):
        torch.manual_seed(seed)
        told = lessons.slipped(ids, rows, targets)
        changed = (told != ids).numpy()
        wrong += changed.sum()
        assert (told.numpy()[changed] >= vocabulary.FIRST_BYTE).all()
        for i, sample in enumerate(drawn):
            first = len(sample.prompt) + 1  # the prompt and the space after it stay as they are
            assert not changed[i, :first].any() and not changed[i, first + len(sample.answer) - 2 :].any()
    share = wrong / (40 * sum(len(sample.answer) for sample in drawn))
    assert 0.02 < share < 0.09


@pytest.mark.parametrize("stage", kinds.LESSONS)
def test_every_stage_draws_all_that_its_steps_are_made_of(stage):
    shares = dict(zip(kinds.NUMBER, kinds.drawing_shares(stage, SIZES_OF_BLOCKS), strict=True))
    for name in kinds.LESSONS[stage].mix:
        assert all(shares[f"clip{n}"] for n in kinds.FRAMES) if name == kinds.CLIPS else shares[name]
    for kind in kinds.KINDS:
        assert all(kind.layout in samples.grids_of(task) for task in kinds.tasks_of(kind, stage))
        assert set(kinds.tasks_of(kind, stage)) <= set(samples.TASKS) or kind.layout.frames


# ---------------------------------------------------------------- learning


def a_step(name="2x2", seed=1):
    kept = pool.Pool(kinds.KINDS[kinds.NUMBER[name]], CPU, 1e7)
    _, header, on = drawn_block(name, seed=seed)
    kept.add(header, on)
    lesson = kept.lesson(name, np.arange(2), 0)
    return lessons.Step(kept.tiles[:2].flatten(0, 1), kept.labels[:2].flatten(0, 1), [lesson])


@pytest.mark.parametrize("detached", [True, False])
def test_a_detached_lesson_teaches_the_decoder_and_not_the_tower(detached):
    torch.manual_seed(0)
    model = Nano(SIZES["tiny"])
    Losses(model, contextlib.nullcontext)(a_step(), Weights(1, 0, 1), detached)[0].backward()
    taught = {name for name, value in model.named_parameters() if value.grad is not None}
    assert any("text_model" in name for name in taught) and any("connector" in name for name in taught)
    assert any("vision_model" in name for name in taught) is not detached


def test_contrast_and_brightness_of_one_and_zero_leave_a_tile_as_it_is():
    torch.manual_seed(0)
    model, step = Nano(SIZES["tiny"]), a_step("1")
    plain = model.see(step.tiles)
    assert torch.allclose(model.see(step.tiles, torch.tensor([[1.0, 0.0]] * 2)), plain, atol=1e-5)
    assert not torch.allclose(model.see(step.tiles, torch.tensor([[0.9, 0.05]] * 2)), plain, atol=1e-2)


def test_many_samples_at_once_are_read_as_one_by_one():
    torch.manual_seed(4)
    model = Nano(SIZES["tiny"]).eval()
    drawn = [
        samples.draw(random.Random(seed), task, Layout(1, 2)) for seed, task in enumerate(("line", "form", "sign"))
    ]
    assert len({len(sample.prompt) for sample in drawn}) > 1
    tiles = torch.from_numpy(np.concatenate([sample.tiles for sample in drawn]))
    together = answers(model, tiles, [sample.prompt for sample in drawn], 20)
    assert together == [model.read(sample.tiles, sample.prompt, 20) for sample in drawn] and any(together)


def test_the_rate_of_a_run_falls_to_nothing_at_its_end():
    whole = Plan(list(STAGES[POOLS]), minutes=9, supply=POOLS)
    assert sum(stage.share for stage in STAGES[POOLS].values()) == pytest.approx(1)
    level = [rate_at(done, 999, whole.stage(Progress(stage=i))) for i in range(3) for done in (0, 0.99)]
    assert level == [1.0] * 6
    last = whole.stage(Progress(stage=3))
    assert [rate_at(done, 999, last) for done in (0, 0.3, 1)] == pytest.approx([1, 1, 0.01])
    further = Plan(["joint"], trained=True, minutes=9, supply=POOLS).stage(Progress())
    assert rate_at(0.5, 999, further) == pytest.approx(0.505)


def test_one_clock_counts_the_start_and_what_is_kept_for_the_end():
    assert left_to_train(9, 60, 30) == pytest.approx(7.5)
    assert left_to_train(1, 90, 30) == pytest.approx(20 / 60)


def test_a_loss_that_is_no_number_ends_the_run_in_a_sentence():
    log = Log("joint", Progress(steps=7), print, str)
    log.add({"characters": torch.tensor([float("nan"), 1.0])}, 1.0)
    with pytest.raises(SystemExit, match=r"step 7: characters is .*lower --rate"):
        log.write()


def test_what_is_for_the_tower_alone_is_told_apart_from_answers():
    said = []
    log = Log("joint", Progress(steps=1), said.append, str)
    model = Nano(SIZES["tiny"])
    _, parts = Losses(model, contextlib.nullcontext)(a_step(), Weights(1, 0.4, 0.3))
    log.add(parts, 0.5)
    [line] = said
    assert all(
        name in line for name in ("answer(2x2)", "accuracy(2x2)", "guide(0)", "characters", "right(", "rate 0.5")
    )
    _, alone = Losses(model, contextlib.nullcontext)(a_step()._replace(lessons=[]), LETTERS)
    assert set(alone) == {"characters", "character_accuracy", "colours"}


# ---------------------------------------------------------------- processes, runs


def test_a_drawing_process_that_dies_ends_the_run_in_a_sentence():
    processes = drawers.Drawers(1, "1", "vision", SIZES_OF_BLOCKS)
    blocks_of = upload.Upload(processes, CPU)
    try:
        while blocks_of.take(0.2) is None:
            continue
        processes._processes[0].kill()
        with pytest.raises(SystemExit, match="a drawing process died"):
            while True:
                blocks_of.take(0.2)
    finally:
        blocks_of.close()
        processes.close()


def test_the_verdict_is_that_of_the_table(tmp_path, monkeypatch):
    monkeypatch.setattr(verdict, "CLASSES", [kind for kind in verdict.CLASSES if kind.name in ("line", "no text")])
    monkeypatch.setattr(verdict, "Options", lambda **_: samples.Options(level=0.0, varied=False))  # any machine's fonts
    monkeypatch.setattr(verdict, "missing_fonts", list)
    verdict.draw(tmp_path / "held.npz", 3)
    cases, tiles = verdict.load(tmp_path / "held.npz", 2)
    assert [case.name for case in cases] == ["line", "line", "no text", "no text"]
    assert all(own.shape == (case.tiles, 256, 256, 3) for case, own in zip(cases, tiles, strict=True))
    right = {tuple(case.prompt): [*vocabulary.encode(case.text)] for case in cases if case.name == "line"}
    monkeypatch.setattr(
        "train_nano.reading.answers", lambda model, seen, prompts, most: [right.get(tuple(p), []) for p in prompts]
    )
    said = []
    given = verdict.Verdict(tmp_path, 2, said.append)
    given.give(Nano(SIZES["tiny"]), time.monotonic() + 60)
    rows = {line.split("|")[1].strip(): line for line in said if line.startswith("| ")}
    assert "no text" in rows and "0.0%" in rows["line"].split("|")[3] and "100.0%" in rows["line"].split("|")[4]
    late = []
    verdict.Verdict(tmp_path, 2, late.append).give(Nano(SIZES["tiny"]), time.monotonic() - 1)
    assert not [line for line in late if line.startswith("| line")]


def nano(*line):
    return subprocess.run(
        [sys.executable, ROOT / "examples/train_nano", *map(str, line)], capture_output=True, text=True
    )


@pytest.mark.slow
def test_a_run_from_pools_that_was_stopped_resumes_and_passes_through_all_its_stages(tmp_path):
    run, small = tmp_path / "run", ["--tiles", 16, "--supply", "pools", "--pool-gb", 0.012]
    line = [sys.executable, ROOT / "examples/train_nano", "train", run, "--steps", 8, "--size", "tiny", "--cases", 0]
    with subprocess.Popen(
        [*map(str, [*line, *small])], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as first:
        assert "0 steps so far" in first.stdout.readline()
        assert "vision step 1 " in first.stdout.readline()
        os.killpg(first.pid, signal.SIGINT)  # Ctrl-C reaches the drawing processes too
        first.communicate()
    assert first.returncode == 0
    stopped = runs.load(run / "last.pt")["progress"]
    assert 0 < stopped["steps"] < 8
    done = nano("resume", run)
    assert done.returncode == 0, done.stderr
    state = runs.load(run / "last.pt")
    assert state["progress"]["steps"] >= 8 and state["progress"]["stage"] == 4
    assert all(f" {name} step" in (run / "log.txt").read_text() for name in STAGES[POOLS])
    weights = runs.load_model(run / "last.pt").state_dict()
    assert all(value.isfinite().all() for value in weights.values())
    assert {name.split(".")[0] for name in weights} == {"model", *TRAINING_ONLY}


@pytest.mark.parametrize(
    ("line", "stages", "tiles"),
    [
        ("--device cpu", ["vision", "align", "joint"], 20),
        ("--supply pools", ["vision", "align", "easy", "joint"], 1088),
        ("--supply pools --weights W --tiles 544", ["joint"], 544),
        ("--supply pools --first align", ["align", "easy", "joint"], 1088),
    ],
)
def test_the_stages_of_a_run_are_those_of_its_supply_and_trained_weights_go_to_the_last(line, stages, tiles):
    _, plan, weights = parse(["run", "--minutes", "9", "--device", "cpu", *line.split()], "")
    assert plan.stages == stages and plan.tiles == tiles and plan.size == "large"
    assert plan.trained is (weights is not None) is ("--weights" in line)
    assert bool(plan.cases) is (plan.supply == POOLS)


def test_a_stage_of_the_other_supply_is_said_to_be_unknown(tmp_path):
    done = nano("train", tmp_path / "run", "--steps", 3, "--first", "easy", "--supply", "queue")
    assert done.returncode == 2 and "the stages are vision, align, joint" in done.stderr
