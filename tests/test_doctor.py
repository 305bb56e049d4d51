"""smol doctor: well when all is well, and each thing that can be wrong is a line with a way out and exit code 1."""

from __future__ import annotations

import json

import doctor_goldens
import pytest
from models import MEMBERS, golden_pair, member_pair

from smolcli import cache
from smolcli.checks import Check, model, report_lines, system
from smolcli.engine import EngineOptions
from smolcli.models import builtin

NAMES = {
    "python", "libraries", "llama.cpp", "device CPU", "settings", "data folder", "cache folder", "state folder",
    "settings folder", "downloads", "models", "cache", "model files", "memory", "model pair", "tokens", "tiles",
    "known answer",
    "encode speed", "prefill speed", "decode speed",
}  # fmt: skip


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    for name in ("data", "cache", "state"):
        monkeypatch.setenv(f"SMOL_{name.upper()}_DIR", str(tmp_path / name))
    monkeypatch.setenv("SMOL_CONFIG", str(tmp_path / "config.toml"))


def checks(result) -> dict[str, dict]:
    return {check["name"]: check for check in result.record["checks"]}


def test_on_a_sound_machine_nothing_has_failed(smol):
    result = smol("doctor", "--json")
    assert result.code == 0, result.out
    found = checks(result)
    assert set(found) >= NAMES
    assert result.record["ok"] is True
    assert {check["status"] for check in found.values()} <= {"ok", "warning"}
    assert all(check["fix"] for check in found.values() if check["status"] != "ok")
    for name in ("tokens", "tiles", "known answer", "model pair"):
        assert found[name]["status"] == "ok"
    assert "ms a tile of 256 px" in found["encode speed"]["detail"]


