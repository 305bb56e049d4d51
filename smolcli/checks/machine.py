"""This machine and this build of llama.cpp in, their descriptions out."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from smolcli import __version__
from smolcli.datatypes import ModelPair
from smolcli.measurements import Build, Machine

_CPU_NAME = re.compile(r"^(?:model name|Model|cpu model)\s*:\s*(.+)$", re.MULTILINE)


def this_machine() -> Machine:
    """Processor, cores, memory, system, and what llama.cpp finds beside the processor. Raises EngineError."""
    from smolcli.engine import devices, physical_cores

    cards = tuple(f"{each.name} {each.description}" for each in devices() if each.kind in ("gpu", "integrated"))
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    return Machine(_processor(), physical_cores(), _memory_bytes(), system, cards)


def this_build() -> Build:
    """Versions, and the instructions that llama.cpp was built for. Raises EngineError."""
    from smolcli.engine import llama_commit

    python = platform.python_version()
    return Build(__version__, f"llama-cpp-python {version('llama-cpp-python')}", llama_commit(), instructions(), python)


def instructions() -> tuple[str, ...]:
    """What llama.cpp was built to use of a processor, in its words: "AVX2", "AVX512_BF16". Raises EngineError."""
    from smolcli.engine import system_info

    features = system_info().partition(" ")[2]
    on = [part.strip().removesuffix(" = 1") for part in features.split("|") if part.strip().endswith("= 1")]
    return tuple(part.rpartition(":")[2].strip() for part in on)


def model_names(pair: ModelPair) -> tuple[str, ...]:
    """Its files with the type that most of their weights have: "nano-q8_0.gguf (Q8_0)". Raises ModelError."""
    from gguf_convert.inspection import inspect
    from smolcli.models import as_smol_errors

    with as_smol_errors():
        found = inspect([pair.language, pair.projector])
    return tuple(
        f"{report.path.name} ({max(report.shares, key=lambda share: share.bytes).type})" for report in found.files
    )


def _processor() -> str:
    """Its name, as the system tells it."""
    if sys.platform == "darwin":
        with suppress(OSError, subprocess.CalledProcessError):
            return subprocess.check_output(["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"], text=True).strip()
        return platform.machine()
    try:
        found = _CPU_NAME.search(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _memory_bytes() -> int:
    """All of it; 0 where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return 0
