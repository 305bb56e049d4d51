"""How many threads to use, one per physical core that this process may run on, and how they wait for each other.

A second thread on a core slows matrix products down. A thread that spins while it waits answers at once, where nobody
else wants its core; where somebody does, it keeps the one from running that it waits for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

# Rounds of libgomp's loop (3 to 50 ns each) before a thread sleeps. Idle, more than 2,000 gain nothing: 126 tokens/s at
# 2,000, 20,000 and without end, 47 at 0; beside two busy processes 20 at 2,000, 70 at 0 (256M, two cores).
SPINS_IDLE, SPINS_BUSY = 2_000, 0
_SPINS_UNKNOWN = 2_000
_LOOKS, _LOOK_S = 5, 0.001
_SET_BY_USER = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


@contextmanager
def waiting_threads() -> Iterator[None]:
    """While libgomp is loaded here, it learns how long its threads spin: by how busy the machine is now.

    What the user has set stays; the environment is as it was afterwards, so that other programs decide for themselves.
    """
    if any(name in os.environ for name in _SET_BY_USER):
        yield
        return
    os.environ["GOMP_SPINCOUNT"] = str(spins(others_running(), os.cpu_count() or 1, physical_cores()))
    try:
        yield
    finally:
        del os.environ["GOMP_SPINCOUNT"]


def spins(others: int | None, processors: int, threads: int) -> int:
    """How long threads spin beside so many others that run on the machine (None: not known)."""
    if others is None:
        return _SPINS_UNKNOWN
    return SPINS_BUSY if others + threads > processors else SPINS_IDLE


def others_running() -> int | None:
    """How many other threads of the machine run or want to: the median of some looks. None where that is not told."""
    seen = []
    for _ in range(_LOOKS):
        try:
            lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
        except OSError:
            return None
        seen += [int(line.split()[1]) - 1 for line in lines if line.startswith("procs_running ")]  # one of them looks
        time.sleep(_LOOK_S)
    return sorted(seen)[len(seen) // 2] if seen else None


@cache
def physical_cores() -> int:
    """Physical cores open to this process, at least 1."""
    if sys.platform == "linux":
        return _linux() or os.cpu_count() or 1
    if sys.platform == "darwin":
        return _darwin() or os.cpu_count() or 1
    return max(1, (os.cpu_count() or 2) // 2)


def one_of_each_core() -> frozenset[int]:
    """A processor of each physical core, where some that this process may use share one; else nothing to choose from.

    Empty too where a program cannot choose its processors (macOS, Windows).
    """
    if sys.platform != "linux":
        return frozenset()
    cores = _processors_of_cores()
    return frozenset(map(min, cores)) if any(len(each) > 1 for each in cores) else frozenset()


def pin(wanted: bool) -> None:
    """Keep the calling thread, and those that it starts, off the second processors of cores, where that is wanted."""
    if sys.platform == "linux" and wanted and (processors := one_of_each_core()):
        with suppress(OSError):  # a container may forbid it
            os.sched_setaffinity(0, processors)


def _processors_of_cores() -> list[list[int]]:
    """The processors that the calling thread may use, those of a physical core together (Linux)."""
    cores: dict[str, list[int]] = {}
    for cpu in os.sched_getaffinity(0) if sys.platform == "linux" else ():
        try:
            core = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text()
        except OSError:
            core = f"{cpu}\n"
        cores.setdefault(core, []).append(cpu)
    return list(cores.values())


def _linux() -> int:
    """Distinct cores among the allowed CPUs, no more than the cgroup's quota lets run at once."""
    cores = _processors_of_cores()
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        limit = max(1, -(-int(quota) // int(period)))
    except (OSError, ValueError):
        limit = len(cores)
    return min(len(cores), limit)


def _darwin() -> int:
    """Performance cores, where the processor has two kinds."""
    for key in ("hw.perflevel0.physicalcpu", "hw.physicalcpu"):
        run = subprocess.run(["/usr/sbin/sysctl", "-n", key], capture_output=True, text=True, check=False)
        if run.stdout.strip().isdigit():
            return int(run.stdout)
    return 0
