"""Where it is computed, as a user meets it: said with -v, a fall-back with its reason, speeds of that device alone."""

from __future__ import annotations

import json

import pytest

from smolcli.engine import placement
from smolcli.engine.llama.devices import Device

FULL = Device("CUDA0", "NVIDIA T4", 100 << 20, 16 * 10**9, 0)
MEDIA = ("exit.png", "What does it say?")


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    for name in ("state", "cache", "data"):
        monkeypatch.setenv(f"SMOL_{name.upper()}_DIR", str(tmp_path / name))
    return tmp_path / "state"


@pytest.fixture
def full_card(monkeypatch):
    """A card that has no room for any model, beside the devices of this machine."""
    real = placement.devices
    monkeypatch.setattr(placement, "devices", lambda: (FULL, *real()))


def ask(smol, drawn, *more, command="ask"):
    name, question = MEDIA
    return smol(command, drawn / name, question, *more)


def test_one_line_says_what_is_computed_on_and_only_where_more_is_asked_for(smol, drawn):
    said = [line for line in ask(smol, drawn, "-v", "--threads", "1").err.splitlines() if "device:" in line]
    assert len(said) == 1 and said[0].startswith("smol: device: cpu, 1 thread")
    assert "device:" not in ask(smol, drawn).err


def test_a_card_without_room_is_a_note_where_nobody_named_it_and_an_error_where_somebody_did(smol, drawn, full_card):
    done = ask(smol, drawn)
    assert done.code == 0 and "EXIT" in done.out.upper()
    assert "smol: note: CUDA0 (NVIDIA T4) has 105 MB free, and smol-nano takes about" in done.err
    asked = ask(smol, drawn, "--device", "cuda:0")
    assert (asked.code, asked.out) == (7, "")
    assert "--gpu-layers 8" in asked.err and "--device cpu" in asked.err
    gone = ask(smol, drawn, "--device", "cuda:1")
    assert gone.code == 2 and "Here: cuda:0 (NVIDIA T4)" in gone.err


def test_without_layers_on_the_card_no_card_is_looked_for(smol, drawn, monkeypatch):
    monkeypatch.setattr(placement, "devices", lambda: pytest.fail("a driver was started"))
    assert ask(smol, drawn, "--gpu-layers", "0").code == 0
    assert ask(smol, drawn, "--device", "cpu").code == 0
    assert ask(smol, drawn, "--device", "cuda", command="plan").code == 0


def test_speeds_are_those_of_what_was_computed_on_under_whatever_name_it_was_asked_for(smol, drawn, state):
    def estimate(*more):
        return ask(smol, drawn, "--json", *more, command="plan").record["estimated_s"]

    assert estimate() is None
    ask(smol, drawn)
    assert [key.rpartition("/")[2] for key in json.loads((state / "speeds.json").read_text())] == ["cpu"]
    assert estimate() == estimate("--device", "cpu") == estimate("--gpu-layers", "0") > 0
    assert estimate("--device", "cuda") is None
    devices = json.loads((state / "devices.json").read_text())
    assert [(key.rpartition("/")[2], entry) for key, entry in devices.items()] == [("auto", {"device": "cpu"})]
    (state / "devices.json").write_text('{"x": 1}')
    assert estimate() is None and estimate("--device", "cpu") > 0


def test_several_towers_and_other_passes_say_the_same(smol, drawn):
    plain = ask(smol, drawn, "--no-store", "--detail", "high").out
    assert ask(smol, drawn, "--no-store", "--detail", "high", "--towers", "2").out == plain
    assert ask(smol, drawn, "--no-store", "--detail", "high", "--batch-rows", "4096").out == plain
    for wrong in (("--towers", "0"), ("--batch-rows", "1"), ("--device", "cuda:"), ("--device", "cpu:1")):
        assert ask(smol, drawn, *wrong).code == 2


def test_doctor_lists_every_device_with_what_asks_for_it(smol):
    lines = [line for line in smol("doctor").out.splitlines() if "device CPU" in line]
    assert len(lines) == 1 and "(--device cpu)" in lines[0] and " free" in lines[0]


def test_models_say_ram_and_gpu_memory_apart(smol):
    header, row = (line.split() for line in smol("models").out.splitlines()[:2])
    assert header[3:5] == ["RAM", "GPU"] and row[5] == row[7] == "MB" and int(row[4]) < int(row[6])
    record = smol("models", "--json").record
    assert 0 < record["ram_bytes"] < record["gpu_bytes"]
