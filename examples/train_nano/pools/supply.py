"""Pools → steps: what the training loop takes its lessons from, and what it does between its steps."""

import time
from collections.abc import Callable

import numpy as np
import torch

from ..lessons import Lesson, Step, sent
from ..schedule import Plan, Progress
from .drawers import Drawers
from .kinds import CLIP_SHARES, CLIPS, KINDS, LESSONS, MIX_TILES, NUMBER
from .pool import Pool
from .upload import Upload

SHARE_OF_FREE = 0.62  # of a GPU's free memory, for all pools
CPU_GB = 1.0
BLOCKS = {"cuda": 6, "cpu": 1}  # taken in after a step, at most; a CPU would do nothing else
STEPS_AHEAD = 2  # of the GPU; beyond that the loop waits for it
FIRST_TILES, FIRST_S = 30_000, 4.0  # a stage begins when so many tiles are there, or so much time has passed
CONTRAST, BRIGHTNESS = (0.9, 1.06), (-0.05, 0.05)  # least and most; no page is seen twice in the same light
FILLER = "dense1"


def room_for(device: torch.device, asked_gb: float) -> float:
    """Bytes for all pools."""
    if asked_gb:
        return asked_gb * 1e9
    return SHARE_OF_FREE * torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else CPU_GB * 1e9


class Pools:
    """Steps of `plan.tiles` tiles, of several kinds of samples each."""

    def __init__(self, plan: Plan, device: torch.device, progress: Progress):
        self._tiles, self.device, self._progress = plan.tiles, device, progress
        self._rng = np.random.default_rng((plan.seed, progress.steps))
        self._stage = plan.stages[-1]  # the first blocks are of every kind, as compiling wants them
        room = room_for(device, plan.pool_gb)
        self.pools = [Pool(kind, device, room) for kind in KINDS]
        sizes = [pool.block for pool in self.pools]
        self._drawers = Drawers(plan.producers, f"{plan.seed}/{progress.steps}", self._stage, sizes)
        self._upload = Upload(self._drawers, device)
        self._events: list[torch.cuda.Event] = []
        self._waited_s = self._taking_in_s = 0.0

    def begin(self, stage: str, stopped: Callable[[], bool], first_tiles: int = FIRST_TILES) -> None:
        """Learn for this stage from now on; waits until every kind that it needs is there."""
        self._stage = stage
        self._drawers.draw_for(stage)
        needed = [pool for pool in self.pools if LESSONS[stage].mix.get(pool.kind.name)]
        clips = [pool for pool in self.pools if pool.kind.layout.frames] if CLIPS in LESSONS[stage].mix else []
        most = sum(pool.capacity * pool.kind.tiles for pool in needed) // 2
        began = time.monotonic()
        while not stopped():
            there = all(pool.filled for pool in needed) and (not clips or any(pool.filled for pool in clips))
            tiles = sum(pool.filled * pool.kind.tiles for pool in needed)
            enough = first_tiles if time.monotonic() - began < FIRST_S else self._tiles
            if there and tiles >= min(enough, most):
                return
            self._take_in(wait_s=0.2)

    def draw_for(self, stage: str) -> None:
        """Draw for the stage that is soon to come."""
        self._drawers.draw_for(stage)

    def _take_in(self, wait_s: float = 0.0) -> bool:
        block = self._upload.take(wait_s)
        if block is None:
            return False
        header, on = block
        self.pools[header.kind].add(header, on)
        self._progress.samples += len(header.total)
        return True

    def next(self, stopped: Callable[[], bool]) -> Step:
        """The next step; nothing is waited for."""
        chosen = self._chosen()
        where = [sent(rows, self.device) for _, rows in chosen]
        tiles = torch.cat([pool.tiles[at].flatten(0, 1) for (pool, _), at in zip(chosen, where, strict=True)])
        labels = torch.cat([pool.labels[at].flatten(0, 1) for (pool, _), at in zip(chosen, where, strict=True)])
        lessons: list[Lesson] = []
        first = 0
        for pool, rows in chosen:
            if not pool.kind.dense and self._stage != "vision":
                lessons.append(pool.lesson("clip" if pool.kind.layout.frames else pool.kind.name, rows, first))
            first += len(rows) * pool.kind.tiles
        light = [low + (high - low) * torch.rand(first, device=self.device) for low, high in (CONTRAST, BRIGHTNESS)]
        return Step(tiles, labels, lessons, torch.stack(light, 1))

    def _chosen(self) -> list[tuple[Pool, np.ndarray]]:
        """Rows of each pool for one step, all tiles together as many as were asked for."""
        mix = dict(LESSONS[self._stage].mix)
        tiles_of_clips = mix.pop(CLIPS, 0)
        if tiles_of_clips:
            filled = [n for n in CLIP_SHARES if self.pools[NUMBER[f"clip{n}"]].filled]
            weights = np.array([CLIP_SHARES[n] for n in filled])
            frames = int(self._rng.choice(filled, p=weights / weights.sum()))
            mix[f"clip{frames}"] = tiles_of_clips / frames
        left, chosen = self._tiles, []
        for name, samples in sorted(mix.items(), key=lambda item: item[0].startswith("dense")):
            pool = self.pools[NUMBER[name]]
            count = min(max(1, round(samples * self._tiles / MIX_TILES)), left // pool.kind.tiles)
            if count and pool.filled and name != FILLER:
                chosen.append((pool, pool.pick(self._rng, count)))
                left -= count * pool.kind.tiles
        if left:
            filler = self.pools[NUMBER[FILLER]]
            filler = filler if filler.filled else self.pools[NUMBER["1"]]
            chosen.append((filler, filler.pick(self._rng, left)))
        return chosen

    def learned(self, parts: dict[str, torch.Tensor]) -> None:
        """After a step: take in what was drawn, then stay at most two steps ahead of the GPU."""
        began = time.perf_counter()
        for _ in range(BLOCKS.get(self.device.type, 1)):
            if not self._take_in():
                break
        now = time.perf_counter()
        self._taking_in_s += now - began
        if self.device.type == "cuda":
            event = torch.cuda.Event()
            event.record()
            self._events.append(event)
            while len(self._events) > STEPS_AHEAD:
                self._events.pop(0).synchronize()
        self._waited_s += time.perf_counter() - now

    def forget_uses(self) -> None:
        """What was picked so far does not count."""
        for pool in self.pools:
            pool.uses[:], pool.used = 0, 0

    def told(self) -> str:
        """For the log: pages, how often each kind's were used, where the loop's time went since the last line."""
        uses = " ".join(f"{pool.kind.name}:{pool.used / pool.drawn:.1f}" for pool in self.pools if pool.drawn)
        line = f"pages {self._progress.samples} uses {uses} "
        line += f"waited {self._waited_s:.1f} s took in {self._taking_in_s:.1f} s"
        if self.device.type == "cuda":
            line += f" peak {torch.cuda.max_memory_allocated(self.device) / 2**30:.1f} GiB"
        self._waited_s = self._taking_in_s = 0.0
        return line

    def close(self) -> None:
        """End thread and processes."""
        self._upload.close()
        self._drawers.close()
