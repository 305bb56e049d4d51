"""This machine in, checks out: Python, libraries, llama.cpp, devices, settings, folders, cache."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from smolcli import __version__
from smolcli.cache import ROOMS, items
from smolcli.checks.check import Check, guarded
from smolcli.checks.machine import instructions
from smolcli.engine import COMPUTE_BYTES
from smolcli.models import Store, hub_folder
from smolcli.printable import megabytes
from smolcli.settings import CONFIG_VARIABLE, Settings

PACKAGES = ("numpy", "pillow", "pymupdf", "opencv-python-headless", "gguf", "huggingface_hub", "jinja2", "typer")
LOW_DISK_BYTES = 2 << 30


def machine_checks() -> Iterator[Check]:
    """Everything that needs neither settings nor a model."""
    yield Check(
        "python",
        "ok",
        f"smol {__version__}, Python {platform.python_version()}, {platform.platform()}, {sys.executable}",
    )
    yield _libraries()
    yield guarded("llama.cpp", _llama)
    yield from _devices()


def settings_checks(settings: Settings) -> Iterator[Check]:
    """Settings, and every folder that they name."""
    yield _settings(settings)
    yield from _folders(settings)
    yield guarded("models", lambda: _records(settings))
    yield _cache(settings)


def _libraries() -> Check:
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("libraries", "failed", f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    return Check("libraries", "ok", ", ".join(found))


def _llama() -> Check:
    """The build, what it computes on, and which instructions it was built for."""
    from smolcli.engine import REBUILD

    on = instructions()
    detail = f"llama-cpp-python {version('llama-cpp-python')}, built for {', '.join(on) or 'nothing special'}"
    if platform.machine().lower() in ("x86_64", "amd64") and "AVX2" not in on:
        return Check(
            "llama.cpp", "warning", detail, f"Without AVX2 it is several times slower. Build it here: {REBUILD}"
        )
    return Check("llama.cpp", "ok", detail)


def _devices() -> Iterator[Check]:
    from smolcli.engine import device_word, devices
    from smolcli.errors import SmolError

    try:
        found = devices()
    except SmolError:  # said by the line before
        return
    for device in found:
        free = _available_bytes() if device.name == "CPU" else device.free_bytes
        detail = f"{device.description}, {megabytes(free or device.free_bytes)} of {megabytes(device.total_bytes)} free"
        if word := device_word(device):
            detail += f" (--device {word})"
        yield Check(f"device {device.name}", "ok", detail)


def memory_check(weights_bytes: int) -> Check:
    """Whether a model's weights fit into the memory that is free now; contexts come on top."""
    free = _available_bytes()
    detail = f"{megabytes(weights_bytes)} of weights"
    if free is None:
        return Check("memory", "ok", detail)
    detail += f", {megabytes(free)} of memory free"
    if weights_bytes + COMPUTE_BYTES > free:
        return Check(
            "memory", "warning", detail, "Close other programs, or take a smaller model: smol models --available"
        )
    return Check("memory", "ok", detail)


def _available_bytes() -> int | None:
    """Memory that programs may still get, where the system says (Linux)."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return None


def _settings(settings: Settings) -> Check:
    changed = {name: origin for name, origin in settings.origins.items() if origin != "default"}
    told = ", ".join(f"{name} = {settings.values[name]} ({origin})" for name, origin in changed.items())
    there = "" if settings.config_file.exists() else " (not there)"
    return Check("settings", "ok", f"{settings.config_file}{there}: {told or 'all as they come'}")


def _folders(settings: Settings) -> Iterator[Check]:

    yield _folder("data folder", settings.data_dir, "Set SMOL_DATA_DIR to a folder that you may write to.")
    yield _folder("cache folder", settings.cache_dir, "Set SMOL_CACHE_DIR to a folder that you may write to.")
    yield _folder("state folder", settings.state_dir, "Set SMOL_STATE_DIR to a folder that you may write to.")
    yield _folder(
        "settings folder", settings.config_file.parent, f"Set {CONFIG_VARIABLE} to a file that you may write."
    )
    yield _folder("downloads", hub_folder(), "Set HF_HOME to a folder that you may write to.")


def _records(settings: Settings) -> Check:
    """Whether what is written down of the models of this machine can be read."""
    store = Store(settings.data_dir)
    if damaged := store.damaged():
        names = ", ".join(path.stem.replace("@", ":") for path in damaged)
        return Check("models", "failed", f"no record: {damaged[0]}", f"Pull or add again, or delete it: {names}")
    return Check("models", "ok", ", ".join(pair.label for pair in store.all()) or "the built-in one only")


def _folder(name: str, folder: Path, fix: str) -> Check:
    """Whether files can be made in a folder, or the folder itself."""
    existing = folder
    while not os.path.exists(existing) and existing != existing.parent:  # noqa: PTH110  Path.exists raises where it may not look
        existing = existing.parent
    if not existing.is_dir():
        return Check(name, "failed", f"{folder}: {existing} is no folder", fix)
    if not os.access(existing, os.W_OK | os.X_OK):
        return Check(name, "failed", f"{folder}: {existing} cannot be written to", fix)
    free = shutil.disk_usage(existing).free
    there = "" if existing == folder else ", will be made"
    detail = f"{folder} ({megabytes(free)} free{there})"
    if free < LOW_DISK_BYTES:
        return Check(name, "warning", detail, "Free some space: smol cache clear, smol rm NAME")
    return Check(name, "ok", detail)


def _cache(settings: Settings) -> Check:
    total = sum(item.bytes for name in ROOMS for item in items(settings.cache_dir, name))
    detail = f"{megabytes(total)} of {megabytes(settings.cache_size_bytes)}"
    if total > settings.cache_size_bytes:
        return Check("cache", "warning", detail, "smol cache clear, or: smol config set cache_size '40 GB'")
    return Check("cache", "ok", detail)