def test_lines_are_for_people_and_the_report_is_markdown(smol, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    lines = smol("doctor").out.splitlines()
    assert {line.split()[0] for line in lines if not line.startswith(" ")} <= {"ok", "warning", "failed"}
    report = smol("doctor", "--report").out.splitlines()
    assert report[2].count("|") == 5
    assert all(line.startswith("| ") and line.endswith(" |") for line in report[4:])
    assert str(tmp_path) not in "".join(report)


@pytest.mark.parametrize(
    ("home", "cell", "shown"),
    [
        ("/home/al", "/home/al/x and /home/alice/x", "~/x and /home/alice/x"),
        ("/", "4 tokens/s", "4 tokens/s"),
        ("/home/al", "/home/al", "~"),
    ],
)
def test_the_report_shortens_the_home_folder_and_nothing_else(monkeypatch, home, cell, shown):
    monkeypatch.setenv("HOME", home)
    assert f"| {shown} |" in list(report_lines([Check("x", "ok", cell)]))[-1]


def test_a_damaged_record_has_failed_and_a_given_projector_is_looked_at(smol, tmp_path):
    folder = tmp_path / "data" / "models"
    folder.mkdir(parents=True)
    (folder / "mine@q8_0.json").write_text("{")
    pair = builtin()
    language = tmp_path / "lm.gguf"
    language.write_bytes(pair.language.read_bytes())
    assert "--mmproj" in checks(smol("doctor", "-m", language, "--json"))["model"]["fix"]
    found = checks(smol("doctor", "-m", language, "--mmproj", pair.projector, "--json"))
    assert found["models"]["status"] == "failed" and "mine:q8_0" in found["models"]["fix"]
    assert {check["status"] for name, check in found.items() if name != "models"} <= {"ok", "warning"}


def test_the_device_of_the_settings_is_the_one_that_is_looked_at(smol, monkeypatch):
    from smolcli.engine import devices
    from smolcli.engine.placement import BACKENDS

    there = tuple(device.name for device in devices())
    lacking = next(name for name, prefixes in BACKENDS.items() if not any(n.startswith(prefixes) for n in there))
    monkeypatch.setenv("SMOL_DEVICE", lacking)
    result = smol("doctor", "--json")
    assert result.code == 1
    assert f"has no {lacking} device" in checks(result)["known answer"]["detail"]


def test_the_goldens_that_ship_are_picked_from_the_reference():
    assert doctor_goldens.OUT.read_text(encoding="utf-8") == doctor_goldens.text(), (
        "run: python tests/doctor_goldens.py"
    )


@pytest.mark.parametrize("family", MEMBERS)
def test_every_member_with_goldens_has_its_ids(family):
    check = model._tokens(member_pair(MEMBERS[family]), EngineOptions())
    assert (check.status, check.fix) == ("ok", "")


def test_a_family_without_goldens_is_a_warning(monkeypatch):
    monkeypatch.setattr(model, "_goldens", lambda: {"tokens": []})
    assert model._tokens(golden_pair("f16"), EngineOptions()).status == "warning"


def test_tokens_that_differ_from_the_familys_have_failed(monkeypatch):
    goldens = json.loads(doctor_goldens.OUT.read_text())
    goldens["tokens"][0]["cases"][0]["ids"][3] += 1
    monkeypatch.setattr(model, "_goldens", lambda: goldens)
    check = model._tokens(member_pair("SmolVLM-256M-Instruct"), EngineOptions())
    assert check.status == "failed"
    assert "1 of 6 conversations" in check.detail and "image-first" in check.detail


def test_tiles_that_come_out_differently_have_failed(monkeypatch):
    real = model.cut
    monkeypatch.setattr(model, "cut", lambda rgb, plan: real(rgb[:, ::-1], plan))
    check = model._tiles()
    assert check.status == "failed"
    assert "vga" in check.detail


def test_a_wrong_answer_has_failed(monkeypatch):
    monkeypatch.setattr(model, "ANSWER", "SHUT")
    assert model._known_answer(EngineOptions()).status == "failed"


def test_a_model_that_is_not_there_is_a_line_with_its_pull_command(smol):
    result = smol("doctor", "--json", "-m", "500m-video")
    assert result.code == 1
    found = checks(result)["model"]
    assert (found["status"], found["fix"]) == ("failed", "Get it with: smol pull 500m-video")
    assert "checks failed" in result.err


def test_a_damaged_model_has_failed_and_the_rest_is_still_looked_at(smol, tmp_path):
    pair = golden_pair("f16")
    language, projector = tmp_path / "lm-f16.gguf", tmp_path / "mmproj-lm-f16.gguf"
    language.write_bytes(pair.language.read_bytes()[:-5000])
    projector.write_bytes(pair.projector.read_bytes())
    result = smol("doctor", "--json", "-m", language)
    assert result.code == 1
    found = checks(result)
    assert found["model pair"]["status"] == "failed"
    assert "Download or convert it again" in found["model pair"]["fix"]
    assert found["known answer"]["status"] == "ok"
    assert "tokens" not in found and "encode speed" not in found


def test_a_file_that_is_not_the_recorded_one_has_failed(smol, tmp_path):
    pair = golden_pair("f16")
    language, projector = tmp_path / "lm-f16.gguf", tmp_path / "mmproj-lm-f16.gguf"
    language.write_bytes(pair.language.read_bytes())
    projector.write_bytes(pair.projector.read_bytes())
    assert smol("models", "add", "mine", language, projector, "--keep-as-published").code == 0
    data = bytearray(language.read_bytes())
    data[-3] ^= 1
    language.write_bytes(data)
    found = checks(smol("doctor", "--json", "-m", "mine"))
    assert found["model files"]["status"] == "failed"
    assert found["model files"]["fix"].startswith("Add it again with")


def test_settings_that_cannot_be_read_do_not_hide_the_machine(smol, tmp_path):
    (tmp_path / "config.toml").write_text("colour = 1\n")
    result = smol("doctor", "--json")
    assert result.code == 1
    found = checks(result)
    assert set(found) >= {"python", "libraries", "llama.cpp", "settings"}


def test_a_folder_that_cannot_be_made_has_failed_with_the_variable_that_moves_it(smol, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path / "file" / "cache"))
    result = smol("doctor", "--json")
    assert result.code == 1
    found = checks(result)["cache folder"]
    assert found["status"] == "failed" and "SMOL_CACHE_DIR" in found["fix"]


def test_a_folder_that_may_not_be_written_has_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(system.os, "access", lambda path, mode: False)  # root may write anywhere
    assert system._folder("data folder", tmp_path, "move it").status == "failed"


def test_a_cache_beyond_its_limit_and_a_model_beyond_memory_are_warnings(smol, tmp_path, monkeypatch):
    room = cache.room(tmp_path / "cache", "projectors")
    (room / "a.gguf").write_bytes(bytes(1000))
    monkeypatch.setenv("SMOL_CACHE_SIZE", "1 kB")
    (room / "b.gguf").write_bytes(bytes(1000))
    assert checks(smol("doctor", "--json"))["cache"]["status"] == "warning"
    monkeypatch.setattr(system, "_available_bytes", lambda: 10**9)
    assert system.memory_check(2 * 10**9).status == "warning"
    assert system.memory_check(10**8).status == "ok"
