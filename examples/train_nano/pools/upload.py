"""Blocks in shared memory → arrays on the device, through a few buffers that a GPU can fetch from by itself.

A thread copies from shared memory into the buffers; the training loop only starts the transfers.
"""

import queue
import threading

import numpy as np
import torch
from torch import Tensor

from .blocks import SLOT, Header
from .drawers import Drawers

BUFFERS = 10
WAIT_S = 0.2  # after which the thread looks whether it is to end


class Upload:
    """Gives blocks in the order in which they are ready."""

    def __init__(self, drawers: Drawers, device: torch.device):
        self._drawers, self._device = drawers, device
        pinned = device.type == "cuda"
        self._buffers = [torch.empty(SLOT, dtype=torch.uint8, pin_memory=pinned) for _ in range(BUFFERS)]
        self._idle: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._ready: queue.SimpleQueue[tuple[Header, int]] = queue.SimpleQueue()
        self._sent: list[tuple[int, torch.cuda.Event]] = []  # buffers that the GPU may still be fetching from
        for i in range(BUFFERS):
            self._idle.put(i)
        self._ended, self._problem = threading.Event(), None
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def _copy(self) -> None:
        """The thread: slot → buffer, until the run ends or a drawing process dies."""
        try:
            while not self._ended.is_set():
                fetched = self._drawers.fetch(WAIT_S)
                if fetched is None:
                    continue
                number = self._idle_buffer()
                if number is None:
                    return
                size = fetched.header.bytes
                self._buffers[number][:size].copy_(torch.frombuffer(fetched.memory, dtype=torch.uint8, count=size))
                fetched.release()
                self._ready.put((fetched.header, number))
        except (SystemExit, Exception) as problem:  # told to the loop, which would wait for ever
            self._problem = problem

    def _idle_buffer(self) -> int | None:
        while not self._ended.is_set():
            try:
                return self._idle.get(timeout=WAIT_S)
            except queue.Empty:
                continue
        return None

    def take(self, wait_s: float = 0.0) -> tuple[Header, dict[str, Tensor]] | None:
        """The next block's header and its arrays on the device; None when none is ready within the time."""
        self._recover()
        try:
            header, number = self._ready.get(timeout=wait_s) if wait_s else self._ready.get_nowait()
        except queue.Empty:
            if self._problem is not None:
                raise self._problem from None
            return None
        data = self._buffers[number][: header.bytes]
        if self._device.type == "cuda":
            there = data.to(self._device, non_blocking=True)
            event = torch.cuda.Event()
            event.record()
            self._sent.append((number, event))
        else:
            there = data.clone()
            self._idle.put(number)
        return header, {name: _array(there, *place) for name, place in header.places.items()}

    def _recover(self) -> None:
        """Buffers that the GPU has fetched from are idle again."""
        while self._sent and self._sent[0][1].query():
            self._idle.put(self._sent.pop(0)[0])

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join()


def _array(data: Tensor, start: int, kind: str, shape: tuple[int, ...]) -> Tensor:
    dtype = np.dtype(kind)
    count = int(np.prod(shape)) * dtype.itemsize
    return data[start : start + count].view(getattr(torch, dtype.name)).view(shape)
