"""The shared libraries of llama.cpp: loading them, their logs, and the one thread that may call them.

OpenMP keeps its pool in the thread that called it and does not survive a fork; a thread of our own per engine means
that a closed engine leaves nothing behind, a forked child starts clean, and Ctrl-C reaches Python while llama.cpp
computes.
"""

from __future__ import annotations

import ctypes
import os
import queue
import re
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from gguf_convert.imports import bare_package
from smolcli.engine.cores import waiting_threads
from smolcli.errors import EngineError

T = TypeVar("T")

REBUILD = "pip install --force-reinstall --no-cache-dir --no-binary llama-cpp-python llama-cpp-python"
_ERROR_LEVEL = 4  # GGML_LOG_LEVEL_ERROR
_last_errors: deque[str] = deque(maxlen=4)
_verbose = False


@cache
def bindings() -> tuple[Any, Any]:
    """The modules llama_cpp.llama_cpp and llama_cpp.mtmd_cpp, loaded once and silenced: enough for a vocabulary."""
    try:
        with waiting_threads(), bare_package("llama_cpp"):
            from llama_cpp import llama_cpp as llama
            from llama_cpp import mtmd_cpp as mtmd
    except (ImportError, OSError, RuntimeError) as error:
        raise EngineError(f"llama-cpp-python cannot be loaded ({error}).", f"Build it again: {REBUILD}") from error
    _take_the_log(llama, mtmd)
    return llama, mtmd


def _take_the_log(llama: Any, mtmd: Any) -> None:
    """llama.cpp's three log sinks are ours."""
    for set_log in (llama.llama_log_set, mtmd.mtmd_log_set, mtmd.mtmd_helper_log_set):
        set_log(_log_callback(llama.llama_log_callback), ctypes.c_void_p(0))


@cache
def start_backends() -> None:
    """What all computing begins with: it starts the drivers of all cards that the build knows."""
    llama, _ = bindings()
    llama.llama_backend_init()


def schema_to_gbnf(schema: str) -> str:
    """A JSON Schema as JSON text → GBNF, by the binding's own converter. It raises what it likes."""
    bindings()
    with bare_package("llama_cpp"):
        from llama_cpp import llama_grammar

    return str(llama_grammar.json_schema_to_gbnf(schema))


@cache
def _log_callback(native: Any) -> Any:
    """One callback for all three log sinks, kept alive by the cache. Errors are remembered for our own messages."""

    def log(level: int, text: bytes, _data: Any) -> None:
        line = text.decode("utf-8", "replace")
        if level == _ERROR_LEVEL:
            _last_errors.append(line.strip())
        if _verbose:
            sys.stderr.write(line)

    return native(log)


def set_verbose(on: bool) -> None:
    """Show or hide llama.cpp's own log lines on stderr; who imports the binding whole has taken its log since."""
    global _verbose  # noqa: PLW0603  the library's log sink is global as well
    _verbose = on
    _take_the_log(*bindings())


def last_error() -> str:
    """What llama.cpp logged as an error since the last call, as one line ("" if nothing)."""
    text = " ".join(dict.fromkeys(_last_errors))
    _last_errors.clear()
    return f" llama.cpp says: {text}" if text else ""


class NativeThread:
    """One thread in which every native call of an engine is made, one after the other."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]] | None] = (
            queue.SimpleQueue()
        )
        self._process, self._open = os.getpid(), True
        self._thread = threading.Thread(target=self._serve, name="llama", daemon=True)
        self._thread.start()

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run `function` in the thread and wait. Raises what it raises."""
        return self.submit(function, *arguments).result()

    def submit(self, function: Callable[..., T], *arguments: Any) -> Future[T]:
        """Run `function` in its turn. Raises EngineError where the thread is not there any more."""
        self.require_alive()
        future: Future[T] = Future()
        self._calls.put((future, function, arguments))
        return future

    def require_alive(self) -> None:
        """Raises EngineError where the thread has ended, or stayed behind in the parent process."""
        if os.getpid() != self._process:
            raise EngineError("An engine cannot be used in a forked child.", "Load another one there.")
        if not self._open:
            raise EngineError("The engine is closed.")

    def post(self, function: Callable[..., None], *arguments: Any) -> None:
        """Run `function` in its turn, without waiting for it; nothing happens where there is nothing left to do."""
        if self._open and os.getpid() == self._process:
            self._calls.put((Future(), function, arguments))

    def close(self, last: Callable[[], None], wait: bool = True) -> None:
        """End the thread after a last call; without `wait` both happen once the call under way has returned."""
        self.post(last)
        if not self._open or os.getpid() != self._process:  # in a child, the thread and what it holds are the parent's
            return
        self._open = False
        self._calls.put(None)
        if wait:
            self._thread.join()

    def _serve(self) -> None:
        while (item := self._calls.get()) is not None:
            future, function, arguments = item
            try:
                future.set_result(function(*arguments))
            except BaseException as error:  # handed to the caller, who is waiting for it
                future.set_exception(error)


@cache
def system_info() -> str:
    """The binding's version and the processor's abilities that its build uses, in llama.cpp's words."""
    start_backends()
    llama, _ = bindings()
    return f"{_version(Path(llama.__file__).parent)} {llama.llama_print_system_info().decode('utf-8', 'replace')}"


def _version(package: Path) -> str:
    """As the package says itself; asking importlib takes longer than loading it."""
    found = re.search('^__version__ = "([^"]+)"', (package / "__init__.py").read_text("utf-8"), re.MULTILINE)
    if found:
        return found[1]
    from importlib.metadata import version

    return version("llama-cpp-python")


@cache
def llama_commit() -> str:
    """Which llama.cpp the library was built of: "ggml 0.25.3, commit 0c1e570"; "" where it does not tell."""
    library, told = ggml(), []
    for name in ("version", "commit"):
        function = getattr(library, f"ggml_{name}", None)
        if function is not None:
            function.argtypes, function.restype = [], ctypes.c_char_p
            told.append(f"{name} {function().decode('utf-8', 'replace')}")
    return f"ggml {', '.join(told)}".replace("version ", "") if told else ""


@cache
def ggml() -> Any:
    """libggml, which the binding loads for itself."""
    bindings()
    with bare_package("llama_cpp"):
        from llama_cpp import _ggml

    return _ggml.libggml
