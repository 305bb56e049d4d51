"""What is computed on what: cards that are there or not, full or not; and that a plan starts no driver of a card."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from smolcli.datatypes import ModelPair
from smolcli.engine import EngineOptions, computes_with, placement
from smolcli.engine.llama.devices import Device, devices
from smolcli.engine.placement import CARD_BYTES, Placement, device_word, place
from smolcli.errors import EngineError, UsageError
from smolcli.models import builtin

GB = 10**9
CPU = Device("CPU", "AMD EPYC", 8 * GB, 16 * GB, 1, "cpu")
FIRST = Device("CUDA0", "NVIDIA H100", 60 * GB, 80 * GB, 2)
SECOND = Device("CUDA1", "NVIDIA H100", 70 * GB, 80 * GB, 3)
FULL = Device("CUDA2", "NVIDIA T4", 100 << 20, 16 * GB, 4)
VULKAN = Device("Vulkan0", "Radeon", 50 * GB, 64 * GB, 5)
SHARED = Device("Vulkan1", "Radeon Graphics", 90 * GB, 90 * GB, 6, "integrated")
BLAS = Device("BLAS", "OpenBLAS", 0, 0, 7, "other")


@pytest.fixture
def machine(monkeypatch):
    """Pretend that ggml lists these devices; without any, that it must not be asked."""

    def pretend(*found):
        def listed():
            assert found, "a driver was started"
            return found

        monkeypatch.setattr(placement, "devices", listed)

    return pretend


def placed(device="auto", **more):
    return place(builtin(), EngineOptions(device=device, **more))


@pytest.mark.parametrize(
    ("found", "wanted", "card"),
    [
        ((CPU,), "auto", None),
        ((CPU, BLAS), "auto", None),
        ((FIRST, SECOND, FULL, CPU), "auto", SECOND),
        ((FIRST, SHARED, CPU), "auto", FIRST),
        ((SHARED, CPU), "auto", SHARED),
        ((FIRST, SECOND, CPU), "cuda", SECOND),
        ((FIRST, SECOND, CPU), "cuda:0", FIRST),
        ((FIRST, SECOND, VULKAN, CPU), "vulkan", VULKAN),
    ],
)
def test_the_card_with_the_most_free_memory_is_taken_or_the_one_that_was_named(machine, found, wanted, card):
    machine(*found)
    assert placed(wanted) == Placement(card)


@pytest.mark.parametrize(("device", "layers"), [("cpu", None), ("cpu", 3), ("auto", 0)])
def test_where_it_cannot_be_a_card_no_driver_is_started(machine, device, layers):
    machine()
    assert placed(device, gpu_layers=layers) == Placement()


def test_without_layers_on_the_card_nothing_is_on_it(machine):
    machine(FIRST, CPU)
    assert placed("cuda", gpu_layers=0) == Placement()


def test_too_little_memory_falls_back_with_a_note_and_not_where_the_card_was_asked_for(machine):
    machine(FULL, CPU)
    found = placed()
    assert found.card is None
    assert "CUDA2 (NVIDIA T4) has 105 MB free, and smol-nano takes about" in found.note
    assert "on the processor" in found.note
    for wanted in ("cuda", "cuda:2"):
        with pytest.raises(EngineError, match=r"--gpu-layers 8.*--device cpu"):
            placed(wanted)
    assert placed("cuda", gpu_layers=2).card == FULL


def test_what_a_model_takes_grows_with_its_files(machine, tmp_path):
    pair = builtin()
    size = pair.language.stat().st_size + pair.projector.stat().st_size
    for spare, card in ((0, True), (-1, False)):
        machine(replace(FIRST, free_bytes=CARD_BYTES + size + spare), CPU)
        assert (placed().card is not None) is card
    machine(FIRST, CPU)
    missing = ModelPair(tmp_path / "a.gguf", tmp_path / "b.gguf", "missing")
    assert place(missing, EngineOptions()).card == FIRST


@pytest.mark.parametrize("wanted", ["cuda:7", "cuda:2"])
def test_a_card_that_is_not_there_is_an_error_that_lists_those_that_are(machine, wanted):
    machine(FIRST, SECOND, CPU)
    with pytest.raises(UsageError, match=r"no device cuda:.* Here: cuda:0 \(NVIDIA H100\), cuda:1 \(NVIDIA H100\)"):
        placed(wanted)
    machine(VULKAN, CPU)
    with pytest.raises(UsageError, match=r"no cuda device.*DGGML_CUDA=on"):
        placed(wanted)


@pytest.mark.parametrize("wanted", ["abacus", "cuda:", "cuda:x", "cpu:0", "auto:1", "cuda:-1", ""])
def test_a_device_that_no_machine_has_lists_the_known(machine, wanted):
    machine()
    with pytest.raises(UsageError, match="Known: auto, cpu, cuda, metal, vulkan"):
        placed(wanted)


def test_a_device_is_named_as_it_is_asked_for():
    assert [device_word(d) for d in (CPU, FIRST, SECOND, VULKAN, BLAS)] == ["cpu", "cuda:0", "cuda:1", "vulkan:0", ""]
    assert device_word(replace(FIRST, name="Metal")) == "metal:0"


def test_two_cards_of_a_kind_are_one_to_what_was_measured_and_encoded():
    names = [Placement(card).name for card in (FIRST, SECOND, FULL, None)]
    assert names == ["CUDA NVIDIA H100", "CUDA NVIDIA H100", "CUDA NVIDIA T4", "cpu"]
    assert computes_with(Placement(FIRST)) == computes_with(Placement(SECOND)) != computes_with(Placement())


def test_a_placement_is_one_line_for_people():
    assert Placement(FIRST).line(None) == "device: CUDA0 NVIDIA H100, 60.0 GB free"
    assert Placement().line(3).startswith("device: cpu, 3 threads")
    assert Placement().line(1).startswith("device: cpu, 1 thread,")


def test_the_real_list_holds_the_processor_with_its_memory():
    [cpu] = [device for device in devices() if device.kind == "cpu"]
    assert cpu.total_bytes > GB // 2 and device_word(cpu) == "cpu"


# ---- what starts a driver

LISTING = ("ggml_backend_dev_count", "ggml_backend_dev_by_type", "ggml_backend_reg_count", "ggml_backend_dev_get")
TRAP = "#include <unistd.h>\n" + "".join(f"long {name}(void) {{ _exit(99); }}\n" for name in LISTING)


@pytest.fixture(scope="module")
def trap(tmp_path_factory):
    """A library that ends the process where ggml is asked what devices there are, which is what starts CUDA."""
    if sys.platform != "linux" or shutil.which("cc") is None:
        pytest.skip("needs Linux and a C compiler")
    folder = tmp_path_factory.mktemp("trap")
    (folder / "trap.c").write_text(TRAP)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "trap.so", folder / "trap.c"], check=True)
    return folder / "trap.so"


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("plan", "sign.jpg", "What?"), 0),
        (("plan", "sign.jpg", "What?", "--device", "cuda", "-v"), 0),
        (("--help",), 0),
        (("ask", "--help"), 0),
        (("ask", "sign.jpg", "What?"), 99),
    ],
)
def test_a_plan_and_a_help_text_start_no_driver_and_an_answer_would(trap, argv, code, tmp_path):
    root = Path(__file__).parent.parent
    environment = {**os.environ, "LD_PRELOAD": str(trap), "PYTHONPATH": str(root), "SMOL_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "smolcli", *argv]
    done = subprocess.run(command, cwd=root / "examples", env=environment, capture_output=True, check=False, timeout=60)
    assert done.returncode == code, done.stderr.decode()
