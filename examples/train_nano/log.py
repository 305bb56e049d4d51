"""What steps say about themselves → lines of the log, means over some seconds.

Sums stay on the device until a line is written: reading them at every step would make the loop wait for a GPU.
"""

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from .samples import TASKS
from .schedule import Progress

LOG_S = 20.0


class Log:
    """A line after the first step, every 20 seconds and at the end of a stage. `say` takes it."""

    def __init__(self, stage: str, progress: Progress, say: Callable[[str], None], told: Callable[[], str]):
        self._stage, self._progress, self._say, self._told = stage, progress, say, told
        self._begin()

    def _begin(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._rate, self._steps = 0.0, 0
        self._since, self._tiles = time.monotonic(), self._progress.tiles

    def add(self, parts: dict[str, Tensor], rate: float) -> None:
        """Take one step's (sum, weight) pairs and its share of the learning rate; write a line when it is time."""
        for name, value in parts.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
        self._rate, self._steps = self._rate + rate, self._steps + 1
        if time.monotonic() - self._since > LOG_S or self._progress.steps == 1:
            self.write()

    def write(self) -> None:
        """Write the line, if there was a step since the last one, and begin the next.

        Exits with a sentence where a sum is no number: what was saved stays good.
        """
        if not self._steps:
            return
        names, progress = sorted(self._sums), self._progress
        table = torch.cat([self._sums[name].float().view(-1) for name in names]).tolist()  # one wait for all of them
        means = {"rate": round(self._rate / self._steps, 4)}
        for name in names:
            values = [table.pop(0) for _ in range(self._sums[name].numel())]
            if not all(map(math.isfinite, values)):
                raise SystemExit(f"step {progress.steps}: {name} is {values}; resume with a lower --rate")
            pairs = list(zip(values[::2], values[1::2], strict=True))
            named = [f"right({task})" for task in TASKS] if name == "tasks" else [name]
            means |= {key: round(a / b, 4) for key, (a, b) in zip(named, pairs, strict=True) if b}
        speed = (progress.tiles - self._tiles) / (time.monotonic() - self._since)
        head = f"{time.strftime('%T')} {self._stage} step {progress.steps} {progress.stage_seconds / 60:.1f} min"
        shown = " ".join(f"{name} {mean}" for name, mean in sorted(means.items()))
        self._say(f"{head} {speed:.1f} tiles/s {shown} {self._told()}".rstrip())
        progress.history.append([self._stage, progress.steps, round(progress.seconds), means])
        self._begin()
