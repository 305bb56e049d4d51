"""--cluster local:N: actors on this machine, which nobody else can reach, and which end with the run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from drawing import draw_text

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (pip install 'smolcli[ray]')"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what processes listen on is read from /proc"),
]
ROOT = Path(__file__).parents[2]
LISTENS = "0A"  # /proc/net/tcp: the state
LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}


def children(pid: int) -> set[int]:
    """A process and all that it has started."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def listening(pids: set[int]) -> set[str]:
    """The addresses (hex) that processes listen on."""
    inodes = set()
    for pid in pids:
        try:
            inodes |= {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()}
        except OSError:
            continue
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
    return {line[1].split(":")[0] for line in lines if line[3] == LISTENS and f"socket:[{line[9]}]" in inodes}


def gone(pids: set[int], within_s: float) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        alive = {pid for pid in pids if Path(f"/proc/{pid}").exists()}
        if not {pid for pid in alive if "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]}:
            return True
        time.sleep(0.1)
    return False


def test_actors_here_listen_on_loopback_alone_and_end_with_ctrl_c(tmp_path):
    for number in range(60):
        draw_text(tmp_path / f"{number:02}.png", "EXIT", height=60 + number)
    command = [sys.executable, "-m", "smolcli", "caption", str(tmp_path), "--cluster", "local:2", "--parallel", "1"]
    before = set(Path("/tmp").glob("smol-ray-*"))
    with subprocess.Popen(
        [*command, "--threads", "1", "--detail", "9"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        first = run.stdout.readline()
        family = children(run.pid)
        addresses = listening(family)
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does
        out, err = run.communicate(timeout=60)
    assert first.startswith(str(tmp_path / "00.png"))
    assert len(addresses) > 1 and addresses <= LOOPBACK
    assert run.returncode == 130
    assert "interrupted; ending after the current answer" in err and "Traceback" not in err and "ray" not in err.lower()
    assert all(line.startswith(str(tmp_path)) for line in out.splitlines()) and len(out.splitlines()) < 59
    assert gone(family, 20)
    assert set(Path("/tmp").glob("smol-ray-*")) - before == set()
