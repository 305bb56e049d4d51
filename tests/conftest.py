"""Every test runs apart from the user's machine: its own home, state and settings; and types commands with `smol`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from drawing import draw_clip, draw_pdf, draw_text, synth
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent.parent
# On a busy machine the first example takes seconds: how long something takes fails no test.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@dataclass(frozen=True)
class Result:
    """What one command line did: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict]:
        """The lines of stdout as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def record(self) -> dict:
        """The only line of stdout as JSON."""
        [record] = self.records
        return record

    @property
    def sentence(self) -> str:
        """The one line that stderr holds, an error: no traceback, nothing else."""
        [line] = [line for line in self.err.splitlines() if "reading with the built-in model" not in line]
        assert line.startswith("smol: error: "), line
        assert "unexpectedly" not in line and "Traceback" not in line
        return line.removeprefix("smol: error: ")


@pytest.fixture(scope="session", autouse=True)
def _signals():
    """A suite that runs in the background ignores some signals, and what it starts would ignore them too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def _apart(tmp_path_factory):
    """No test reads or writes the user's folders."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("SMOL_", "XDG_"))]:
            patch.delenv(name)
        patch.setenv("HOME", str(home))
        patch.setenv("SMOL_STATE_DIR", str(home / "state"))
        patch.setenv("SMOL_STORE", "off")  # what one test has computed shall not spare it another
        yield


@pytest.fixture
def smol(capsys):
    """Type a command line in this process: smol("ask", photo, "What is this?") → Result."""
    from smolcli.cli import main

    def run(*argv: object) -> Result:
        capsys.readouterr()
        code = main([str(word) for word in argv])
        return Result(code, *capsys.readouterr())

    return run


@pytest.fixture
def smol_process():
    """The same in a process of its own, with real descriptors; `stdin` is bytes."""

    def run(*argv: object, stdin: bytes | None = None, **more) -> Result:
        words = [os.fsencode(str(word)) if isinstance(word, (str, Path)) else word for word in argv]
        command = [sys.executable, "-m", "smolcli", *words]
        options = {"cwd": ROOT, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 120} | more
        given = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
        done = subprocess.run(command, **(given | options), check=False)
        text = [(data or b"").decode("utf-8", "surrogateescape") for data in (done.stdout, done.stderr)]
        return Result(done.returncode, *text)

    return run


@pytest.fixture(scope="session")
def drawn(tmp_path_factory) -> Path:
    """Small media: exit.png, total.png (large print), doc.pdf (3 pages), locked.pdf ("pw"), clip.mp4 (3 s)."""
    folder = tmp_path_factory.mktemp("drawn")
    draw_text(folder / "exit.png", "EXIT", height=150)
    draw_text(folder / "total.png", "Total 42")
    pages = [{"size": (300, 300), "text": text, "height": 80} for text in ("EXIT", "42", "7")]
    draw_pdf(folder / "doc.pdf", pages)
    draw_pdf(folder / "locked.pdf", pages[:1], password="pw")
    draw_clip(folder / "clip.mp4", 90)
    return folder


@pytest.fixture(scope="session")
def textured(tmp_path_factory):
    """Two pictures of which no two tiles are alike."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("textured")
    paths = []
    for seed, size in ((1, (640, 488)), (2, (300, 500))):
        paths.append(folder / f"{seed}.png")
        Image.fromarray(synth(*size, seed)).save(paths[-1])
    return paths


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Headless Chromium, started once."""
    from browser import chromium

    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver
