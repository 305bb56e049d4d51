"""The wheel: what is in it, what is not, and that it works outside the checkout."""

import os
import subprocess
import sys
import tomllib
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BUILTIN = "smolcli/models/builtin"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, cwd=out, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def metadata(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode("utf-8"))


def modules(package: str) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in (ROOT / package).rglob("*.py")}


def test_the_wheel_is_pure_python(wheel):
    assert wheel.name.endswith("-py3-none-any.whl")


def test_every_module_is_in_the_wheel_and_nothing_but_the_packages(names):
    assert modules("smolcli") | modules("gguf_convert") <= names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"smolcli", "gguf_convert"}
    assert {name for name in names if name.endswith(".pyc") or "__pycache__" in name} == set()


def test_every_prompt_is_in_the_wheel(names):
    there = {path.relative_to(ROOT / "prompts").as_posix() for path in (ROOT / "prompts").rglob("*.toml")}
    assert {"ask.toml", "families.toml", "styles/reference.toml"} <= there
    assert {f"smolcli/_prompts/{name}" for name in there} == {
        name for name in names if name.startswith("smolcli/_prompts/")
    }


def test_the_built_in_pair_and_its_facts_are_in_the_wheel_whole(wheel, names):
    facts = tomllib.loads((ROOT / BUILTIN / "facts.toml").read_text(encoding="utf-8"))
    files = {"facts.toml", facts["language"], facts["projector"]}
    assert {f"{BUILTIN}/{name}" for name in files} == {name for name in names if name.startswith(f"{BUILTIN}/")}
    with zipfile.ZipFile(wheel) as archive:
        for name in files:
            assert archive.read(f"{BUILTIN}/{name}") == (ROOT / BUILTIN / name).read_bytes()


def test_the_licence_the_readme_and_the_command_are_in_the_wheel(wheel, names):
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    facts = metadata(wheel)
    assert facts["License-Expression"] == "Apache-2.0"
    assert facts["Requires-Python"] == ">=3.11"
    assert "make demo" in facts.get_payload()
    with zipfile.ZipFile(wheel) as archive:
        (entry,) = [name for name in names if name.endswith("entry_points.txt")]
        assert "smol = smolcli.cli:entry" in archive.read(entry).decode()


def test_the_wheel_stays_small(wheel):
    assert wheel.stat().st_size < 20_000_000


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """An environment with the wheel in it, that borrows the dependencies of this one; returns its folder."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    site = next(folder.glob("lib/python*/site-packages"), folder / "Lib/site-packages")
    install = ["install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)]
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), *install], check=True)
    here = {str(Path(module.__file__).parents[1]) for module in (__import__("numpy"), __import__("llama_cpp"))}
    # Behind its own packages, so that smolcli is the wheel's. A .pth in a .pth (this checkout, editable) is not read.
    (site / "zz_dependencies.pth").write_text("".join(f"{path}\n" for path in here))
    return folder


def smol(installed: Path, *arguments: str, **more) -> subprocess.CompletedProcess:
    script = installed / ("Scripts" if os.name == "nt" else "bin") / "smol"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(script), *arguments],
        cwd=installed,
        env={**environment, "SMOL_STATE_DIR": str(installed / "state")},
        capture_output=True,
        encoding="utf-8",
        check=False,
        **more,
    )


def test_the_installed_command_runs_the_wheels_own_code(installed):
    python = installed / ("Scripts" if os.name == "nt" else "bin") / "python"
    code = "import smolcli; print(smolcli.__file__)"
    done = subprocess.run([python, "-c", code], cwd=installed, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).is_relative_to(installed)


def test_the_installed_command_lists_the_prompts(installed):
    done = smol(installed, "prompts")
    assert done.returncode == 0, done.stderr
    assert {"ask", "caption", "docvqa", "video"} <= {line.split("\t")[0] for line in done.stdout.splitlines()}


def test_the_installed_command_reads_a_picture_with_the_built_in_model(installed):
    done = smol(installed, "ask", str(ROOT / "examples/sign.jpg"), "What does it say?")
    assert done.returncode == 0, done.stderr
    assert "Exit 24" in done.stdout
    assert "built-in model" in done.stderr


def test_the_installed_command_fails_with_a_sentence(installed):
    done = smol(installed, "ask", "missing.jpg", "What is this?")
    assert done.returncode == 3
    assert done.stdout == ""
    assert "missing.jpg" in done.stderr
    assert "Traceback" not in done.stderr
