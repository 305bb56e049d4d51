"""One module of a package goes in without the others that the package imports at its start: they take longer than it.

with bare_package("llama_cpp"):
    from llama_cpp import llama_cpp
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType

_one_at_a_time = threading.RLock()


@contextmanager
def bare_package(name: str) -> Iterator[None]:
    """Let modules of a package be imported without its own __init__; nothing else where that has run already.

    The package is not left so: whoever imports it later gets all of it, with the modules that are loaded by then.
    """
    with _one_at_a_time:
        spec = None if name in sys.modules else find_spec(name)
        if spec is None or spec.submodule_search_locations is None:
            yield
            return
        package = ModuleType(name)
        package.__path__ = list(spec.submodule_search_locations)
        package.__spec__ = spec
        sys.modules[name] = package
        try:
            yield
        finally:
            if sys.modules.get(name) is package:
                del sys.modules[name]
