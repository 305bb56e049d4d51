"""The address of a cluster goes in; a connection to Ray comes out, which says nothing by itself."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from smolcli.errors import EngineError, UsageError
from smolcli.run.cluster.address import HERE, Cluster

ANSWERS_S = 5.0  # a cluster that is there says so within
STORE_BYTES = 100_000_000  # of shared memory on this machine, where actors see its files anyway
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))  # and a frame of settings (RFC 9113)
_SETTINGS = 4
_WAY_OUT = "Is it running (ray status)? Try it here first: --cluster local:2."


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of the cluster. name: how it is called in sentences; cpus, gpus: what Ray may give away of it."""

    id: str
    name: str
    cpus: float
    gpus: float


class Connection:
    """Ray, connected. ray: its module; here: the cluster is of this process alone.

    Raises UsageError where Ray is not installed, EngineError where the cluster cannot be joined.
    """

    def __init__(self, options: Cluster) -> None:
        self.here = options.address == HERE
        with ExitStack() as stack:
            stack.enter_context(_environment(self.here))
            self.ray = _library()
            if not self.ray.is_initialized():  # a program may have joined it
                self._join(options, stack)
            self._stack = stack.pop_all()

    def _join(self, options: Cluster, stack: ExitStack) -> None:
        quiet = {"log_to_driver": False, "logging_level": logging.CRITICAL}
        if self.here:
            folder = tempfile.mkdtemp(
                prefix="smol-ray-", dir="/tmp" if os.name == "posix" else None
            )  # sockets' names are short
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            cpus = options.actors or 1
            own = {"address": "local", "num_cpus": cpus, "include_dashboard": False, "_temp_dir": folder}
            given = {**own, "object_store_memory": STORE_BYTES}
        else:
            if options.endpoint is not None:
                _require_answer(options.address, *options.endpoint)
            given = {"address": options.address}
        stack.callback(self.ray.shutdown)
        try:
            with _own_signals():
                self.ray.init(**given, **quiet)
        except (Exception, SystemExit) as error:  # it raises whatever there is, and ends programs
            what = "Ray does not start here" if self.here else f"The cluster at {options.address} cannot be joined"
            hint = "Try again when the machine is less busy, or leave out --cluster." if self.here else _WAY_OUT
            raise EngineError(f"{what}: {_first_line(error)}", hint) from error

    def nodes(self) -> Sequence[Node]:
        """The machines that are there now. Raises EngineError where the cluster does not answer any more."""
        try:
            found = self.ray.nodes()
        except (self.ray.exceptions.RayError, ConnectionError, RuntimeError) as error:
            raise EngineError(f"The cluster does not answer any more: {_first_line(error)}", _WAY_OUT) from error
        return [_node(record) for record in found if record["Alive"]]

    def close(self) -> None:
        """Leave the cluster; one of this process alone ends."""
        self._stack.close()


def _node(record: dict[str, Any]) -> Node:
    has = record["Resources"]
    return Node(record["NodeID"], record["NodeManagerAddress"], has.get("CPU", 0.0), has.get("GPU", 0.0))


def _library() -> Any:
    """Raises UsageError where it is not installed."""
    try:
        ray: Any = import_module("ray")
        worker: Any = import_module("ray._private.worker")
    except ImportError as error:
        hint = "Get it with: pip install 'smolcli[ray]'"
        raise UsageError("--cluster needs Ray, which is not installed.", hint) from error
    setattr(worker, "_worker_logs_enabled", False)  # noqa: B010  raylets' words about actors that end: ours say it
    return ray


@contextmanager
def _environment(here: bool) -> Iterator[None]:
    """What Ray reads while it is joined: no telemetry. Its processes here listen on loopback, and only to this one."""
    given = {"RAY_USAGE_STATS_ENABLED": "0"}
    if here:
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        given |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", **token}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray takes TERM for itself; ours ends a run in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _require_answer(address: str, host: str, port: int) -> None:
    """Ray itself waits for minutes for who does not answer. Raises EngineError."""
    if os.environ.get("RAY_USE_TLS", "0") not in ("", "0"):
        return
    try:
        with socket.create_connection((host, port), ANSWERS_S) as connected:
            connected.settimeout(ANSWERS_S)
            connected.sendall(_HELLO)
            frame = connected.recv(9, socket.MSG_WAITALL)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise EngineError(f"The cluster at {address} does not answer: {reason}.", _WAY_OUT) from error
    if len(frame) < 9 or frame[3] != _SETTINGS:
        raise EngineError(f"What answers at {address} is no Ray cluster.", "Give the HOST:PORT that `ray start` says.")


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    with suppress(IndexError):
        return lines[0] if lines[0].endswith(".") else f"{lines[0]}."
    return f"{type(error).__name__}."
