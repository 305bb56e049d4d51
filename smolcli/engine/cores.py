"""How many threads to use: one per physical core that this process may run on.

A second thread on a core slows matrix products down.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path


@cache
def physical_cores() -> int:
    """Physical cores open to this process, at least 1."""
    if sys.platform == "linux":
        return _linux() or os.cpu_count() or 1
    if sys.platform == "darwin":
        return _darwin() or os.cpu_count() or 1
    return max(1, (os.cpu_count() or 2) // 2)


def _linux() -> int:
    """Distinct cores among the allowed CPUs, no more than the cgroup's quota lets run at once."""
    cores = set()
    for cpu in os.sched_getaffinity(0):
        try:
            cores.add(Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text())
        except OSError:
            cores.add(str(cpu))
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
