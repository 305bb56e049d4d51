"""The devices of this machine and what the user asked for → where a model is computed: one card, or the processor.

`auto` takes the card with the most free memory if the model fits there, else the processor, and says why. A device that
was asked for is used or refused, never replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from smolcli.datatypes import ModelPair
from smolcli.engine import EngineOptions
from smolcli.engine.cores import physical_cores
from smolcli.engine.llama.devices import Device, devices
from smolcli.engine.llama.library import REBUILD, system_info
from smolcli.engine.memory import CARD_BYTES
from smolcli.errors import EngineError, UsageError
from smolcli.printable import megabytes

# How a device's name begins, per value of --device: "CUDA0" is cuda:0.
BACKENDS = {"cuda": ("CUDA",), "metal": ("MTL", "Metal"), "vulkan": ("Vulkan",)}
# What a build computes with, the best first: as llama.cpp names it, and as people do.
_ABILITIES = {
    "AMX_INT8": "AMX",
    "AVX512_BF16": "AVX-512 BF16",
    "AVX512": "AVX-512",
    "AVX2": "AVX2",
    "AVX": "AVX",
    "SVE": "SVE",
    "NEON": "NEON",
}


_BATCH_ROWS, _CARD_BATCH_ROWS = 512, 2048  # of one pass; the second is a guess that tests/bench/gpu measures


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a model is computed. card None: on the processor. note: why not on a card that is there."""

    card: Device | None = None
    note: str = ""

    @property
    def name(self) -> str:
        """What measurements and embeddings are of: equal where the same numbers come out as fast."""
        return "cpu" if self.card is None else f"{self.card.name.rstrip('0123456789')} {self.card.description}"

    @property
    def batch_rows(self) -> int:
        """Rows of one pass of the language model, where nobody says how many."""
        return _BATCH_ROWS if self.card is None else _CARD_BATCH_ROWS

    def line(self, threads: int | None) -> str:
        """One line for people: "device: CUDA0 NVIDIA H100, 78 GB free"."""
        if self.card is not None:
            return f"device: {self.card.name} {self.card.description}, {megabytes(self.card.free_bytes)} free"
        used = threads or physical_cores()
        found = system_info()
        best = [text for name, text in _ABILITIES.items() if f"{name} = 1" in found][:1]
        return ", ".join(["device: cpu", f"{used} thread{'s' * (used != 1)}", *best])


def place(pair: ModelPair, options: EngineOptions) -> Placement:
    """Where a pair is to be computed. No driver is started where that cannot be a card.

    Raises UsageError for a device that is not there, EngineError for one that was asked for and has too little memory.
    """
    check_name(options.device)
    if options.device == "cpu" or (options.device == "auto" and options.gpu_layers == 0):
        return Placement()
    cards = _cards(devices())
    if options.device == "auto" and not cards:
        return Placement()
    card = _chosen(cards, options.device)
    if options.gpu_layers == 0:
        return Placement()
    needed = CARD_BYTES + _weights_bytes(pair)
    if card.free_bytes >= needed or options.gpu_layers is not None:  # who counts layers knows how many fit
        return Placement(card)
    lack = f"{card.name} ({card.description}) has {megabytes(card.free_bytes)} free, and {pair.name} takes about "
    lack += megabytes(needed)
    if options.device == "auto":
        return Placement(None, f"{lack}: it is computed on the processor.")
    raise EngineError(
        f"{lack}.",
        "End what else uses the card, keep some of the layers off it (--gpu-layers 8), or use --device cpu.",
    )


def check_name(device: str) -> None:
    """Raises UsageError for what no machine has."""
    backend, _, number = device.partition(":")
    plain = device in ("auto", "cpu", *BACKENDS)
    if not plain and not (backend in BACKENDS and number.isdecimal()):
        known = ", ".join(BACKENDS)
        raise UsageError(
            f"There is no device {device!r}.", f"Known: auto, cpu, {known}, and cuda:1 for one of several."
        )


def device_word(device: Device) -> str:
    """What --device is to be given for a device; "" for one that cannot be asked for."""
    if device.kind == "cpu":
        return "cpu"
    number = device.name[len(device.name.rstrip("0123456789")) :] or "0"
    return next((f"{word}:{number}" for word, starts in BACKENDS.items() if device.name.startswith(starts)), "")


def _cards(found: Sequence[Device]) -> list[Device]:
    """What can be computed on beside the processor; what shares its memory only where there is nothing else."""
    cards = [device for device in found if device.kind == "gpu"]
    return cards or [device for device in found if device.kind == "integrated"]


def _chosen(cards: Sequence[Device], wanted: str) -> Device:
    """The card that was asked for, or of several the one with the most free memory. Raises UsageError."""
    backend, _, number = wanted.partition(":")
    fitting = [card for card in cards if backend == "auto" or card.name.startswith(BACKENDS[backend])]
    if not fitting:
        raise UsageError(
            f"This build of llama.cpp has no {backend} device.",
            f'Build it with: CMAKE_ARGS="-DGGML_{backend.upper()}=on" {REBUILD}',
        )
    named = [card for card in fitting if not number or device_word(card) == f"{backend}:{int(number)}"]
    if not named:
        there = ", ".join(f"{device_word(card)} ({card.description})" for card in fitting)
        raise UsageError(f"There is no device {wanted}.", f"Here: {there}.")
    return max(named, key=lambda card: card.free_bytes)


def _weights_bytes(pair: ModelPair) -> int:
    """Of both files; what is not there is said by who opens it."""
    total = 0
    for file in (pair.language, pair.projector):
        with suppress(OSError):
            total += file.stat().st_size
    return total
