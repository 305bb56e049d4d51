"""The scripts that measure a card run without one: every part, with the built-in model, on the CPU."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from smolcli.models import builtin

FOLDER = Path(__file__).parent / "bench" / "gpu"


@pytest.fixture(scope="module")
def measure():
    spec = importlib.util.spec_from_file_location("measure_gpu", FOLDER / "measure.py")
    module = sys.modules["measure_gpu"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["measure_gpu"]


def run(measure, tmp_path, *more):
    pair = builtin()
    found = tmp_path / "found.json"
    arguments = [pair.language, pair.projector, "--device", "cpu", "--quick", "--json", found, *more]
    code = measure.main([str(argument) for argument in arguments])
    return code, json.loads(found.read_text())


def test_every_part_is_measured_on_a_cpu(measure, tmp_path, capsys):
    code, record = run(measure, tmp_path)
    assert (code, record["wrong"]) == (0, [])
    found = record["found"]
    parts = [each["part"] for each in found]
    assert set(parts) == {"device", "embeddings", "text", "towers", "decode", "examples", "batch rows"}
    assert found[0]["name"] == "cpu"
    assert next(each["error"] for each in found if each["part"] == "embeddings") == 0.0
    assert all(each["tiles_per_s"] > 0 for each in found if each["part"] == "towers")
    assert [each["width"] for each in found if each["part"] == "examples"] == [1, 2]
    assert len(capsys.readouterr().out.splitlines()) == len(found)


def test_what_has_failed_or_found_no_time_is_said_and_the_code_is_not_0(measure, tmp_path, capsys):
    code, record = run(measure, tmp_path, "--budget", "-1", "--parts", "decode")
    assert (code, record["found"], record["wrong"]) == (1, [], ["decode: left out, no time"])
    pair = builtin()
    assert measure.main([str(pair.language), str(pair.projector), "--quick", "--parts", "towers"]) == 1
    assert "towers: FAILED, This build of llama.cpp has no cuda device" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize("script", ["build.sh", "go.sh"])
def test_the_shell_scripts_are_shell_scripts_and_say_how_they_are_called(script):
    assert subprocess.run(["bash", "-n", FOLDER / script], check=False).returncode == 0
    shown = subprocess.run(["bash", FOLDER / script], capture_output=True, text=True, check=False)
    assert shown.returncode == 2 and f"tests/bench/gpu/{script}" in shown.stdout
