"""How many threads: physical cores, no more than this process may use."""

import os
import subprocess
import sys
from contextlib import ExitStack
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


@pytest.mark.parametrize(
    ("others", "processors", "threads", "wanted"),
    [
        (0, 2, 2, "idle"),
        (1, 2, 2, "busy"),
        (2, 2, 2, "busy"),
        (1, 4, 2, "idle"),
        (6, 8, 4, "busy"),
        (60, 64, 4, "idle"),
    ],
)
def test_threads_spin_where_nobody_else_wants_their_cores(others, processors, threads, wanted):
    assert cores.spins(others, processors, threads) == {"idle": cores.SPINS_IDLE, "busy": cores.SPINS_BUSY}[wanted]


def test_where_it_is_not_told_what_runs_threads_spin_for_a_moment(monkeypatch):
    monkeypatch.setattr(cores.Path, "read_text", lambda path, encoding: "cpu 1 2 3\n")
    assert cores.others_running() is None
    assert cores.SPINS_BUSY < cores.spins(None, 2, 2) <= cores.SPINS_IDLE


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells what runs")
def test_processes_that_compute_are_seen():
    with ExitStack() as stack:
        for _ in range(3):
            code = "print('computing', flush=True)\nwhile True: pass"
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE))
            stack.callback(process.kill)
            assert process.stdout.readline()
        assert cores.others_running() >= 3


def test_libgomp_is_told_while_it_is_loaded_and_no_other_program_is(monkeypatch):
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setattr(cores, "others_running", lambda: 1000)
    with cores.waiting_threads():
        assert os.environ["GOMP_SPINCOUNT"] == str(cores.SPINS_BUSY)
    assert "GOMP_SPINCOUNT" not in os.environ


@pytest.mark.parametrize(("name", "value"), [("OMP_WAIT_POLICY", "active"), ("GOMP_SPINCOUNT", "7")])
def test_what_the_user_says_of_waiting_threads_stays(monkeypatch, name, value):
    for each in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, value)
    before = dict(os.environ)
    with cores.waiting_threads():
        assert dict(os.environ) == before
    assert os.environ[name] == value


def test_threads_are_pinned_to_one_processor_of_each_core_where_two_share_one(machine, monkeypatch):
    kept = []
    monkeypatch.setattr(cores.os, "sched_setaffinity", lambda thread, cpus: kept.append((thread, cpus)), raising=False)
    machine(range(8), {cpu: f"{cpu % 4},{cpu % 4 + 4}" for cpu in range(8)})
    assert cores.one_of_each_core() == {0, 1, 2, 3}
    cores.pin(False)
    cores.pin(True)
    assert kept == [(0, {0, 1, 2, 3})]
    machine(range(2), {0: "0", 1: "1"})
    assert not cores.one_of_each_core()
    cores.pin(True)
    monkeypatch.setattr(cores.sys, "platform", "darwin")
    assert not cores.one_of_each_core()
    assert len(kept) == 1
