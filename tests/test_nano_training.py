"""The recipe of the built-in model with torch: network, whole chain, folder, the weights that ship."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scores import as_logits

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "examples"))

from train_nano import folder, samples, vocabulary  # noqa: E402
from train_nano.config import SIZES  # noqa: E402
from train_nano.geometry import UNSPLIT, Layout  # noqa: E402
from train_nano.samples import CLIP, Options  # noqa: E402

SHIPPED = ROOT / "examples/train_nano/smol-nano"
BUILTIN = ROOT / "smolcli/models/builtin"
CASES = [("sign", Layout(2, 2)), ("line", UNSPLIT), ("form", Layout(1, 2)), (CLIP, Layout(frames=3))]


def test_the_folder_s_files_are_those_of_the_model_that_ships(tmp_path):
    folder.write(tmp_path, SIZES["large"], "float32")
    for path in tmp_path.iterdir():
        assert (
            json.loads(path.read_text()) == json.loads((SHIPPED / path.name).read_text())
            if (path.suffix == ".json")
            else path.read_text() == (SHIPPED / path.name).read_text()
        ), path.name


def test_an_unknown_verb_is_told_the_known_ones():
    done = subprocess.run([sys.executable, ROOT / "examples/train_nano", "fly"], capture_output=True, text=True)
    assert done.returncode == 1 and "train" in done.stderr and "evaluate" in done.stderr
    assert "Traceback" not in done.stderr


def test_reading_with_a_cache_equals_reading_without():
    torch = pytest.importorskip("torch")
    from train_nano.model import Nano

    torch.manual_seed(1)
    model = Nano(SIZES["tiny"]).eval()
    sample = samples.draw(random.Random(2), "line", Layout(1, 2))
    said = model.read(sample.tiles, sample.prompt, 8)
    ids = torch.tensor([sample.prompt + said])
    with torch.no_grad():
        hidden, _ = model.decode(model.embed(ids, model.see(torch.from_numpy(sample.tiles))))
        expected = model.head(hidden[0, len(sample.prompt) - 1 :]).argmax(-1).tolist()
    assert said and said == expected[: len(said)]


def test_orthogonal_matrices_have_singular_values_near_one():
    torch = pytest.importorskip("torch")
    from train_nano.optimizer import orthogonal

    values = torch.linalg.svdvals(orthogonal(torch.randn(3, 40, 24, generator=torch.manual_seed(0))))
    assert values.min() > 0.6 and values.max() < 1.3


def test_attention_on_a_cpu_is_torch_s_own():
    torch = pytest.importorskip("torch")
    from train_nano.vision import attend

    q, k, v = torch.randn(3, 2, 4, 50, 16, generator=torch.manual_seed(0)).unbind(0)
    for causal in (False, True):
        expected = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
        found = attend(q.bfloat16(), k.bfloat16(), v.bfloat16(), causal)
        assert (found.float() - expected).abs().max() < 0.03


def test_some_heads_are_shown_the_letter_before_and_some_the_letter_to_come():
    torch = pytest.importorskip("torch")
    from train_nano.losses import guide_sums

    config = SIZES["tiny"]
    cells = torch.tensor([[3, 5, 5, -100]])
    looks = {"before": torch.tensor([[0, 3, 5, 5]]), "next": torch.tensor([[3, 5, 5, 0]])}
    sure = {name: torch.nn.functional.one_hot(cells_, 64).float()[:, None] * 50 for name, cells_ in looks.items()}
    (here,), (following,) = config.here_layers, config.next_layers
    both = sure["next"].expand(-1, 2, -1, -1)
    right = guide_sums({here: sure["before"], following: both}, cells, config)
    wrong = guide_sums({here: sure["next"], following: sure["before"].expand(-1, 2, -1, -1)}, cells, config)
    assert max(loss / count for loss, count in right.values()) < 1e-3
    assert min(loss / count for loss, count in wrong.values()) > 5
    one_astray = torch.cat((sure["next"], sure["before"]), 1)
    loss, count = guide_sums({following: one_astray}, cells, config)[f"guide({following})"]
    assert count == 6 and loss / count > 2


def test_pages_for_the_tower_alone_teach_the_tower_alone():
    torch = pytest.importorskip("torch")
    from train_nano.batches import lessons
    from train_nano.lessons import step_of
    from train_nano.losses import LETTERS, Losses
    from train_nano.model import TRAINING_ONLY, Nano

    model = Nano(SIZES["tiny"])
    (batch, *_) = lessons(random.Random(3), -1, 4, dense=False)
    step = step_of(batch, torch.device("cpu"), alone=True)
    Losses(model, contextlib.nullcontext)(step, LETTERS)[0].backward()
    taught = {name for name, value in model.named_parameters() if value.grad is not None}
    assert taught and all("vision_model" in name or name.startswith(TRAINING_ONLY) for name in taught)


def nano(*line):
    return subprocess.run(
        [sys.executable, ROOT / "examples/train_nano", *map(str, line)], capture_output=True, text=True
    )


def reads_through_smol_as(model, folder_, tmp_path):
    """The exported folder at F32 through smol: ids as the tokenizer's, logits as those of `model` in torch."""
    import torch
    from train_nano.pair import turns_of

    from gguf_convert.convert import ConvertOptions, convert
    from smolcli.datatypes import ModelPair
    from smolcli.engine import EngineOptions, load_engine

    convert(ConvertOptions(str(folder_), tmp_path, lm=("f32",), mmproj=("f32",), name="nano"))
    pair = ModelPair(tmp_path / "nano-f32.gguf", tmp_path / "mmproj-nano-f32.gguf", "nano")
    with load_engine(pair, EngineOptions()) as engine:
        for seed, (task, layout) in enumerate(CASES):
            sample = samples.draw(random.Random(seed), task, layout, Options(varied=False, level=0))
            said = model.read(sample.tiles, sample.prompt, 24) or [vocabulary.END]
            assert engine.tokens(turns_of(sample)).ids.tolist() == sample.prompt
            [scores] = engine.score(turns_of(sample), [said])
            with torch.no_grad():
                ids = torch.tensor([sample.prompt + said[:-1]])
                hidden, _ = model.decode(model.embed(ids, model.see(torch.from_numpy(sample.tiles))))
                expected = model.head(hidden[0, len(sample.prompt) - 1 :]).numpy()
            found = as_logits(scores, expected)
            errors = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
            assert errors.max() < 5e-3, (task, errors.max())
            assert found.argmax(1).tolist() == expected.argmax(1).tolist(), task


