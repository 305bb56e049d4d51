"""Processes that draw blocks into shared memory, ahead of the training loop. Torch-free (they load no torch)."""

import ctypes
import multiprocessing
import os
import queue
import random
from multiprocessing.sharedctypes import RawArray
from typing import NamedTuple

from .. import processes
from .blocks import SLOT, Header, draw_block
from .kinds import KINDS, LESSONS, drawing_shares

SLOTS = 3  # of each process; it draws the next block while the others wait to be fetched
STAGES = tuple(LESSONS)


class Desk(NamedTuple):
    """What a drawing process is given: its number, slots, a count of free ones, where blocks go, the stage's number."""

    number: int
    memory: object
    free: object
    ready: object
    stage: object


class Fetched(NamedTuple):
    """A block that waits in a slot; `release` the slot once it was copied."""

    header: Header
    memory: memoryview
    free: object

    def release(self) -> None:
        """Let the process draw into this slot again."""
        self.free.release()


def _draw(seed: str, sizes: list[int], desk: Desk) -> None:
    """Draw until the trainer is gone."""
    processes.hear_nothing()
    if hasattr(os, "nice"):
        os.nice(5)  # the loop that feeds the GPU comes first
    import cv2

    cv2.setNumThreads(1)
    rng, slots, parent = random.Random(seed), memoryview(desk.memory).cast("B"), multiprocessing.parent_process()
    for count in range(1 << 62):
        wanted = STAGES[desk.stage.value]
        kind = rng.choices(range(len(KINDS)), drawing_shares(wanted, sizes))[0]
        block = draw_block(rng, KINDS[kind], wanted, sizes[kind])
        while not desk.free.acquire(timeout=5):
            if not parent.is_alive():
                desk.ready.cancel_join_thread()
                return
        start = count % SLOTS * SLOT
        desk.ready.put((desk.number, count % SLOTS, block.write(slots[start : start + SLOT])))


class Drawers:
    """The processes. Each owns SLOTS slots and fills them in turn; what is ready is fetched in the same order.

    sizes: most samples of a block, by kind.
    """

    def __init__(self, count: int, seed: str, stage: str, sizes: list[int]):
        context = multiprocessing.get_context("spawn")  # never a fork of a process with threads or a CUDA context
        self._stage, self._ready = context.Value("i", STAGES.index(stage)), context.Queue()
        self._memory = [RawArray(ctypes.c_ubyte, SLOTS * SLOT) for _ in range(count)]
        self._free = [context.Semaphore(SLOTS) for _ in range(count)]
        self._processes = [
            context.Process(
                target=_draw,
                args=(f"{seed}/{i}", sizes, Desk(i, self._memory[i], self._free[i], self._ready, self._stage)),
                daemon=True,
            )
            for i in range(count)
        ]
        processes.start(self._processes)

    def draw_for(self, stage: str) -> None:
        """Draw for this stage from now on."""
        self._stage.value = STAGES.index(stage)

    def fetch(self, wait_s: float) -> Fetched | None:
        """A block that is ready, waiting so long for one; fails when a process has died."""
        try:
            number, slot, header = self._ready.get(timeout=wait_s)
        except queue.Empty as empty:
            if not all(process.is_alive() for process in self._processes):
                raise SystemExit("a drawing process died; its message stands above") from empty
            return None
        memory = memoryview(self._memory[number]).cast("B")[slot * SLOT : (slot + 1) * SLOT]
        return Fetched(header, memory, self._free[number])

    def close(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.join(5)
