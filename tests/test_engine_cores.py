"""How many threads: physical cores, no more than this process may use."""

import os
import subprocess
from types import SimpleNamespace

import pytest

from smolcli.engine import cores


@pytest.fixture
def machine(monkeypatch):
    """Pretend to be a Linux machine: CPUs that are allowed, who shares a core, and the cgroup's quota."""

    def pretend(allowed, siblings, quota=None):
        files = {
            f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list": text for cpu, text in siblings.items()
        }
        if quota:
            files["/sys/fs/cgroup/cpu.max"] = quota

        def read(path):
            if str(path) not in files:
                raise FileNotFoundError(path)
            return files[str(path)]

        monkeypatch.setattr(cores.sys, "platform", "linux")
        monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _: set(allowed), raising=False)
        monkeypatch.setattr(cores.Path, "read_text", read)
        return cores.physical_cores.__wrapped__()

    return pretend


def test_two_threads_of_a_core_count_once(machine):
    assert machine(range(8), {cpu: f"{cpu % 4},{cpu % 4 + 4}" for cpu in range(8)}) == 4


def test_only_allowed_cpus_count(machine):
    assert machine([0, 4, 1], {cpu: f"{cpu % 4},{cpu % 4 + 4}" for cpu in range(8)}) == 2


def test_without_topology_every_cpu_is_a_core(machine):
    assert machine(range(3), {}) == 3


@pytest.mark.parametrize(
    ("quota", "cores_"), [("200000 100000\n", 2), ("150000 100000\n", 2), ("50000 100000\n", 1), ("max 100000\n", 6)]
)
def test_a_containers_quota_is_the_most(machine, quota, cores_):
    assert machine(range(6), {cpu: str(cpu) for cpu in range(6)}, quota) == cores_


@pytest.mark.parametrize(
    ("answers", "wanted"), [({"hw.perflevel0.physicalcpu": "8\n"}, 8), ({"hw.physicalcpu": "6\n"}, 6)]
)
def test_performance_cores_on_a_mac(monkeypatch, answers, wanted):
    def sysctl(command, **_):
        return SimpleNamespace(stdout=answers.get(command[-1], ""))

    monkeypatch.setattr(cores.sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", sysctl)
    assert cores.physical_cores.__wrapped__() == wanted


def test_here_there_is_at_least_one_and_no_more_than_the_machine_has():
    assert 1 <= cores.physical_cores() <= (os.cpu_count() or 1)