@pytest.mark.slow
def test_a_run_that_was_stopped_resumes_trains_and_exports_what_smol_reads(tmp_path):
    pytest.importorskip("torch")
    from train_nano import runs

    run = tmp_path / "run"
    line = [sys.executable, ROOT / "examples/train_nano", "train", run, "--steps", "150", "--size", "tiny"]
    with subprocess.Popen(
        [*map(str, line), "--tiles", "8", "--seed", "0"], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as first:
        assert "0 steps so far" in first.stdout.readline()
        assert "step 1 " in first.stdout.readline()
        taken = nano("resume", run) if (run / "last.pt").exists() else nano("train", run, "--steps", 9)
        if taken.returncode == 2 and (run / "last.pt").exists():  # it was written in between
            taken = nano("resume", run)
        assert taken.returncode == 1 and "is being trained already" in taken.stderr
        os.killpg(first.pid, signal.SIGINT)  # Ctrl-C reaches the drawing processes too
        first.communicate()
    assert first.returncode == 0
    assert 0 < _steps(run) < 150
    done = nano("resume", run)
    assert done.returncode == 0, done.stderr
    assert _steps(run) == 150
    losses = [float(words_[words_.index("characters") + 1]) for words_ in _lines(run) if "characters" in words_]
    assert losses[-1] < 0.8 * losses[0]
    out = tmp_path / "folder"
    assert nano("export", run / "last.pt", out).returncode == 0
    (tmp_path / "old/model.safetensors").mkdir(parents=True)  # where no file can go
    (tmp_path / "old/config.json").write_text("of another model")
    failed = nano("export", run / "last.pt", tmp_path / "old")
    assert failed.returncode == 1 and "Traceback" not in failed.stderr
    assert sorted(path.name for path in (tmp_path / "old").iterdir()) == ["config.json", "model.safetensors"]
    assert (tmp_path / "old/config.json").read_text() == "of another model"
    reads_through_smol_as(runs.load_model(run / "last.pt"), out, tmp_path)
    measured = nano("evaluate", out, "--seen", "--cases", "1", "--class", "shape")
    assert measured.returncode == 0 and "| shape | 1 |" in measured.stdout
    further = nano("train", tmp_path / "further", "--weights", out, "--steps", "2", "--tiles", "8")
    assert further.returncode == 0 and _steps(tmp_path / "further") == 2, further.stderr
    seeds = {runs.load(path / "last.pt")["plan"]["seed"] for path in (run, tmp_path / "further")}
    assert len(seeds) == 2  # other pages than those that it was trained on already
    again = nano("resume", run)
    assert again.returncode == 2 and "is done" in again.stderr


def _lines(run):
    return [line.split() for line in (run / "log.txt").read_text().splitlines()]


def _steps(run):
    last = [line for line in (run / "log.txt").read_text().splitlines() if line.endswith("steps")][-1]
    return int(last.split()[-2])


def test_the_shipped_weights_read_through_smol_as_in_the_recipe(tmp_path):
    pytest.importorskip("torch")
    from train_nano import runs, unpack

    unpack.unpack(unpack.SHIPPED, tmp_path / "unpacked")
    model = runs.load_model(tmp_path / "unpacked")  # as `train --weights` takes it
    assert model.config == SIZES["large"]
    reads_through_smol_as(model, tmp_path / "unpacked", tmp_path)


def test_a_run_whose_output_nobody_reads_ends(tmp_path):
    pytest.importorskip("torch")
    line = [sys.executable, ROOT / "examples/train_nano", "train", tmp_path / "run", "--steps", "9", "--size", "tiny"]
    with subprocess.Popen([*map(str, line), "--tiles", "4"], stdout=subprocess.PIPE, text=True) as run:
        run.stdout.readline()
        run.stdout.close()
        assert run.wait(timeout=120) == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("train {}/run --minutes 0", "not a number above 0"),
        ("train {}/run --steps 5 --weights {}/damaged.pt", "cannot be read as a checkpoint"),
        ("train {}/run --steps 5 --device banana", "cannot use the device 'banana'"),
        ("train {}/damaged.pt/run --steps 5 --size tiny", "Not a directory"),
        ("train {}/run --steps 5 --weights {}", "cannot be read as an exported folder"),
        ("resume {}", "no such checkpoint"),
        ("evaluate {}/damaged.pt --seen", "cannot be read as a checkpoint"),
        ("evaluate {}/a.gguf {}/b.gguf --seen", "a.gguf"),
        ("evaluate a b c", "the two files of a GGUF pair"),
        ("evaluate {}/a.gguf {}/b.gguf --seen --json {}/no/t.json", "there is no folder"),
        ("evaluate {}/a.gguf {}/b.gguf --class sign --report {}", "writes the whole table"),
        ("precision {} --seen", "has no config.json"),
        ("precision {} --seen --report {}", "held-out cases or more"),
        ("precision {} --report {}", "put them in"),
        ("precision {}/damaged.pt --seen", "damaged.pt"),
        ("preview {}/sheet.foo", "name it .png"),
        ("export {}/damaged.pt {}/out", "cannot be read as a checkpoint"),
    ],
)
def test_what_cannot_work_is_said_in_a_sentence(tmp_path, line, said):
    pytest.importorskip("torch")
    (tmp_path / "damaged.pt").write_bytes(b"PK but no checkpoint")
    done = nano(*line.replace("{}", str(tmp_path)).split())
    assert done.returncode in (1, 2)
    assert said in done.stderr and "Traceback" not in done.stderr


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals cannot be held back here")
def test_ctrl_c_while_the_drawing_processes_still_load_does_not_end_them():
    from train_nano.batches import Producers

    producers = Producers(1, "0", tiles=1, phase=0)
    try:
        for process in producers._processes:
            os.kill(process.pid, signal.SIGINT)  # it has not loaded Python by now
        assert producers.next(lambda: False) is not None
    finally:
        producers.close()
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & {signal.SIGINT, signal.SIGTERM}
